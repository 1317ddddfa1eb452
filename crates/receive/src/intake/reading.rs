//! Submissions, read some at a time.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sealpost_evidence::traffic::Trust;
use sealpost_store::reports::{MOST_DAYS, NewReport};
use sealpost_store::{Arrival, Digest, Origin, RawState, Vouched};
use tls_rpt::{DateRange, Days, MailMessage, Report};

use super::{Noted, READER, Unread};
use crate::notary::{Keys, Opinion};
use crate::{
    Allowance, Beliefs, Limits, Notary, OurDomains, Received, Submission, Unreadable, accounts,
};

/// For how long a key is asked for that cannot be looked up, in seconds: two weeks, as DNS may be away
/// for longer than a day, and senders keep their keys for longer than that. What is to be put aside is
/// put aside then.
const KEY_ASKED_FOR: i64 = 14 * 86_400;
/// After how long a report is shown meanwhile as one that nobody vouches for, in seconds: a day. If
/// the key comes, it counts.
const SHOWN_AFTER: i64 = 86_400;

/// Why a report on too many days lies in quarantine.
const RANGE_TOO_LONG: &str = "range-too-long";

/// What is handed to the store at a time: so many octets of reports, or so many of them.
const ENOUGH_OCTETS: usize = 1 << 20;
const ENOUGH_ACCOUNTS: usize = 1024;

/// Submissions that are still to be read, each with its place in the list of the caller.
pub(super) struct Reading(VecDeque<(usize, Unread)>);

/// With what submissions are read.
pub(super) struct Means<'a> {
    pub(super) notary: &'a Notary,
    pub(super) beliefs: &'a Beliefs,
    pub(super) ours: &'a OurDomains,
    pub(super) limits: &'a Limits,
    pub(super) keys: &'a Keys,
    /// In seconds since 1970.
    pub(super) now: i64,
    pub(super) wanting: Wanting,
    pub(super) share: Share,
}

/// What happens to a submission whose signatures need keys that were not asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanting {
    /// It is given back, with the names of the keys.
    GivenBack,
    /// It is undecided.
    Undecided,
    /// The same, of one that the store has refused.
    Refused,
}

/// How much of the memory may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// What is enough for some that are [small](Limits::small).
    Piece,
    /// Most of it, for one that may be large.
    Most,
}

/// What was read together.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) read: Vec<Read>,
    /// Those that are not small.
    pub(super) large: Vec<(usize, Unread)>,
    /// With the names of the keys that are wanted.
    pub(super) waiting: Vec<((usize, Unread), Vec<String>)>,
}

/// A submission that was read.
pub(super) struct Read {
    pub(super) place: usize,
    pub(super) unread: Unread,
    pub(super) accounts: Vec<NewReport>,
    /// [`RawState::New`] if it has to be read again.
    pub(super) state: RawState,
    /// The messages whose signature holds, of what is not to be read whole now.
    pub(super) vouched: Vec<Vouched>,
}

/// What one submission gave.
pub(super) enum Outcome {
    Read { accounts: Vec<NewReport>, state: RawState, vouched: Vec<Vouched>, octets: usize },
    Wanting(Vec<String>),
    Large,
}

impl Reading {
    pub(super) fn of(placed: Vec<(usize, Unread)>) -> Self {
        Self(placed.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads until there is enough to hand over. Gives the rest back.
    pub(super) fn piece(mut self, means: &Means<'_>) -> (Piece, Self) {
        let mut piece = Piece::default();
        let (mut octets, mut accounts) = (0_usize, 0_usize);
        while octets < ENOUGH_OCTETS
            && accounts < ENOUGH_ACCOUNTS
            && let Some((place, unread)) = self.0.pop_front()
        {
            // One that makes the reader fail takes no other with it.
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&unread, means)));
            let outcome = outcome.unwrap_or_else(|_| failed(&unread, means));
            match outcome {
                Outcome::Read { accounts: found, state, vouched, octets: more } => {
                    octets = octets.saturating_add(more);
                    accounts = accounts.saturating_add(found.len());
                    piece.read.push(Read { place, unread, accounts: found, state, vouched });
                }
                Outcome::Wanting(names) => piece.waiting.push(((place, unread), names)),
                Outcome::Large => piece.large.push((place, unread)),
            }
            if means.share == Share::Most {
                break;
            }
        }
        (piece, self)
    }
}

