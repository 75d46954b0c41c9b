//! That a failed step wanted a network, in a guest that has none.

use bessemer_vm::UNANSWERED;

/// What programs print when no name has an address and no address is reached.
const COMPLAINTS: [&str; 9] = [
    // curl and git.
    "could not resolve host",
    // The C library's own words: pip, wget, Python.
    "temporary failure in name resolution",
    "name or service not known",
    // wget, and that of busybox.
    "unable to resolve host address",
    "wget: bad address",
    // npm.
    "getaddrinfo eai_again",
    // Go.
    "dial tcp: lookup ",
    // cargo and other programs in Rust.
    "failed to lookup address information",
    // Any that asks for an address instead of a name.
    "network is unreachable",
];

/// How sure that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedNetwork {
    /// The agent heard it ask for a server; its last line says for which.
    Heard,
    /// It printed what programs print then.
    Printed,
}

impl MissedNetwork {
    /// By the last lines of a step's output. They are the step's, so this is for advice alone.
    pub(super) fn told_in(tail: &[String]) -> Option<Self> {
        if tail.iter().any(|line| line.starts_with(UNANSWERED)) {
            return Some(Self::Heard);
        }
        let mut lines = tail.iter().map(|line| line.to_ascii_lowercase());
        let complains = |line: String| COMPLAINTS.iter().any(|words| line.contains(words));
        lines.any(complains).then_some(Self::Printed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_say_without_a_network_is_known() {
        let told = |line: &str| MissedNetwork::told_in(&["first".to_owned(), line.to_owned()]);
        let heard = format!("{UNANSWERED}example.org");
        assert_eq!(told(&heard), Some(MissedNetwork::Heard));
        for line in [
            "curl: (6) Could not resolve host: example.org",
            "fatal: unable to access 'https://example.org/': Could not resolve host: example.org",
            "wget: unable to resolve host address 'example.org'",
            "wget: bad address 'example.org'",
            "WARNING: Retrying: NewConnectionError('[Errno -3] Temporary failure in name resolution')",
            "npm error request to https://example.org failed, reason: getaddrinfo EAI_AGAIN example.org",
            "go: example.org/m@v1: dial tcp: lookup example.org on [::1]:53: connection refused",
            "  failed to lookup address information: Temporary failure in name resolution",
            "curl: (7) Failed to connect to 192.0.2.1: Network is unreachable",
        ] {
            assert_eq!(told(line), Some(MissedNetwork::Printed), "{line}");
        }
        for line in ["make: *** [all] Error 1", "error: cannot resolve symbol"] {
            assert_eq!(told(line), None, "{line}");
        }
    }
}
