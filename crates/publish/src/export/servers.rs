//! Web servers of one's own.

use std::fmt::Write as _;

use super::{Site, TreeFile};

pub(super) const NGINX_STEPS: &str = "# MTA-STS policies on nginx

1. Get a certificate for `mta-sts.` and each domain, for instance with `certbot certonly --webroot -w \
/var/www/letsencrypt -d mta-sts.example.com`. `mta-sts.conf` looks for it where certbot puts it.
2. Copy this folder to `/srv/mta-sts`, and `mta-sts.conf` into `/etc/nginx/conf.d/`. Another place \
means another `root` in each server of it.
3. `nginx -t`, then `systemctl reload nginx`.
";

/// One server for each domain: a certificate belongs to one name.
pub(super) fn nginx(sites: &[Site]) -> Vec<TreeFile> {
    let mut files: Vec<TreeFile> = sites.iter().map(Site::policy_file).collect();
    let mut text = String::from(
        "# MTA-STS policies: nothing else is served, and nothing is redirected (RFC 8461 §3.3).\n",
    );
    for site in sites {
        let (host, domain) = (site.host(), &site.domain);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\nserver {{\n    \
                 listen 443 ssl;\n    \
                 listen [::]:443 ssl;\n    \
                 server_name {host};\n    \
                 ssl_certificate /etc/letsencrypt/live/{host}/fullchain.pem;\n    \
                 ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;\n    \
                 ssl_protocols TLSv1.2 TLSv1.3;\n    \
                 root /srv/mta-sts/{domain};\n    \
                 location = /.well-known/mta-sts.txt {{\n        \
                     types {{}}\n        \
                     default_type \"text/plain; charset=us-ascii\";\n    \
                 }}\n    \
                 location / {{\n        \
                     return 404;\n    \
                 }}\n\
             }}\n",
        );
    }
    files.push(TreeFile { path: "mta-sts.conf".to_owned(), contents: text });
    files
}

pub(super) const CADDY_STEPS: &str = "# MTA-STS policies on Caddy

1. Copy this folder to `/srv/mta-sts`, and add `import /srv/mta-sts/Caddyfile` to your Caddyfile. \
Another place means another `root` in each site of it.
2. `caddy validate --config /etc/caddy/Caddyfile`, then `systemctl reload caddy`. Caddy gets the \
certificates by itself as soon as `mta-sts.` and the domain point to it.
";

pub(super) fn caddy(sites: &[Site]) -> Vec<TreeFile> {
    let mut files: Vec<TreeFile> = sites.iter().map(Site::policy_file).collect();
    let mut text = String::new();
    for site in sites {
        let _ = write!(
            text,
            "{} {{\n\
             \troot * /srv/mta-sts/{}\n\
             \t@policy path /.well-known/mta-sts.txt\n\
             \thandle @policy {{\n\
             \t\theader Content-Type \"text/plain; charset=us-ascii\"\n\
             \t\tfile_server\n\
             \t}}\n\
             \thandle {{\n\
             \t\trespond 404\n\
             \t}}\n\
             }}\n\n",
            site.host(),
            site.domain,
        );
    }
    files.push(TreeFile { path: "Caddyfile".to_owned(), contents: text });
    files
}
