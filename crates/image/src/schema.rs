//! JSON Schema of image files, for editors.

use crate::written::Document;
use bessemer_yaml::schema;
use serde_json::Value;

/// The schema of an image file. No key is needed: an empty file is an empty image.
pub fn image_schema() -> Value {
    schema::<Document>(
        "Image",
        "An image file: what a container image is made of",
        &[],
    )
}
