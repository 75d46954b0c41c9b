//! A key for this crate's tests.

use crate::{PublicKey, SignError, Signer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

pub(crate) struct TestKey(EcdsaKeyPair);

impl TestKey {
    pub(crate) fn generate() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::from_point(self.0.public_key().as_ref()).unwrap()
    }
}

impl Signer for TestKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self
            .0
            .sign(&SystemRandom::new(), message)
            .map_err(SignError::new)?;
        Ok(signature.as_ref().to_vec())
    }
}
