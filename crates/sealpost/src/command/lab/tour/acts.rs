//! What happens on the tour, and what has to be seen of it: a table.

use sealpost_lab::Attack;
use sealpost_rollout::Stage;

/// The domain that is led.
pub(super) const DOMAIN: &str = "tour.test";
/// The hosts that its owner thinks of when he writes down its policy.
pub(super) const HOSTS: [&str; 2] = ["mx1.tour.test", "mx2.tour.test"];
/// The last day; the tour begins on day 0.
pub(super) const LAST_DAY: i64 = 34;

/// Something that happens on a day, and what is to be seen in its evening.
pub(super) struct Act {
    pub(super) day: i64,
    /// What is told of it.
    pub(super) words: &'static str,
    pub(super) deeds: &'static [Deed],
    pub(super) sights: &'static [Sight],
}

/// Something that somebody does in the morning.
pub(super) enum Deed {
    /// The attacker begins.
    Begin(Attack),
    /// He ends.
    Cease(Attack),
    /// The MX records name these hosts from now on.
    NameHosts(&'static [&'static str]),
    /// A host gets a new certificate.
    Renew(&'static str),
    /// The planner is asked how mail may go to the first of these in place of the others; its steps
    /// are taken when they are due.
    Move { to: &'static str, from: &'static [&'static str] },
}

/// Something that is to be seen in the evening.
pub(super) enum Sight {
    /// The domain is in this stage.
    In(Stage),
    /// A look of our own finds something of this code.
    Finds(&'static str),
    /// It does not.
    FindsNo(&'static str),
    /// The gate waits for something with these words.
    Waits(&'static str),
    /// The page of the domain says this.
    Page(&'static str),
    /// An open incident names the address of this host.
    Incident(&'static str),
    /// None is open.
    NoIncident,
    /// Mail waits at senders.
    Waiting,
    /// None does.
    Flowing,
    /// The mail of the day went to these hosts and to no others.
    MailAt(&'static [&'static str]),
    /// The policy names these hosts, and nothing of a move is left to do.
    Moved(&'static [&'static str]),
}

/// In the order of their days.
pub(super) const ACTS: &[Act] = &[
    Act {
        day: 0,
        words: "Nothing is published for tour.test. `publish` takes it up and says what to set; its owner does it.",
        deeds: &[],
        sights: &[Sight::In(Stage::Testing)],
    },
    Act {
        day: 1,
        words: "Five organisations find the policy and send. They deliver whatever happens: it is in testing.",
        deeds: &[],
        sights: &[Sight::Flowing],
    },
    Act {
        day: 3,
        words: "Their reports are in. The MX records name mx3, of which nobody thought, and the certificate of mx2 ends soon: the gate is shut.",
        deeds: &[],
        sights: &[
            Sight::Finds("STS402"),
            Sight::Finds("MX307"),
            Sight::Waits("mx3.tour.test"),
            Sight::Page("mx3.tour.test"),
        ],
    },
    Act {
        day: 5,
        words: "The owner takes mx3 out of the MX records and gives mx2 a new certificate.",
        deeds: &[
            Deed::NameHosts(&["mx1.tour.test", "mx2.tour.test"]),
            Deed::Renew("mx2.tour.test"),
        ],
        sights: &[Sight::FindsNo("STS402"), Sight::FindsNo("MX307"), Sight::In(Stage::Testing)],
    },
    Act {
        day: 22,
        words: "Three weeks of reports, and none of the last ones tells of a failure: the gate opens.",
        deeds: &[],
        sights: &[Sight::In(Stage::EnforceDay), Sight::Flowing, Sight::NoIncident],
    },
    Act {
        day: 24,
        words: "Somebody strips STARTTLS on the way to the MX hosts. Senders that hold the policy keep their mail.",
        deeds: &[Deed::Begin(Attack::StartTlsStripped)],
        sights: &[
            Sight::Waiting,
            Sight::Incident("mx1.tour.test"),
            Sight::Incident("mx2.tour.test"),
            Sight::In(Stage::EnforceDay),
        ],
    },
    Act {
        day: 25,
        words: "He lets STARTTLS through and shows a certificate of his own. They still keep it.",
        deeds: &[Deed::Cease(Attack::StartTlsStripped), Deed::Begin(Attack::CertificateSelfSigned)],
        sights: &[
            Sight::Waiting,
            Sight::Incident("mx1.tour.test"),
            Sight::Page("starttls-not-supported"),
            Sight::In(Stage::EnforceDay),
        ],
    },
    Act {
        day: 26,
        words: "He is gone. What waited is delivered as it is tried again, and the policy was never weakened.",
        deeds: &[Deed::Cease(Attack::CertificateSelfSigned)],
        sights: &[Sight::Page("certificate-not-trusted"), Sight::In(Stage::EnforceDay)],
    },
    Act {
        day: 27,
        words: "The last sender has tried again.",
        deeds: &[],
        sights: &[Sight::Flowing],
    },
    Act {
        day: 29,
        words: "The days of the attack are over in the reports, too: no incident is open.",
        deeds: &[],
        sights: &[Sight::Flowing, Sight::NoIncident],
    },
    Act {
        day: 30,
        words: "Mail shall go to mx4 in place of mx1 and mx2. The planner says when what may be done.",
        deeds: &[Deed::Move { to: "mx4.tour.test", from: &["mx1.tour.test", "mx2.tour.test"] }],
        sights: &[Sight::Flowing],
    },
    Act {
        day: 31,
        words: "Some sender may still hold the policy of before: the MX records stay as they are.",
        deeds: &[],
        sights: &[Sight::Flowing, Sight::MailAt(&["mx1.tour.test", "mx2.tour.test"])],
    },
    Act {
        day: LAST_DAY,
        words: "Every step was taken when it was due. All mail goes to mx4, and no sender was stranded.",
        deeds: &[],
        sights: &[
            Sight::Moved(&["mx4.tour.test"]),
            Sight::MailAt(&["mx4.tour.test"]),
            Sight::Flowing,
            Sight::NoIncident,
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_in_order_and_within_the_tour() {
        assert!(ACTS.is_sorted_by_key(|act| act.day));
        assert!(ACTS.iter().all(|act| (0..=LAST_DAY).contains(&act.day) && !act.sights.is_empty()));
    }
}