/// What becomes of a submission that makes the reader fail. Who signed it is kept all the same.
pub(super) fn failed(unread: &Unread, means: &Means<'_>) -> Outcome {
    let raw = unread.digest;
    tracing::error!(%raw, "the reader has failed: the submission is kept apart");
    let Means { notary, keys, now, wanting, .. } = *means;
    let at = unread.arrivals.first().map_or(now, |first| first.at);
    let opinion = || notary.opinion(&unread.octets, at, now, keys);
    let opinion = catch_unwind(AssertUnwindSafe(opinion)).ok();
    let vouched = match opinion {
        Some(Opinion::Wanting(names)) if wanting == Wanting::GivenBack => {
            return Outcome::Wanting(names);
        }
        Some(Opinion::Certain(Trust::Verified { signer })) => {
            vec![Vouched { message: unread.digest, signer, reader: READER }]
        }
        _ => Vec::new(),
    };
    let state = RawState::Quarantined { reason: "reader-failed".to_owned() };
    Outcome::Read { accounts: Vec::new(), state, vouched, octets: 0 }
}

fn read(unread: &Unread, means: &Means<'_>) -> Outcome {
    let Means { notary, beliefs, ours, limits, keys, now, wanting, share } = *means;
    if share == Share::Piece && unread.octets.len() > Limits::SMALL_OCTETS {
        return Outcome::Large;
    }
    let arrivals = unread.arrivals.as_slice();
    let at = arrivals.first().map_or(now, |first| first.at);
    let mut submission = Submission::read(&unread.octets, limits);
    if share == Share::Piece && submission.is_too_large() {
        return Outcome::Large;
    }
    let opinion = |message: &MailMessage<'_>| {
        let known = unread.signer(message).map(|signer| Trust::Verified { signer });
        known.map_or_else(|| notary.opinion(&message.octets, at, now, keys), Opinion::Certain)
    };
    // Each message is asked about once, and only if a report came in it, or may come in it for a
    // later reader: by then its key may be gone.
    let is_whole = submission.unreadable.is_empty();
    let carries = |index| {
        !is_whole || submission.documents.iter().any(|document| document.message == Some(index))
    };
    let opinions: Vec<Option<Opinion>> = submission
        .messages
        .iter()
        .enumerate()
        .map(|(index, message)| carries(index).then(|| opinion(message)))
        .collect();
    if wanting == Wanting::GivenBack {
        let names: Vec<String> = opinions
            .iter()
            .flatten()
            .filter_map(|opinion| match opinion {
                Opinion::Wanting(names) => Some(names.clone()),
                Opinion::Certain(_) | Opinion::Undecided => None,
            })
            .flatten()
            .collect();
        if !names.is_empty() {
            return Outcome::Wanting(names);
        }
    }
    let mut state = match submission.unreadable.first() {
        None => RawState::Read,
        Some(first) => RawState::Quarantined { reason: first.code().to_owned() },
    };
    let (mut all, mut octets, mut allowance) = (Vec::new(), 0_usize, Allowance::new(limits));
    for document in std::mem::take(&mut submission.documents) {
        let message = document.message.and_then(|index| submission.messages.get(index));
        let opinion = document.message.and_then(|index| opinions.get(index)).cloned().flatten();
        let trust = match vouched(message, opinion, beliefs, arrivals) {
            Opinion::Certain(trust) => trust,
            _ if now.saturating_sub(at) < SHOWN_AFTER => {
                // It stays new, and is read again.
                state = RawState::New;
                continue;
            }
            _ => {
                if now.saturating_sub(at) < KEY_ASKED_FOR {
                    state = RawState::New;
                }
                Trust::Unverified { reason: "key-unknown".to_owned() }
            }
        };
        let trust = match trust {
            Trust::Unverified { .. } => {
                let mail = message.map(|message| &*message.octets);
                let admitted = |arrival: &Arrival| beliefs.admitted(mail, arrival);
                let admitted = arrivals.iter().find_map(admitted);
                admitted.unwrap_or(trust)
            }
            trust => trust,
        };
        if covers_too_much(&document.reading.report) {
            state = RawState::Quarantined { reason: RANGE_TOO_LONG.to_owned() };
            continue;
        }
        octets = octets.saturating_add(document.json.len());
        let received = Received { raw: unread.digest, place: unread.place, at, trust };
        all.extend(accounts(document, &received, ours, &mut allowance));
    }
    // Where the store refuses what is read, it lies in quarantine too.
    let is_apart = matches!(state, RawState::Quarantined { .. }) || wanting == Wanting::Refused;
    let vouched = if is_apart { vouched_for(&submission.messages, &opinions) } else { Vec::new() };
    let is_undecided =
        |opinion: &Opinion| matches!(opinion, Opinion::Undecided | Opinion::Wanting(_));
    // Much comes to an address that is published, and nothing waits for who signed an advertisement.
    let is_junk = matches!(submission.unreadable.as_slice(), [Unreadable::Nothing]);
    if is_apart
        && !is_junk
        && now.saturating_sub(at) < KEY_ASKED_FOR
        && opinions.iter().flatten().any(is_undecided)
    {
        // It is not put aside before it is known who signed it.
        state = RawState::New;
    }
    Outcome::Read { accounts: all, state, vouched, octets }
}

