//! A package tree: reading hostile archives, dependency detection, SBOM, emission.
