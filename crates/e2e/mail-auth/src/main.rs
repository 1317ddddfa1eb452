//! Says of each file, a line for each, what mail-auth reads in it: sessions that succeeded, those that
//! failed, and how many failure details; or why it reads nothing.

use std::{env, error::Error, fs};

use mail_auth::report::tlsrpt::TlsReport;

fn main() -> Result<(), Box<dyn Error>> {
    for file in env::args().skip(1) {
        let octets = fs::read(&file)?;
        let read = if file.ends_with(".eml") {
            TlsReport::parse_rfc5322(&octets)
        } else {
            TlsReport::parse_json(&octets)
        };
        match read {
            Ok(report) => {
                let entries = &report.policies;
                let successful: u64 =
                    entries.iter().map(|entry| u64::from(entry.summary.total_success)).sum();
                let failed: u64 =
                    entries.iter().map(|entry| u64::from(entry.summary.total_failure)).sum();
                let details: usize = entries.iter().map(|entry| entry.failure_details.len()).sum();
                println!("{successful} {failed} {details}");
            }
            Err(error) => println!("{error:?}"),
        }
    }
    Ok(())
}
