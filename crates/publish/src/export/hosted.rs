//! Web space of others.

use std::fmt::Write as _;

use super::{Site, TreeFile};

pub(super) const GITHUB_STEPS: &str = "# MTA-STS policies on GitHub Pages

For each domain:

1. Make a public repository and push what is in the folder of the domain to its default branch, the \
hidden files included: `.nojekyll` and `_config.yml` keep Jekyll from dropping `.well-known`, each by \
itself, and `CNAME` names the host.
2. Settings → Pages: deploy from that branch, folder `/`.
3. Set `mta-sts` and the domain as CNAME to `USER.github.io`, and wait until Settings → Pages shows \
the certificate. Then switch *Enforce HTTPS* on.

A cache of GitHub may serve the old policy for ten minutes after a push.
";

pub(super) fn github_pages(sites: &[Site]) -> Vec<TreeFile> {
    let mut files = Vec::new();
    for site in sites {
        let file = |name: &str, contents: String| TreeFile {
            path: format!("{}/{name}", site.domain),
            contents,
        };
        files.push(site.policy_file());
        // Jekyll leaves out what begins with a dot, unless it is told not to run at all, or to
        // take that in.
        files.push(file(".nojekyll", String::new()));
        files.push(file("_config.yml", "include: [\".well-known\"]\n".to_owned()));
        files.push(file("CNAME", format!("{}\n", site.host())));
    }
    files
}

pub(super) const CLOUDFLARE_STEPS: &str = "# MTA-STS policies on Cloudflare Pages

For each domain:

1. `npx wrangler pages deploy FOLDER --project-name NAME` with the folder of the domain. `_headers` \
sets the media type.
2. Add `mta-sts.` and the domain as a custom domain of the project, and set the CNAME that is shown.
3. If the zone is at Cloudflare: switch *Browser Integrity Check* and *Bot Fight Mode* off for this \
host. Mail servers are no browsers, and senders would not get the policy.
";

pub(super) fn cloudflare_pages(sites: &[Site]) -> Vec<TreeFile> {
    let mut files = Vec::new();
    for site in sites {
        files.push(site.policy_file());
        files.push(TreeFile {
            path: format!("{}/_headers", site.domain),
            contents: "/.well-known/mta-sts.txt\n  Content-Type: text/plain; charset=us-ascii\n"
                .to_owned(),
        });
    }
    files
}

pub(super) const S3_STEPS: &str = "# MTA-STS policies on Amazon S3 and CloudFront

1. `sh upload.sh` makes a private bucket for each domain and puts its policy there, with its media \
type. `BUCKETS` is the beginning of the names of the buckets, which are the world's: choose one.
2. For each domain, in us-east-1: request a certificate of ACM for `mta-sts.` and the domain, and \
confirm it by DNS.
3. Make a CloudFront distribution: origin the bucket (with origin access control), alternate domain \
name `mta-sts.` and the domain, that certificate, *HTTPS only* (a redirect from HTTP is of no use \
here), cache policy with a TTL of 60 seconds.
4. Set `mta-sts` and the domain as CNAME to the distribution.

After an upload wait for the TTL of the cache, or make an invalidation for \
`/.well-known/mta-sts.txt`, before the id is set.
";

pub(super) fn s3_cloudfront(sites: &[Site]) -> Vec<TreeFile> {
    let mut files: Vec<TreeFile> = sites.iter().map(Site::policy_file).collect();
    let mut text = String::from(
        "#!/bin/sh\n\
         # Puts each policy into its bucket. Run it in the folder of this file.\n\
         set -eu\n\
         : \"${BUCKETS:?the beginning of the names of the buckets}\"\n",
    );
    for site in sites {
        // The name of a bucket has no dots, or certificates would not fit, and 63 characters.
        let domain = &site.domain;
        let _ = write!(
            text,
            "\nbucket=\"$BUCKETS-$(printf %s {domain} | sha256sum | cut -c1-16)\"\n\
             aws s3api head-bucket --bucket \"$bucket\" 2>/dev/null || \
             aws s3 mb \"s3://$bucket\"\n\
             aws s3 cp {domain}/.well-known/mta-sts.txt \"s3://$bucket/.well-known/mta-sts.txt\" \
             --content-type 'text/plain; charset=us-ascii' --cache-control max-age=60\n",
        );
    }
    files.push(TreeFile { path: "upload.sh".to_owned(), contents: text });
    files
}
