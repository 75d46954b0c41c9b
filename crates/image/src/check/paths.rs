//! What is done to paths.

use super::{Check, Checked};
use crate::configuration::{PathKind, PathMutation};
use crate::written;
use bessemer_yaml::Text;

const KINDS: [(&str, PathKind); 5] = [
    ("directory", PathKind::Directory),
    ("empty-file", PathKind::EmptyFile),
    ("hardlink", PathKind::Hardlink),
    ("symlink", PathKind::Symlink),
    ("permissions", PathKind::Permissions),
];

impl Check<'_> {
    pub(super) fn paths(self, written: &[written::PathMutation]) -> Checked<Vec<PathMutation>> {
        written.iter().map(|one| self.path_mutation(one)).collect()
    }

    fn path_mutation(self, written: &written::PathMutation) -> Checked<PathMutation> {
        let (path, kind) = (&written.path, &written.kind);
        if path.is_empty() {
            return self.fail(kind, "an entry of `paths` has no `path`", None);
        }
        self.tree_path(path)?;
        if kind.is_empty() {
            return self.fail(path, "an entry of `paths` has no `type`", None);
        }
        let kind = self.one_of(kind, "type", &KINDS)?;
        if matches!(kind, PathKind::Hardlink | PathKind::Symlink) {
            if written.source.is_empty() {
                return self.fail(path, "a link needs `source`: where it leads", None);
            }
            if written.source.contains(char::is_control) {
                return self.fail(&written.source, "a link leads to no such name", None);
            }
        }
        let permissions = match &written.permissions {
            none if none.is_empty() => 0,
            text => self.number(text, "mode", 0o7777)?,
        };
        Ok(PathMutation {
            path: path.value.clone(),
            kind,
            uid: self.optional_number(&written.uid, "uid")?,
            gid: self.optional_number(&written.gid, "gid")?,
            permissions,
            source: written.source.value.clone(),
            recursive: written.recursive,
        })
    }

    /// Paths name something below the image's root; none of them leads upwards.
    fn tree_path(self, text: &Text) -> Checked<()> {
        if text.split('/').any(|part| part == "..") {
            let message = format!("`{}` has `..` in it", text.value);
            return self.fail(text, message, None);
        }
        if text.contains(char::is_control) {
            return self.fail(text, "a path has a control character in it", None);
        }
        Ok(())
    }
}
