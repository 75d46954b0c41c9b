//! Container images out of packages, by apko's image files.
//!
//! [`load`] reads an image file with everything that it includes, strictly: what is wrong is a
//! diagnostic with its place. The result is a [`Configuration`], in which nothing is left to look up.
//! [`Offers`] are its repositories, [`resolve`] chooses packages for all architectures at once, and a
//! [`lock::Lock`] writes the choice down. [`packages`] takes the files, each held against index or lock.
//! A [`Base`] is a finished image that the new one goes on top of. [`Tree`] is the file system of one architecture, [`layers`] makes compressed archives of it, and
//! [`oci`] describes and writes images. [`build`] does all of the latter.
//!
//! Invariants: what an image is depends on the image file, the packages, the keys and the time that was
//! given, and on nothing of the machine; no image has user names or passwords of URLs in it; the
//! environment is not read.

mod architecture;
mod base;
mod build;
mod check;
mod configuration;
mod inventory;
mod layers;
mod load;
pub mod lock;
mod merge;
pub mod oci;
mod offers;
pub mod packages;
mod pem;
mod resolve;
pub mod sbom;
mod schema;
mod shell_words;
mod tree;
mod written;

pub use architecture::{Architecture, ArchitectureError};
pub use base::{Base, Bases, OpenBaseError};
pub use build::{
    BuildError, BuildOptions, Built, Contents, ContentsError, build, chosen_contents, lock,
    locked_contents,
};
pub use configuration::{
    Accounts, BaseImage, Certificates, Configuration, Contents as ConfiguredContents, Entrypoint,
    Format, FormatError, Group, Layering, NamedContent, PathKind, PathMutation, RenderError, User,
};
pub use inventory::{Inventory, InventoryError, Reached, Seen, SeenKind};
pub use layers::{Compression, Encoding, Layer, Layering as LayerOptions, LayersError, layers};
pub use load::{LoadError, Loaded, load, parse};
pub use offers::{Key, Offers, OpenOffersError, Opening, build_repositories};
pub use resolve::{Choice, ResolveError, pinned, resolve, resolve_pinned, world};
pub use schema::image_schema;
pub use tree::{BuildTreeError, Epoch, Ingredients, Tree};
