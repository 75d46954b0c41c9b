//! Keeping hard links true while files change hands.

use super::{Node, Root};
use crate::{EntryKind, EntryPath};

impl<C> Root<C> {
    /// Puts `node` in the place of another package's file. Other names of that file keep its
    /// content.
    pub(super) fn replace(&mut self, path: EntryPath, node: Node<C>) {
        if let Some(heir) = self.links_to(&path).into_iter().next() {
            self.move_content(&path, &heir);
        }
        self.nodes.insert(path, node);
    }

    /// Makes the first name of every file the one that has the content.
    pub(super) fn order_links(&mut self) {
        let early: Vec<(EntryPath, EntryPath)> = self
            .nodes
            .iter()
            .filter_map(|(path, node)| match &node.entry.kind {
                EntryKind::Hardlink { target } if path < target => {
                    Some((path.clone(), target.clone()))
                }
                _ => None,
            })
            .collect();
        for (path, target) in early {
            // An earlier name of the same file may have taken the content already.
            let is_file = |node: &Node<C>| matches!(node.entry.kind, EntryKind::File { .. });
            if self.nodes.get(&target).is_some_and(is_file) {
                self.move_content(&target, &path);
            }
        }
    }

    /// The hard links to `target`, in order.
    fn links_to(&self, target: &EntryPath) -> Vec<EntryPath> {
        let links = self.nodes.iter().filter(
            |(_, node)| matches!(&node.entry.kind, EntryKind::Hardlink { target: t } if t == target),
        );
        links.map(|(path, _)| path.clone()).collect()
    }

    /// Makes the hard link `to` the regular file that `from` was, and `from` and all its other
    /// links hard links to it.
    fn move_content(&mut self, from: &EntryPath, to: &EntryPath) {
        let links = self.links_to(from);
        let Some(source) = self.nodes.get_mut(from) else {
            return;
        };
        let content = source.content.take();
        let hardlink = EntryKind::Hardlink { target: to.clone() };
        let kind = std::mem::replace(&mut source.entry.kind, hardlink.clone());
        for link in links {
            let Some(node) = self.nodes.get_mut(&link) else {
                continue;
            };
            node.entry.kind = hardlink.clone();
        }
        if let Some(heir) = self.nodes.get_mut(to) {
            heir.entry.kind = kind;
            heir.content = content;
        }
    }
}
