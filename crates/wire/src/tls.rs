// Values of the IANA registries, those that nobody knows yet included.
mod cipher_suite;
mod registry;

pub use cipher_suite::{CipherSuite, Weakness};
pub use registry::{
    AlertDescription, AlertLevel, NamedGroup, PointFormat, ProtocolVersion, SignatureScheme,
};

// What the client offers.
mod client_hello;
mod server_name;

pub use client_hello::{ClientHello, ClientHelloError};
pub use server_name::{ServerName, ServerNameError};

// What the server answers.
mod answer_reader;
mod cursor;
mod server_answer;
mod server_hello;

pub use answer_reader::{AnswerReader, Ending};
pub use server_answer::{Alert, AnswerError, ServerAnswer};
pub use server_hello::ServerHello;

// What a server accepts, learned from a few offers.
mod survey;

pub use survey::{Acceptance, ModernHandshake, Question, Speaks, Survey, TlsSurvey};
