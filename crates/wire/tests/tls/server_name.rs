//! Names for the `server_name` extension.

use sealpost_wire::tls::{ServerName, ServerNameError};

#[test]
fn host_names_are_taken_and_nothing_else() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    let good = |text: &str| match ServerName::parse(text) {
        Ok(name) => assert_eq!((name.as_str(), name.to_string().as_str()), (text, text)),
        Err(error) => panic!("{text:?}: {error}"),
    };
    good("mx.example");
    good("MX.Example");
    good("xn--bcher-kva.example");
    good("localhost");
    good("1.mx.example"); // digits, but not at the end
    good(&longest);

    let bad = |text: &str, error| assert_eq!(ServerName::parse(text), Err(error), "{text:?}");
    bad("", ServerNameError::Domain);
    bad("mx.example.", ServerNameError::Domain); // without the dot, says RFC 6066
    bad("mx..example", ServerNameError::Domain);
    bad("-mx.example", ServerNameError::Domain);
    bad("mx-.example", ServerNameError::Domain);
    bad("mx_1.example", ServerNameError::Domain);
    bad("mx.example\r\n", ServerNameError::Domain);
    bad("bücher.example", ServerNameError::Domain);
    bad(&format!("{label}a.example"), ServerNameError::Domain);
    bad("2001:db8::1", ServerNameError::Domain);
    bad("192.0.2.1", ServerNameError::Address);
    bad("25", ServerNameError::Address);
    bad(&format!("{longest}a"), ServerNameError::TooLong);
}
