//! Where things are kept that no configuration gives a place.

use std::{
    env,
    ffi::OsString,
    fs::DirBuilder,
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// The folder of the machine.
const OF_THE_MACHINE: &str = "/var/lib/sealpost";

/// The folder for what is kept from one start to the next: the one that systemd provides
/// (`StateDirectory=`); else `sealpost` in `XDG_STATE_HOME`; else `/var/lib/sealpost` for root and
/// for whoever owns that; else `~/.local/state/sealpost`.
pub fn state_folder() -> PathBuf {
    chosen(env::var_os, is_ours(Path::new(OF_THE_MACHINE))).0
}

/// Makes that folder if it is missing, for its owner alone; the one of systemd is systemd's to make.
///
/// # Errors
///
/// What the system says; the text names the folder.
pub fn make_state_folder() -> io::Result<()> {
    let (folder, maker) = chosen(env::var_os, is_ours(Path::new(OF_THE_MACHINE)));
    if maker == Maker::Other || folder.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| {
        io::Error::new(error.kind(), format!("failed to make {}: {error}", folder.display()))
    })
}

/// Who makes the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Us,
    Other,
}

/// Whether the folder of the machine is for this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    Ours,
    NotOurs,
}

fn is_ours(folder: &Path) -> Machine {
    let user = geteuid();
    let owns = fs_err::metadata(folder).is_ok_and(|metadata| metadata.uid() == user.as_raw());
    if user.is_root() || owns { Machine::Ours } else { Machine::NotOurs }
}

fn chosen(
    variable: impl Fn(&'static str) -> Option<OsString>,
    machine: Machine,
) -> (PathBuf, Maker) {
    let provided = variable("STATE_DIRECTORY").and_then(|folders| {
        env::split_paths(&folders).find(|folder| !folder.as_os_str().is_empty())
    });
    if let Some(folder) = provided {
        return (folder, Maker::Other);
    }
    // A relative path in it is invalid and has to be ignored (XDG Base Directory Specification).
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_the_user = absolute("XDG_STATE_HOME").or_else(|| match machine {
        Machine::Ours => None,
        Machine::NotOurs => absolute("HOME").map(|home| home.join(".local/state")),
    });
    let folder = of_the_user.map(|state| state.join("sealpost"));
    (folder.unwrap_or_else(|| OF_THE_MACHINE.into()), Maker::Us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_that_of_who_runs_it() {
        let of = |variables: &[(&str, &str)], machine| {
            let variable = |name: &'static str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let (folder, maker) = chosen(variable, machine);
            (folder.to_str().unwrap().to_owned(), maker)
        };
        let (state, xdg) = (("STATE_DIRECTORY", "/var/lib/a:/b"), ("XDG_STATE_HOME", "/x"));
        let (home, relative) = (("HOME", "/users/u"), ("XDG_STATE_HOME", "x"));
        for (variables, machine, folder, maker) in [
            (&[state, xdg, home][..], Machine::Ours, "/var/lib/a", Maker::Other),
            (&[xdg, home], Machine::Ours, "/x/sealpost", Maker::Us),
            (&[home], Machine::Ours, "/var/lib/sealpost", Maker::Us),
            (&[home], Machine::NotOurs, "/users/u/.local/state/sealpost", Maker::Us),
            (&[relative, home], Machine::NotOurs, "/users/u/.local/state/sealpost", Maker::Us),
            (&[("STATE_DIRECTORY", ""), home], Machine::Ours, "/var/lib/sealpost", Maker::Us),
            (&[], Machine::NotOurs, "/var/lib/sealpost", Maker::Us),
        ] {
            assert_eq!(of(variables, machine), (folder.to_owned(), maker), "{variables:?}");
        }
    }
}
