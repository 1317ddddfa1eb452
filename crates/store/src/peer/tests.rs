use super::*;

async fn all(path: PathBuf) -> Result<Vec<PeerRow>, StoreError> {
    let mut rows = PeerRows::open(path);
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await? {
        all.extend(batch);
    }
    Ok(all)
}

#[tokio::test]
async fn a_cache_that_the_program_itself_made_is_read() {
    let fixture = "tests/fixtures/postfix-mta-sts-resolver-1.5.1.sqlite";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    fs_err::copy(fixture, &path).unwrap();
    let before = fs_err::read(&path).unwrap();
    let rows = all(path.clone()).await.unwrap();
    assert_eq!(rows.len(), 5);
    let good = rows.iter().find(|row| row.domain == b"good.test").unwrap();
    assert_eq!(
        (good.renewed_at, good.id.as_slice()),
        (Some(1_795_600_000), &b"20261101T000000"[..])
    );
    assert!(good.body.starts_with(b"{\"mx\": [\"mx1.good.test\"]"), "{}", good.body.escape_ascii());
    assert_eq!(fs_err::read(path).unwrap(), before);
}

#[tokio::test]
async fn what_makes_no_sense_comes_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE sts_policy_cache (domain text, ts integer, pol_id text, pol_body text);
             INSERT INTO sts_policy_cache VALUES (NULL, 'soon', 1.5, zeroblob(300000));
             INSERT INTO sts_policy_cache VALUES (x'FF00', 7, '', NULL)",
        )
        .unwrap();
    let empty = PeerRow { number: 1, id: b"1.5".to_vec(), ..PeerRow::default() };
    let octets =
        PeerRow { number: 2, domain: vec![255, 0], renewed_at: Some(7), ..PeerRow::default() };
    assert_eq!(all(path).await.unwrap(), [empty, octets]);
}

#[tokio::test]
async fn other_files_are_refused_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    assert!(matches!(all(path.clone()).await, Err(StoreError::Unavailable { .. })));
    assert!(fs_err::metadata(&path).is_err());
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE t (x); CREATE VIEW sts_policy_cache AS SELECT * FROM t")
        .unwrap();
    drop(connection);
    assert!(matches!(all(path.clone()).await, Err(StoreError::Foreign)));
    fs_err::write(&path, "no database at all".repeat(100)).unwrap();
    assert!(matches!(all(path).await, Err(StoreError::Damaged { .. })));
}
