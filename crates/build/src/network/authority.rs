//! The search for the certificate of one guest's proxy in what the guest made.

use bessemer_package::Tree;
use bessemer_sift::{Certificate, Form, Limits, Search, SearchError};
use std::io;
use std::path::Path;

/// An output may not become a package, for the sake of whoever would install it.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It has the certificate.
    #[error(
        "`{path}` has the certificate of this guest's network in it{}, which no other machine should trust",
        unpacked(within)
    )]
    Found {
        /// Which file of what the guest made.
        path: String,
        /// How it is packed there, from the outermost on.
        within: Vec<Form>,
    },
    /// It may have it.
    #[error("cannot tell whether `{path}` has the certificate of this guest's network in it")]
    NotSearched {
        /// Which file of what the guest made.
        path: String,
        /// Why not.
        source: SearchError,
    },
    /// It cannot be read.
    #[error("cannot read what the guest made")]
    Io(#[from] io::Error),
}

fn unpacked(within: &[Form]) -> String {
    let forms: Vec<_> = within.iter().map(Form::to_string).collect();
    if forms.is_empty() {
        String::new()
    } else {
        format!(" (inside {})", forms.join(", in that "))
    }
}

/// Looks into every file of a tree; what is large and unpacked is kept in `folder` for the moment.
pub(crate) fn search(own: &Certificate, tree: &Tree, folder: &Path) -> Result<(), AuthorityError> {
    let mut search = Search::new(own, Limits::default(), folder);
    for (path, node) in tree.iter().filter(|(_, node)| node.size() > 0) {
        let path = || path.as_str().to_owned();
        match search.find(&mut tree.open(node)?) {
            Ok(None) => {}
            Ok(Some(within)) => {
                let path = path();
                return Err(AuthorityError::Found { path, within });
            }
            Err(source) => {
                let path = path();
                return Err(AuthorityError::NotSearched { path, source });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
