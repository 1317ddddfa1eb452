//! Reports that come by mail.

use std::net::IpAddr;

use sealpost_listen::{
    Peer,
    smtp::{Delivery, MailService, Message, Protocol, Receipt, Recipient, RecipientAnswer},
};
use sealpost_runtime::Stopwatch;
use sealpost_store::{Arrival, Origin, StoreError};

use crate::{ReadingRoom, Recipients, metrics::Way};

/// Digits of a digest that a client is told.
const RECEIPT_DIGITS: usize = 16;

/// Takes in mail for some recipients.
#[derive(Clone)]
pub struct MailDoor {
    room: ReadingRoom,
    recipients: Recipients,
}

impl MailDoor {
    /// Mail for these recipients is stored, and read afterwards.
    pub fn new(room: ReadingRoom, recipients: Recipients) -> Self {
        Self { room, recipients }
    }
}

impl MailService for MailDoor {
    async fn recipient(&self, recipient: &Recipient, _: Peer) -> RecipientAnswer {
        self.recipients.answer(recipient)
    }

    async fn deliver(&self, message: Message, peer: Peer) -> Delivery {
        let Message { envelope, octets } = message;
        let origin = match envelope.protocol {
            Protocol::Smtp => Origin::Smtp,
            Protocol::Lmtp => Origin::Lmtp,
        };
        let intake = self.room.intake();
        let arrival = Arrival {
            origin,
            at: intake.now(),
            peer: address(peer),
            recipient: envelope.recipients.first().map(ToString::to_string),
        };
        let metrics = self.room.metrics();
        let watch = Stopwatch::start();
        match intake.store(octets, arrival).await {
            Ok(digest) => {
                metrics.store_seconds.observe(watch.elapsed());
                metrics.stored.increment(Way::of(origin));
                self.room.submit(digest);
                let name: String = digest.to_string().chars().take(RECEIPT_DIGITS).collect();
                Delivery::Stored(Receipt::parse(&name).ok())
            }
            Err(error) => {
                metrics.store_failures.increment();
                tracing::error!(%peer, %error, "a mail could not be stored, its sender shall come again");
                match error {
                    StoreError::Full { .. } => Delivery::Full,
                    StoreError::Refused { .. } => Delivery::Unacceptable,
                    _ => Delivery::Later,
                }
            }
        }
    }
}

/// The address of a peer, as it is stored.
pub(super) fn address(peer: Peer) -> Option<IpAddr> {
    match peer {
        Peer::Tcp(address) => Some(address.ip().to_canonical()),
        Peer::Unix => None,
    }
}
