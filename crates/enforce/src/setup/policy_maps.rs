//! The list of tables in `smtp_tls_policy_maps`.

/// The tables of a list, as they are written: separated by commas or white space, except within
/// braces.
pub(super) fn tables(list: &str) -> Vec<&str> {
    let mut tables = Vec::new();
    let mut depth = 0_usize;
    let mut begin = None;
    for (place, character) in list.char_indices() {
        match character {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_separator = depth == 0 && (character == ',' || character.is_ascii_whitespace());
        match (begin, is_separator) {
            (None, false) => begin = Some(place),
            (Some(start), true) => {
                tables.extend(list.get(start..place));
                begin = None;
            }
            _ => {}
        }
    }
    tables.extend(begin.and_then(|start| list.get(start..)));
    tables
}

/// The list with our table at its end, or in the place of one that asks us by another name, and
/// without the one that was ours before. What else is there stays as it is, and where it is.
pub(super) fn with_ours(list: &str, ours: &str, former: Option<&str>) -> String {
    let present = tables(list);
    if present.contains(&ours) && former.is_none_or(|former| former == ours) {
        return list.to_owned();
    }
    let mut is_there = false;
    let mut kept = Vec::new();
    for table in present {
        let is_ours = table == ours || Some(table) == former || place(table) == place(ours);
        if !is_ours {
            kept.push(table);
        } else if !is_there {
            kept.push(ours);
            is_there = true;
        }
    }
    if !is_there {
        kept.push(ours);
    }
    kept.join(", ")
}

/// The list without a table; `None` if it is not in it.
pub(super) fn without(list: &str, table: &str) -> Option<String> {
    let present = tables(list);
    let kept: Vec<_> = present.iter().copied().filter(|found| *found != table).collect();
    (kept.len() < present.len()).then(|| kept.join(", "))
}

/// A table without the name of the map in it: `socketmap:inet:127.0.0.1:8461`.
fn place(table: &str) -> Option<&str> {
    let (place, _) = table.rsplit_once(':')?;
    place.starts_with("socketmap:").then_some(place)
}
