//! How the bytes of a layer hold what is in it.

use super::Compression;

/// The media type of an erofs image that is not compressed, from the draft erofs-image-spec (5.2).
const EROFS: &str = "application/vnd.erofs";

/// How the bytes of a layer hold what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As a tar archive, compressed like this.
    Tar(Compression),
    /// As an erofs image.
    Erofs,
}

impl Encoding {
    /// The media type of such a layer.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Tar(compression) => compression.media_type(),
            Self::Erofs => EROFS,
        }
    }

    /// How a layer of this media type holds it; `None` for what is no layer.
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        let tar = Compression::of(media_type).map(Self::Tar);
        tar.or((media_type == EROFS).then_some(Self::Erofs))
    }

    /// What whoever unpacks such a layer must be able to, as `os.features` says it (erofs-image-spec, 5.4).
    pub(crate) const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Tar(_) => None,
            Self::Erofs => Some("erofs"),
        }
    }
}
