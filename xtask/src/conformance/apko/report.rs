//! All outcomes, by kind.

use super::judge::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Report {
    equal: usize,
    order: Vec<String>,
    neither: Vec<String>,
    intended: BTreeMap<&'static str, Vec<String>>,
    different: Vec<(String, String)>,
    peer_failed: Vec<(String, String)>,
}

impl Report {
    /// Adds what a world came to.
    pub(super) fn add(&mut self, world: String, outcome: Outcome) {
        match outcome {
            Outcome::Equal => self.equal += 1,
            Outcome::Order => self.order.push(world),
            Outcome::Neither => self.neither.push(world),
            Outcome::Intended(id) => self.intended.entry(id).or_default().push(world),
            Outcome::Different(how) => self.different.push((world, how)),
            Outcome::PeerFailed(why) => self.peer_failed.push((world, why)),
        }
    }

    /// How many worlds nothing explains.
    pub(super) fn unexplained(&self) -> usize {
        self.different.len() + self.peer_failed.len()
    }

    pub(super) fn print(&self) {
        for (world, how) in &self.different {
            println!("{world}: {how}");
        }
        for (world, why) in &self.peer_failed {
            println!("{world}: apko: {}", why.trim());
        }
        let intended: usize = self.intended.values().map(Vec::len).sum();
        println!("equal                             {:5}", self.equal);
        println!("equal but for the order           {:5}", self.order.len());
        println!("equal but for intended            {intended:5}");
        for (id, worlds) in &self.intended {
            println!("  {id:<32}{:5}", worlds.len());
        }
        println!("neither finds packages            {:5}", self.neither.len());
        println!(
            "different                         {:5}",
            self.different.len()
        );
        println!(
            "apko failed                       {:5}",
            self.peer_failed.len()
        );
    }

    pub(super) fn json(&self) -> Value {
        let named = |pairs: &[(String, String)]| -> Value {
            let pairs = pairs
                .iter()
                .map(|(world, text)| (world.clone(), json!(text)));
            Value::Object(pairs.collect())
        };
        json!({
            "equal": self.equal,
            "order": self.order,
            "intended": self.intended,
            "neither": self.neither,
            "different": named(&self.different),
            "peer_failed": named(&self.peer_failed),
        })
    }
}
