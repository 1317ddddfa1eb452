//! The configuration of nginx, the environment's policy hosts.

use std::net::{IpAddr, SocketAddr};

use crate::world::Site;
use crate::{PolicyReply, World};

/// `nginx.conf`: one HTTPS server for each policy host.
pub(crate) fn configuration(world: &World) -> String {
    let servers: String = world.sites().map(|site| server(&site)).collect();
    format!(
        "daemon off;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr notice;
events {{
    worker_connections 256;
}}
http {{
    access_log off;
    default_type text/plain;
    server_names_hash_bucket_size 128;
    ssl_protocols TLSv1.2 TLSv1.3;
{servers}}}
"
    )
}

fn server(site: &Site<'_>) -> String {
    let name = site.policy_host_name();
    let listen: String = site
        .policy_host_addresses()
        .into_iter()
        .map(|address: IpAddr| format!("        listen {} ssl;\n", SocketAddr::new(address, 443)))
        .collect();
    let answer = match site.domain.policy_host.reply {
        PolicyReply::Policy => format!("root /e2e/www/{};", site.domain.name),
        PolicyReply::Redirect => {
            format!("return 301 https://www.{}$request_uri;", site.domain.name)
        }
    };
    format!(
        "    server {{
{listen}        server_name {name};
        ssl_certificate /e2e/certificates/{name}.pem;
        ssl_certificate_key /e2e/certificates/{name}.pem;
        location / {{
            {answer}
        }}
    }}
"
    )
}
