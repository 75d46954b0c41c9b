#!/bin/sh
# Leaves of the workspace what these crates (folders below crates/) are made of, without what only
# tests use:
#
#   sh release/narrow.sh guest-agent
#
# A build without network has the crates that its recipe lists and no others, and cargo wants all that a
# workspace could ask for, for every platform. Path dependencies become members by themselves; cargo then
# takes out of Cargo.lock what is no longer asked for. It changes the tree it stands in: run it in a copy.
set -eu
members=
for folder in "$@"; do
  members="$members\"crates/$folder\", "
done
sed -i -e "s|^members = .*|members = [$members]|" -e '/^exclude = /d' Cargo.toml
for manifest in crates/*/Cargo.toml; do
  # From the section's head to before the next one.
  sed -i '/^\[dev-dependencies\]$/,/^\[/{/^\[dev-dependencies\]$/d;/^\[/!d}' "$manifest"
done
