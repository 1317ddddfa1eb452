//! A store that a newer sealpost has written.

use crate::daemon::{Daemon, World};

/// Where SQLite keeps `user_version`, which is the number of the schema: four octets, the largest
/// first (<https://www.sqlite.org/fileformat.html#user_version>).
const VERSION: std::ops::Range<usize> = 60..64;

#[test]
fn an_older_binary_refuses_it_and_leaves_it_untouched() {
    for file in ["all.sqlite", "all.sqlite.raw.db"] {
        let world = World::new();
        world.write("[enforce]\nlisten = [\"127.0.0.1:0\"]\n[receive]\nlisten = { smtp = [\"127.0.0.1:0\"], lmtp = [] }\n");
        assert!(Daemon::start(&world, &[]).terminate().0.success());

        let path = world.path(file);
        let mut octets = fs_err::read(&path).unwrap();
        let version = octets.get_mut(VERSION).unwrap();
        assert!(version[2] == 0 && version[3] > 0, "a number that is small: {version:?}");
        version.copy_from_slice(&9_999_u32.to_be_bytes());
        fs_err::write(&path, &octets).unwrap();
        let names = || {
            let folder = path.parent().unwrap();
            let entries = fs_err::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = names();

        let said = match file {
            "all.sqlite" => {
                let (status, said) = world.run_to_its_end(&[]);
                assert_eq!(status, 2, "{said}");
                said
            }
            // Who does not need it runs.
            _ => {
                let daemon = Daemon::start(&world, &[]);
                let waits = "enforce: runs\nreceive: has failed and is tried again\n\
                             pages: cannot be opened in full and are tried again\n";
                assert_eq!(daemon.get("/readyz"), (503, waits.to_owned()));
                daemon.terminate().1
            }
        };
        assert!(said.contains("its schema is 9999, this version knows up to "), "{said}");
        assert!(fs_err::read(&path).unwrap() == octets, "{file} is as it was");
        assert_eq!(names(), before, "and nothing lies beside it");
    }
}
