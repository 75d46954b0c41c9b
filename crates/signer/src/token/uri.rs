//! PKCS#11 URIs: which token, which key, which module, and where the PIN is. Source: RFC 7512.

use std::path::{Path, PathBuf};

/// The longest URI that is read, in bytes.
const URI_LIMIT: usize = 4096;

/// A key on a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUri {
    /// The token's label.
    pub token: String,
    /// The label of the key pair.
    pub object: String,
    /// The id of the key pair, where labels are not enough.
    pub id: Option<Vec<u8>>,
    /// The module that knows the token.
    pub module: PathBuf,
    /// The file with the PIN.
    pub pin: PathBuf,
}

/// Why a text is not such a URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenUriError {
    /// Another scheme, or too long.
    #[error("it is no `pkcs11:` URI of at most {URI_LIMIT} bytes")]
    Scheme,
    /// An attribute without a value, given twice, or not percent-encoded as it should be.
    #[error("the attribute `{0}` is malformed or given twice")]
    Attribute(String),
    /// An attribute that would choose something, and is not understood.
    #[error("the attribute `{0}` is not known here")]
    Unknown(String),
    /// A PIN in the URI itself would stand in files and lists of processes.
    #[error("`pin-value` is not taken; name a file: `pin-source=/path`")]
    PinValue,
    /// Something that is needed.
    #[error("the attribute `{0}` is missing")]
    Missing(&'static str),
    /// Not an absolute path.
    #[error("`{0}` must be an absolute path")]
    Path(&'static str),
}

impl TokenUri {
    /// Reads `pkcs11:token=…;object=…?module-path=…&pin-source=…`.
    pub fn parse(text: &str) -> Result<Self, TokenUriError> {
        let rest = text
            .strip_prefix("pkcs11:")
            .filter(|_| text.len() <= URI_LIMIT)
            .ok_or(TokenUriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut found = Found::default();
        for (part, separator) in [(path, ';'), (query, '&')] {
            for attribute in part.split(separator).filter(|one| !one.is_empty()) {
                found.take(attribute)?;
            }
        }
        Ok(Self {
            token: found.token.ok_or(TokenUriError::Missing("token"))?,
            object: found.object.ok_or(TokenUriError::Missing("object"))?,
            id: found.id,
            module: absolute("module-path", found.module)?,
            pin: absolute("pin-source", found.pin)?,
        })
    }
}

#[derive(Default)]
struct Found {
    token: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
    module: Option<String>,
    pin: Option<String>,
}

impl Found {
    fn take(&mut self, attribute: &str) -> Result<(), TokenUriError> {
        let malformed = || TokenUriError::Attribute(shown(attribute));
        let (name, value) = attribute.split_once('=').ok_or_else(malformed)?;
        let bytes = decoded(value).ok_or_else(malformed)?;
        if name == "id" {
            return match self.id.replace(bytes) {
                None => Ok(()),
                Some(_) => Err(malformed()),
            };
        }
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        let place = match name {
            "token" => &mut self.token,
            "object" => &mut self.object,
            "module-path" => &mut self.module,
            "pin-source" => &mut self.pin,
            "pin-value" => return Err(TokenUriError::PinValue),
            // A pair is always meant here.
            "type" if text == "private" => return Ok(()),
            _ => return Err(TokenUriError::Unknown(shown(name))),
        };
        if text.is_empty() || text.chars().any(char::is_control) || place.is_some() {
            return Err(malformed());
        }
        *place = Some(text);
        Ok(())
    }
}

/// A name for a message; never a value, which may be a secret.
fn shown(attribute: &str) -> String {
    let name = attribute.split('=').next().unwrap_or_default();
    let plain = name.chars().filter(|char| !char.is_control());
    plain.take(40).collect()
}

fn absolute(name: &'static str, value: Option<String>) -> Result<PathBuf, TokenUriError> {
    let value = value.ok_or(TokenUriError::Missing(name))?;
    let path = value.strip_prefix("file://").unwrap_or(&value);
    let path = path.strip_prefix("file:").unwrap_or(path);
    let path = Path::new(path);
    if path.is_absolute() {
        Ok(path.to_owned())
    } else {
        Err(TokenUriError::Path(name))
    }
}

/// Undoes percent-encoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut found = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            found.push(byte);
            continue;
        }
        let digits = [bytes.next()?, bytes.next()?];
        let mut one = [0];
        hex::decode_to_slice(digits, &mut one).ok()?;
        found.push(one[0]);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "pkcs11:token=Factory%20keys;object=provenance;id=%01%ab;type=private?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/pin";

    #[test]
    fn reads_what_it_needs() {
        let uri = TokenUri::parse(GOOD).unwrap();
        assert_eq!(uri.token, "Factory keys");
        assert_eq!(uri.object, "provenance");
        assert_eq!(uri.id, Some(vec![1, 0xab]));
        assert_eq!(uri.module, Path::new("/usr/lib/softhsm/libsofthsm2.so"));
        assert_eq!(uri.pin, Path::new("/etc/pin"));
    }

    #[test]
    fn refuses_what_it_would_have_to_guess() {
        for (change, message) in [
            (("pkcs11:", "pkcs12:"), "no `pkcs11:` URI"),
            (("token=", "tokens="), "`tokens` is not known"),
            (("token=Factory%20keys;", ""), "`token` is missing"),
            (("object=provenance;", ""), "`object` is missing"),
            (("object=", "object"), "malformed"),
            (("%20", "%2"), "malformed"),
            (("%20", "%0a"), "malformed"),
            (("%20", "%ff"), "malformed"),
            (("type=private", "object=other"), "given twice"),
            (("type=private", "type=public"), "`type` is not known"),
            (
                ("pin-source=file:", "pin-value="),
                "`pin-value` is not taken",
            ),
            (("/usr/lib/", "lib/"), "absolute path"),
            (("&pin-source=file:/etc/pin", ""), "`pin-source` is missing"),
        ] {
            let text = GOOD.replacen(change.0, change.1, 1);
            let error = TokenUri::parse(&text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
