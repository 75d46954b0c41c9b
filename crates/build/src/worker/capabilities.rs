//! `setcap`: file capabilities that a recipe asks for, as the attribute that the kernel reads.

use bessemer_apk::{EntryKind, EntryPath};
use bessemer_package::Tree;
use bessemer_recipe::{PackagePlan, SetcapPlan};
use std::collections::BTreeMap;

const ATTRIBUTE: &str = "security.capability";
/// `VFS_CAP_REVISION_3` (linux/capability.h), which melange writes: with a root uid behind it, here 0.
const REVISION: u32 = 0x0300_0000;
/// `VFS_CAP_FLAGS_EFFECTIVE`.
const EFFECTIVE: u32 = 1;
/// Numbers of linux/capability.h; a recipe may name no others.
const NUMBERS: [(&str, u32); 5] = [
    ("cap_net_bind_service", 10),
    ("cap_net_admin", 12),
    ("cap_net_raw", 13),
    ("cap_ipc_lock", 14),
    ("cap_sys_admin", 21),
];

#[derive(Debug, Default, Clone, Copy)]
struct Sets {
    effective: bool,
    permitted: u64,
    inheritable: u64,
}

impl Sets {
    fn add(&mut self, wanted: &SetcapPlan) {
        let number = NUMBERS.iter().find(|(name, _)| *name == wanted.capability);
        let bit = number.map_or(0, |(_, number)| 1 << number);
        self.effective |= wanted.flags.contains('e');
        if wanted.flags.contains('p') {
            self.permitted |= bit;
        }
        if wanted.flags.contains('i') {
            self.inheritable |= bit;
        }
    }

    /// `struct vfs_ns_cap_data`: six little-endian words.
    #[expect(clippy::cast_possible_truncation, reason = "low and high halves")]
    fn encode(self) -> Vec<u8> {
        let magic = REVISION | if self.effective { EFFECTIVE } else { 0 };
        let words = [
            magic,
            self.permitted as u32,
            self.inheritable as u32,
            (self.permitted >> 32) as u32,
            (self.inheritable >> 32) as u32,
            0,
        ];
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }
}

/// Sets the attributes; returns the paths that name no file of the package.
pub(super) fn set(tree: &mut Tree, plan: &PackagePlan) -> Vec<String> {
    let mut wanted: BTreeMap<&str, Sets> = BTreeMap::new();
    for one in &plan.setcap {
        wanted.entry(&one.path).or_default().add(one);
    }
    let absent = wanted
        .into_iter()
        .filter(|(path, sets)| !set_one(tree, path, *sets));
    absent.map(|(path, _)| path.to_owned()).collect()
}

fn set_one(tree: &mut Tree, path: &str, sets: Sets) -> bool {
    let Ok(path) = EntryPath::new(path) else {
        return false;
    };
    // All names of a file share its attributes, which stand with the first.
    let first = match tree.get(&path).map(|node| &node.entry.kind) {
        Some(EntryKind::File { .. }) => path,
        Some(EntryKind::Hardlink { target }) => target.clone(),
        _ => return false,
    };
    let Some(mut node) = tree.remove(&first) else {
        return false;
    };
    node.entry
        .xattrs
        .insert(ATTRIBUTE.to_owned(), sets.encode());
    tree.insert(node);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(capability: &str, flags: &str) -> SetcapPlan {
        SetcapPlan {
            path: "usr/bin/listen".to_owned(),
            capability: capability.to_owned(),
            flags: flags.to_owned(),
            reason: "test".to_owned(),
        }
    }

    /// The value that `setcap cap_net_bind_service,cap_net_raw+eip` writes, as revision 3.
    #[test]
    fn capabilities_of_one_file_are_one_value() {
        let mut sets = Sets::default();
        sets.add(&wanted("cap_net_bind_service", "eip"));
        sets.add(&wanted("cap_net_raw", "eip"));
        let expected = "010000030024000000240000000000000000000000000000";
        assert_eq!(hex::encode(sets.encode()), expected);
        let mut permitted = Sets::default();
        permitted.add(&wanted("cap_sys_admin", "p"));
        let expected = "000000030000200000000000000000000000000000000000";
        assert_eq!(hex::encode(permitted.encode()), expected);
    }

    #[test]
    fn every_capability_that_a_recipe_may_name_has_a_number() {
        for name in [
            "net_bind_service",
            "net_admin",
            "net_raw",
            "ipc_lock",
            "sys_admin",
        ] {
            let mut sets = Sets::default();
            sets.add(&wanted(&format!("cap_{name}"), "p"));
            assert_ne!(sets.permitted, 0, "{name}");
        }
    }
}
