//! One package: environment, pipelines, split, detection, SBOM, emission, test.
