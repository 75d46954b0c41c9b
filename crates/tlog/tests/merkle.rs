//! Trees, proofs and their checks against each other and against RFC 6962's definitions.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bessemer_digest::Digest;
use bessemer_tlog::{Tree, check_consistency, check_inclusion, leaf_hash, node_hash};
use proptest::prelude::*;

/// All sizes up to this one.
const SIZES: u64 = 300;

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn tree(count: u64) -> Tree {
    let mut tree = Tree::default();
    for leaf in leaves(count) {
        tree.push(leaf);
    }
    tree
}

/// The root as RFC 6962 §2.1 defines it.
fn defined(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            node_hash(&defined(left), &defined(right))
        }
    }
}

fn flipped(hash: &Digest, bit: usize) -> Digest {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Digest::from_bytes(bytes)
}

#[test]
fn hashes_have_the_known_answers() {
    // RFC 6962's reference implementation (certificate-transparency, merkle_tree_test).
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Tree::default().root(0).unwrap().hex(), empty);
    let leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
    assert_eq!(leaf_hash(b"").hex(), leaf);
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let mut tree = Tree::default();
    for entry in entries {
        tree.push(leaf_hash(entry));
    }
    for (size, root) in [
        (
            2,
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            7,
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        ),
        (
            8,
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ] {
        assert_eq!(tree.root(size).unwrap().hex(), root, "{size}");
    }
}

#[test]
fn every_root_is_as_defined() {
    let (tree, leaves) = (tree(SIZES), leaves(SIZES));
    for size in 0..=SIZES {
        let found = tree.root(size).unwrap();
        assert_eq!(found, defined(&leaves[..usize::try_from(size).unwrap()]));
    }
    assert_eq!(tree.root(SIZES + 1), None);
}

#[test]
fn every_entry_of_every_size_is_proven_and_no_other() {
    let (tree, leaves) = (tree(SIZES), leaves(SIZES));
    for size in 1..=SIZES {
        let root = tree.root(size).unwrap();
        for index in 0..size {
            let path = tree.inclusion(index, size).unwrap();
            let leaf = leaves[usize::try_from(index).unwrap()];
            assert_eq!(check_inclusion(leaf, index, size, &path, &root), Ok(()));
            let other = (index + 1) % size;
            if other != index {
                assert!(check_inclusion(leaf, other, size, &path, &root).is_err());
            }
        }
        assert_eq!(tree.inclusion(size, size), None);
    }
}

#[test]
fn every_size_continues_every_smaller_one() {
    let tree = tree(SIZES);
    for new in 0..=SIZES {
        let new_root = tree.root(new).unwrap();
        for old in 0..=new {
            let old_root = tree.root(old).unwrap();
            let path = tree.consistency(old, new).unwrap();
            assert_eq!(
                check_consistency(old, &old_root, new, &new_root, &path),
                Ok(()),
                "{old} {new}"
            );
        }
    }
}

proptest! {
    #[test]
    fn a_flipped_bit_of_an_inclusion_proof_is_noticed(
        size in 1..SIZES, index in 0..SIZES, bit in 0_usize..256, at in 0_usize..70,
    ) {
        let index = index % size;
        let tree = tree(size);
        let (root, mut path) = (tree.root(size).unwrap(), tree.inclusion(index, size).unwrap());
        let mut leaf = leaf_hash(&index.to_be_bytes());
        let mut wrong_root = root;
        match at % (path.len() + 2) {
            0 => leaf = flipped(&leaf, bit),
            1 => wrong_root = flipped(&root, bit),
            step => path[step - 2] = flipped(&path[step - 2], bit),
        }
        prop_assert!(check_inclusion(leaf, index, size, &path, &wrong_root).is_err());
    }

    #[test]
    fn a_flipped_bit_of_a_consistency_proof_is_noticed(
        new in 1..SIZES, old in 0..SIZES, bit in 0_usize..256, at in 0_usize..70,
    ) {
        let old = old % new;
        let tree = tree(new);
        let mut path = tree.consistency(old, new).unwrap();
        let (mut old_root, mut new_root) = (tree.root(old).unwrap(), tree.root(new).unwrap());
        match at % (path.len() + 2) {
            // Nothing is said of what follows no entries.
            1 if old > 0 => new_root = flipped(&new_root, bit),
            0 | 1 => old_root = flipped(&old_root, bit),
            step => path[step - 2] = flipped(&path[step - 2], bit),
        }
        prop_assert!(check_consistency(old, &old_root, new, &new_root, &path).is_err());
    }

    #[test]
    fn a_proof_of_another_length_is_refused(size in 2..SIZES, index in 0..SIZES) {
        let index = index % size;
        let tree = tree(size);
        let (root, path) = (tree.root(size).unwrap(), tree.inclusion(index, size).unwrap());
        let leaf = leaf_hash(&index.to_be_bytes());
        let longer = [&path[..], &[root]].concat();
        let shorter = &path[..path.len() - 1];
        for wrong in [&longer[..], shorter] {
            prop_assert!(check_inclusion(leaf, index, size, wrong, &root).is_err());
        }
    }

    #[test]
    fn another_history_is_noticed(new in 2..SIZES, old in 1..SIZES, changed in 0..SIZES) {
        let old = 1 + old % (new - 1).max(1);
        let changed = changed % old;
        let mut other = Tree::default();
        for n in 0..new {
            let leaf = if n == changed { leaf_hash(b"x") } else { leaf_hash(&n.to_be_bytes()) };
            other.push(leaf);
        }
        let seen = tree(old).root(old).unwrap();
        let path = other.consistency(old, new).unwrap();
        let root = other.root(new).unwrap();
        prop_assert!(check_consistency(old, &seen, new, &root, &path).is_err());
    }
}
