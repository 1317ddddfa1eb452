//! Certificates, policies and configurations.

use std::{fmt::Write as _, fs, io, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

/// Writes everything for so many domains.
pub fn make(folder: &str, count: usize) -> io::Result<()> {
    let folder = Path::new(folder);
    let other = |error: rcgen::Error| io::Error::other(error.to_string());
    let key = KeyPair::generate().map_err(other)?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    let root = params.self_signed(&key).map_err(other)?.pem();
    let issuer = Issuer::new(params, key);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("roots.pem"), root)?;

    let mut ours = format!(
        "[network]\nresolvers = [\"127.0.0.1:8453\"]\ndnssec = \"off\"\n[publish]\nstore = \"store.sqlite\"\n\
         [publish.host]\nhttps = [\"127.0.0.1:8443\"]\ncertificates = \"live\"\n\
         connections = 25000\nconnections_per_source = 25000\nidle_seconds = 600\n"
    );
    let hash = (count * 64).max(512).next_power_of_two();
    let mut theirs = format!(
        "daemon off;\nuser root;\nworker_processes 1;\npid {0}/nginx.pid;\n\
         error_log {0}/nginx.log error;\nevents {{ worker_connections 25000; }}\nhttp {{\n\
         access_log off;\nclient_body_temp_path {0}/tmp;\nproxy_temp_path {0}/tmp;\n\
         fastcgi_temp_path {0}/tmp;\nuwsgi_temp_path {0}/tmp;\nscgi_temp_path {0}/tmp;\n\
         default_type \"text/plain; charset=us-ascii\";\nkeepalive_timeout 600;\n\
         keepalive_requests 1000000;\nserver_names_hash_max_size {hash};\n\
         server_names_hash_bucket_size 128;\nssl_protocols TLSv1.2 TLSv1.3;\n\
         ssl_session_tickets off;\nssl_session_cache off;\n",
        folder.display()
    );
    for number in 0..count {
        let host = format!("mta-sts.d{number}.test");
        let key = KeyPair::generate().map_err(other)?;
        let mut params = CertificateParams::new([host.clone()]).map_err(other)?;
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2099, 1, 1);
        let leaf = params.signed_by(&key, &issuer).map_err(other)?;
        let live = folder.join("live").join(&host);
        fs::create_dir_all(&live)?;
        fs::write(live.join("fullchain.pem"), leaf.pem())?;
        fs::write(live.join("privkey.pem"), key.serialize_pem())?;
        let www = folder.join("www").join(&host).join(".well-known");
        fs::create_dir_all(&www)?;
        let policy = format!(
            "version: STSv1\r\nmode: enforce\r\nmx: mx.d{number}.test\r\nmax_age: 604800\r\n"
        );
        fs::write(www.join("mta-sts.txt"), policy)?;
        let write = writeln!(
            ours,
            "[publish.domains.\"d{number}.test\"]\nhost = \"own\"\nmode = \"enforce\"\nmx = [\"mx.d{number}.test\"]"
        );
        write.map_err(io::Error::other)?;
        let write = writeln!(
            theirs,
            "server {{ listen 127.0.0.1:8444 ssl; server_name {host}; root {}; \
             ssl_certificate {1}/fullchain.pem; ssl_certificate_key {1}/privkey.pem; }}",
            folder.join("www").join(&host).display(),
            live.display()
        );
        write.map_err(io::Error::other)?;
    }
    theirs.push_str("}\n");
    // What is long is read from a folder.
    let (head, domains) = ours.split_at(ours.find("[publish.domains").unwrap_or(ours.len()));
    fs::create_dir_all(folder.join("domains"))?;
    let domains = domains.replace("[publish.domains.", "[domains.");
    fs::write(folder.join("domains").join("all.toml"), domains)?;
    let head = head.replace("[publish]\n", "[publish]\ndirectory = \"domains\"\n");
    fs::write(folder.join("sealpost.toml"), head)?;
    fs::write(folder.join("nginx.conf"), theirs)
}
