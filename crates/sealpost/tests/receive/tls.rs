//! A certificate for the daemon, and a client that trusts it.

use std::path::{Path, PathBuf};

use sealpost_lab::reporters::Poster;

const NAME: &str = "mx.example.com";
/// Where reports are posted to.
pub(crate) const PATH: &str = "/v1/tls-reports";

/// Makes the door for posts one with TLS; its certificate lies beside the configuration.
pub(crate) fn with_https(configuration: &Path) -> Poster {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let at = |file: &str| -> PathBuf { configuration.with_file_name(file) };
    fs_err::write(at("cert.pem"), made.cert.pem()).unwrap();
    fs_err::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let text = fs_err::read_to_string(configuration).unwrap();
    let with = text.replace("http = [\"127.0.0.1:0\"] }", "https = [\"127.0.0.1:0\"] }");
    assert_ne!(text, with);
    let identity = "[receive]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
    fs_err::write(configuration, with.replace("[receive]\n", identity)).unwrap();
    Poster::new(NAME, made.cert.der().to_vec()).unwrap()
}
