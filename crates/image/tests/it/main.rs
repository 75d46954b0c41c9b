//! What image files mean, and what is built of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bases;
mod erofs;
mod golden;
mod image_file;
mod made;
mod own;
mod trees;
mod workplace;
