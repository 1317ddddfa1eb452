//! The log: lines on standard error, filtered by the environment.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Colour is for terminals; NO_COLOR is respected there too.
fn is_coloured() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !unwanted
}

/// Starts logging to standard error.
///
/// `SEALPOST_LOG` chooses what is logged, in the syntax of `tracing`'s filters
/// (`warn,sealpost_net=debug`); without it, warnings and errors. A second call does nothing.
pub fn start_log() {
    let filter = EnvFilter::try_from_env("SEALPOST_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(is_coloured())
        .with_target(true)
        .try_init();
    if let Err(error) = started {
        tracing::debug!("the log was started before: {error}");
    }
}
