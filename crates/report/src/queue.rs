//! The queue of the kernel before our socket.

/// How many datagrams it should keep: what distributions with systemd set.
pub const QUEUE_WANTED: u32 = 512;

/// Where the kernel says it.
const FILE: &str = "/proc/sys/net/unix/max_dgram_qlen";

/// How many datagrams the kernel keeps for a socket that is made now (`net.unix.max_dgram_qlen`);
/// `None` if it does not say.
///
/// What comes when so many wait is lost, as mail servers do not wait for us. The kernel's own
/// default is 10, which a burst of deliveries fills in a millisecond.
pub fn queue_length() -> Option<u32> {
    fs_err::read_to_string(FILE).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_how_many() {
        assert!(queue_length().is_some_and(|length| length > 0));
    }
}
