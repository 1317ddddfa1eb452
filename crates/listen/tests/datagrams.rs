//! Datagrams to a socket file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::{UnixDatagram, UnixListener},
    },
    path::Path,
};

use sealpost_listen::{
    Address, Datagram, DatagramReceiver, DatagramSocket, Inherited, ListenError, SocketOwner,
    Wholeness,
};

fn bind(path: &Path, more: &str) -> Result<DatagramSocket, ListenError> {
    let address: Address = format!("unix:{}{more}", path.display()).parse().unwrap();
    DatagramSocket::bind(&address, &SocketOwner::default(), &mut Inherited::none())
}

fn all(receiver: &mut DatagramReceiver) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut each = |datagram: Datagram<'_>| {
        assert_eq!(datagram.wholeness, Wholeness::Whole);
        all.push(datagram.octets.to_vec());
    };
    while receiver.take(&mut each).unwrap() > 0 {}
    all
}

#[test]
fn datagrams_come_in_their_order_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tlsrpt.sock");
    let socket = bind(&path, ",mode=0622").unwrap();
    assert_eq!(socket.to_string(), format!("unix:{}", path.display()));
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o622);
    let mut receiver = socket.into_receiver().unwrap();

    let sender = UnixDatagram::unbound().unwrap();
    let long = vec![b'x'; 200_000];
    let sent: Vec<&[u8]> = vec![b"one", b"", &long, b"\0\xff"];
    for octets in &sent {
        sender.send_to(octets, &path).unwrap();
    }
    assert_eq!(all(&mut receiver), sent);
    assert_eq!(receiver.take(|_| panic!("there is none")).unwrap(), 0);

    // One more than a call makes room for at first, which the shortest queue still holds.
    for _ in 0..9 {
        sender.send_to(b"x", &path).unwrap();
    }
    assert_eq!(receiver.take(|_| {}).unwrap(), 8);
    assert!(!receiver.has_taken_all());
    assert_eq!(receiver.take(|_| {}).unwrap(), 1);
    assert!(receiver.has_taken_all());

    // More than a batch and than the queue, by a sender that waits.
    let writer = {
        let path = path.clone();
        std::thread::spawn(move || {
            for number in 0..1_000_u32 {
                sender.send_to(&number.to_le_bytes(), &path).unwrap();
            }
        })
    };
    let came = all(&mut receiver);
    writer.join().unwrap();
    let numbers: Vec<_> = (0..1_000_u32).map(|number| number.to_le_bytes().to_vec()).collect();
    assert_eq!(came, numbers);

    // Closed, and what is in the queue is not lost.
    let sender = UnixDatagram::unbound().unwrap();
    let connected = UnixDatagram::unbound().unwrap();
    connected.connect(&path).unwrap();
    sender.send_to(b"last", &path).unwrap();
    receiver.close_door();
    assert!(sender.send_to(b"late", &path).is_err());
    assert!(connected.send(b"late").is_err());
    assert!(fs_err::metadata(&path).is_err());
    let mut came = Vec::new();
    while receiver.take_rest(|datagram| came.push(datagram.octets.to_vec())).unwrap() > 0 {}
    assert_eq!(came, [b"last"]);
}

#[test]
fn only_the_socket_of_a_dead_process_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tlsrpt.sock");
    let first = bind(&path, "").unwrap();
    assert!(matches!(bind(&path, ""), Err(ListenError::InUse { .. })));
    drop(first);
    assert!(fs_err::metadata(&path).is_err());

    // Left behind: a socket that nobody holds.
    drop(UnixDatagram::bind(&path).unwrap());
    let old = fs_err::metadata(&path).unwrap().ino();
    let socket = bind(&path, "").unwrap();
    assert_ne!(fs_err::metadata(&path).unwrap().ino(), old);

    // Somebody has replaced ours: it is not removed.
    fs_err::remove_file(&path).unwrap();
    let other = UnixDatagram::bind(&path).unwrap();
    drop(socket);
    assert!(fs_err::metadata(&path).is_ok());
    drop(other);

    fs_err::remove_file(&path).unwrap();
    let stream = UnixListener::bind(&path).unwrap();
    assert!(bind(&path, "").is_err());
    drop(stream);
    fs_err::remove_file(&path).unwrap();
    fs_err::write(&path, "a file").unwrap();
    assert!(matches!(bind(&path, ""), Err(ListenError::NotASocket { .. })));
    assert_eq!(fs_err::read(&path).unwrap(), b"a file");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_socket_file_that_somebody_removed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tlsrpt.sock");
    let mut receiver = bind(&path, ",mode=0600").unwrap().into_receiver().unwrap();
    let mut came = Vec::new();
    let mut reappear = |receiver: &mut DatagramReceiver| {
        receiver.reappear(|datagram| came.push(datagram.octets.to_vec()))
    };
    assert_eq!(reappear(&mut receiver).unwrap(), None, "it is there");
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"before", &path).unwrap();
    fs_err::remove_file(&path).unwrap();
    assert_eq!(reappear(&mut receiver).unwrap(), Some(path.clone()));
    assert_eq!(came, [b"before"], "what was sent before is taken");
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    sender.send_to(b"after", &path).unwrap();
    assert_eq!(all(&mut receiver), [b"after"]);

    // Somebody else listens there now.
    fs_err::remove_file(&path).unwrap();
    let other = UnixDatagram::bind(&path).unwrap();
    assert!(matches!(receiver.reappear(|_| ()), Err(ListenError::InUse { .. })));
    drop(other);
    assert_eq!(receiver.reappear(|_| ()).unwrap(), Some(path.clone()), "it ended");
    drop(receiver);
    assert!(fs_err::metadata(&path).is_err());
}

#[test]
fn an_address_without_a_file_is_refused() {
    let mut none = Inherited::none();
    let mut of = |text: &str| {
        DatagramSocket::bind(&text.parse().unwrap(), &SocketOwner::default(), &mut none)
    };
    assert!(matches!(of("127.0.0.1:0"), Err(ListenError::NoFile { .. })));
    assert!(matches!(of("systemd:tlsrpt"), Err(ListenError::NotPassed { .. })));
    assert!(matches!(of("unix:/nowhere/at/all"), Err(ListenError::Unix { .. })));
    let owner: SocketOwner = "no-such-user".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = format!("unix:{}", folder.path().join("a.sock").display());
    let refused = DatagramSocket::bind(&path.parse().unwrap(), &owner, &mut none);
    assert!(matches!(refused, Err(ListenError::Unix { .. })));
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
}
