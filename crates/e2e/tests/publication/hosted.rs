//! What is exported for web space of others, served by what runs there: Jekyll, as GitHub Pages
//! builds with; wrangler, as Cloudflare Pages runs; and a server of S3. Their networks end TLS in
//! front of them; here an nginx does.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use sealpost_e2e::{Server, Signal, hosted_tools};

use crate::owner::Owner;

/// Where the web space is behind nginx.
const PLACE: &str = "http://127.0.0.1:8470";

/// A server of web space. It is ended, with all that it started, when dropped.
struct WebSpace(Child);

impl Owner {
    /// Runs a command line of this machine among the servers, with the tools for web space.
    fn shell(&self, script: &str) -> String {
        let output = self.environment.run(Path::new("/bin/sh"), ["-c", &self.with_tools(script)]);
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}{errors}");
        said
    }

    /// Starts a server by a command line, and waits until it answers.
    fn web_space(&self, script: &str) -> WebSpace {
        let log = self.path("log/web-space").display().to_string();
        let script = self.with_tools(&format!("exec {script} >{log} 2>&1"));
        let started = self.environment.spawn(Path::new("/bin/sh"), ["-c", &script]).unwrap();
        let space = WebSpace(started);
        for _ in 0..400 {
            let arguments = ["-s", "-o", "/dev/null", PLACE];
            let asked = self.environment.run_inside("curl", &arguments).unwrap();
            if asked.status.success() {
                return space;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{script}: {}", fs_err::read_to_string(log).unwrap());
    }

    fn with_tools(&self, script: &str) -> String {
        let tools = hosted_tools().unwrap().display().to_string();
        format!(
            "cd '{}' && export HOME=\"$PWD\" PYTHONPATH='{tools}/python' CI=1 \
             PATH='{tools}/python/bin:{tools}/node_modules/.bin':\"$PATH\" && {script}",
            self.environment.directory().display()
        )
    }

    /// Puts an nginx with the certificate of the policy host in front of what is served there.
    fn put_in_front(&self, of: &str) {
        let pem = "/e2e/certificates/mta-sts.spare.test.pem";
        let text = format!(
            "daemon off;\npid /run/exported-nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
             access_log off;\nserver {{\nlisten 443 ssl;\nlisten [::]:443 ssl;\n\
             server_name mta-sts.spare.test;\nssl_certificate {pem};\nssl_certificate_key {pem};\n\
             location = /.well-known/mta-sts.txt {{ proxy_pass \"{of}\"; }}\n}}\n}}\n"
        );
        fs_err::write(self.path("exported-nginx.conf"), text).unwrap();
        self.environment.signal(Server::Nginx, Signal::Terminate).unwrap();
        self.environment.start_again(&[Server::ExportedNginx]).unwrap();
    }
}

impl Drop for WebSpace {
    fn drop(&mut self) {
        // The child is `timeout`, which passes it on to all; an error means that they have ended.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "./test --full runs it: it needs crates/e2e/setup-hosted"]
fn jekyll_builds_and_serves_what_is_exported_for_github_pages() {
    let owner = Owner::start("autonomy = \"auto\"");
    owner.export("github-pages");
    let site = "jekyll serve --source export/spare.test --destination built --host 127.0.0.1 \
                --port 8470 --no-watch --disable-disk-cache";
    let _space = owner.web_space(site);
    assert!(owner.path("built/.well-known/mta-sts.txt").exists());
    owner.put_in_front(&format!("{PLACE}/.well-known/mta-sts.txt"));
    owner.passes("ca.pem", Server::ExportedNginx, "text/plain");
}

#[test]
#[ignore = "./test --full runs it: it needs crates/e2e/setup-hosted"]
fn wrangler_serves_what_is_exported_for_cloudflare_pages() {
    let owner = Owner::start("autonomy = \"auto\"");
    owner.export("cloudflare-pages");
    let site = "wrangler pages dev export/spare.test --ip 127.0.0.1 --port 8470 \
                --compatibility-date 2026-01-01";
    let _space = owner.web_space(site);
    owner.put_in_front(&format!("{PLACE}/.well-known/mta-sts.txt"));
    owner.passes("ca.pem", Server::ExportedNginx, "text/plain; charset=us-ascii");
}

#[test]
#[ignore = "./test --full runs it: it needs crates/e2e/setup-hosted"]
fn the_steps_for_s3_put_the_policy_into_a_bucket() {
    let owner = Owner::start("autonomy = \"auto\"");
    owner.export("s3-cloudfront");
    let _space = owner.web_space("moto_server --host 127.0.0.1 --port 8470");
    let steps = format!(
        "export AWS_ENDPOINT_URL={PLACE} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \
         AWS_DEFAULT_REGION=us-east-1 BUCKETS=e2e && cd export && sh upload.sh && sh upload.sh && \
         bucket=$(aws s3api list-buckets --query 'Buckets[].Name' --output text) && \
         aws s3 presign \"s3://$bucket/.well-known/mta-sts.txt\""
    );
    let said = owner.shell(&steps);
    // The bucket is private; CloudFront may look into it, as who has this URL may.
    let signed = said.lines().last().unwrap();
    let (plain, _) = signed.split_once('?').unwrap();
    let asked = owner.environment.run_inside("curl", &["-sf", plain]).unwrap();
    assert!(!asked.status.success(), "{plain} is open to all");
    owner.put_in_front(signed);
    owner.passes("ca.pem", Server::ExportedNginx, "text/plain; charset=us-ascii");
}
