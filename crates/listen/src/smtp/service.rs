//! Who takes the mail.

use std::future::ready;

use super::{BeginAnswer, Delivery, Envelope, Message, Recipient, RecipientAnswer};
use crate::Peer;

/// Decides about recipients and stores messages.
///
/// Each answer is given up when its time is over, and then the client hears that it shall come
/// again; it is also given up when the client has gone or the server is cut off.
pub trait MailService: Send + Sync + 'static {
    /// Whether mail for this recipient is wanted. There is no relaying: accepted is what will be
    /// stored here.
    fn recipient(
        &self,
        recipient: &Recipient,
        peer: Peer,
    ) -> impl Future<Output = RecipientAnswer> + Send;

    /// Whether a message may come now. It is asked after the budget has been found to have room.
    fn begin(&self, envelope: &Envelope, peer: Peer) -> impl Future<Output = BeginAnswer> + Send {
        let _ = (envelope, peer);
        ready(BeginAnswer::Proceed)
    }

    /// Stores a message. [`Delivery::Stored`] promises that it survives a loss of power.
    ///
    /// A client that hears nothing sends the message again, so the same message may come twice.
    fn deliver(&self, message: Message, peer: Peer) -> impl Future<Output = Delivery> + Send;
}
