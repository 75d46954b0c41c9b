use super::{HERE, RUN, markdown};
use std::path::Path;

#[test]
fn the_page_is_what_the_pipelines_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/pipelines.md");
    let page = markdown().unwrap();
    for name in RUN.iter().map(|(name, _)| *name).chain(HERE) {
        assert!(page.contains(&format!("\n## {name}\n")), "{name}");
    }
    if std::env::var_os("BLESS").is_some() {
        fs_err::write(&path, &page).unwrap();
    }
    let shown = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == page,
        "docs/reference/pipelines.md is old; run this test with BLESS=1"
    );
}
