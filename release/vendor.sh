#!/bin/sh
# Makes of crates, each the only file of a folder NAME-VERSION, what cargo takes for the registry:
#
#   sh release/vendor.sh FOLDER-WITH-CRATES VENDOR-FOLDER
#
# Whether a crate is the one that Cargo.lock names is checked by cargo, by the digest written here.
set -eu
crates=$1 vendor=$2
mkdir -p "$vendor"
for crate in "$crates"/*/*; do
  tar -x -z -f "$crate" -C "$vendor" --no-same-owner
  name=$(basename "$(dirname "$crate")")
  sha256=$(sha256sum "$crate")
  printf '{"files":{},"package":"%s"}' "${sha256%% *}" > "$vendor/$name/.cargo-checksum.json"
done
mkdir -p .cargo
cat >> .cargo/config.toml <<CONFIG

[source.crates-io]
replace-with = "vendored"

[source.vendored]
directory = "$vendor"
CONFIG
