//! The target for mails that come back.

use std::collections::BTreeSet;

use sealpost_report::DeliveryNotification;

use crate::names::assert_is_message;

/// A mail is read; what a notification says may stand in a log and in the store, and is bounded.
pub fn bounced_mail(octets: &[u8]) {
    let Some(notification) = DeliveryNotification::read(octets) else { return };
    // Nobody need say why.
    if !notification.reason.is_empty() {
        assert_is_message(&notification.reason);
    }
    assert!(notification.reason.chars().count() <= 301);
    let named = notification.submissions();
    assert!(named.len() <= 50);
    // A mark takes 25 octets at least, and whoever says so often may be told so often.
    assert!(named.len() * 25 <= octets.len());
    assert!(named.map(|id| id.0).collect::<BTreeSet<_>>().iter().all(|id| *id >= 0));
    assert_eq!(DeliveryNotification::read(octets), Some(notification));
}
