//! `sealpost config init`

mod text;

use std::io::{BufRead as _, Write as _};
use std::path::Path;

use mail_domain::DomainName;
use sealpost_rules::Quoted;

use crate::arguments::{InitArguments, ProviderName, PublishingName, ReceivingName, SendingName};
use crate::configuration::Configuration;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The longest answer that is read, in octets.
const LONGEST_ANSWER: u64 = 4_096;

/// What a configuration is to do.
struct Wishes {
    domains: Vec<DomainName>,
    sending: SendingName,
    receive: ReceivingName,
    /// The server and the user of the mailbox.
    mailbox: Option<(DomainName, String)>,
    publish: PublishingName,
    mx: Vec<String>,
    providers: Vec<ProviderName>,
}

pub(super) fn run(arguments: InitArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let path = arguments.file.clone();
    let is_printed = path.as_os_str() == "-";
    if !is_printed && fs_err::symlink_metadata(&path).is_ok() {
        return Err(Failure::new(format!("write {}: it is there already", path.display()))
            .hint("give another name, or look at what is there: sealpost config check"));
    }
    let wishes = match Output::can_ask() {
        true => Wishes::asked(arguments)?,
        false => Wishes::without_asking(arguments)?,
    };
    let text = wishes.text(&path)?;
    if is_printed {
        output.text(&text)?;
        return Ok(Outcome::Clean);
    }
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).open(&path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
    output.line(&format!("wrote {}; next:", path.display()))?;
    for step in wishes.next_steps(&path) {
        output.line(&format!("  {step}"))?;
    }
    Ok(Outcome::Clean)
}

impl Wishes {
    /// What the flags say, and else what is usual.
    fn without_asking(arguments: InitArguments) -> Result<Self, Failure> {
        Self {
            domains: arguments.domains,
            sending: arguments.sending.unwrap_or_else(sending_here),
            receive: arguments.receive.unwrap_or(ReceivingName::Mail),
            mailbox: arguments.imap_host.zip(arguments.imap_user),
            publish: arguments.publish.unwrap_or(PublishingName::None),
            mx: arguments.mx.iter().map(ToString::to_string).collect(),
            providers: arguments.providers,
        }
        .complete()
    }

    /// The same, and a person is asked for what the flags leave open.
    fn asked(mut arguments: InitArguments) -> Result<Self, Failure> {
        if arguments.domains.is_empty() {
            for word in words(&answer("Your domains that receive mail: ")?) {
                let domain = DomainName::parse(word).map_err(|error| {
                    Failure::new(format!("read the domain {}: {error}", Quoted(word)))
                })?;
                arguments.domains.push(domain);
            }
        }
        if arguments.sending.is_none() {
            let usual = sending_here();
            let choices = [("postfix", SendingName::Postfix), ("none", SendingName::None)];
            arguments.sending = Some(choice(
                "Shall a Postfix on this machine ask where its mail must be encrypted?",
                &choices,
                usual,
            )?);
        }
        if arguments.receive.is_none() {
            let choices = [
                ("mail", ReceivingName::Mail),
                ("imap", ReceivingName::Imap),
                ("none", ReceivingName::None),
            ];
            arguments.receive = Some(choice(
                "How do TLS reports about your domains come in: handed on by a mail server, or \
                 fetched from a mailbox?",
                &choices,
                ReceivingName::Mail,
            )?);
        }
        if arguments.receive == Some(ReceivingName::Imap) && arguments.imap_host.is_none() {
            let host = answer("The IMAP server of that mailbox: ")?;
            let host = DomainName::parse(&host).map_err(|error| {
                Failure::new(format!("read the server {}: {error}", Quoted(&host)))
            })?;
            arguments.imap_host = Some(host);
        }
        if arguments.receive == Some(ReceivingName::Imap) && arguments.imap_user.is_none() {
            arguments.imap_user = Some(answer("Its user: ")?);
        }
        if arguments.publish.is_none() {
            let choices = [
                ("own", PublishingName::Own),
                ("external", PublishingName::External),
                ("none", PublishingName::None),
            ];
            arguments.publish = Some(choice(
                "Who serves the MTA-STS policies of your domains: sealpost, another web server, \
                 or nobody?",
                &choices,
                PublishingName::None,
            )?);
        }
        let is_published = arguments.publish != Some(PublishingName::None);
        if is_published && arguments.mx.is_empty() && arguments.providers.is_empty() {
            let hosts = answer(
                "Their mail hosts, each as in the MX records, or google-workspace, \
                 microsoft-365, proofpoint: ",
            )?;
            for word in words(&hosts) {
                match <ProviderName as clap::ValueEnum>::from_str(word, false) {
                    Ok(provider) => arguments.providers.push(provider),
                    Err(_) => arguments.mx.push(word.parse().map_err(|error| {
                        Failure::new(format!("read the mail host {}: {error}", Quoted(word)))
                    })?),
                }
            }
        }
        Self::without_asking(arguments)
    }

