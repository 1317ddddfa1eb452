//! Tests of files of trust anchors.

use super::*;

const DIGEST: &str = "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
const KEY: &str = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";

fn read(text: &str) -> Result<Vec<TrustAnchor>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors.txt");
    fs_err::write(&file, text).unwrap();
    TrustAnchor::load(Some(&file)).map_err(|error| {
        let error = error.to_string();
        assert!(error.contains("anchors.txt"), "{error}");
        error
    })
}

/// Zone, number of keys, number of digests.
fn counts(anchors: &[TrustAnchor]) -> Vec<(String, usize, usize)> {
    let count =
        |anchor: &TrustAnchor| (anchor.zone.to_ascii(), anchor.keys.len(), anchor.digests.len());
    anchors.iter().map(count).collect()
}

#[test]
fn the_root_is_built_in() {
    let anchors = TrustAnchor::load(None).unwrap();
    assert_eq!(counts(&anchors), [(".".to_owned(), 2, 0)]);
    let tags: Vec<u16> =
        anchors[0].keys.iter().map(|key| key.calculate_key_tag().unwrap()).collect();
    assert_eq!(tags, [20326, 38696], "as IANA publishes them");
}

#[test]
fn files_are_read_as_unbound_and_bind_take_them() {
    let (key, digest) = (KEY.split_at(30), DIGEST.split_at(30));
    for (case, text) in [
        ("lines", format!("test. IN DNSKEY {KEY}\ntest. IN DS {DIGEST}\n")),
        ("with TTLs", format!("test. 3600 IN DNSKEY {KEY} ;{{id = 1}}\ntest 60 DS {DIGEST}")),
        ("lower case", format!("TEST. in dnskey {KEY}\n\n; a comment\ntest. in ds {DIGEST}")),
        (
            "parentheses",
            format!(
                "$ORIGIN .\ntest. IN DNSKEY {} ( {}\n {} )\ntest. DS ({DIGEST}\n)",
                "257 3 13",
                &key.0[9..],
                key.1
            ),
        ),
        (
            "trust-anchors",
            format!(
                "// keys\ntrust-anchors {{\n  test. static-key 257 3 13 \"{}\n {}\"; # one\n  \
                 test initial-ds 20326 8 2 \"{}{}\";\n}};\n",
                &key.0[9..],
                key.1,
                &digest.0[10..],
                digest.1
            ),
        ),
    ] {
        let anchors = read(&text).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(counts(&anchors), [("test.".to_owned(), 1, 1)], "{case}");
        let anchor = &anchors[0];
        assert_eq!(anchor.digests[0].key_tag(), 20326, "{case}");
        assert_eq!(anchor.digests[0].digest().len(), 32, "{case}");
        let key = BASE64.decode(KEY.split(' ').next_back().unwrap().as_bytes()).unwrap();
        let key = PublicKeyBuf::new(key, Algorithm::ECDSAP256SHA256);
        assert_eq!(anchor.keys[0].public_key(), &key, "{case}");
    }
    let trusted = format!("trusted-keys {{ test. 257 3 13 \"{}\"; }};", &KEY[9..]);
    assert_eq!(counts(&read(&trusted).unwrap()), [("test.".to_owned(), 1, 0)]);
}

#[test]
fn a_file_that_holds_no_anchor_is_refused_with_its_place() {
    for (text, shown) in [
        ("", "no DS or DNSKEY"),
        ("; nothing\n", "no DS or DNSKEY"),
        ("test. IN A 192.0.2.1\n", "record 1"),
        ("test. IN DS 1 2\n", "too short"),
        ("test. IN DS x 8 2 00\n", "neither a type nor a number"),
        ("test. IN DS 1 800 2 00\n", "octet"),
        ("test. IN DS 1 8 2 xx\n", "hexadecimal"),
        ("test. IN DNSKEY 257 4 8 AAAA\n", "protocol"),
        ("test. IN DNSKEY 257 3 8 *\n", "base64"),
        (&format!("{} IN DS 1 8 2 00\n", "a".repeat(64)), "record 1"),
        (&"test. DS 1 8 2 00\n".repeat(MOST_RECORDS + 1), "more than"),
        (&";".repeat(70_000), "64 KiB"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(shown), "{text:.40}: {error}");
    }
    let second = read("test. DS 1 8 2 00\nb.test. DS 1 8 2 0\n").unwrap_err();
    assert!(second.contains("record 2"), "{second}");
    let missing = TrustAnchor::load(Some(Path::new("/nowhere/anchors.txt"))).unwrap_err();
    assert!(missing.to_string().contains("/nowhere/anchors.txt"));
}
