//! A content-addressed store and checked downloads into it.
