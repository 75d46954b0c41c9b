//! The library against Debian's `docker-registry` and the real cosign and skopeo.

#![expect(
    clippy::unwrap_used,
    reason = "a test's own helpers fail the test by panicking"
)]

mod contended;
mod cosign;
mod evidence;
mod faults;
mod logins;
mod moves;
mod support;
