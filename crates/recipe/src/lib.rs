//! The recipe language: as written, resolved, plan.
