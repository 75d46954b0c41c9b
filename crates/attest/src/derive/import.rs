//! The import statement of a bootstrap package.

use super::{DeriveError, import_type, text};
use crate::predicates::Import;
use crate::{ResourceDescriptor, Statement};
use bessemer_digest::Digest;

/// Says that the apk `file` was made from what `import` names.
pub fn import_statement(
    base: &str,
    file: &str,
    sha256: &Digest,
    import: &Import,
) -> Result<Statement<Import>, DeriveError> {
    text::file_name("the imported package's file name", file)?;
    if let Some(release) = &import.release {
        text::plain("the suite", &release.suite)?;
    }
    if import.release.is_none() != import.debs.is_empty() {
        return Err(DeriveError::ImportRelease);
    }
    for deb in &import.debs {
        text::plain("the name of a deb", &deb.name)?;
        text::plain("the version of a deb", &deb.version)?;
        text::plain("the architecture of a deb", &deb.architecture)?;
    }
    let subject = ResourceDescriptor::file(file, sha256);
    Ok(Statement::new(
        vec![subject],
        &import_type(base),
        import.clone(),
    ))
}
