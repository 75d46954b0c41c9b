//! A deterministic writer of uncompressed erofs images.
