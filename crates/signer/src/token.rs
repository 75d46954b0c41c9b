//! Keys on PKCS#11 tokens: the token signs, and the key never leaves it.
//!
//! Source: PKCS#11 v2.40 (OASIS). ECDSA signatures come as two numbers of 32 bytes and become ASN.1
//! DER here; RSA signatures are made over a DigestInfo that is put together here, so that only 51 bytes
//! go to the token. A session belongs to one thread at a time.

mod der;
mod uri;

pub use uri::{TokenUri, TokenUriError};

use crate::keys::RsaKeeper;
use bessemer_attest::{PublicKey, SignError, Signer};
use bessemer_digest::Digest;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The curve P-256 as tokens name it: its object identifier, DER (RFC 5480 §2.1.1.1).
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Why a key on a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The URI that names it cannot be read.
    #[error("the key's URI cannot be used")]
    Uri(#[from] TokenUriError),
    /// The PIN's file cannot be read.
    #[error("cannot read the PIN in `{path}`")]
    Pin {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No token of this name.
    #[error("the module knows no token `{0}`, or several")]
    Token(String),
    /// No key pair of this name.
    #[error("the token has no {what} `{object}`, or several")]
    Object {
        /// Private or public key, and of which kind.
        what: &'static str,
        /// Its label.
        object: String,
    },
    /// Another kind of key.
    #[error("the key `{0}` on the token is not of the kind that its role needs")]
    Kind(String),
    /// The module or the token said no.
    #[error("the token refuses")]
    Pkcs11(#[from] cryptoki::error::Error),
}

/// A private key on a token, behind a session of its own.
struct TokenKey {
    session: Mutex<Session>,
    key: ObjectHandle,
    object: String,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenKey")
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session and finds the pair; returns the public half's handle, too.
    fn open(uri: &TokenUri, kind: KeyType) -> Result<(Self, ObjectHandle), TokenError> {
        let module = module(&uri.module)?;
        let mut slots = Vec::new();
        for slot in module.get_slots_with_initialized_token()? {
            // A token that was taken out meanwhile is none of those that are looked for.
            if module
                .get_token_info(slot)
                .is_ok_and(|info| info.label() == uri.token)
            {
                slots.push(slot);
            }
        }
        let [slot] = slots[..] else {
            return Err(TokenError::Token(uri.token.clone()));
        };
        let session = module.open_ro_session(slot)?;
        let pin = pin(&uri.pin)?;
        match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
            // A login is the whole process's, and another key's came first.
            Err(cryptoki::error::Error::Pkcs11(
                cryptoki::error::RvError::UserAlreadyLoggedIn,
                _,
            )) => {}
            other => other?,
        }
        let key = object(&session, uri, ObjectClass::PRIVATE_KEY, kind, "private key")?;
        let public = object(&session, uri, ObjectClass::PUBLIC_KEY, kind, "public key")?;
        let own = Self {
            session: Mutex::new(session),
            key,
            object: uri.object.clone(),
        };
        Ok((own, public))
    }

    fn attributes(
        &self,
        object: ObjectHandle,
        wanted: &[AttributeType],
    ) -> Result<Vec<Attribute>, TokenError> {
        Ok(self.session().get_attributes(object, wanted)?)
    }

    fn sign(&self, mechanism: &Mechanism<'_>, data: &[u8]) -> Result<Vec<u8>, SignError> {
        let session = self.session();
        session
            .sign(mechanism, self.key, data)
            .map_err(SignError::new)
    }
}

/// An ECDSA P-256 key on a token.
#[derive(Debug)]
pub(crate) struct EcdsaTokenKey(TokenKey);

impl EcdsaTokenKey {
    /// Opens the key; returns its public half, too.
    pub(crate) fn open(uri: &TokenUri) -> Result<(Self, PublicKey), TokenError> {
        let (key, public) = TokenKey::open(uri, KeyType::EC)?;
        let kind = || TokenError::Kind(uri.object.clone());
        let wanted = [AttributeType::EcParams, AttributeType::EcPoint];
        let (mut curve, mut point) = (Vec::new(), Vec::new());
        for attribute in key.attributes(public, &wanted)? {
            match attribute {
                Attribute::EcParams(value) => curve = value,
                Attribute::EcPoint(value) => point = value,
                _ => {}
            }
        }
        // The point stands in an octet string (PKCS#11 v2.40 §2.3.3): 65 bytes.
        let point = point.strip_prefix(&[0x04, 65]).ok_or_else(kind)?;
        if curve != P256 {
            return Err(kind());
        }
        let public = PublicKey::from_point(point).map_err(|_| kind())?;
        Ok((Self(key), public))
    }
}

impl Signer for EcdsaTokenKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let digest = Digest::of(message);
        let raw = self.0.sign(&Mechanism::Ecdsa, digest.as_bytes())?;
        der::signature(&raw)
            .ok_or_else(|| SignError::new("the token's signature has no two halves"))
    }
}

/// An RSA key on a token.
#[derive(Debug)]
pub(crate) struct RsaTokenKey(TokenKey);

impl RsaTokenKey {
    /// Opens the key; returns its public half as SubjectPublicKeyInfo, too.
    pub(crate) fn open(uri: &TokenUri) -> Result<(Self, Vec<u8>), TokenError> {
        let (key, public) = TokenKey::open(uri, KeyType::RSA)?;
        let wanted = [AttributeType::Modulus, AttributeType::PublicExponent];
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        for attribute in key.attributes(public, &wanted)? {
            match attribute {
                Attribute::Modulus(value) => modulus = value,
                Attribute::PublicExponent(value) => exponent = value,
                _ => {}
            }
        }
        if modulus.len() < 256 || exponent.is_empty() {
            return Err(TokenError::Kind(uri.object.clone()));
        }
        Ok((Self(key), der::rsa_spki(&modulus, &exponent)))
    }
}

impl RsaKeeper for RsaTokenKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let info = der::digest_info(&Digest::of(message));
        self.0.sign(&Mechanism::RsaPkcs, &info)
    }
}

/// The module; one that is initialised already is another key's of this process.
fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let module = Pkcs11::new(path)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(cryptoki::error::Error::Pkcs11(
            cryptoki::error::RvError::CryptokiAlreadyInitialized,
            _,
        )) => {}
        other => other?,
    }
    Ok(module)
}

/// One line end behind the PIN is not part of it.
fn pin(path: &Path) -> Result<String, TokenError> {
    let text = std::fs::read_to_string(path).map_err(|source| TokenError::Pin {
        path: path.to_owned(),
        source,
    })?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

fn object(
    session: &Session,
    uri: &TokenUri,
    class: ObjectClass,
    kind: KeyType,
    what: &'static str,
) -> Result<ObjectHandle, TokenError> {
    let mut template = vec![
        Attribute::Class(class),
        Attribute::KeyType(kind),
        Attribute::Label(uri.object.clone().into_bytes()),
    ];
    template.extend(uri.id.clone().map(Attribute::Id));
    match session.find_objects(&template)?[..] {
        [one] => Ok(one),
        _ => Err(TokenError::Object {
            what,
            object: uri.object.clone(),
        }),
    }
}
