# Plain commands by name. `./test` needs none of this.

# List the recipes.
default:
    @just --list

# Format and lint, as strictly as the tests do.
check:
    cargo fmt --check
    cargo clippy --locked --workspace --all-targets -- -D warnings

# All tests that need no root.
test:
    cargo test --locked --workspace --exclude sealpost-e2e

# Tests against nginx and Postfix; needs root on Debian.
e2e:
    crates/e2e/setup
    cargo build --locked
    cargo test --locked -p sealpost-e2e

# Everything, with all that it installs.
all *arguments:
    ./test {{arguments}}

# `check` over the whole fleet of the lab.
lab:
    cargo run --locked -- lab --once

# Seeds and mutations through every fuzz target, on stable Rust.
fuzz-smoke:
    cargo test --locked -p sealpost-fuzz

# API documentation without a warning.
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

# RFC quotations against specs/, and the coverage table.
citations *arguments:
    cargo run --locked -q -p xtask -- citations {{arguments}}

# Licences, sources and advisories, when cargo-deny is installed.
deny:
    cargo deny check
