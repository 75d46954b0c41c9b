//! What the command line says of the network of guests.

use crate::print::{self, Hint};
use crate::programs::companion;
use crate::signing::component;
use anyhow::{Context, Result, anyhow};
use bessemer_attest::documents::{JobSpec, Network as Mode, NetworkPolicy, NetworkRecord, parse};
use bessemer_build::network::{Network, is_pattern, usual_limits};
use bessemer_digest::Digest;
use bessemer_store::{Credentials, Store, authorities};

/// Largest network record that is read, in bytes.
const MAX_RECORD: u64 = 16 << 20;

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct NetworkArguments {
    /// What guests may reach: nothing, HTTP servers with every answer recorded, what an earlier
    /// build recorded, or (for debugging) every HTTP server
    #[arg(long, value_name = "none|recorded|replay|open", value_parser = mode)]
    pub(crate) network: Option<Mode>,
    /// What guests may ask for, and nothing else; may be repeated
    #[arg(long, value_name = "HOST[:PORT][/PATH]", value_parser = pattern)]
    network_allow: Vec<String>,
    /// What guests may not ask for; may be repeated
    #[arg(long, value_name = "HOST[:PORT][/PATH]", value_parser = pattern)]
    network_deny: Vec<String>,
    /// A server that guests may ask although its address is not public; may be repeated
    #[arg(long, value_name = "HOST:PORT", value_parser = server)]
    network_private: Vec<String>,
    /// Most bytes that one guest may be given, such as `2Gi`
    #[arg(long, value_name = "SIZE", value_parser = super::build::limits::bytes)]
    network_total: Option<u64>,
    /// The network record that `--network replay` answers from, by digest; it and its bodies are in
    /// the store
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    network_record: Option<Digest>,
}

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "none" => Ok(Mode::None),
        "recorded" => Ok(Mode::Recorded),
        "replay" => Ok(Mode::Replay),
        "open" => Ok(Mode::Open),
        other => Err(format!("`{other}` is none of none, recorded, replay, open")),
    }
}

fn pattern(text: &str) -> Result<String, String> {
    if is_pattern(text) {
        return Ok(text.to_owned());
    }
    Err("it is not HOST[:PORT][/PATH]".to_owned())
}

fn server(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if is_pattern(text) && !text.contains(['/', '*']) && matches!(port, Some(Ok(1..))) {
        return Ok(text.to_owned());
    }
    Err("it is not HOST:PORT".to_owned())
}

fn digest(text: &str) -> Result<Digest, String> {
    let plain = text.strip_prefix("sha256:").unwrap_or(text);
    Digest::from_hex(plain).map_err(|error| error.to_string())
}

impl NetworkArguments {
    /// Mode and bounds for a job. `known` is the network record of the build that is repeated.
    pub(crate) fn policy(&self, known: Option<Digest>) -> Result<(Mode, Option<NetworkPolicy>)> {
        let usual = if known.is_some() {
            Mode::Replay
        } else {
            Mode::None
        };
        let mode = self.network.unwrap_or(usual);
        if mode == Mode::None {
            self.say_unused();
            return Ok((mode, None));
        }
        self.say_own_loopback();
        let replay = match (mode, self.network_record.or(known)) {
            (Mode::Replay, None) => {
                let advice =
                    "name it with --network-record; provenance has it among its byproducts";
                return Err(anyhow!("nothing is known that could be replayed")
                    .context(Hint(advice.to_owned())));
            }
            (Mode::Replay, record) => record,
            _ => None,
        };
        let mut limits = usual_limits();
        if let Some(total) = self.network_total {
            limits.total_bytes = total;
            limits.body_bytes = limits.body_bytes.min(total);
        }
        let policy = NetworkPolicy {
            allow: self.network_allow.clone(),
            deny: self.network_deny.clone(),
            private: self.network_private.clone(),
            replay,
            limits,
        };
        Ok((mode, Some(policy)))
    }

    /// Programs in a guest ask their own loopback before any proxy.
    fn say_own_loopback(&self) {
        let own = |server: &&String| {
            let host = server
                .rsplit_once(':')
                .map_or(server.as_str(), |(host, _)| host);
            host == "localhost" || host == "[::1]" || host.starts_with("127.")
        };
        for server in self
            .network_private
            .iter()
            .chain(&self.network_allow)
            .filter(own)
        {
            print::warning(&format!(
                "{server} is the guest itself in a guest, and never reaches the proxy: name the server by a name that this host resolves to it"
            ));
        }
    }

    fn say_unused(&self) {
        let lists = [
            &self.network_allow,
            &self.network_deny,
            &self.network_private,
        ];
        if lists.iter().any(|list| !list.is_empty()) {
            print::note(
                "guests have no network, so its lists mean nothing; --network recorded gives them one",
            );
        }
    }
}

/// What the guests of a job are given; nothing for those without a network.
pub(crate) fn network(
    spec: &JobSpec,
    store: &Store,
    credentials: &Credentials,
) -> Result<Option<Network>> {
    let Some(policy) = spec
        .network_policy
        .clone()
        .filter(|_| spec.network != Mode::None)
    else {
        return Ok(None);
    };
    let replay = match &policy.replay {
        Some(digest) => Some(recorded(digest, store)?),
        None => None,
    };
    Ok(Some(Network {
        mode: spec.network,
        policy,
        authorities: authorities().unwrap_or_default(),
        credentials: credentials.authorizations(),
        replay,
        proxy: component(&companion("bessemer-proxy")?)?,
    }))
}

fn recorded(digest: &Digest, store: &Store) -> Result<NetworkRecord> {
    use std::io::Read as _;
    let advice =
        "a network record and its bodies are in the cache of the machine that built, below `store`";
    let file = store
        .read(digest)?
        .with_context(|| Hint(advice.to_owned()))
        .with_context(|| format!("the network record {digest} is not in the store"))?;
    let mut bytes = Vec::new();
    file.take(MAX_RECORD).read_to_end(&mut bytes)?;
    parse(&bytes).with_context(|| format!("{digest} is no network record"))
}
