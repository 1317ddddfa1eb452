//! `sealpost lab --tour`: a domain is led from nothing to enforce within a month, past its own faults,
//! an attacker and a move of its mail hosts, with the pages beside it.
//!
//! What happens is a table, in `acts`. `world` lets it happen: those who send are of the lab, or one of
//! them is a real Postfix (`postfix`), and the daemon is the real one with its roles `publish`,
//! `receive`, `check` and `alert`, and with that Postfix `enforce` and `report` too, under a clock that is
//! set forward. `owner` does what the daemon tells him. `account` knows what is true and holds the pages
//! beside it. Here it is told.

mod account;
mod acts;
mod owner;
mod pages;
mod postfix;
mod world;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Signal, getpid, kill_process};
use sealpost_lab::{Lab, Options};
use sealpost_listen::Inherited;
use sealpost_runtime::Clock;
use serde_json::Value;
use tokio::time::sleep;

use self::account::Comparison;
use self::acts::{ACTS, Act, DOMAIN, LAST_DAY, Sight};
use self::owner::{Owner, Places};
use self::pages::{Pages, rows, text, texts};
use self::postfix::Instance;
use self::world::{Evening, World};
use super::ports;
use crate::arguments::{LabArguments, NetworkArguments, ServeArguments};
use crate::daemon::{self, Company, Setup};
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// So long ago the tour begins: it ends before now, so that nothing that comes in is of the future.
const AGO: SignedDuration = SignedDuration::from_hours(24 * (LAST_DAY + 3));

pub(super) async fn run(
    arguments: &LabArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let ago = Clock::system().now().checked_sub(AGO).map_err(Failure::new)?;
    let midnight = ago.as_second() - ago.as_second().rem_euclid(86_400);
    let start = Timestamp::from_second(midnight).map_err(Failure::new)?;
    let options = Options {
        ports: ports(arguments),
        directory: arguments.directory.clone(),
        ..Options::new(start)
    };
    let opened = Lab::start(options).await;
    let mut lab = opened.map_err(|error| Failure::new(format!("open the lab: {error}")))?;
    let mail = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let invited = postfix::invite(arguments.postfix, &mut lab, mail).await?;
    let outcome = beside_pages(&lab, (mail, invited), arguments, start, inherited, output).await;
    lab.stop().await;
    outcome
}

/// Starts the daemon, leads the tour beside it, and leaves its pages open unless they are not wanted.
async fn beside_pages(
    lab: &Lab,
    (mail, invited): (SocketAddr, Result<Instance, String>),
    arguments: &LabArguments,
    start: Timestamp,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let folder = lab.directory().join("tour");
    if folder.exists() {
        fs_err::remove_dir_all(&folder).map_err(Failure::new)?;
    }
    fs_err::create_dir_all(&folder).map_err(Failure::new)?;
    let pages = match super::pages::port(arguments.ports) {
        0 => free_port()?,
        port => port,
    };
    let places = Places {
        pages: Pages(SocketAddr::from((Ipv4Addr::LOCALHOST, pages))),
        mail,
        policies: SocketAddr::from((Lab::spare_address(), lab.https_port())),
        configuration: folder.join("sealpost.toml"),
        network: network_file(lab)?,
        for_sender: invited.as_ref().map_or_else(|_| String::new(), Instance::sections),
    };
    let senders = match &invited {
        Ok(instance) => format!(
            "One of the five that send is {}, which is installed here: it asks this program for policies, \
             tells it of its sessions, and brings its reports. The others are the lab’s own.",
            instance.release()
        ),
        Err(why) => format!("The five that send are the lab’s own: {why}."),
    };
    output.line(&format!(
        "A month of {DOMAIN}, led by this program. Its pages are at http://{}/domains/{DOMAIN}.\n\
         {senders}\n\
         What becomes of mail through Postfix and Exim under attack stands in \
         doc/reference/enforcement.md.\n",
        places.pages.0
    ))?;
    let owner = Owner::new(lab, &places, start, output).await?;
    let (clock, hand) = Clock::steered(start);
    let network =
        NetworkArguments { network: Some(places.network.clone()), ..NetworkArguments::default() };
    let config = Some(places.configuration.clone());
    let served = ServeArguments { config, store: None, steered: false, network };
    let load = || served.load();
    let setup = Setup { load: &load, network: &served.network, clock, company: Company::Together };
    let mut speaker = output.twin();
    let mut serving = pin!(daemon::run(setup, inherited, &mut speaker));
    let touring = async {
        places.pages.open().await?;
        let postfix = match invited {
            Ok(instance) => Some(instance.start().await?),
            Err(_) => None,
        };
        let world = World::new(lab, hand, start, &places, owner, postfix)?;
        lead(world, places.pages, arguments, output).await
    };
    let outcome = tokio::select! {
        ended = &mut serving => return ended,
        outcome = touring => outcome?,
    };
    if arguments.once {
        // As somebody would end it.
        kill_process(getpid(), Signal::TERM).map_err(Failure::new)?;
    } else {
        output.say("the pages stay open until Ctrl-C");
    }
    serving.await?;
    Ok(outcome)
}

