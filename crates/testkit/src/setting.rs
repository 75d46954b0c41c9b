//! What `cargo xtask test` says by environment variables.

use std::path::PathBuf;
use std::str::FromStr;

/// The path in an environment variable that `cargo xtask test` sets.
pub fn variable(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    PathBuf::from(value.unwrap_or_else(|| panic!("{name} is not set; run cargo xtask test")))
}

/// The number in an environment variable, or `default` where it is not set.
pub fn number<N: FromStr>(name: &str, default: N) -> N {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")),
        Err(_) => default,
    }
}