/// The messages whose signature holds.
fn vouched_for(messages: &[MailMessage<'_>], opinions: &[Option<Opinion>]) -> Vec<Vouched> {
    let signer = |opinion: &Option<Opinion>| match opinion {
        Some(Opinion::Certain(Trust::Verified { signer })) => Some(signer.clone()),
        _ => None,
    };
    let vouched = |(message, opinion): (&MailMessage<'_>, _)| {
        let message = Digest::of(&message.octets);
        Some(Vouched { message, signer: signer(opinion)?, reader: READER })
    };
    messages.iter().zip(opinions).filter_map(vouched).collect()
}

/// Whether a report names so many days that its numbers say nothing of any of them. Kept as a report
/// it would count for none, as if it told of no session.
fn covers_too_much(report: &Report) -> bool {
    let DateRange { start, end } = report.date_range;
    let days = Days::of(&report.date_range).len();
    days > MOST_DAYS || (days == 0 && start.is_some() && end.is_some())
}

/// The opinion of a message, or of a report that came in none, with what a server of ours has
/// written on the outside.
//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# Reports lacking such a signature MUST be ignored by the recipient.
fn vouched(
    message: Option<&MailMessage<'_>>,
    opinion: Option<Opinion>,
    beliefs: &Beliefs,
    arrivals: &[Arrival],
) -> Opinion {
    let (Some(message), Some(opinion)) = (message, opinion) else {
        let is_posted = arrivals.iter().all(|arrival| arrival.origin == Origin::Http);
        let reason = if is_posted { "https" } else { "no-mail" };
        return Opinion::Certain(Trust::Unverified { reason: reason.to_owned() });
    };
    match opinion {
        Opinion::Certain(Trust::Verified { .. }) => opinion,
        _ if message.within.is_none() => {
            let vouched = |arrival| beliefs.vouched(&message.octets, arrival);
            arrivals.iter().find_map(vouched).map_or(opinion, Opinion::Certain)
        }
        _ => opinion,
    }
}

impl Read {
    /// What is to be noted of it; nothing if it has to be read again.
    pub(super) fn noted(&self) -> Option<Noted> {
        let (state, vouched) = (self.state.clone(), self.vouched.clone());
        (self.state != RawState::New).then(|| Noted::of(&self.unread, state, vouched))
    }

    /// How far each of its accounts is believed.
    pub(super) fn trusts(&self) -> Vec<Trust> {
        self.accounts.iter().map(|account| account.trust.clone()).collect()
    }
}
