//! The workspace as files.

use std::io;
use std::path::{Path, PathBuf};

use crate::citation::{Fault, read_citations};
use crate::coverage::{COVERED_SECTIONS, Claims, Coverage, compare};
use crate::exceptions::read_exceptions;
use crate::specification::Specification;

/// Folders deeper than this are not ours.
const MAX_DEPTH: usize = 12;

/// Why a task could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written; the message names it.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The list of exceptions is malformed: mend `specs/exceptions.toml`.
    #[error("specs/exceptions.toml: {0}")]
    Exceptions(#[from] toml::de::Error),
    /// A specification is not named `rfcNNNN.txt`: rename or remove it.
    #[error("{0} is not named rfcNNNN.txt")]
    SpecificationName(PathBuf),
}

/// The root of the workspace.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree that this crate was compiled in.
    pub fn of_this_workspace() -> Self {
        let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_folder.ancestors().nth(2).unwrap_or(crate_folder);
        Self { root: root.to_owned() }
    }

    /// The folder that holds the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file of the tree as text.
    ///
    /// # Errors
    /// When it cannot be read, or is not UTF-8.
    pub fn read(&self, relative: impl AsRef<Path>) -> Result<String, Error> {
        Ok(fs_err::read_to_string(self.root.join(relative))?)
    }

    /// All files below a folder with this extension (without the dot), relative to the root and
    /// sorted. Build output, symbolic links and names that begin with a dot are passed over.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn files(&self, folder: &str, extension: &str) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        let mut folders = vec![(PathBuf::from(folder), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for entry in fs_err::read_dir(self.root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name();
                let path = folder.join(&name);
                let kind = entry.file_type()?;
                if name.to_string_lossy().starts_with('.') || name == "target" {
                    continue;
                }
                if kind.is_dir() && depth < MAX_DEPTH {
                    folders.push((path, depth + 1));
                } else if kind.is_file() && path.extension().is_some_and(|end| end == extension) {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// The RFCs in `specs/`.
    ///
    /// # Errors
    /// When one cannot be read or is not named `rfcNNNN.txt`.
    pub fn specifications(&self) -> Result<Vec<Specification>, Error> {
        let mut specifications = Vec::new();
        for file in self.files("specs", "txt")? {
            let number = file
                .file_stem()
                .and_then(|stem| stem.to_str()?.strip_prefix("rfc")?.parse().ok())
                .ok_or_else(|| Error::SpecificationName(file.clone()))?;
            specifications.push(Specification::parse(number, &self.read(&file)?));
        }
        Ok(specifications)
    }

    /// Compares every citation and exception of the tree with the RFCs.
    ///
    /// # Errors
    /// When a file cannot be read; what is wrong with the citations is in the coverage.
    pub fn coverage(&self) -> Result<Coverage, Error> {
        let exceptions_file = PathBuf::from("specs/exceptions.toml");
        let mut claims = Claims {
            exceptions: read_exceptions(&self.read(&exceptions_file)?)?,
            exceptions_file,
            ..Claims::default()
        };
        let mut malformed: Vec<Fault> = Vec::new();
        for file in self.files("crates", "rs")? {
            let (citations, faults) = read_citations(&file, &self.read(&file)?);
            claims.citations.extend(citations);
            malformed.extend(faults);
        }
        let mut coverage = compare(&self.specifications()?, COVERED_SECTIONS, &claims);
        coverage.faults.splice(0..0, malformed);
        Ok(coverage)
    }
}
