//! TLS up to the first answer of a server: octets made by hand, any octets, and real servers.

mod answer;
mod client_hello;
mod openssl;
mod properties;
mod registry;
mod server_name;
mod survey;

use sealpost_wire::tls::{CipherSuite, ClientHello, ProtocolVersion};

/// An offer of every common suite.
fn offer(version: ProtocolVersion) -> ClientHello {
    match ClientHello::new(version, &CipherSuite::common(), [7; 32]) {
        Ok(offer) => offer,
        Err(error) => panic!("{error}"),
    }
}

/// A record of TLS 1.0.
fn record(content_type: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let mut octets = vec![content_type, 3, 1];
    octets.extend(length.iter().skip(length.len() - 2));
    octets.extend(content);
    octets
}

/// A handshake message.
fn message(message_type: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_be_bytes();
    let mut octets = vec![message_type];
    octets.extend(length.iter().skip(length.len() - 3));
    octets.extend(body);
    octets
}

/// The fields of a ServerHello, without a session id or extensions.
fn hello_body(version: u16, cipher_suite: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([9; 32]);
    body.push(0);
    body.extend(cipher_suite.to_be_bytes());
    body.push(0);
    body
}

/// What a server sends that agrees: ServerHello, Certificate, ServerHelloDone.
fn flight(version: u16, cipher_suite: u16) -> Vec<u8> {
    [message(2, &hello_body(version, cipher_suite)), message(11, &[0; 700]), message(14, &[])]
        .iter()
        .flat_map(|message| record(22, message))
        .collect()
}
