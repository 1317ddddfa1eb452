//! What was found and done, for people and for programs.

use std::fmt::{self, Write as _};

use sealpost_enforce::setup::{Dane, Plan, PostfixFound, Proof, Undo, Weight};
use serde_json::{Value, json};

use super::saved::Saved;
use crate::outcome::{Outcome, without_controls};

/// Before what explains the line above.
const INDENT: &str = "    ";

/// All that there is to tell.
pub(super) struct Page<'a> {
    pub(super) found: &'a PostfixFound,
    pub(super) proofs: &'a [Proof],
    pub(super) plan: &'a Plan,
    pub(super) done: Done<'a>,
}

/// What was done to `main.cf`.
pub(super) enum Done<'a> {
    /// Nothing, for nobody asked.
    Nothing,
    /// Nothing, for it was as it should be.
    NothingToDo,
    /// The lines were written, and what was there before is saved.
    Written(&'a Saved),
}

impl Page<'_> {
    /// 0 if nothing is in the way, 1 if there are warnings, 3 if a resolver could not be judged.
    pub(super) fn outcome(&self) -> Outcome {
        let could_not_tell = |proof: &Proof| {
            proof.outcome.as_ref().is_err_and(sealpost_net::ResolverFault::could_not_tell)
        };
        if self.proofs.iter().any(could_not_tell) {
            Outcome::Unknown
        } else if self.plan.remarks.iter().any(|remark| remark.weight == Weight::Warning) {
            Outcome::Findings
        } else {
            Outcome::Clean
        }
    }

    pub(super) fn json(&self) -> Value {
        let proofs: Vec<Value> = self
            .proofs
            .iter()
            .map(|proof| {
                let (state, why) = match &proof.outcome {
                    Ok(()) => ("proven", None),
                    Err(fault) if fault.could_not_tell() => ("unknown", Some(fault.to_string())),
                    Err(fault) => ("refuted", Some(fault.to_string())),
                };
                json!({ "resolver": proof.resolver.to_string(), "state": state, "why": why })
            })
            .collect();
        json!({
            "postfix": self.found.defaults.get("mail_version"),
            "config_directory": self.found.values.get("config_directory"),
            "resolvers": proofs,
            "plan": self.plan,
            "written": matches!(self.done, Done::Written(_)),
        })
    }

    fn write(&self, page: &mut String) -> fmt::Result {
        let of = |map: &std::collections::BTreeMap<String, String>, name: &str| {
            map.get(name).cloned().unwrap_or_default()
        };
        let version = of(&self.found.defaults, "mail_version");
        let folder = of(&self.found.values, "config_directory");
        writeln!(
            page,
            "Postfix {version}, {folder}/main.cf; it will ask the map `{}`",
            self.plan.map
        )?;
        for proof in self.proofs {
            match &proof.outcome {
                Ok(()) => writeln!(page, "resolver {}: proven to validate DNSSEC", proof.resolver)?,
                Err(_) => writeln!(page, "resolver {}: not proven", proof.resolver)?,
            }
        }
        self.write_lines(page, &folder)?;
        let once = match self.done {
            Done::Nothing if !self.plan.lines.is_empty() => ", once these lines are set",
            _ => "",
        };
        writeln!(page, "\nin sealpost.toml{once}:\n")?;
        page.push_str(&self.toml());
        if let Dane::Off { why } = &self.plan.dane {
            writeln!(page, "\nDANE is off, because:")?;
            for why in why {
                paragraph(page, INDENT, why)?;
            }
        }
        for remark in &self.plan.remarks {
            let weight = match remark.weight {
                Weight::Note => "note",
                Weight::Warning => "warning",
            };
            page.push('\n');
            paragraph(page, "", &format!("{weight}: {}", remark.text))?;
        }
        Ok(())
    }

    fn write_lines(&self, page: &mut String, folder: &str) -> fmt::Result {
        if self.plan.lines.is_empty() {
            return writeln!(page, "\nmain.cf is as it should be; nothing is to be set");
        }
        let heading = match self.done {
            Done::Written(_) => "set in main.cf:",
            Done::Nothing | Done::NothingToDo => "to set in main.cf (--write does it):",
        };
        writeln!(page, "\n{heading}")?;
        for line in &self.plan.lines {
            writeln!(page, "\n{} = {}", line.name, line.value)?;
            paragraph(page, INDENT, &line.why)?;
            if let Some(before) = &line.before {
                paragraph(page, INDENT, &format!("it was: {before}"))?;
            }
        }
        if let Done::Written(saved) = self.done {
            let (backup, record) = (saved.backup_file().display(), saved.record_file().display());
            writeln!(page, "\nsaved: {backup}, {record}\n")?;
            let text = format!(
                "next: start `sealpost enforce`, then run `{}`; while sealpost does not answer, \
                 Postfix keeps mail in its queue",
                reload(folder)
            );
            paragraph(page, "", &text)?;
        }
        Ok(())
    }

    /// The lines for the section `[enforce]`.
    fn toml(&self) -> String {
        let dane = if self.plan.dane == Dane::On { "on" } else { "off" };
        let resolvers: Vec<_> =
            self.plan.resolvers.iter().map(|resolver| format!("\"{resolver}\"")).collect();
        format!(
            "[enforce]\ndefault_level = \"{}\"\ndane = \"{dane}\"\nmta_resolvers = [{}]\n",
            self.plan.default_level.as_str(),
            resolvers.join(", ")
        )
    }
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut page = String::new();
        self.write(&mut page)?;
        // main.cf may hold anything; a terminal must not obey it.
        f.write_str(&without_controls(&page))
    }
}

/// What undoing did.
pub(super) fn undone(steps: &[Undo], saved: &Saved, folder: &str) -> String {
    let mut page = String::new();
    for step in steps {
        page.push_str(&match step {
            Undo::Restore { name, value } => format!("restored: {name} = {value}\n"),
            Undo::Remove { name } => format!("removed: {name}\n"),
            Undo::LeaveAlone { name, value: Some(value) } => {
                format!("left alone, for somebody has changed it since: {name} = {value}\n")
            }
            Undo::LeaveAlone { name, value: None } => {
                format!("left alone, for somebody has removed it since: {name}\n")
            }
        });
    }
    if steps.iter().any(|step| matches!(step, Undo::LeaveAlone { .. })) {
        let backup = saved.backup_file().display();
        page.push_str(&format!("main.cf as it was before is kept in {backup}\n"));
    }
    let reload = reload(folder);
    page.push_str(&format!("next: run `{reload}`, and only then stop `sealpost enforce`\n"));
    without_controls(&page)
}

/// Text broken between words, each line behind an indent.
fn paragraph(page: &mut String, indent: &str, text: &str) -> fmt::Result {
    const WIDTH: usize = 96;
    let mut line = String::new();
    for word in text.split(' ') {
        let width = indent.len() + line.chars().count() + word.chars().count();
        if !line.is_empty() && width >= WIDTH {
            writeln!(page, "{indent}{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(page, "{indent}{line}")
}

/// How this Postfix is told to read `main.cf` anew.
fn reload(folder: &str) -> String {
    match folder {
        "/etc/postfix" => "postfix reload".to_owned(),
        folder => format!("postfix -c {folder} reload"),
    }
}