    /// These, if they are enough to write something useful.
    fn complete(self) -> Result<Self, Failure> {
        let lacks = |what: &str, hint: &str| Err(Failure::new(what).hint(hint));
        let is_published = self.publish != PublishingName::None;
        if self.domains.is_empty() && (is_published || self.receive != ReceivingName::None) {
            return lacks(
                "make a configuration: no domain is given",
                "name yours with --domain, or leave out what is about them: --receive none",
            );
        }
        if self.receive == ReceivingName::Imap && self.mailbox.is_none() {
            return lacks(
                "make a configuration: which mailbox is not given",
                "name it with --imap-host and --imap-user",
            );
        }
        if is_published && self.mx.is_empty() && self.providers.is_empty() {
            return lacks(
                "make a configuration: no mail hosts are given",
                "name each host of the MX records with --mx, or use --provider",
            );
        }
        if self.sending == SendingName::None && self.receive == ReceivingName::None && !is_published
        {
            return lacks(
                "make a configuration: there is nothing for it to do",
                "choose at least one of --sending, --receive and --publish",
            );
        }
        Ok(self)
    }

    /// The text, which is read once as `serve` reads it.
    fn text(&self, path: &Path) -> Result<String, Failure> {
        let text = text::of(self);
        match Configuration::parse(path, text.clone()) {
            Ok(_) => Ok(text),
            Err(faults) => {
                let faults: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
                Err(Failure::new(format!("make a configuration that can be read:{faults}")))
            }
        }
    }

    /// What a person does next.
    fn next_steps(&self, path: &Path) -> Vec<String> {
        let file = path.display();
        let mut steps = vec![format!("sealpost config check --config {file}")];
        if self.mailbox.is_some() {
            let secret = path.with_file_name(text::PASSWORD_FILE);
            // There the service of the Debian package has to read it too.
            let rights = match path.starts_with("/etc/sealpost") {
                true => "chmod 640, chgrp sealpost",
                false => "chmod 600",
            };
            let secret = secret.display();
            steps.push(format!("write the password of the mailbox into {secret}, {rights}"));
        }
        if self.publish == PublishingName::Own {
            steps.push(
                "read the terms of Let's Encrypt, and agree to them in [publish.acme]".to_owned(),
            );
            steps.push("name the addresses of this machine in [publish.host]".to_owned());
        }
        steps.push(format!("sealpost serve --config {file}"));
        if self.sending == SendingName::Postfix {
            steps.push("sealpost enforce setup postfix    # shows what Postfix needs".to_owned());
        }
        if self.receive != ReceivingName::None {
            for domain in &self.domains {
                steps.push(format!(
                    "in DNS: _smtp._tls.{domain}. TXT \"v=TLSRPTv1; rua=mailto:tls-reports@{domain}\""
                ));
            }
        }
        if self.publish != PublishingName::None {
            steps.push(format!("sealpost publish records --config {file}    # what to set in DNS"));
        }
        steps
    }
}

/// Postfix, if it is installed here.
fn sending_here() -> SendingName {
    let places = ["/usr/sbin/postconf", "/usr/local/sbin/postconf"];
    match places.iter().any(|place| Path::new(place).exists()) {
        true => SendingName::Postfix,
        false => SendingName::None,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\t']).filter(|word| !word.is_empty())
}

/// Asks until one of the choices is given; nothing is the usual one.
fn choice<T: Copy + PartialEq>(
    question: &str,
    choices: &[(&str, T)],
    usual: T,
) -> Result<T, Failure> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let usual_name = choices.iter().find(|(_, value)| *value == usual).map_or("", |(name, _)| name);
    loop {
        let given = answer(&format!("{question} ({}) [{usual_name}] ", names.join(", ")))?;
        if given.is_empty() {
            return Ok(usual);
        }
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == given) {
            return Ok(*value);
        }
    }
}

fn answer(question: &str) -> Result<String, Failure> {
    let mut stderr = std::io::stderr();
    stderr.write_all(question.as_bytes())?;
    stderr.flush()?;
    let mut line = String::new();
    let read = std::io::Read::take(std::io::stdin().lock(), LONGEST_ANSWER).read_line(&mut line)?;
    if read == 0 {
        return Err(Failure::new("ask: there is nobody to answer"));
    }
    Ok(line.trim().to_owned())
}
