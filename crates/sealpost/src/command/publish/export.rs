//! `sealpost publish export`

use sealpost_publish::export::{Place, Site, tree};

use super::known::Known;
use crate::arguments::{PlaceName, PublishExportArguments};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &PublishExportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let known = Known::open(&arguments.configuration).await?;
    let mut sites = Vec::new();
    for published in known.select(&arguments.domains)? {
        let wanted = known.wanted(published, arguments.stage).await?;
        match wanted.policy {
            Some(policy) => sites.push(Site { domain: published.domain.clone(), policy }),
            None => output.say(&format!(
                "{} left out: there is no policy in the stage {}",
                published.domain, wanted.stage
            )),
        }
    }
    if sites.is_empty() {
        return Err(Failure::new("export: no domain has a policy to serve")
            .hint("--stage testing writes what the stage testing asks for"));
    }
    let place = match arguments.place {
        PlaceName::Nginx => Place::Nginx,
        PlaceName::Caddy => Place::Caddy,
        PlaceName::GithubPages => Place::GitHubPages,
        PlaceName::CloudflarePages => Place::CloudflarePages,
        PlaceName::S3Cloudfront => Place::S3CloudFront,
    };
    for file in tree(place, &sites) {
        let path = arguments.output.join(&file.path);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        fs_err::write(path, file.contents)?;
    }
    let steps = arguments.output.join("STEPS.md");
    output.say(&format!("{} policies written; go on with {}", sites.len(), steps.display()));
    Ok(Outcome::Clean)
}
