//! Those whose word about commits counts, and their keys.

use super::{Checked, Reader, short};
use crate::expectations::SourceVerifier;
use crate::written;
use bessemer_attest::PublicKey;
use bessemer_yaml::Text;

impl Reader<'_> {
    pub(super) fn verifiers(
        &self,
        written: Option<&[written::SourceVerifier]>,
    ) -> Checked<Vec<SourceVerifier>> {
        let start = self.place_of("source-verifiers:");
        let mut verifiers = Vec::new();
        for one in self.list("source-verifiers", written, start)? {
            if one.id.position.is_none() {
                let hint = "the id is what its attestations have as `verifier.id`";
                return self.fail_at(
                    start,
                    "an entry of `source-verifiers` has no `id`",
                    Some(hint),
                );
            }
            let id = self.uri("id", &one.id)?;
            let repositories = one.repositories.as_deref();
            verifiers.push(SourceVerifier {
                key: self.key(&id, one)?,
                repositories: self.patterns("repositories", repositories, id.position)?,
                id,
            });
        }
        Ok(verifiers)
    }

    fn key(&self, id: &Text, written: &written::SourceVerifier) -> Checked<PublicKey> {
        let (at, pem) = match (&written.public_key, &written.public_key_file) {
            (Some(text), None) => (text, text.value.clone()),
            (None, Some(path)) => {
                let path = self.value("public-key-file", path)?;
                let read = (self.key_file)(&path);
                match read {
                    Ok(pem) => (written.public_key_file.as_ref().unwrap_or(id), pem),
                    Err(why) => {
                        let message = format!("cannot read the key of `{}`: {why}", short(id));
                        return self.fail(
                            &path,
                            message,
                            Some("a relative path starts at the policy file's folder"),
                        );
                    }
                }
            }
            (None, None) => {
                let message = format!("`{}` has no key", short(id));
                let hint = "give it as `public-key` (PEM) or `public-key-file`";
                return self.fail(id, message, Some(hint));
            }
            (Some(_), Some(_)) => {
                let message = format!("`{}` has two keys", short(id));
                let hint = "give one of `public-key` and `public-key-file`; a second key is a second entry";
                return self.fail(id, message, Some(hint));
            }
        };
        match PublicKey::from_pem(&pem) {
            Ok(key) => Ok(key),
            Err(why) => {
                let hint = "source attestations are verified by ECDSA P-256 keys, which begin with `-----BEGIN PUBLIC KEY-----`";
                self.fail(at, why.to_string(), Some(hint))
            }
        }
    }
}
