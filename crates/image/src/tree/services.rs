//! Services for s6, and keys that only the image has.

use super::{BuildTreeError, Tree};
use crate::configuration::NamedContent;
use crate::pem;
use std::collections::BTreeMap;

impl Tree {
    /// Writes a `run` file for each service.
    pub(super) fn add_services(
        &mut self,
        services: &BTreeMap<String, String>,
    ) -> Result<(), BuildTreeError> {
        for (name, command) in services {
            let directory = format!("/sv/{name}");
            self.root.make_directories(&directory, 0o777)?;
            let text = format!("#!/bin/execlineb\n{command}\n");
            self.write(&format!("{directory}/run"), 0o755, text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes the keys of `runtime_keyring`; none of them takes the place of one that is there.
    pub(super) fn add_runtime_keys(&mut self, keys: &[NamedContent]) -> Result<(), BuildTreeError> {
        for NamedContent { name, content } in keys {
            let blocks = pem::blocks(content);
            let blocks = blocks.map_err(|_| BuildTreeError::Pem(name.clone()))?;
            let block = blocks.first();
            let block = block.ok_or_else(|| BuildTreeError::Pem(name.clone()))?;
            self.root.make_directories("/etc/apk/keys", 0o755)?;
            let path = format!("/etc/apk/keys/{name}");
            let exact = format!("etc/apk/keys/{name}");
            if self.root.paths().any(|other| other.as_str() == exact) {
                return Err(BuildTreeError::RuntimeKey(name.clone()));
            }
            self.write(&path, 0o644, block.encode().as_bytes())?;
            self.root.set_time(&path, self.time)?;
        }
        Ok(())
    }
}
