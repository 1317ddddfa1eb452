//! Files for web servers of others: a static tree, the steps that put it there, and the check that
//! proves it works.
//!
//! Whatever serves a policy has to do the same (RFC 8461 §3.2, §3.3): HTTPS with a certificate for
//! `mta-sts.` and the domain, status 200 without a redirect, media type `text/plain`.

use mail_domain::DomainName;
use mta_sts::Policy;

mod hosted;
mod servers;

/// Where the files are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An nginx of one's own.
    Nginx,
    /// A Caddy of one's own, which gets its certificates by itself.
    Caddy,
    /// GitHub Pages: a repository for each domain.
    GitHubPages,
    /// Cloudflare Pages: a project for each domain.
    CloudflarePages,
    /// Amazon S3 behind CloudFront: a bucket and a distribution for each domain.
    S3CloudFront,
}

/// A policy to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The policy domain.
    pub domain: DomainName,
    /// What is served.
    pub policy: Policy,
}

/// A file of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path below the tree, with `/`. Made of validated names only.
    pub path: String,
    /// What is in it.
    pub contents: String,
}

/// Writes out the tree: policies, the server's configuration, and `STEPS.md`.
pub fn tree(place: Place, sites: &[Site]) -> Vec<TreeFile> {
    let mut files = match place {
        Place::Nginx => servers::nginx(sites),
        Place::Caddy => servers::caddy(sites),
        Place::GitHubPages => hosted::github_pages(sites),
        Place::CloudflarePages => hosted::cloudflare_pages(sites),
        Place::S3CloudFront => hosted::s3_cloudfront(sites),
    };
    files.push(TreeFile { path: "STEPS.md".to_owned(), contents: steps(place, sites) });
    files
}

impl Site {
    /// `mta-sts.` and the domain.
    fn host(&self) -> String {
        format!("mta-sts.{}", self.domain)
    }

    /// The policy, in a folder named after the domain.
    fn policy_file(&self) -> TreeFile {
        let path = format!("{}/.well-known/mta-sts.txt", self.domain);
        TreeFile { path, contents: self.policy.to_string() }
    }
}

fn steps(place: Place, sites: &[Site]) -> String {
    let text = match place {
        Place::Nginx => servers::NGINX_STEPS,
        Place::Caddy => servers::CADDY_STEPS,
        Place::GitHubPages => hosted::GITHUB_STEPS,
        Place::CloudflarePages => hosted::CLOUDFLARE_STEPS,
        Place::S3CloudFront => hosted::S3_STEPS,
    };
    let mut steps = text.to_owned();
    steps.push_str(CHECK);
    for site in sites {
        let (domain, id) = (&site.domain, site.policy.id());
        steps.push_str(&format!(
            "\n## {domain}\n\n\
             ```console\n\
             $ curl -sSi https://mta-sts.{domain}/.well-known/mta-sts.txt\n\
             $ sealpost check --only sts {domain}\n\
             ```\n\n\
             The first shows `200`, `content-type: text/plain` and the text of \
             `{domain}/.well-known/mta-sts.txt`, and no `location:`. Then set the record, unless an \
             id of your own is in use:\n\n\
             ```\n\
             _mta-sts.{domain}. IN TXT \"v=STSv1; id={id};\"\n\
             ```\n\n\
             After that the second finds nothing.\n",
        ));
    }
    steps
}

const CHECK: &str = "
## The check

Upload the policy first, and set the record when every server has it: senders that see a new id \
before the policy keep the old one for its whole `max_age`. Each domain is checked by itself:
";

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Vec<Site> {
        let policy = "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n";
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let domains = ["example.com", "xn--bcher-kva.example"];
        domains.map(|name| Site { domain: name.parse().unwrap(), policy: policy.clone() }).to_vec()
    }

    #[test]
    fn every_tree_has_every_policy_and_says_how_to_go_on() {
        for place in [
            Place::Nginx,
            Place::Caddy,
            Place::GitHubPages,
            Place::CloudflarePages,
            Place::S3CloudFront,
        ] {
            let files = tree(place, &sites());
            for site in sites() {
                let path = format!("{}/.well-known/mta-sts.txt", site.domain);
                let policy = files.iter().find(|file| file.path == path).unwrap();
                assert_eq!(policy.contents, site.policy.to_string(), "{place:?}");
            }
            let steps = files.iter().find(|file| file.path == "STEPS.md").unwrap();
            assert!(steps.contents.contains("sealpost check --only sts example.com"), "{place:?}");
            let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), files.len(), "{place:?}: two files of one name");
            for path in paths {
                let is_inside = path.split('/').all(|part| !part.is_empty() && part != "..");
                assert!(is_inside, "{path}");
            }
        }
    }
}
