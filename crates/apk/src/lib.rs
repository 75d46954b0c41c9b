//! The apk v2 format: packages, indexes, versions, constraints, solver, install tree.
