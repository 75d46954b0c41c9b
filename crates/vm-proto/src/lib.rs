//! Messages and framing between host and guest.
