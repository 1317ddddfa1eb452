//! Every migration and every statement is put to a real PostgreSQL.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::Duration,
};

use tempfile::TempDir;

use crate::{schema, statement};

/// The oldest PostgreSQL that we care for: Debian 12's.
const OLDEST: u32 = 15;
/// The system's user without rights: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;

/// A server on a socket file in a folder of its own; both go with it.
struct Postgres {
    server: Child,
    binaries: PathBuf,
    folder: TempDir,
}

impl Postgres {
    fn start() -> Self {
        let binaries = binaries();
        let folder = tempfile::tempdir().unwrap();
        if is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let made = unprivileged(&binaries.join("initdb"))
            .args(["--auth=trust", "--username=test", "--encoding=UTF8", "--no-locale"])
            .args(["--no-sync", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        succeeded(&made, "initdb");
        let server = unprivileged(&binaries.join("postgres"))
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(folder.path())
            .arg("-D")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(fs_err::File::create(folder.path().join("log")).unwrap().into_parts().0)
            .spawn()
            .unwrap();
        let postgres = Self { server, binaries, folder };
        for _ in 0..200 {
            if postgres.run("SELECT 1").status.success() {
                return postgres;
            }
            sleep(Duration::from_millis(50));
        }
        let log = fs_err::read_to_string(postgres.folder.path().join("log")).unwrap();
        panic!("PostgreSQL does not answer; its log:\n{log}");
    }

    /// Runs SQL in one session, up to the first error.
    fn run(&self, sql: &str) -> Output {
        Command::new(self.binaries.join("psql"))
            .args(["--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-U", "test", "-h"])
            .arg(self.folder.path())
            .args(["-d", "postgres", "-At", "-c", sql])
            .env_remove("PGOPTIONS")
            .env_remove("PGSERVICE")
            .output()
            .unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // It lets its helpers go and removes its shared memory; a kill would not.
        let stop = unprivileged(&self.binaries.join("pg_ctl"))
            .args(["stop", "-m", "immediate", "-w", "-D"])
            .arg(self.folder.path().join("data"))
            .output();
        if stop.is_err() {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// Where the server's programs are.
fn binaries() -> PathBuf {
    let folder = Path::new("/usr/lib/postgresql");
    let versions = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let version = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|&version| {
            let server = folder.join(version.to_string()).join("bin/postgres");
            version >= OLDEST && fs_err::metadata(server).is_ok()
        })
        .min();
    let version = version.unwrap_or_else(|| {
        panic!("PostgreSQL {OLDEST} or later is not installed: apt-get install postgresql")
    });
    folder.join(version.to_string()).join("bin")
}

/// A command that runs without root's rights, and ends when the test does.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
        command.args(user).arg("--clear-groups");
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program).current_dir("/").env("LC_ALL", "C");
    command
}

fn is_root() -> bool {
    fs_err::metadata("/proc/self").unwrap().uid() == 0
}

fn succeeded(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {said}");
}

#[test]
fn postgresql_takes_every_migration_and_every_statement() {
    let postgres = Postgres::start();
    // PostgreSQL has one database for both files.
    let migrations = schema::STORE.migrations.iter().chain(schema::RAW.migrations);
    for (number, migration) in (1..).zip(migrations) {
        succeeded(&postgres.run(migration), &format!("migration {number}"));
    }
    let mut count = 0;
    for (name, sql) in statement::all().chain(statement::all_raw()) {
        let prepared = postgres.run(&format!("PREPARE statement AS {sql}"));
        succeeded(&prepared, &format!("{name}: {sql}"));
        count += 1;
    }
    assert_ne!(count, 0);
    let only_sqlite = postgres.run("PREPARE statement AS SELECT rowid FROM policies");
    assert!(!only_sqlite.status.success(), "this test cannot fail");
}

/// The rules of a save that are written in SQL hold there as well.
#[test]
fn postgresql_keeps_a_policy_that_a_save_does_not_give() {
    let postgres = Postgres::start();
    for migration in schema::STORE.migrations {
        succeeded(&postgres.run(migration), "migration");
    }
    let save = crate::policies::sql::SAVE;
    let load = crate::policies::sql::LOAD;
    let output = postgres.run(&format!(
        "PREPARE save AS {save}; PREPARE load AS {load};
         EXECUTE save('example.com', 'a1', 'text', 7, 'b2', 'sts-webpki-invalid', 3, 9, 50);
         EXECUTE save('example.com', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 40);
         EXECUTE load('example.com')"
    ));
    succeeded(&output, "the session");
    let row = String::from_utf8(output.stdout).unwrap();
    assert_eq!(row.trim(), "example.com|a1|\\x74657874|7|||||50");
}

/// A lease is taken in one statement, which holds there as well.
#[test]
fn postgresql_gives_a_host_into_one_hand() {
    let postgres = Postgres::start();
    for migration in schema::STORE.migrations {
        succeeded(&postgres.run(migration), "migration");
    }
    let (take, free) = (crate::certificates::sql::LEASE, crate::certificates::sql::RELEASE);
    let lease = |holder: &str, now: i64| {
        let (until, latest) = (now + 15, now + 75);
        let output = postgres.run(&format!(
            "PREPARE lease AS {take};
             EXECUTE lease('mta-sts.example.com', '{holder}', {until}, {now}, {latest})"
        ));
        succeeded(&output, "the session");
        !output.stdout.is_empty()
    };
    assert!(lease("one", 100) && !lease("two", 100) && lease("one", 110), "it stays in a hand");
    assert!(!lease("two", 124) && lease("two", 125) && !lease("one", 125), "it is over");
    assert!(!lease("one", 65) && lease("one", 64), "that clock was ahead");
    let release = |holder: &str| {
        let output = postgres.run(&format!(
            "PREPARE release AS {free}; EXECUTE release('mta-sts.example.com', '{holder}')"
        ));
        succeeded(&output, "the session");
    };
    release("two");
    assert!(!lease("two", 65));
    release("one");
    assert!(lease("two", 65));
    // Many sessions at once.
    let taken = std::thread::scope(|scope| {
        let lease = &lease;
        let others: Vec<_> = (0..8)
            .map(|number| scope.spawn(move || lease(&format!("other {number}"), 1_000)))
            .collect();
        others.into_iter().map(|one| one.join().unwrap()).filter(|is_taken| *is_taken).count()
    });
    assert_eq!(taken, 1);
}
