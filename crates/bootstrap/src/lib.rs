//! An apk repository made from Debian packages that apt fetched and verified.
