//! Statements, envelopes, provenance, the factory's documents, and their verification.
