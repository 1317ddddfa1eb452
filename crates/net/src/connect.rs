//! The one door to the outside: every connection to a policy host or MX host is opened here.

use std::io;
use std::net::SocketAddr;

use sealpost_evidence::{ConnectionFault, ConnectionFaultKind, ConnectionStage, Reach};
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::guard::Guard;
use crate::reach::route_to;
use crate::text::printable;

/// Opens a TCP connection to an address that the guard permits and that there is a route to.
pub(crate) async fn connect(
    target: SocketAddr,
    guard: &Guard,
    deadline: Deadline,
) -> Result<TcpStream, ConnectionFault> {
    let stage = ConnectionStage::Connect;
    let address = target.ip().to_canonical();
    let target = SocketAddr::new(address, target.port());
    if !guard.permits(address) {
        let text = format!("{address} is not globally routable; no connection was tried");
        return Err(fault(stage, ConnectionFaultKind::NotRoutable, &text));
    }
    if !address.is_loopback() && route_to(address) == Reach::NoRoute {
        let text = format!("this machine has no route to {address}");
        return Err(fault(stage, ConnectionFaultKind::NoRoute, &text));
    }
    if deadline.has_passed() {
        let text = "not tried: the time for this domain was over";
        return Err(fault(stage, ConnectionFaultKind::Local, text));
    }
    #[expect(clippy::disallowed_methods, reason = "this is the door, and the guard stands above")]
    let connecting = TcpStream::connect(target);
    match deadline.bound(connecting).await {
        Err(_) => Err(timed_out(stage)),
        Ok(Err(error)) => Err(io_fault(stage, &error)),
        Ok(Ok(stream)) => {
            // Only a matter of speed, so that a failure may pass.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
    }
}

/// A fault, its text made fit to be shown.
pub(crate) fn fault(
    stage: ConnectionStage,
    kind: ConnectionFaultKind,
    text: &str,
) -> ConnectionFault {
    ConnectionFault { stage, kind, text: printable(text) }
}

/// The fault of a deadline that passed.
pub(crate) fn timed_out(stage: ConnectionStage) -> ConnectionFault {
    let text = format!("no answer within the deadline while {}", stage.as_str());
    fault(stage, ConnectionFaultKind::TimedOut, &text)
}

/// The fault behind an error of a socket.
pub(crate) fn io_fault(stage: ConnectionStage, error: &io::Error) -> ConnectionFault {
    use io::ErrorKind;
    let kind = match error.kind() {
        ErrorKind::ConnectionRefused => ConnectionFaultKind::Refused,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            ConnectionFaultKind::Unreachable
        }
        ErrorKind::TimedOut => ConnectionFaultKind::TimedOut,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => ConnectionFaultKind::Closed,
        ErrorKind::InvalidData => ConnectionFaultKind::Malformed,
        _ => ConnectionFaultKind::Local,
    };
    fault(stage, kind, &error.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    fn loopback() -> Guard {
        Guard::new(vec!["127.0.0.0/8".parse().unwrap()])
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn kind(target: SocketAddr, guard: &Guard, deadline: Deadline) -> ConnectionFaultKind {
        let fault = connect(target, guard, deadline).await.unwrap_err();
        assert_eq!(fault.stage, ConnectionStage::Connect);
        fault.kind
    }

    #[tokio::test]
    async fn the_guard_stops_a_connection_before_its_first_packet() {
        let (listener, address) = listener().await;
        assert_eq!(
            kind(address, &Guard::default(), soon()).await,
            ConnectionFaultKind::NotRoutable
        );
        let came = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(came.is_err(), "a connection came");
        assert!(connect(address, &loopback(), soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_mapped_address_is_judged_as_ipv4() {
        let (_listener, address) = listener().await;
        let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), address.port());
        assert_eq!(kind(mapped, &Guard::default(), soon()).await, ConnectionFaultKind::NotRoutable);
        assert!(connect(mapped, &loopback(), soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let (listener, address) = listener().await;
        drop(listener);
        assert_eq!(kind(address, &loopback(), soon()).await, ConnectionFaultKind::Refused);
    }

    #[tokio::test]
    async fn an_address_without_a_route_is_not_tried() {
        let everything = Guard::new(vec!["0.0.0.0/0".parse().unwrap()]);
        let target = "255.255.255.255:9".parse().unwrap();
        assert_eq!(kind(target, &everything, soon()).await, ConnectionFaultKind::NoRoute);
    }

    #[tokio::test]
    async fn what_the_time_did_not_suffice_for_is_our_own_fault() {
        let (_listener, address) = listener().await;
        let fault =
            connect(address, &loopback(), Deadline::after(Duration::ZERO)).await.unwrap_err();
        assert!(fault.is_ours(), "{fault:?}");
    }
}
