//! What is exported for web servers, served by them as its steps say.

use sealpost_e2e::{Server, Signal, sealpost_binary};

use crate::owner::Owner;

/// The domain has a record already, and a policy that it fits.
const CONFIGURATION: &str = "[publish.domains.\"spare.test\"]
mode = \"enforce\"
max_age = 604800
mx = [\"mx1.spare.test\"]
";

/// What our own web servers call a policy.
const MEDIA_TYPE: &str = "text/plain; charset=us-ascii";

impl Owner {
    pub(crate) fn export(&self, place: &str) {
        fs_err::write(self.path("export.toml"), CONFIGURATION).unwrap();
        let folder = self.path("export");
        if folder.exists() {
            fs_err::remove_dir_all(&folder).unwrap();
        }
        let folder = folder.display().to_string();
        let arguments = ["export", "--for", place, "--output", &folder];
        let (said, status) = self.run_at(0, &arguments, "export.toml");
        assert_eq!(status, Some(0), "{said}");
    }

    /// The check that the steps of the export name, with the authority of the web server.
    pub(crate) fn passes(&self, trust_roots: &str, server: Server, media_type: &str) {
        let settings = self.environment.settings_file().display().to_string();
        let roots = self.path(trust_roots).display().to_string();
        let mut arguments = vec!["check", "--network", &settings, "--only", "sts"];
        arguments.extend(["--trust-roots", &roots, "spare.test"]);
        let output = self.environment.run(&sealpost_binary().unwrap(), &arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let log = self.environment.log(server).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}\n{log}");
        let url = "https://mta-sts.spare.test/.well-known/mta-sts.txt";
        let roots = format!("/e2e/{trust_roots}");
        let arguments = ["-sS", "-i", "--cacert", &roots, url];
        let output = self.environment.run_inside("curl", &arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stdout).to_ascii_lowercase();
        assert!(said.contains(&format!("content-type: {media_type}")), "{said}\n{log}");
        assert!(!said.contains("location:"), "{said}");
    }
}

#[test]
fn nginx_and_caddy_serve_what_is_exported_for_them() {
    let owner = Owner::start("autonomy = \"auto\"");
    fs_err::write(
        owner.path("exported-nginx.conf"),
        "daemon off;\npid /run/exported-nginx.pid;\nerror_log stderr;\nevents {}\n\
         http {\n    access_log off;\n    include /srv/mta-sts/mta-sts.conf;\n}\n",
    )
    .unwrap();
    fs_err::write(
        owner.path("Caddyfile"),
        "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n}\nimport /srv/mta-sts/Caddyfile\n",
    )
    .unwrap();
    owner.export("nginx");
    owner.environment.signal(Server::Nginx, Signal::Terminate).unwrap();
    owner.environment.start_again(&[Server::ExportedNginx]).unwrap();
    owner.passes("ca.pem", Server::ExportedNginx, MEDIA_TYPE);

    owner.export("caddy");
    owner.environment.signal(Server::ExportedNginx, Signal::Terminate).unwrap();
    owner.environment.start_again(&[Server::Caddy]).unwrap();
    let root = owner.path("caddy/caddy/pki/authorities/local/root.crt");
    for _ in 0..100 {
        if root.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    owner.passes("caddy/caddy/pki/authorities/local/root.crt", Server::Caddy, MEDIA_TYPE);
}
