//! Names that stand so close beside another that no third fits between (RFC 4470 §4).

use hickory_proto::rr::Name;

/// A name just before this one and all below it, at the same depth.
///
/// `None` for the root and for labels that end in a zero octet, which only jokers ask about.
pub(super) fn just_before(name: &Name) -> Option<Name> {
    let (first, rest) = split(name)?;
    let (last, head) = first.split_last()?;
    let last = match last.checked_sub(1)? {
        // Upper case sorts as lower case does (RFC 4034 §6.1), so the next below is this.
        b'A'..=b'Z' => b'@',
        octet => octet,
    };
    let label = [head, &[last]].concat();
    join(&[label.as_slice(), &[255]].concat(), &rest).or_else(|| join(&label, &rest))
}

/// A name just after this one and all below it, at the same depth.
pub(super) fn just_after(name: &Name) -> Option<Name> {
    let (first, rest) = split(name)?;
    join(&[first.as_slice(), &[0]].concat(), &rest).or_else(|| {
        let (last, head) = first.split_last()?;
        join(&[head, &[last.checked_add(1)?]].concat(), &rest)
    })
}

/// The first name below this one.
pub(super) fn first_below(name: &Name) -> Option<Name> {
    name.prepend_label([0_u8].as_slice()).ok().or_else(|| just_after(name))
}

fn split(name: &Name) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut labels = name.iter().map(<[u8]>::to_vec);
    Some((labels.next()?, labels.collect()))
}

fn join(first: &[u8], rest: &[Vec<u8>]) -> Option<Name> {
    Name::from_labels(std::iter::once(first).chain(rest.iter().map(Vec::as_slice))).ok()
}