/// Leads it day by day, tells of it, and draws the account.
async fn lead(
    mut world: World<'_>,
    pages: Pages,
    arguments: &LabArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let pause = Duration::from_secs(if arguments.once { 0 } else { arguments.pace });
    let (mut known, mut unseen) = (Known::default(), 0_usize);
    for day in 0..=LAST_DAY {
        let acts: Vec<&'static Act> = ACTS.iter().filter(|act| act.day == day).collect();
        for act in &acts {
            output.line(&format!("\nDay {day}. {}", act.words))?;
        }
        let evening = world.day(day, &acts, output).await?;
        tell(day, &evening, &mut known, output)?;
        for sight in acts.iter().flat_map(|act| act.sights) {
            if let Err(why) = holds(sight, &evening, &world, pages).await? {
                unseen += 1;
                output.line(&format!("  NOT AS TOLD: {why}"))?;
            }
        }
        sleep(pause).await;
    }
    world.end(LAST_DAY).await?;
    world.close().await;
    let compared = world.account().compare(pages).await?;
    let is_right = conclude(&world, &compared, output)?;
    Ok(if is_right && unseen == 0 { Outcome::Clean } else { Outcome::Findings })
}

/// What was told before.
#[derive(Default)]
struct Known {
    findings: BTreeMap<String, String>,
    incidents: BTreeMap<String, String>,
}

/// One line of the day, and what is new in it.
fn tell(
    day: i64,
    evening: &Evening,
    known: &mut Known,
    output: &mut Output,
) -> Result<(), Failure> {
    let stage = stage(evening);
    output.line(&format!(
        "  day {day:2}  {:3} messages, {:3} delivered, {:3} waiting; {stage}",
        evening.tried, evening.delivered, evening.waiting
    ))?;
    for row in &evening.logbook {
        output.line(&format!("    logbook: {row}"))?;
    }
    for done in &evening.done {
        output.line(&format!("    the owner {done}"))?;
    }
    let mut findings = BTreeMap::new();
    for finding in findings_of(evening).filter(|finding| text(finding, "severity") != "note") {
        let code = text(finding, "code");
        let key = format!("{code} {}", text(finding, "subject"));
        if !known.findings.contains_key(&key) {
            output.line(&format!("    found: {key}: {}", text(finding, "message")))?;
            output.line(&format!("      {}", text(finding, "why")))?;
            output.line(&format!("      to do: {}", text(finding, "fix")))?;
        }
        findings.insert(key, text(finding, "title").to_owned());
    }
    for (key, title) in known.findings.iter().filter(|(key, _)| !findings.contains_key(*key)) {
        output.line(&format!("    mended: {key}: {title}"))?;
    }
    known.findings = findings;
    let mut incidents = BTreeMap::new();
    for incident in &evening.incidents {
        let id = text(incident, "id").to_owned();
        let subject = text(incident, "subject");
        let title = format!("{} {subject} {}", text(incident, "code"), text(incident, "title"));
        if !known.incidents.contains_key(&id) {
            let urgency = text(incident, "urgency");
            output.line(&format!("    incident ({urgency}): {title}"))?;
            output.line(&format!("      {}", text(incident, "summary")))?;
        }
        incidents.insert(id, title);
    }
    for (_, title) in known.incidents.iter().filter(|(id, _)| !incidents.contains_key(*id)) {
        output.line(&format!("    incident over: {title}"))?;
    }
    known.incidents = incidents;
    Ok(())
}

/// What the last look of our own has found.
fn findings_of(evening: &Evening) -> impl Iterator<Item = &Value> {
    let check = evening.domain.get("check").unwrap_or(&Value::Null);
    rows(check, "findings")
}

fn rollout(evening: &Evening) -> &Value {
    evening.domain.get("rollout").unwrap_or(&Value::Null)
}

fn stage(evening: &Evening) -> &str {
    text(rollout(evening), "stage")
}

