//! The two kinds of jail.

use std::str::FromStr;

/// Which layers a machine must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// `host` where namespaces can be made, else `pod`.
    Auto,
    /// Namespaces, a root and a uid of its own.
    Host,
    /// What is left to an ordinary uid in a restricted Kubernetes pod, where neither a uid nor a
    /// namespace can be had: machines share the pod's uid.
    Pod,
}

impl FromStr for Profile {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "host" => Ok(Self::Host),
            "pod" => Ok(Self::Pod),
            _ => Err(()),
        }
    }
}
