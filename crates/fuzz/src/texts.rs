//! Targets for records and policies: the strict door agrees with the tolerant one, spans lie in the
//! text, and what is written is read back.

use std::ops::Range;

use crate::names::assert_is_message;

/// The TXT record of MTA-STS.
pub fn sts_record(octets: &[u8]) {
    let reading = mta_sts::Record::read(octets);
    let result = reading.record();
    assert_eq!(mta_sts::Record::parse(octets), result);
    assert_eq!(result.is_ok(), !reading.defects.iter().any(|defect| defect.kind.is_fatal()));
    for defect in &reading.defects {
        assert_in_bounds(octets, defect.span.range());
        assert_is_message(&defect.kind.to_string());
    }
    match result {
        Ok(record) => {
            assert_eq!(mta_sts::Record::parse(record.to_string().as_bytes()), Ok(record));
        }
        Err(error) => assert_is_message(&error.to_string()),
    }
    let _ = mta_sts::select_record([octets, b"v=STSv1;id=1"]);
}

/// The policy of MTA-STS.
pub fn sts_policy(octets: &[u8]) {
    /// What senders read; a policy at this limit may pass it when line ends grow to CRLF.
    const LARGEST: usize = 65_536;

    let reading = mta_sts::Policy::read(octets);
    let result = reading.policy();
    assert_eq!(mta_sts::Policy::parse(octets), result);
    assert_eq!(result.is_ok(), !reading.defects.iter().any(|defect| defect.kind.is_fatal()));
    for defect in &reading.defects {
        assert_in_bounds(octets, defect.span.range());
        assert_is_message(&defect.kind.to_string());
    }
    match result {
        Ok(policy) => {
            let written = policy.to_string();
            assert!(policy.max_age() <= mta_sts::MaxAge::MAX);
            assert!(policy.mode() == mta_sts::Mode::None || !policy.mx().is_empty());
            for pattern in policy.mx().iter().filter(|pattern| !pattern.is_wildcard()) {
                assert!(policy.covers(pattern.base()).is_some());
            }
            if written.len() <= LARGEST {
                assert_eq!(mta_sts::Policy::parse(written.as_bytes()), Ok(policy));
            }
        }
        Err(error) => assert_is_message(&error.to_string()),
    }
}

/// The TXT record of TLS-RPT.
pub fn tls_rpt_record(octets: &[u8]) {
    let reading = tls_rpt::Record::read(octets);
    let result = reading.record();
    assert_eq!(tls_rpt::Record::parse(octets), result);
    assert_eq!(result.is_ok(), !reading.defects.iter().any(|defect| defect.kind.is_fatal()));
    for defect in &reading.defects {
        assert_in_bounds(octets, defect.span.range());
        assert_is_message(&defect.kind.to_string());
    }
    for (uri, span) in &reading.rua {
        assert_eq!(octets.get(span.range()), Some(uri.as_str().as_bytes()));
        assert_eq!(tls_rpt::ReportUri::parse(uri.as_str()).as_ref(), Ok(uri));
    }
    match result {
        Ok(record) => {
            assert!(!record.rua.is_empty());
            assert_eq!(tls_rpt::Record::parse(record.to_string().as_bytes()), Ok(record));
        }
        Err(error) => assert_is_message(&error.to_string()),
    }
    let _ = tls_rpt::select_record([octets, b"v=TLSRPTv1;rua=mailto:a@b.test"]);
}

fn assert_in_bounds(octets: &[u8], span: Range<usize>) {
    assert!(octets.get(span.clone()).is_some(), "{span:?} in {} octets", octets.len());
}
