//! The owner of the domain: what he writes down, does when he is told to, and plans.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use mta_sts::MxPattern;
use rustix::process::{Signal, getpid, kill_process};
use sealpost_lab::Lab;
use sealpost_rollout::{Action, Refusal, Time};

use super::acts::{DOMAIN, Deed, HOSTS};
use super::pages::{Pages, wait_until};
use crate::arguments::{AdoptArguments, Format, PlanArguments};
use crate::command::publish::{adopt, plan};
use crate::outcome::Failure;
use crate::output::Output;

/// Where everything of the daemon is.
pub(super) struct Places {
    pub(super) pages: Pages,
    /// Where it takes in mail.
    pub(super) mail: std::net::SocketAddr,
    /// Where it serves policies.
    pub(super) policies: std::net::SocketAddr,
    pub(super) configuration: PathBuf,
    /// The network that it looks into.
    pub(super) network: PathBuf,
    /// What stands in the configuration for a mail server that sends; empty if there is none.
    pub(super) for_sender: String,
}

pub(super) struct Owner<'a> {
    lab: &'a Lab,
    places: &'a Places,
    /// The hosts of the policy, as he has written them down.
    hosts: Vec<String>,
    /// What the planner is asked for.
    moving: Option<PlanArguments>,
}

impl<'a> Owner<'a> {
    /// He writes down what he wants, and says that nobody ever had a policy of his.
    pub(super) async fn new(
        lab: &'a Lab,
        places: &'a Places,
        at: Timestamp,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let hosts = HOSTS.map(str::to_owned).into();
        let owner = Self { lab, places, hosts, moving: None };
        let policy_host = format!("mta-sts.{DOMAIN}");
        let folder = owner.folder().join("certificates").join(&policy_host);
        fs_err::create_dir_all(&folder).map_err(Failure::new)?;
        lab.write_certificate(&policy_host, &folder).map_err(Failure::new)?;
        owner.write_configuration()?;
        output.line(&format!("sealpost publish adopt {DOMAIN} --past nothing --by owner"))?;
        let mut taking: AdoptArguments = parse(&format!("{DOMAIN} --past nothing --by owner"))?;
        taking.configuration.config = Some(places.configuration.clone());
        taking.network.network = Some(places.network.clone());
        taking.network.at = Some(at);
        adopt::run(taking, output).await?;
        Ok(owner)
    }

    /// What he or somebody else does; the command, if it is one.
    pub(super) fn carry_out(&mut self, deed: &Deed) -> Result<Option<String>, Failure> {
        match deed {
            Deed::Begin(attack) => self.lab.attack(*attack, DOMAIN).map_err(Failure::new)?,
            Deed::Cease(attack) => self.lab.cease(*attack, DOMAIN),
            Deed::NameHosts(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                self.lab.set_mx(DOMAIN, &hosts).map_err(Failure::new)?;
            }
            Deed::Renew(host) => self.lab.mend(host).map_err(Failure::new)?,
            Deed::Move { to, from } => {
                let from: String = from.iter().map(|host| format!(" --remove-mx {host}")).collect();
                let words = format!("{DOMAIN} --add-mx {to}{from}");
                let mut asked: PlanArguments = parse(&words)?;
                asked.configuration.config = Some(self.places.configuration.clone());
                self.moving = Some(asked);
                return Ok(Some(format!("sealpost publish plan {words}")));
            }
        }
        Ok(None)
    }

    /// He sets a record that he is told to set; says what he did.
    pub(super) fn obey(&self, todo: &str) -> Result<Option<String>, Failure> {
        let record = todo.strip_prefix("set ").and_then(|record| {
            let (head, data) = record.split_once(" IN ")?;
            let name = head.split(' ').next()?.trim_end_matches('.');
            let (kind, data) = data.split_once(' ')?;
            Some((name, kind, data.trim_matches('"')))
        });
        match record {
            Some((name, "TXT", data)) => self.lab.set_text(name, data).map_err(Failure::new)?,
            Some((name, "A", data)) => {
                let address = data.parse().map_err(Failure::new)?;
                self.lab.set_address(name, address).map_err(Failure::new)?;
            }
            _ => return Ok(None),
        }
        Ok(Some(format!("sets {}", todo.trim_start_matches("set "))))
    }

