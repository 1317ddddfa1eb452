//! `sealpost completions`, `sealpost man`: made from the definitions of the command line.

use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) fn completions(
    shell: clap_complete::Shell,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "sealpost", &mut script);
    output.text(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Clean)
}

pub(super) fn man_pages(directory: &Path, output: &mut Output) -> Result<Outcome, Failure> {
    let mut command = Arguments::command();
    command.build();
    write_page(directory, &command, "sealpost", output)?;
    Ok(Outcome::Clean)
}

fn write_page(
    directory: &Path,
    command: &clap::Command,
    name: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name.to_owned()).render(&mut page)?;
    let file = directory.join(format!("{name}.1"));
    fs_err::write(&file, page)?;
    output.line(&file.display().to_string())?;
    for subcommand in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        write_page(directory, subcommand, &format!("{name}-{}", subcommand.get_name()), output)?;
    }
    Ok(())
}
