//! A `sealpost receive` in the network of an environment.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sealpost_e2e::{Environment, sealpost_binary, when_ready};
use serde_json::Value;

/// The daemon, and the store that outlives it.
pub(crate) struct Receive<'a> {
    environment: &'a Environment,
    child: Child,
}

impl<'a> Receive<'a> {
    /// Starts it with its doors of mail where they are by default, and one for posts. `host` is an
    /// MX host of the world whose certificate it shows; `lines` stand in `[receive]` and below.
    pub(crate) fn start(
        environment: &'a Environment,
        host: &str,
        https: &str,
        lines: &str,
    ) -> Self {
        let folder = environment.directory();
        let text = format!(
            "[network]\nresolvers = [\"127.70.0.53:53\"]\n[receive]\nstore = \"{}\"\n\
             http = [\"127.0.0.1:8466\"]\ncertificate = \"{1}\"\nkey = \"{1}\"\n\
             listen = {{ https = [\"{https}\"] }}\n{lines}\n",
            folder.join("reports.sqlite").display(),
            folder.join(format!("certificates/{host}.pem")).display(),
        );
        let configuration = folder.join("receive.toml");
        fs_err::write(&configuration, text).unwrap();
        let configuration = configuration.to_string_lossy();
        let arguments = ["receive", "--config", &*configuration];
        let child = environment.spawn(&sealpost_binary().unwrap(), arguments).unwrap();
        let child = when_ready(child).unwrap();
        Self { environment, child }
    }

    /// What `/metrics` says.
    pub(crate) fn metrics(&self) -> String {
        let url = "http://127.0.0.1:8466/metrics";
        let output = self.environment.run_inside("curl", &["-sS", url]).unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The value of a metric; 0 before it is first counted.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = self.metrics();
        let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        let found = lines.find(|(found, _)| *found == name);
        found.map_or(0, |(_, value)| value.parse().unwrap())
    }

    /// Waits until a metric has come to a value.
    pub(crate) fn comes_to(&self, name: &str, value: u64) {
        wait(|| (self.metric(name) >= value).then_some(()), || self.metrics());
        assert_eq!(self.metric(name), value, "{name}");
    }

    /// What `receive summary` says of what is in the store.
    pub(crate) fn summary(&self, arguments: &[&str]) -> Value {
        summary(&self.environment.directory().join("reports.sqlite"), arguments)
    }
}

impl Drop for Receive<'_> {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Ends a program that was started in an environment: what is between us and it passes this on.
pub(crate) fn stop(child: &mut Child) {
    // It fails only if it has ended.
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
}

/// What `receive summary` says of what is in a store.
pub(crate) fn summary(store: &PathBuf, arguments: &[&str]) -> Value {
    let output = Command::new(sealpost_binary().unwrap())
        .args(["receive", "summary", "--format", "json", "--store"])
        .arg(store)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What `receive show` says of a report.
pub(crate) fn show(report: &str) -> Value {
    let mut child = Command::new(sealpost_binary().unwrap())
        .args(["receive", "show", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(report.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Looks until there is something, at most half a minute.
pub(crate) fn wait<T>(look: impl Fn() -> Option<T>, otherwise: impl FnOnce() -> String) -> T {
    for _ in 0..300 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("it did not come: {}", otherwise());
}
