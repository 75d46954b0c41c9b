//! Keys named by a repository's own `apk-configuration`.

use super::der::rsa_public_key;
use super::{DiscoveryError, FoundKey, MAX_KEYS, is_file_name};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The file below a repository's URL that says where its keys are.
pub const CONFIGURATION: &str = "apk-configuration";

#[derive(Debug, Deserialize)]
struct Configuration {
    jwks_uri: String,
}

#[derive(Debug, Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// A JSON Web Key of type RSA (RFC 7518, section 6.3.1).
#[derive(Debug, Deserialize)]
struct Key {
    #[serde(default)]
    kid: String,
    #[serde(default)]
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

/// Where the key set is, from the text of `apk-configuration`.
pub fn jwks_uri(configuration: &[u8]) -> Result<String, DiscoveryError> {
    let configuration: Configuration =
        serde_json::from_slice(configuration).map_err(|source| DiscoveryError::Json {
            what: "an apk-configuration with a `jwks_uri`",
            source,
        })?;
    Ok(configuration.jwks_uri)
}

/// The keys of a set, each under the file name `<kid>.rsa.pub`.
pub fn read_jwks(text: &[u8]) -> Result<Vec<FoundKey>, DiscoveryError> {
    let set: KeySet = serde_json::from_slice(text).map_err(|source| DiscoveryError::Json {
        what: "a JSON Web Key Set",
        source,
    })?;
    if set.keys.len() > MAX_KEYS {
        return Err(DiscoveryError::TooMany);
    }
    set.keys.iter().map(read).collect()
}

fn read(key: &Key) -> Result<FoundKey, DiscoveryError> {
    let refused = || DiscoveryError::Key(key.kid.escape_debug().take(80).collect());
    let number = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.iter().any(|&byte| byte != 0).then_some(bytes)
    };
    let file_name = format!("{}.rsa.pub", key.kid);
    if key.kty != "RSA" || key.kid.is_empty() || !is_file_name(&file_name) {
        return Err(refused());
    }
    let modulus = number(&key.n).ok_or_else(refused)?;
    let exponent = number(&key.e).ok_or_else(refused)?;
    Ok(FoundKey {
        file_name,
        pem: rsa_public_key(&modulus, &exponent),
    })
}
