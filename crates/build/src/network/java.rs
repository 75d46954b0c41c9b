//! A trust store for Java with one certificate in it.

use bessemer_jks::TrustStore;

/// The certificate's name in the store.
const ALIAS: &str = "bessemer";
/// When it was added: the same for every build.
const TIME: u64 = 0;

/// The store with this certificate (DER) alone.
pub(super) fn store(certificate: &[u8]) -> Vec<u8> {
    let mut store = TrustStore::default();
    store.insert(ALIAS, TIME, certificate);
    store.render()
}
