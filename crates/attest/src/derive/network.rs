//! What a guest was given through its proxy, as far as statements speak of it.

use super::check::mismatch;
use super::{DeriveError, Evidence, same, same_text};
use crate::ResourceDescriptor;
use crate::documents::{Network, NetworkExchange, digest};
use std::collections::BTreeSet;

/// Refuses records that are not those of this run, and a run in which something was refused.
pub(super) fn check(evidence: &Evidence<'_>) -> Result<(), DeriveError> {
    let (spec, record) = (evidence.job_spec, evidence.record);
    let number = |count: usize| count.to_string();
    let (named, handed) = (record.networks.len(), evidence.networks.len());
    same_text(
        "the number of network records",
        &number(named),
        &number(handed),
    )?;
    if spec.network == Network::None {
        same_text("the number of networks", "0", &number(named))?;
        if spec.network_policy.is_some() {
            return mismatch("the network policy", "none", "one");
        }
        return Ok(());
    }
    let tested = record.tests.iter().filter(|test| test.machine.is_some());
    let expected: Vec<Option<&str>> = std::iter::once(None)
        .chain(tested.map(|test| Some(test.package.as_str())))
        .collect();
    let found: Vec<Option<&str>> = record
        .networks
        .iter()
        .map(|one| one.test.as_deref())
        .collect();
    if expected != found {
        return mismatch("the guests with a network", "all of them", "others");
    }
    let replays = spec.network == Network::Replay;
    let named = spec
        .network_policy
        .as_ref()
        .is_some_and(|policy| policy.replay.is_some());
    if replays != named {
        return mismatch(
            "the network record to replay",
            "one for a replay",
            "another",
        );
    }
    for (guest, network) in record.networks.iter().zip(evidence.networks) {
        same("a network record", &guest.record, &digest(network)?)?;
        let (asked, recorded) = (spec.network.as_str(), network.mode.as_str());
        same_text("the mode of a network record", asked, recorded)?;
        if let Some(refusal) = network.refusals.first() {
            return mismatch("the refusals of a guest", "none", &refusal.url);
        }
    }
    Ok(())
}

/// The answers that the build's guest was given, and the commits it asked git servers for; each
/// once, in the order of the first time.
pub(super) fn dependencies(evidence: &Evidence<'_>) -> Vec<ResourceDescriptor> {
    let mut list = Vec::new();
    let mut commits = BTreeSet::new();
    for exchange in evidence
        .networks
        .iter()
        .take(1)
        .flat_map(|record| &record.exchanges)
    {
        for commit in &exchange.wanted {
            let bare = exchange.url.split('?').next().unwrap_or_default();
            let repository = bare.trim_end_matches("/git-upload-pack");
            if commits.insert((repository, commit)) {
                let mut descriptor = ResourceDescriptor::default()
                    .at(format!("git+{repository}"))
                    .with("role", "network-git");
                descriptor
                    .digest
                    .insert("gitCommit".to_owned(), commit.clone());
                list.push(descriptor);
            }
        }
        if exchange.failure.is_none() && exchange.body.size > 0 {
            let descriptor = answer(exchange);
            if !list.contains(&descriptor) {
                list.push(descriptor);
            }
        }
    }
    list
}

fn answer(exchange: &NetworkExchange) -> ResourceDescriptor {
    let bare = exchange.url.split('?').next().unwrap_or_default();
    let name = bare.rsplit('/').next().filter(|name| !name.is_empty());
    let mut descriptor = ResourceDescriptor::file(name.unwrap_or(bare), &exchange.body.sha256)
        .at(&exchange.url)
        .with("role", "network")
        .with("method", &exchange.method)
        .with("status", exchange.status.to_string())
        .with("size", exchange.body.size.to_string());
    if let Some(range) = &exchange.range {
        descriptor = descriptor.with("range", range);
    }
    if let Some(sent) = &exchange.sent {
        descriptor = descriptor.with("requestSha256", sent.sha256.to_string());
    }
    descriptor
}

#[cfg(test)]
mod tests;
