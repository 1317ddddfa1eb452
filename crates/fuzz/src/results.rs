//! Target for what servers say that they have verified.

use mail_domain::DomainName;
use sealpost_receive::AuthenticationResults;

/// A mail of which the topmost `Authentication-Results` is read.
pub fn authentication_results(octets: &[u8]) {
    let Some(results) = AuthenticationResults::topmost(octets) else { return };
    assert!(!results.server.chars().any(|character| character.is_ascii_uppercase()));
    assert!(results.signers.len() <= 64);
    for signer in &results.signers {
        assert_eq!(DomainName::parse(signer.as_str()).as_ref(), Ok(signer));
    }
    // What stands below the field changes nothing.
    let longer = [octets, b"\r\nAuthentication-Results: other; none\r\n"].concat();
    let again = AuthenticationResults::topmost(&longer);
    assert_eq!(again.as_ref(), Some(&results));
}
