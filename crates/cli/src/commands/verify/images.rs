//! Images in registries: what is attached to them, what they are expected to be, what that proves.

use crate::commands::image::registries::RegistryArguments;
use crate::print;
use anyhow::{Context as _, Result, anyhow, bail};
use bessemer_attest::verify::{
    ImageExpectations, ImageVerifyError, ImageVerifyPolicy, VerifiedImage, verify_image_whole,
};
use bessemer_attest::{Envelope, Sidecar, TrustRoot};
use bessemer_digest::Digest;
use bessemer_registry::{Access, AttachedEnvelope, Attachments, Reference, Registry};
use bessemer_tlog::Proof;

/// Most attachments that cannot be read and are named.
const NAMED: usize = 10;

/// What the image is expected to be.
#[derive(Debug, clap::Args)]
pub(crate) struct ExpectedArguments {
    /// Registry and repository that the image was published under, in place of the reference's own: for
    /// mirrors and copies. Given several times, one of them must be
    #[arg(long, value_name = "[HOST[:PORT]/]NAME", value_parser = parse_name, conflicts_with = "any_name")]
    name: Vec<String>,
    /// Take an image that was published under any name, somebody else's among them
    #[arg(long)]
    any_name: bool,
    /// Take images with packages that nothing vouches for
    #[arg(long)]
    accept_unverified: bool,
    /// Take images on a base that nothing vouches for
    #[arg(long)]
    accept_unverified_base: bool,
    /// Refuse images with packages that were imported from a distribution, in their base or on it
    #[arg(long)]
    refuse_imports: bool,
    /// Refuse images with packages built below this SLSA build level; imported and unverified ones are of
    /// level 0
    #[arg(long, value_name = "LEVEL", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    min_package_level: u8,
}

fn parse_name(text: &str) -> Result<String> {
    let reference: Reference = text.parse()?;
    if reference.tag().is_some() || reference.digest().is_some() {
        bail!("a name has neither tag nor digest");
    }
    Ok(reference.name())
}

impl ExpectedArguments {
    /// Whether it was said under which names the image may have been published.
    pub(crate) fn says_names(&self) -> bool {
        self.any_name || !self.name.is_empty()
    }

    /// Whether anything was said.
    pub(crate) fn says_something(&self) -> bool {
        self.says_names()
            || self.accept_unverified
            || self.accept_unverified_base
            || self.refuse_imports
            || self.min_package_level > 0
    }

    /// Of an image that is called this unless something else was said.
    pub(crate) fn of(&self, name: &str) -> ImageExpectations {
        let names = if self.name.is_empty() {
            vec![name.to_owned()]
        } else {
            self.name.clone()
        };
        ImageExpectations {
            names: (!self.any_name).then_some(names),
            accept_unverified: self.accept_unverified,
            accept_unverified_base: self.accept_unverified_base,
            refuse_imports: self.refuse_imports,
            prefer: None,
            min_package_level: self.min_package_level,
        }
    }
}

/// An image with everything that is attached to it.
pub(crate) struct Found {
    /// Digest of the manifest or index.
    pub(crate) digest: Digest,
    /// Every manifest, the index first, with what is attached to it.
    pub(crate) attached: Vec<(Digest, Sidecar)>,
}

/// Looks an image up, and everything that is attached to it and, of an index, to the images in it.
pub(crate) fn in_registry(image: &Reference, registries: &RegistryArguments) -> Result<Found> {
    let registries = registries.open()?;
    let registry = registries.connect(image, Access::Pull, &[])?;
    let Some(digest) = registry.resolve(image)? else {
        bail!("there is no {image}");
    };
    let images = registry.platforms(&digest);
    let images = images.context("not everything that the image names can be verified")?;
    let mut attached = Vec::new();
    for image in images {
        let attachments = registry.attestations(&image);
        let attachments = attachments.with_context(|| image.to_string())?;
        hidden(&registry, &image);
        attached.push((image, readable(&image, &attachments)));
    }
    Ok(Found { digest, attached })
}

