//! `sealpost publish` and what is below it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use mail_domain::DomainName;
use mta_sts::{MxPattern, PolicyId};
use sealpost_rollout::Stage;

use super::{Format, NetworkArguments, ProviderName, moment};

mod drive;
pub(crate) use drive::{
    AcceptArguments, HistoryArguments, MoveArguments, PastArguments, PublishPaths, RunArguments,
    Statement, WaiveArguments,
};

#[derive(Debug, Args)]
#[command(after_help = "Domains, groups and their policies stand in the section [publish] of the \
                  configuration.\n\n\
                  Exit status: 0 clean, 1 findings or the answer is no, 2 could not run.")]
pub(crate) struct PublishArguments {
    #[command(subcommand)]
    pub(crate) command: PublishCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PublishCommand {
    /// Judge every configured policy before it goes live.
    Lint(SelectArguments),
    /// Print the records to set, as lines of a zone file or as JSON.
    Records(RecordsArguments),
    /// Print dated steps for a change of mail hosts, or for the way out, that strand no sender.
    Plan(Box<PlanArguments>),
    /// Write files for a web server of your own or of others, with the steps and the check.
    Export(PublishExportArguments),
    /// Say how far each domain has come, or show the logbook of one.
    Status(PublishStatusArguments),
    /// Compare what is served with what is configured: exit status 1 if they differ.
    Diff(SelectArguments),
    /// Print the configuration of a new domain, its policy and its records.
    New(PublishNewArguments),
    /// Serve the policies of domains with `host = "own"` over HTTPS, and get and renew certificates.
    Serve(Box<PublishServeArguments>),
    /// Say how the certificates of policy hosts stand, and when new ones can be ordered.
    Certificates(PublishCertificatesArguments),
    /// Take a domain over as it is, into the store: what is served, its id, its MX records.
    Adopt(Box<AdoptArguments>),
    /// Look at each domain, decide, and publish what its stage asks for.
    Run(Box<RunArguments>),
    /// Move a domain to another stage.
    Move(Box<MoveArguments>),
    /// Let a domain leave its stage though reports are missing, for a reason.
    Waive(WaiveArguments),
    /// Live with a kind of failure that reports tell of, for a reason.
    Accept(AcceptArguments),
    /// State what was served for a domain before it was taken up, for a reason.
    Past(PastArguments),
    /// Show the logbook of a domain: every move, with its evidence.
    History(HistoryArguments),
    /// Print the aliases that the owner of a domain sets once, and verify them.
    Delegate(Box<DelegateArguments>),
    /// Compare the configured patterns with the live MX records, with a TLS check of each host.
    Mx(Box<DelegateArguments>),
    /// Say what would break if MX hosts showed another certificate.
    Rehearse(Box<RehearseArguments>),
}

/// Where the configuration and the store are.
#[derive(Debug, Args)]
pub(crate) struct PublishConfiguration {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The file in which stages and histories are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Take this for the time, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct SelectArguments {
    /// The domains; all that are configured, if none is named.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// As if every domain were in this stage.
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<Stage>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Debug, Args)]
pub(crate) struct RecordsArguments {
    /// The domains; all that are configured, if none is named.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// As if every domain were in this stage.
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<Stage>,
    /// How to show them.
    #[arg(long, default_value = "zone", value_name = "FORMAT")]
    pub(crate) format: PublishFormat,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PublishFormat {
    /// Lines of a zone file, with absolute names.
    Zone,
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "The history of what was served is in the store, once the domain is taken \
                        up (publish run, serve or adopt). Without it the configured policy counts \
                        as served, and the past as --past says.\n\n\
                        Exit status: 0 planned, 1 refused, 2 could not run.")]
pub(crate) struct PlanArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// A host, or a pattern of hosts, that comes into the MX records; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) add_mx: Vec<MxPattern>,
    /// A host or pattern that goes; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) remove_mx: Vec<MxPattern>,
    /// All hosts go, and those of this provider come.
    #[arg(long, value_name = "PROVIDER", conflicts_with = "remove_mx")]
    pub(crate) change_provider: Option<ProviderName>,
    /// Leave MTA-STS.
    #[arg(long, conflicts_with_all = ["add_mx", "remove_mx", "change_provider"])]
    pub(crate) leave: bool,
    /// Switch the MX records, or remove MTA-STS, at this time; as early as is safe, if left open.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) on: Option<Timestamp>,
    /// Plan what strands senders all the same, for this reason.
    #[arg(long, value_name = "REASON")]
    pub(crate) force: Option<String>,
    /// A host of the MX records as they are now; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) mx: Vec<DomainName>,
    /// The TTL of the MX records, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) mx_ttl: u32,
    /// From an upload until no server and no cache serves the old policy, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub(crate) body_spread: u32,
    /// From a change of the zone until every server has it, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub(crate) zone_spread: u32,
    /// What was served before, of a domain of which nothing is kept: unknown, which it is taken for,
    /// nothing, or the longest max_age in seconds.
    #[arg(long, value_name = "PAST")]
    pub(crate) past: Option<PastWord>,
    /// How to show it.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

/// What was served before we knew a domain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PastWord(pub(crate) sealpost_rollout::Past);

impl std::str::FromStr for PastWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use sealpost_rollout::Past;
        let max_age = || text.parse().ok().and_then(mta_sts::MaxAge::from_secs);
        match text {
            "unknown" => Ok(Self(Past::Unknown)),
            "nothing" => Ok(Self(Past::Nothing)),
            _ => max_age().map(|max_age| Self(Past::AtMost(max_age))).ok_or_else(|| {
                "write unknown, nothing, or the longest max_age in seconds".to_owned()
            }),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PublishExportArguments {
    /// The domains; all that are configured, if none is named.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// What the files are for.
    #[arg(long = "for", value_name = "PLACE")]
    pub(crate) place: PlaceName,
    /// The folder to make; files in it are overwritten, others stay.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) output: PathBuf,
    /// As if every domain were in this stage.
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<Stage>,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlaceName {
    Nginx,
    Caddy,
    GithubPages,
    CloudflarePages,
    S3Cloudfront,
}

#[derive(Debug, Args)]
pub(crate) struct PublishStatusArguments {
    /// The domains; all that are configured, if none is named.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// Show the logbook of each.
    #[arg(long)]
    pub(crate) logbook: bool,
    /// How to show it; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Debug, Args)]
#[command(after_help = "SIGHUP reads the configuration and the certificates again; no request is \
                        dropped. SIGTERM answers what is under way and ends.\n\n\
                        Exit status: 0 stopped when told to, 2 could not run.")]
pub(crate) struct PublishServeArguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The file in which stages, histories and certificates are kept.
    #[arg(long, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Certificates in files are looked at as the policy host would. Exit status: \
                        0 every host has a certificate and no try failed, 1 one has none or a try \
                        failed, 2 could not run."
)]
pub(crate) struct PublishCertificatesArguments {
    /// The domains; all that are configured, if none is named.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domains: Vec<DomainName>,
    /// How to show it; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) configuration: PublishConfiguration,
}

#[derive(Debug, Args)]
pub(crate) struct PublishNewArguments {
    /// The domain that receives the mail.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// A mail host, or `*.` and a domain; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    pub(crate) mx: Vec<MxPattern>,
    /// The patterns of a provider; may be given several times.
    #[arg(long = "provider", value_name = "PROVIDER")]
    pub(crate) providers: Vec<ProviderName>,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// The policy as it is served, a file or `-`; without it, what is live is looked at.
    #[arg(long, value_name = "FILE", requires_all = ["id", "mx"])]
    pub(crate) body: Option<PathBuf>,
    /// The id in its STS record.
    #[arg(long, value_name = "ID", value_parser = policy_id, requires = "body")]
    pub(crate) id: Option<PolicyId>,
    /// The TTL of that record, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) txt_ttl: u32,
    /// A host of its MX records; may be given several times.
    #[arg(long, value_name = "HOST", requires = "body")]
    pub(crate) mx: Vec<DomainName>,
    /// The TTL of the MX records, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub(crate) mx_ttl: u32,
    /// What was served before: unknown, nothing, or the longest max_age in seconds.
    #[arg(long, value_name = "PAST", default_value = "unknown")]
    pub(crate) past: PastWord,
    /// Who takes it over, for the logbook.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) configuration: PublishPaths,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 all of them are set, 1 some are not, 2 could not run.")]
pub(crate) struct DelegateArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    #[command(flatten)]
    pub(crate) configuration: PublishPaths,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Names, chain, dates and TLSA records are judged as `sealpost check` would with \
                        that certificate in place; what is wrong already is not told again.\n\n\
                        Exit status: 0 nothing would break, 1 something would, 2 could not run."
)]
pub(crate) struct RehearseArguments {
    /// The domain.
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: DomainName,
    /// The certificate and its intermediates, PEM, as the server would show them.
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: PathBuf,
    /// An MX host that would show it, all of them if none is named; may be given several times.
    #[arg(long, value_name = "HOST")]
    pub(crate) mx: Vec<DomainName>,
    /// How to show it; JSON is one object a line.
    #[arg(long, default_value = "human", value_name = "FORMAT")]
    pub(crate) format: Format,
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", env = "SEALPOST_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}

fn policy_id(text: &str) -> Result<PolicyId, String> {
    PolicyId::parse(text).map_err(|error| error.to_string())
}
