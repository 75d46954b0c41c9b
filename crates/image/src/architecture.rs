//! Architectures by their three names: apk's, OCI's, and what people write.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// OCI's name as one word, and apk's; sorted by the first.
const NAMES: [(&str, &str); 9] = [
    ("386", "x86"),
    ("amd64", "x86_64"),
    ("arm/v6", "armhf"),
    ("arm/v7", "armv7"),
    ("arm64", "aarch64"),
    ("loong64", "loongarch64"),
    ("ppc64le", "ppc64le"),
    ("riscv64", "riscv64"),
    ("s390x", "s390x"),
];

/// One of the architectures that images can be for. Ordered by OCI's names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Architecture(usize);

/// Why a text is no architecture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an architecture")]
pub struct ArchitectureError(String);

impl Architecture {
    /// All of them.
    pub fn all() -> Vec<Self> {
        (0..NAMES.len()).map(Self).collect()
    }

    /// Every name that is understood.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().flat_map(|(oci, apk)| [*oci, *apk])
    }

    /// OCI's name with the variant: `arm/v7`.
    pub fn oci(self) -> &'static str {
        NAMES[self.0].0
    }

    /// apk's name: `armv7`.
    pub fn apk(self) -> &'static str {
        NAMES[self.0].1
    }

    /// OCI's name and variant apart: `arm`, `v7`.
    pub fn platform(self) -> (&'static str, Option<&'static str>) {
        match self.oci().split_once('/') {
            Some((name, variant)) => (name, Some(variant)),
            None => (self.oci(), None),
        }
    }
}

impl FromStr for Architecture {
    type Err = ArchitectureError;

    fn from_str(text: &str) -> Result<Self, ArchitectureError> {
        let found = NAMES
            .iter()
            .position(|(oci, apk)| *oci == text || *apk == text);
        let found = found.ok_or_else(|| ArchitectureError(text.to_owned()))?;
        Ok(Self(found))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.oci())
    }
}

impl fmt::Debug for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.oci())
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.oci())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn have_two_names_and_an_order() {
        let mut sorted = Architecture::all();
        sorted.sort_by_key(|arch| arch.oci());
        assert_eq!(sorted, Architecture::all());
        for name in Architecture::names() {
            let arch: Architecture = name.parse().unwrap();
            assert!(arch.apk() == name || arch.oci() == name);
        }
        let armv7: Architecture = "armv7".parse().unwrap();
        assert_eq!(armv7.platform(), ("arm", Some("v7")));
        let error = "arm".parse::<Architecture>().unwrap_err();
        assert_eq!(error.to_string(), "`arm` is not an architecture");
    }
}
