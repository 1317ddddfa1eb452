//! What the tests of the pages use.

use std::path::{Path, PathBuf};

use crate::EnvironmentError;
use crate::environment::made_by;

/// What `setup-web` installed and knows by this name.
///
/// # Errors
///
/// When it has not.
pub fn made_for_pages(name: &str) -> Result<PathBuf, EnvironmentError> {
    made_by(&Path::new(env!("CARGO_MANIFEST_DIR")).join("setup-web"), name)
}
