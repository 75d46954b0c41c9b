//! What cannot stand beside a base: everything that would have to change what is in its layers.

use super::{Check, Checked};
use crate::written::{Accounts, Document, Entrypoint};
use bessemer_yaml::Text;

/// What can.
pub(crate) const BESIDE_BASE: &str =
    "with `baseimage` there can be `contents`, `archs`, `vcs-url` and `include`, nothing else";

impl Check<'_> {
    /// Finds the first of them in the file that names the base.
    pub(super) fn nothing_beside_base(self, document: &Document) -> Checked<()> {
        if document.contents.baseimage.is_none() {
            return Ok(());
        }
        for (key, text) in others(document) {
            if !text.is_empty() {
                let message = format!("`{key}` cannot be set with `baseimage`");
                return self.fail(text, message, Some(BESIDE_BASE));
            }
        }
        Ok(())
    }
}

/// Every text that cannot, with the key at the top that it is under.
fn others(document: &Document) -> Vec<(&'static str, &Text)> {
    let mut all = vec![
        ("cmd", &document.cmd),
        ("stop-signal", &document.stop_signal),
        ("work-dir", &document.work_dir),
        ("format", &document.format),
    ];
    let mut lists: Vec<(&'static str, Vec<&Text>)> = vec![
        ("entrypoint", entrypoint(&document.entrypoint)),
        ("accounts", accounts(&document.accounts)),
        ("environment", document.environment.values().collect()),
        ("annotations", document.annotations.values().collect()),
        ("volumes", document.volumes.iter().collect()),
    ];
    let paths = document.paths.iter();
    let paths = paths.flat_map(|one| [&one.path, &one.kind]);
    lists.push(("paths", paths.collect()));
    if let Some(layering) = &document.layering {
        lists.push(("layering", vec![&layering.strategy, &layering.budget]));
    }
    if let Some(certificates) = &document.certificates {
        let additional = certificates.additional.iter();
        let mut texts: Vec<&Text> = additional.map(|one| &one.name).collect();
        texts.extend(&certificates.providers);
        lists.push(("certificates", texts));
    }
    for (key, texts) in lists {
        all.extend(texts.into_iter().map(|text| (key, text)));
    }
    all
}

fn entrypoint(written: &Entrypoint) -> Vec<&Text> {
    let own = [&written.kind, &written.command, &written.shell_fragment];
    own.into_iter().chain(written.services.values()).collect()
}

fn accounts(written: &Accounts) -> Vec<&Text> {
    let users = written.users.iter().map(|user| &user.username);
    let groups = written.groups.iter().map(|group| &group.groupname);
    let own = std::iter::once(&written.run_as);
    own.chain(users).chain(groups).collect()
}