/// A bundle that anybody attached takes nothing away here; that it does for others is said.
fn hidden(registry: &Registry, image: &Digest) {
    match registry.has_bundle(image) {
        Ok(false) => {}
        Ok(true) => print::warning(&format!(
            "a Sigstore bundle refers to {image}: cosign 3 shows that in place of these attestations"
        )),
        Err(error) => {
            let error = anyhow!(error);
            print::warning(&format!(
                "whether a Sigstore bundle hides the attestations of {image} from cosign 3 cannot be told: {}",
                print::sentence(&error)
            ));
        }
    }
}

/// Verifies every manifest; all of them must be what is expected.
pub(crate) fn verified(
    found: &Found,
    root: &TrustRoot,
    policy: &ImageVerifyPolicy,
    expected: &ImageExpectations,
) -> Result<Vec<VerifiedImage>> {
    let mut expected = expected.clone();
    let mut verified = Vec::new();
    for (digest, attached) in &found.attached {
        let one = verify_image_whole(digest, attached, root, policy, &expected);
        let one = one.map_err(hinted).with_context(|| digest.to_string())?;
        // An image that is in two indexes has the provenance of both; the index's own is meant.
        expected.prefer.get_or_insert(one.attestation);
        verified.push(one);
    }
    Ok(verified)
}

/// The envelopes among the attachments. What cannot be read is nobody's envelope, and hides nothing of
/// what verifies; a person is told.
fn readable(digest: &Digest, attachments: &Attachments) -> Sidecar {
    let mut attached = Sidecar::default();
    let unread = attachments.unread.iter();
    let mut unreadable: Vec<String> = unread
        .map(|one| {
            let why = one.cause.as_ref().map(|error| error.cause.to_string());
            let why = why.unwrap_or_else(|| "it is too large".to_owned());
            format!("{} cannot be read: {why}", one.digest)
        })
        .collect();
    for one in &attachments.envelopes {
        if let Err(why) = push(&mut attached, one) {
            unreadable.push(format!("{} {why}", Digest::of(&one.envelope)));
        }
    }
    let more = unreadable.len().saturating_sub(NAMED);
    for text in unreadable.iter().take(NAMED) {
        print::warning(&format!("what is attached to {digest}: {text}"));
    }
    if more > 0 {
        print::warning(&format!(
            "what is attached to {digest}: {more} more like these"
        ));
    }
    attached
}

/// An envelope whose proof cannot be read is one without.
fn push(attached: &mut Sidecar, one: &AttachedEnvelope) -> Result<(), &'static str> {
    let envelope = Envelope::parse(&one.envelope).map_err(|_| "is no envelope")?;
    match one
        .proof
        .as_deref()
        .map(|text| Proof::parse(text.as_bytes()))
    {
        Some(Ok(proof)) => attached.push_logged(envelope, proof),
        Some(Err(_)) => {
            attached.push(envelope);
            return Err("has a proof beside it that is none");
        }
        None => attached.push(envelope),
    }
    Ok(())
}

fn hinted(error: ImageVerifyError) -> anyhow::Error {
    // The hint is for what it can help with.
    let hint = match &error {
        ImageVerifyError::Unexpected(text) if text.contains("built on what nothing vouches") => {
            Some(ON_A_BASE)
        }
        ImageVerifyError::Unexpected(text) if text.contains("it was published as") => {
            Some(NAMED_AS)
        }
        ImageVerifyError::Unexpected(text) if text.contains("nothing vouches for") => {
            Some(PACKAGES)
        }
        _ => None,
    };
    let error = anyhow!(error);
    match hint {
        Some(hint) => error.context(print::Hint(hint.to_owned())),
        None => error,
    }
}

const ON_A_BASE: &str = "--accept-unverified-base takes images on a base that nothing vouches for";

const NAMED_AS: &str =
    "--name NAME says what a mirror or copy was published as, --any-name that any name will do";
const PACKAGES: &str = "--accept-unverified takes packages that nothing vouches for";