/// Whether something is to be seen; why not, if it is not.
async fn holds(
    sight: &Sight,
    evening: &Evening,
    world: &World<'_>,
    pages: Pages,
) -> Result<Result<(), String>, Failure> {
    let codes = || findings_of(evening).map(|finding| text(finding, "code"));
    let told = || evening.incidents.iter().map(|one| text(one, "summary"));
    let ok = |is_so: bool, why: &dyn Fn() -> String| if is_so { Ok(()) } else { Err(why()) };
    Ok(match sight {
        Sight::In(wanted) => ok(stage(evening) == wanted.as_str(), &|| {
            let waits: Vec<&str> = texts(rollout(evening), "waits").collect();
            format!("it is in {} and not in {wanted}: {}", stage(evening), waits.join("; "))
        }),
        Sight::Finds(code) => ok(codes().any(|found| found == *code), &|| {
            format!("no {code}: {}", codes().collect::<Vec<_>>().join(" "))
        }),
        Sight::FindsNo(code) => ok(codes().all(|found| found != *code), &|| format!("a {code}")),
        Sight::Waits(words) => {
            let mut waits = texts(rollout(evening), "waits");
            ok(waits.any(|wait| wait.contains(words)), &|| format!("nothing waits for {words}"))
        }
        Sight::Page(words) => {
            let html = pages.html().await?;
            ok(html.contains(words), &|| format!("no {words:?} on the page"))
        }
        Sight::Incident(host) => match world.account().address(host) {
            Some(address) => {
                let address = address.to_string();
                ok(told().any(|summary| summary.contains(&address)), &|| {
                    format!("no open incident names {address}: {}", told().collect::<String>())
                })
            }
            None => Err(format!("nobody went to {host}")),
        },
        Sight::NoIncident => ok(evening.incidents.is_empty(), &|| {
            format!("incidents are open: {}", told().collect::<Vec<_>>().join("; "))
        }),
        Sight::Waiting => ok(evening.waiting > 0, &|| "no mail waits".to_owned()),
        Sight::Flowing => {
            ok(evening.waiting == 0, &|| format!("{} messages wait", evening.waiting))
        }
        Sight::MailAt(wanted) => {
            let hosts = || evening.hosts.iter().map(String::as_str);
            ok(hosts().eq(wanted.iter().copied()), &|| {
                format!("mail went to {}", hosts().collect::<Vec<_>>().join(", "))
            })
        }
        Sight::Moved(wanted) => {
            let (hosts, is_over) = world.owner().hosts();
            ok(is_over && hosts == *wanted, &|| format!("the move stands at {hosts:?}"))
        }
    })
}

/// The account at the end; says whether everything is right.
fn conclude(
    world: &World<'_>,
    compared: &Comparison,
    output: &mut Output,
) -> Result<bool, Failure> {
    let mail = world.mail();
    output.line("\nthe mail of the tour")?;
    for (what, count) in [
        ("sent", mail.sent),
        ("taken by the domain’s hosts", mail.taken_by_owner),
        ("taken by the attacker", mail.taken_by_attacker),
        ("sent in plaintext", mail.in_plaintext),
    ] {
        output.line(&format!("  {what:44} {count:7}"))?;
    }
    output.line(&format!("\n{:46} {:>7} {:>7}", "what the pages say", "lab", "pages"))?;
    for (what, known, said) in &compared.rows {
        let said = said.map_or("–".to_owned(), |said| said.to_string());
        output.line(&format!("  {what:44} {known:7} {said:>7}"))?;
    }
    for differs in &compared.differing {
        output.line(&format!("  DIFFERS: {differs}"))?;
    }
    let differing = compared.differing.len();
    output.line(&format!("\n{} numbers compared, {differing} differ", compared.numbers))?;
    let is_safe = mail.taken_by_attacker == 0 && mail.in_plaintext == 0;
    Ok(is_safe && mail.taken_by_owner == mail.sent && differing == 0)
}

/// The lab’s network for a domain whose zone is not signed: the lab’s signatures live for two weeks.
fn network_file(lab: &Lab) -> Result<PathBuf, Failure> {
    let text = fs_err::read_to_string(lab.settings_file()).map_err(Failure::new)?;
    let kept = text.lines().filter(|line| !line.starts_with("trust_anchors"));
    let lines = kept.map(|line| match line {
        "dnssec = \"validate\"" => "dnssec = \"off\"\nsurvey_tls = false",
        line => line,
    });
    // Beside the lab’s own: it names other files without their folder.
    let file = lab.directory().join("tour-network.toml");
    let text: Vec<&str> = lines.collect();
    fs_err::write(&file, text.join("\n") + "\n").map_err(Failure::new)?;
    Ok(file)
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Failure::new)?;
    Ok(listener.local_addr().map_err(Failure::new)?.port())
}
