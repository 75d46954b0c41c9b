//! Packages and where they come from.

use super::{Check, Checked, texts};
use crate::configuration::{BaseImage, Contents};
use crate::written;
use bessemer_apk::Dependency;
use bessemer_repository::Tagged;
use bessemer_yaml::Text;

impl Check<'_> {
    pub(super) fn contents(self, written: &written::Contents) -> Checked<Contents> {
        for package in &written.packages {
            self.constraint(package)?;
        }
        for key in &written.keyring {
            if key.is_empty() {
                return self.fail(key, "a key's place is empty", None);
            }
        }
        let baseimage = match &written.baseimage {
            None => None,
            Some(base) if base.image.is_empty() || base.apkindex.is_empty() => {
                let given = if base.image.is_empty() {
                    &base.apkindex
                } else {
                    &base.image
                };
                return self.fail(given, "a base needs both `image` and `apkindex`", None);
            }
            Some(base) => Some(BaseImage {
                image: base.image.value.clone(),
                apkindex: base.apkindex.value.clone(),
            }),
        };
        Ok(Contents {
            build_repositories: self.repositories(&written.build_repositories)?,
            runtime_repositories: self.repositories(&written.runtime_repositories)?,
            repositories: self.repositories(&written.repositories)?,
            keyring: texts(&written.keyring),
            runtime_keyring: self.named_contents(&written.runtime_keyring, "key", "PUBLIC KEY")?,
            packages: texts(&written.packages),
            baseimage,
        })
    }

    fn repositories(self, written: &[Text]) -> Checked<Vec<String>> {
        let mut all = Vec::new();
        for text in written {
            let place = text.trim_end_matches('/');
            if place.contains(|character: char| character.is_control()) {
                return self.fail(text, "a repository's location is one line", None);
            }
            if let Err(error) = place.parse::<Tagged>() {
                return self.fail(text, error.to_string(), None);
            }
            all.push(place.to_owned());
        }
        Ok(all)
    }

    fn constraint(self, text: &Text) -> Checked<()> {
        match text.parse::<Dependency>() {
            Ok(_) if !text.contains(char::is_whitespace) => Ok(()),
            Ok(_) => {
                let message = format!("`{}` has a space in it", text.value);
                self.fail(
                    text,
                    message,
                    Some("write one constraint in a line, such as `name>=1.2`"),
                )
            }
            Err(_) => {
                let message = format!("`{}` is not a constraint", text.value);
                self.fail(
                    text,
                    message,
                    Some("such as `name`, `name>=1.2`, `name@tag` or `!name`"),
                )
            }
        }
    }
}
