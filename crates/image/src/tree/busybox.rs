//! Links to busybox, which its install script would make.

use super::{BuildTreeError, Tree};
use bessemer_apk::EntryKind;
use bessemer_apk::install::EditError;

const BUSYBOX: &str = "/bin/busybox";
/// What busybox 1.36.0 of Alpine links to itself, for packages that do not say so themselves; apko's
/// default. One absolute path a line.
const DEFAULT: &str = include_str!("busybox/links.txt");

impl Tree {
    /// Makes a link for each applet that has nothing in its place, where busybox is there.
    pub(super) fn add_busybox_links(&mut self) -> Result<(), BuildTreeError> {
        let Some(place) = self.root.lookup(BUSYBOX) else {
            return Ok(());
        };
        let time = self.root.time(&place).unwrap_or(0);
        let links = match self.busybox_package() {
            Some(package) => self.read_text(&format!("/etc/busybox-paths.d/{package}"))?,
            None => None,
        };
        let links = links.unwrap_or_else(|| DEFAULT.to_owned());
        for link in links.lines().filter(|link| *link != BUSYBOX) {
            let Some((directory, _)) = link.rsplit_once('/') else {
                continue;
            };
            if !directory.is_empty() {
                self.root.make_directories(directory, 0o755)?;
                self.root.set_time(directory, time)?;
            }
            self.add_link(link)?;
        }
        Ok(())
    }

    fn add_link(&mut self, link: &str) -> Result<(), BuildTreeError> {
        match self.root.make_symlink(link, BUSYBOX) {
            Ok(_) => Ok(()),
            // Whoever has a file there means it.
            Err(EditError::Exists(place)) => {
                let is_directory = self
                    .root
                    .get(&place)
                    .is_some_and(|(entry, _)| entry.kind == EntryKind::Directory);
                if is_directory {
                    return Err(EditError::Exists(place).into());
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The package that is busybox, or provides it.
    fn busybox_package(&self) -> Option<String> {
        let mut packages = self.root.packages().iter();
        let is_busybox = |package: &&bessemer_apk::install::InstalledPackage| {
            let mut provides = package.entry.provides.iter();
            package.entry.name == "busybox"
                || provides.any(|provide| provide.to_string().contains("busybox"))
        };
        packages
            .find(is_busybox)
            .map(|package| package.entry.name.clone())
    }
}
