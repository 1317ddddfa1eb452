//! Finding the program under test.

use std::path::PathBuf;

use crate::EnvironmentError;

/// The `sealpost` program of the build that the running test belongs to.
///
/// # Errors
///
/// [`EnvironmentError::NoBinary`] when it has not been built: building a test does not build the
/// programs of other packages.
pub fn sealpost_binary() -> Result<PathBuf, EnvironmentError> {
    // A test lies in target/PROFILE/deps, programs in target/PROFILE.
    let test = std::env::current_exe()?;
    let binary = test.parent().and_then(|deps| deps.parent()).unwrap_or(&test).join("sealpost");
    if binary.is_file() { Ok(binary) } else { Err(EnvironmentError::NoBinary(binary)) }
}