    /// The hosts of the policy, and whether a move is over.
    pub(super) fn hosts(&self) -> (&[String], bool) {
        (&self.hosts, self.moving.is_none())
    }

    /// He asks how to go on with a move, and takes the first step if it is due; says what he did.
    pub(super) async fn go_on_moving(
        &mut self,
        now: Timestamp,
        output: &mut Output,
    ) -> Result<Option<String>, Failure> {
        let Some(asked) = &mut self.moving else { return Ok(None) };
        let is_first = asked.configuration.at.is_none();
        asked.configuration.at = Some(now);
        let plan = match plan::make(asked, output).await? {
            Ok(plan) => plan,
            Err(Refusal::NothingToDo) => {
                self.moving = None;
                return Ok(Some("has nothing left to do".to_owned()));
            }
            Err(refusal) => return Err(Failure::new(refusal)),
        };
        if is_first {
            plan::show(&plan, Format::Human, output)?;
        }
        let now = Time::at(now.as_second());
        let Some(step) = plan.steps.first().filter(|step| step.not_before <= now) else {
            return Ok(None);
        };
        let names = |patterns: &[MxPattern]| -> Vec<String> {
            patterns.iter().map(ToString::to_string).collect()
        };
        match &step.action {
            Action::Serve(policy) if names(policy.mx()) != self.hosts => {
                self.hosts = names(policy.mx());
                self.write_configuration()?;
                self.reload().await?;
            }
            Action::SwitchMx { to } => {
                self.lab.set_mx(DOMAIN, &names(to)).map_err(Failure::new)?;
            }
            // What is served and announced comes of what is written down, and hosts of the lab that
            // nobody goes to harm nobody.
            _ => return Ok(None),
        }
        Ok(Some(format!("takes a step of the plan: {}", step.action)))
    }

    fn write_configuration(&self) -> Result<(), Failure> {
        let Places { pages, mail, policies, configuration, for_sender, .. } = self.places;
        let text = format!(
            "# The daemon of the tour.\n\
             store = \"store.sqlite\"\n\
             \n\
             [serve]\n\
             http = [\"{}\"]\n\
             \n\
             [receive]\n\
             domains = [{DOMAIN:?}]\n\
             listen = {{ smtp = [\"{mail}\"], lmtp = [] }}\n\
             \n\
             [check]\n\
             every_hours = 1\n\
             \n\
             [alert]\n\
             \n\
             [publish]\n\
             rua = [\"mailto:tls-reports@{DOMAIN}\"]\n\
             \n\
             [publish.host]\n\
             https = [\"{policies}\"]\n\
             certificates = \"certificates\"\n\
             \n\
             [publish.domains.{DOMAIN:?}]\n\
             host = \"own\"\n\
             mx = {:?}\n\
             target = [\"{}\"]\n\
             ttl = 300\n\
             rollout = {{ autonomy = \"auto\" }}\n\
             {for_sender}",
            pages.0,
            self.hosts,
            policies.ip()
        );
        fs_err::write(configuration, text).map_err(Failure::new)
    }

    /// Has what he has written down taken up.
    async fn reload(&self) -> Result<(), Failure> {
        kill_process(getpid(), Signal::HUP).map_err(Failure::new)?;
        let wanted = self.hosts.last().cloned().unwrap_or_default();
        let is_known = async || {
            let settings = self.places.pages.data("/api/v1/settings").await?;
            Ok(settings.to_string().contains(&wanted))
        };
        wait_until(is_known, "have the configuration read again: it was not in time").await
    }

    fn folder(&self) -> &Path {
        self.places.configuration.parent().unwrap_or(Path::new("."))
    }
}

/// What these words of a command line ask for.
fn parse<T: Args>(words: &str) -> Result<T, Failure> {
    let command = T::augment_args(clap::Command::new("sealpost").no_binary_name(true));
    let matches = command.try_get_matches_from(words.split(' ')).map_err(Failure::new)?;
    T::from_arg_matches(&matches).map_err(Failure::new)
}
