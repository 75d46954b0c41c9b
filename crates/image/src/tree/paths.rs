//! What an image file does to paths.

use super::{BuildTreeError, Tree};
use crate::configuration::{PathKind, PathMutation};
use bessemer_apk::install::{Contents as _, EditError};

impl Tree {
    /// Carries out all entries, in order.
    pub(super) fn change_paths(&mut self, paths: &[PathMutation]) -> Result<(), BuildTreeError> {
        for one in paths {
            let changed = self.change_path(one);
            changed.map_err(|source| BuildTreeError::Path {
                path: one.path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn change_path(&mut self, one: &PathMutation) -> Result<(), EditError> {
        let path = one.path.as_str();
        match one.kind {
            PathKind::Directory => {
                self.root.make_directories(path, one.permissions)?;
            }
            PathKind::EmptyFile => {
                self.make_parent(path)?;
                let nothing = self.spool.keep(&mut &b""[..], 0);
                let nothing = nothing.map_err(|_| EditError::Path(path.to_owned()))?;
                self.root.write_file(path, 0o644, (nothing, 0))?;
            }
            PathKind::Hardlink => {
                self.make_parent(path)?;
                self.root.make_link(path, &one.source)?;
            }
            PathKind::Symlink => {
                self.make_parent(path)?;
                self.root.make_symlink(path, &one.source)?;
            }
            PathKind::Permissions => {}
        }
        let recursive = matches!(one.kind, PathKind::Directory | PathKind::Permissions);
        self.permit(one, one.recursive && recursive)
    }

    fn make_parent(&mut self, path: &str) -> Result<(), EditError> {
        match path.trim_end_matches('/').rsplit_once('/') {
            Some((parent, _)) if !parent.trim_matches('/').is_empty() => {
                self.root.make_directories(parent, 0o755).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Sets mode and owner, of everything below the path too if that is asked for. Where the path is a
    /// symbolic link, what it leads to is meant; below it, links are left alone.
    fn permit(&mut self, one: &PathMutation, below: bool) -> Result<(), EditError> {
        let missing = || EditError::Missing(one.path.clone());
        let place = match self.root.lookup(&one.path) {
            Some(place) => place,
            // A link may lead to what will only be there at run time; it has no mode of its own.
            None if one.kind == PathKind::Symlink => return Ok(()),
            None => return Err(missing()),
        };
        let mut places = vec![place.clone()];
        if below {
            let paths = self.root.paths();
            places.extend(
                paths
                    .filter(|path| path.strip_prefix(&place).is_some())
                    .cloned(),
            );
        }
        for path in &places {
            let is_link = self.root.get(path).is_some_and(|(entry, _)| {
                matches!(entry.kind, bessemer_apk::EntryKind::Symlink { .. })
            });
            if is_link {
                continue;
            }
            self.root.set_mode(path.as_str(), one.permissions)?;
            if one.uid.is_some() || one.gid.is_some() {
                let (uid, gid) = (one.uid.unwrap_or(0), one.gid.unwrap_or(0));
                self.root.set_owner(path.as_str(), uid, gid)?;
            }
        }
        Ok(())
    }
}
