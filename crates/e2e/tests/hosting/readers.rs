//! What is served is read: by curl, by `sealpost check`, by postfix-mta-sts-resolver, by a Postfix that
//! asks `sealpost enforce`, and through nginx.

use sealpost_e2e::{Hosting, System, sealpost_binary};

use crate::DOMAIN;

/// As the documentation has it.
const PROXY: &str = "
    server {
        listen 127.0.0.82:443 ssl;
        server_name mta-sts.proxied.test;
        ssl_certificate /e2e/certificates/mta-sts.proxied.test.pem;
        ssl_certificate_key /e2e/certificates/mta-sts.proxied.test.pem;
        location = /.well-known/mta-sts.txt {
            proxy_pass http://127.0.0.1:8460;
            proxy_set_header Host $host;
        }
    }
";

const CONFIGURATION: &str = "
[publish]
store = \"readers.sqlite\"
[publish.host]
https = [\"127.0.0.80:443\"]
proxied = [\"127.0.0.1:8460\"]
health = [\"127.0.0.1:8462\"]
certificates = \"live\"
[publish.domains.\"example.test\"]
host = \"own\"
mode = \"enforce\"
mx = [\"mx.example.test\"]
[publish.domains.\"proxied.test\"]
host = \"own\"
mode = \"testing\"
mx = [\"mx.proxied.test\"]
[publish.domains.\"elsewhere.test\"]
mode = \"testing\"
mx = [\"mx.elsewhere.test\"]
";

#[test]
fn clients_of_others_and_our_own_read_what_is_served() {
    let hosting = Hosting::start(86_400, PROXY).unwrap();
    let live = hosting.environment().directory().join("live");
    for host in ["mta-sts.example.test", "mta-sts.elsewhere.test"] {
        hosting.certificate(&live, host).unwrap();
    }
    let txt = |domain: &str| {
        let json =
            format!("{{\"host\": \"_mta-sts.{domain}.\", \"value\": \"v=STSv1; id=20260101;\"}}");
        hosting.tell_names("set-txt", &json).unwrap();
    };
    let configuration = hosting.configuration("readers.toml", CONFIGURATION).unwrap();
    let daemon = hosting.serve(&configuration, &[]).unwrap();
    // Not before: with an id that is not ours, the domain would be another's.
    txt(DOMAIN);
    let url = "https://mta-sts.example.test/.well-known/mta-sts.txt";
    let body = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.test\r\nmax_age: 604800\r\n";

    let curl = |arguments: &[&str]| {
        let fixed = ["--cacert", "/e2e/ca.pem"];
        let all: Vec<&str> = fixed.into_iter().chain(arguments.iter().copied()).collect();
        hosting.curl(&all).map(|octets| String::from_utf8(octets).unwrap())
    };
    for version in ["--http1.1", "--http2"] {
        assert_eq!(curl(&[version, url]).unwrap(), body);
        let head = curl(&[version, "--head", url]).unwrap().to_lowercase();
        assert!(head.contains("content-type: text/plain; charset=us-ascii\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        let used = curl(&[version, "--output", "/dev/null", "--write-out", "%{http_version}", url]);
        assert_eq!(used.unwrap(), version.trim_start_matches("--http"));
        for path in ["/", "/.well-known/", "/.well-known/mta-sts.txt/", "/.well-known/MTA-STS.txt"]
        {
            let error = curl(&[version, &format!("https://mta-sts.example.test{path}")]);
            assert!(error.unwrap_err().to_string().contains("404"), "{path}");
        }
        let error = curl(&[version, "--data", "x", url]).unwrap_err().to_string();
        assert!(error.contains("404") || error.contains("413"), "{error}");
        // The name of the handshake and that of the request must be one.
        let error = curl(&[version, "--header", "Host: mta-sts.proxied.test", url]);
        assert!(error.unwrap_err().to_string().contains("404"));
    }
    // Plain HTTP, a name that is not ours, and one that others host.
    for url in [
        "http://mta-sts.example.test/.well-known/mta-sts.txt",
        "https://mta-sts.absent.test/.well-known/mta-sts.txt",
        "https://mta-sts.elsewhere.test/.well-known/mta-sts.txt",
        "https://example.test/.well-known/mta-sts.txt",
    ] {
        assert!(curl(&[url]).is_err(), "{url}");
    }

    // Through nginx.
    let json = "{\"host\": \"mta-sts.proxied.test\", \"addresses\": [\"127.0.0.82\"]}";
    hosting.tell_names("add-a", json).unwrap();
    let proxied = curl(&["https://mta-sts.proxied.test/.well-known/mta-sts.txt"]).unwrap();
    assert_eq!(
        proxied,
        "version: STSv1\r\nmode: testing\r\nmx: mx.proxied.test\r\nmax_age: 86400\r\n"
    );

    // Through Caddy.
    through_caddy(&hosting, &proxied);

    let settings = configuration_of_network(&hosting);
    let arguments = ["check", "--network", &settings, "--only", "sts", "--format", "json", DOMAIN];
    let checked = hosting.environment().run(&sealpost_binary().unwrap(), arguments).unwrap();
    let checked = String::from_utf8(checked.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(&checked).unwrap();
    let errors = report["findings"].as_array().unwrap().iter();
    let errors: Vec<_> = errors.filter(|finding| finding["severity"] == "error").collect();
    assert!(errors.is_empty(), "{errors:?}");

    let queried = hosting.environment().run_in(
        System::Bookworm,
        "env",
        &["PYTHONPATH=/opt/peer", "python3", "-m", "postfix_mta_sts_resolver", DOMAIN],
    );
    let queried = queried.unwrap();
    let said = String::from_utf8_lossy(&queried.stdout).into_owned()
        + &String::from_utf8_lossy(&queried.stderr);
    assert!(said.contains("VALID") && said.contains("mx.example.test"), "{said}");

    // Our own, as Postfix asks it.
    let text = "[enforce]\nlisten = [\"127.0.0.1:8461\"]\nstore = \"enforce.sqlite\"\n\
                default_level = \"may\"\n";
    let senders = hosting.configuration("enforce.toml", text).unwrap();
    let enforcer = hosting.start_daemon(&["enforce"], &senders, &[]).unwrap();
    let postfix = hosting.environment().directory().join("postfix");
    fs_err::create_dir(&postfix).unwrap();
    fs_err::write(postfix.join("main.cf"), "compatibility_level = 3.6\n").unwrap();
    let ask = |domain: &str| {
        let table = "socketmap:inet:127.0.0.1:8461:postfix";
        let arguments = ["-c", "/e2e/postfix", "-q", domain, table];
        let answer = hosting.environment().run_inside("postmap", &arguments).unwrap();
        String::from_utf8(answer.stdout).unwrap() + &String::from_utf8_lossy(&answer.stderr)
    };
    let answer = ask(DOMAIN);
    assert!(answer.starts_with("secure match=mx.example.test servername=hostname "), "{answer}");
    for line in body.lines() {
        assert!(answer.contains(&format!("{{ policy_string = {line} }}")), "{line}: {answer}");
    }
    assert_eq!(ask("elsewhere.test"), "", "nothing announces a policy");
    drop(enforcer);

    let health = hosting.curl(&["http://127.0.0.1:8462/health"]).unwrap();
    assert_eq!(health, b"ok\n");
    let metrics = String::from_utf8(hosting.curl(&["http://127.0.0.1:8462/metrics"]).unwrap());
    assert!(metrics.unwrap().contains("sealpost_publish_policies 2"));
    drop(daemon);
}

/// By the lines of the documentation, but for the name and an address of its own.
fn through_caddy(hosting: &Hosting, body: &str) {
    let page = include_str!("../../../../doc/how-to/host-policies.md");
    let (_, lines) = page.split_once("```caddy\n").unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    let lines = lines.replace("example.com", "proxied.test");
    let lines = lines.replacen(" {\n", " {\n\tbind 127.0.0.83\n", 1);
    // There is no authority for it but its own.
    let options = "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\t\
                   auto_https disable_redirects\n}\n";
    let directory = hosting.environment().directory();
    fs_err::write(directory.join("Caddyfile"), format!("{options}{lines}")).unwrap();
    let start = "XDG_DATA_HOME=/e2e/caddy XDG_CONFIG_HOME=/e2e/caddy caddy start \
                 --adapter caddyfile --config /e2e/Caddyfile >/e2e/caddy.log 2>&1 </dev/null";
    let started = hosting.environment().run_inside("sh", &["-c", start]).unwrap();
    let said = || fs_err::read_to_string(directory.join("caddy.log")).unwrap();
    assert!(started.status.success(), "{}", said());
    let root = "/e2e/caddy/caddy/pki/authorities/local/root.crt";
    let at = "mta-sts.proxied.test:443:127.0.0.83";
    let url = "https://mta-sts.proxied.test/.well-known/mta-sts.txt";
    let mut tried = 0;
    // It gets its certificate after the start.
    let read = loop {
        match hosting.curl(&["--cacert", root, "--resolve", at, url]) {
            Ok(read) => break read,
            Err(error) => assert!(tried < 100, "{error}: {}", said()),
        }
        tried += 1;
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert_eq!(String::from_utf8(read).unwrap(), body);
}

fn configuration_of_network(hosting: &Hosting) -> String {
    let path = hosting.environment().directory().join("network-only.toml");
    let text = "resolvers = [\"127.0.0.53:53\"]\ndnssec = \"off\"\n\
                allowed_networks = [\"127.0.0.0/8\"]\ntrust_roots = \"ca.pem\"\n";
    fs_err::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}
