use std::{
    io,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::{Path, PathBuf},
};

use sealpost_listen::{Limits, ListenError, Listener, SocketMode};
use tempfile::TempDir;

use crate::{client::Client, echo::Running};

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("enforce.sock");
    (folder, path)
}

async fn listen(path: &Path) -> Result<Listener, ListenError> {
    Listener::unix(path, SocketMode::GROUP).await
}

fn files(folder: &TempDir) -> Vec<String> {
    let entries = fs_err::read_dir(folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_socket_file_is_served_with_its_permissions() {
    for mode in ["0600", "0660", "0666"] {
        let (folder, path) = folder();
        let mode: SocketMode = mode.parse().unwrap();
        let listener = Listener::unix(&path, mode).await.unwrap();
        let permissions = fs_err::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o7777, mode.bits());
        assert_eq!(listener.to_string(), format!("unix:{}", path.display()));
        assert_eq!(files(&folder), ["enforce.sock"]);

        let running = Running::start(listener, Limits::default());
        let mut client = Client::unix(&path).await.unwrap();
        assert_eq!(client.ask("hello").await, "hello");
        drop(client);
        running.stop().await.unwrap();
        assert!(files(&folder).is_empty(), "the file is left behind");
    }
}

#[tokio::test]
async fn the_file_of_a_dead_process_is_replaced() {
    let (folder, path) = folder();
    // The standard library leaves the file when it closes the socket.
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(files(&folder), ["enforce.sock"]);
    let running = Running::start(listen(&path).await.unwrap(), Limits::default());
    assert_eq!(Client::unix(&path).await.unwrap().ask("hello").await, "hello");
    drop(running);
}

#[tokio::test]
async fn the_file_of_a_living_process_is_left_alone() {
    let (_folder, path) = folder();
    let running = Running::start(listen(&path).await.unwrap(), Limits::default());
    let error = listen(&path).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }), "{error:?}");
    assert_eq!(Client::unix(&path).await.unwrap().ask("hello").await, "hello");
    drop(running);
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let (folder, path) = folder();
    fs_err::write(&path, "precious").unwrap();
    let error = listen(&path).await.unwrap_err();
    assert!(matches!(error, ListenError::NotASocket { .. }), "{error:?}");
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "precious");

    let link = folder.path().join("link.sock");
    fs_err::os::unix::fs::symlink(&path, &link).unwrap();
    let error = listen(&link).await.unwrap_err();
    assert!(matches!(error, ListenError::NotASocket { .. }), "{error:?}");
}

#[tokio::test]
async fn a_successor_keeps_its_file_when_we_end() {
    let (_folder, path) = folder();
    let old = Running::start(listen(&path).await.unwrap(), Limits::default());
    fs_err::remove_file(&path).unwrap();
    let new = Running::start(listen(&path).await.unwrap(), Limits::default());
    old.stop().await.unwrap();
    assert_eq!(Client::unix(&path).await.unwrap().ask("hello").await, "hello");
    drop(new);
}

#[tokio::test]
async fn a_missing_folder_and_a_long_path_are_errors_that_leave_nothing() {
    let (folder, _) = folder();
    for name in ["no/enforce.sock".to_owned(), "x".repeat(120)] {
        let path = folder.path().join(name);
        let error = listen(&path).await.unwrap_err();
        assert!(matches!(error, ListenError::Unix { .. }), "{error:?}");
        assert!(files(&folder).is_empty());
    }
    let gone = Client::unix(&folder.path().join("enforce.sock")).await.err().unwrap();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}
