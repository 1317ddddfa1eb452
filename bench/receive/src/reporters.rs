//! Who reports: four that write as the big senders do, habits included.

use jiff::civil::Date;

/// A sender of reports.
#[derive(Debug, PartialEq, Eq)]
pub struct Reporter {
    pub habits: Habits,
    pub organisation: &'static str,
    /// The domain that sends the mails.
    pub domain: &'static str,
    pub contact: Option<&'static str>,
}

/// After whom it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habits {
    /// `mx-host` as an array, no reasons.
    Google,
    /// No `mx-host`, the TLSA records as JSON within a string, the text of the mail in HTML.
    Microsoft,
    /// Ends at the next midnight, reasons in free text, no addresses for what failed before there
    /// was a connection.
    MailRu,
    /// No contact, and empty arrays instead of absent ones.
    Stalwart,
}

pub const REPORTERS: [Reporter; 4] = [
    Reporter {
        habits: Habits::Google,
        organisation: "Google-like",
        domain: "google.example",
        contact: Some("smtp-tls-reporting@google.example"),
    },
    Reporter {
        habits: Habits::Microsoft,
        organisation: "Microsoft-like",
        domain: "microsoft.example",
        contact: Some("tlsrpt-noreply@microsoft.example"),
    },
    Reporter {
        habits: Habits::MailRu,
        organisation: "Mail.ru-like",
        domain: "mailru.example",
        contact: Some("tls_support@mailru.example"),
    },
    Reporter {
        habits: Habits::Stalwart,
        organisation: "mail.stalwart.example",
        domain: "stalwart.example",
        contact: None,
    },
];

impl Reporter {
    pub fn report_id(&self, domain: &str, day: Date, number: usize) -> String {
        match self.habits {
            Habits::Google => format!("{day}T00:00:00Z_{domain}"),
            Habits::Microsoft => format!("{:018}+{domain}", 133_900_000_000_000_000 + number),
            Habits::MailRu => format!("{number:032x}@{}", self.domain),
            Habits::Stalwart => format!("{}_{number}", day.strftime("%Y%m%d")),
        }
    }

    /// The two times of a day's range.
    pub fn range(&self, day: Date) -> (String, String) {
        let next = day.tomorrow().unwrap_or(day);
        match self.habits {
            Habits::Google | Habits::Microsoft => {
                (format!("{day}T00:00:00Z"), format!("{day}T23:59:59Z"))
            }
            Habits::MailRu | Habits::Stalwart => {
                (format!("{day}T00:00:00Z"), format!("{next}T00:00:00Z"))
            }
        }
    }
}
