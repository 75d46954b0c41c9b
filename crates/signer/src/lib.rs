//! The key-holding process: derives statements and signs them.
