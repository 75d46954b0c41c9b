//! From Debian's files to ours: everything below /usr, unwanted paths out, configured ones in.

use crate::config::{Config, Listed, parse_mode};
use bessemer_apk::{Entry, EntryKind, EntryPath, EntryPathError};
use bessemer_package::{Node, Tree};

/// Directories that are links into /usr in a merged system (Debian's usrmerge).
const MERGED: [&str; 7] = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"];

/// Why files cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// Two different files have the same path once /usr is merged.
    #[error("two files become `{0}` below /usr")]
    Collision(EntryPath),
    /// A path in the list is no path within a package.
    #[error("the list names a path that no package can hold")]
    Path(#[from] EntryPathError),
}

/// The tree of a Debian package with /usr merged and without the excluded paths.
pub(crate) fn convert(debian: &Tree, config: &Config) -> Result<Tree, LayoutError> {
    let mut tree = Tree::new();
    for (path, node) in debian.iter() {
        let mut node = node.clone();
        let moved = merged(path)?;
        if is_excluded(&moved, config) {
            continue;
        }
        match &mut node.entry.kind {
            EntryKind::Hardlink { target } => *target = merged(target)?,
            EntryKind::Symlink { target } if moved != *path => {
                *target = moved_target(path, target);
                // A link from the old place to the new one is now a link to itself.
                if absolute(&moved, target) == moved.as_str() {
                    continue;
                }
            }
            _ => {}
        }
        node.entry.path = moved;
        place(&mut tree, node)?;
    }
    Ok(tree)
}

fn place(tree: &mut Tree, node: Node) -> Result<(), LayoutError> {
    let is_directory = |node: &Node| node.entry.kind == EntryKind::Directory;
    match tree.get(&node.entry.path) {
        Some(earlier) if is_directory(earlier) && is_directory(&node) => {}
        Some(earlier) if links_to_itself(earlier) => drop(tree.insert(node)),
        Some(_) if links_to_itself(&node) => {}
        Some(_) => return Err(LayoutError::Collision(node.entry.path)),
        None => drop(tree.insert(node)),
    }
    Ok(())
}

fn links_to_itself(node: &Node) -> bool {
    let path = &node.entry.path;
    matches!(&node.entry.kind, EntryKind::Symlink { target } if absolute(path, target) == path.as_str())
}

/// Applies an entry of the list: removals, then directories, files and links.
pub(crate) fn apply(tree: &mut Tree, listed: &Listed) -> Result<(), LayoutError> {
    for path in &listed.remove {
        tree.remove(&EntryPath::new(path.as_str())?);
    }
    for (path, mode) in &listed.directories {
        let mode = parse_mode(mode).unwrap_or(0o755);
        let path = EntryPath::new(path.as_str())?;
        tree.insert_entry(Entry::new(path, EntryKind::Directory, mode));
    }
    for (path, text) in &listed.files {
        tree.insert_file(
            EntryPath::new(path.as_str())?,
            0o644,
            text.clone().into_bytes(),
        );
    }
    for (path, target) in &listed.links {
        tree.insert_entry(Entry::symlink(EntryPath::new(path.as_str())?, target));
    }
    Ok(())
}

/// Where a path lies once /usr is merged.
fn merged(path: &EntryPath) -> Result<EntryPath, EntryPathError> {
    let first = path.components().next().unwrap_or_default();
    if MERGED.contains(&first) {
        EntryPath::new(format!("usr/{path}"))
    } else {
        Ok(path.clone())
    }
}

/// The target of a link that moved down one directory: a way that goes up would end elsewhere.
fn moved_target(path: &EntryPath, target: &str) -> String {
    if target.starts_with("..") {
        format!("/{}", absolute(path, target))
    } else {
        target.into()
    }
}

/// Where a link at `path` leads, by text alone, without the leading slash.
fn absolute(path: &EntryPath, target: &str) -> String {
    let mut parts: Vec<&str> = path.components().collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn is_excluded(path: &EntryPath, config: &Config) -> bool {
    let below = |excluded: &String| {
        let rest = path.as_str().strip_prefix(excluded.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    config.list.exclude.iter().any(below)
        && !config.list.keep.iter().any(|name| name == path.file_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> EntryPath {
        EntryPath::new(text).unwrap()
    }

    fn converted(links: &[(&str, &str)]) -> Vec<(String, String)> {
        let config = Config::parse(
            "x",
            "{packages: [], exclude: [usr/share/doc], keep: [copyright]}",
        );
        let mut tree = Tree::new();
        for (from, to) in links {
            tree.insert_entry(Entry::symlink(path(from), *to));
        }
        let tree = convert(&tree, &config.unwrap()).unwrap();
        let target = |node: &Node| match &node.entry.kind {
            EntryKind::Symlink { target } => target.clone(),
            _ => String::new(),
        };
        tree.iter()
            .map(|(path, node)| (path.to_string(), target(node)))
            .collect()
    }

    #[test]
    fn everything_moves_below_usr() {
        for (from, to, path, target) in [
            ("bin/sh", "dash", "usr/bin/sh", "dash"),
            (
                "lib/x/liba.so",
                "../../usr/lib/x/liba.so.1",
                "usr/lib/x/liba.so",
                "/usr/lib/x/liba.so.1",
            ),
            (
                "lib64/ld.so",
                "/lib/x/ld.so",
                "usr/lib64/ld.so",
                "/lib/x/ld.so",
            ),
            ("etc/a", "../bin/b", "etc/a", "../bin/b"),
            ("library/a", "b", "library/a", "b"),
        ] {
            assert_eq!(
                converted(&[(from, to)]),
                [(path.to_owned(), target.to_owned())],
                "{from}"
            );
        }
    }

    #[test]
    fn a_link_between_the_two_places_goes_away() {
        assert!(converted(&[("bin/a", "/usr/bin/a")]).is_empty());
        let kept = converted(&[("bin/a", "b"), ("usr/bin/a", "/bin/../usr/bin/a")]);
        assert_eq!(kept, [("usr/bin/a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn excluded_paths_are_gone_but_for_kept_names() {
        let kept = converted(&[
            ("usr/share/doc/a/README", "x"),
            ("usr/share/doc/a/copyright", "x"),
            ("usr/share/docs", "x"),
        ]);
        let paths: Vec<_> = kept.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["usr/share/doc/a/copyright", "usr/share/docs"]);
    }

    #[test]
    fn two_files_in_one_place_are_refused() {
        let config = Config::parse("x", "{packages: []}").unwrap();
        let mut tree = Tree::new();
        tree.insert_file(path("bin/a"), 0o755, b"1".to_vec());
        tree.insert_file(path("usr/bin/a"), 0o755, b"2".to_vec());
        assert!(matches!(
            convert(&tree, &config),
            Err(LayoutError::Collision(_))
        ));
    }
}
