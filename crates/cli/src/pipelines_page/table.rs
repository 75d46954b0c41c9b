//! Where each built-in pipeline runs, and why there. The page is written from it, and tests hold it
//! against the examples it names.

/// One built-in pipeline.
#[derive(Debug)]
pub(crate) struct Row {
    /// What `uses` names.
    pub(crate) name: &'static str,
    /// How often the recipes of wolfi-dev/os (August 2026, 3,401 recipes) use it.
    pub(crate) uses: u32,
    pub(crate) place: Place,
}

/// Where a pipeline runs, apart from being compiled, with its script's syntax checked.
#[derive(Debug)]
pub(crate) enum Place {
    /// In a guest for every change: `cargo xtask test` builds and tests this example.
    Guest(&'static str),
    /// In a guest for every change, in a recipe that this file of tests makes.
    GuestTest(&'static str),
    /// In a guest of `cargo xtask soak pipelines`, which builds and tests this example, because of
    /// the reason.
    Soak(&'static str, &'static str),
    /// In no guest, because of the reason.
    Compiled(&'static str),
}

use Place::{Compiled, Guest, GuestTest, Soak};

const AUTOCONF: Place = Guest("pipelines/autoconf-sample");
const CMAKE: Place = Guest("pipelines/cmake-sample");
const MESON: Place = Guest("pipelines/meson-sample");
const PERL: Place = Guest("pipelines/perl-sample");
const PYTHON: Place = Guest("pipelines/python-sample");
const RUBY: Place = Guest("pipelines/ruby-sample");
const GO: Place = Soak(
    "pipelines/go-sample",
    "the compiler and its library have 330 MB, and the library is compiled first",
);
const PHP: Place = Soak(
    "pipelines/php-sample",
    "phpize's configure script takes long",
);
const GOBUMP: Place = Compiled("Debian has no gobump");
const POMBUMP: Place = Compiled("Debian has no pombump");
const XCOVER: Place = Compiled("Debian has no xcover, and a guest's kernel no eBPF for it");

const fn row(name: &'static str, uses: u32, place: Place) -> Row {
    Row { name, uses, place }
}

/// All of them, sorted by name.
pub(crate) const ROWS: [Row; 52] = [
    row(
        "R/build",
        13,
        Soak("pipelines/r-sample", "R with what it depends on is large"),
    ),
    row("autoconf/configure", 464, AUTOCONF),
    row("autoconf/make", 879, AUTOCONF),
    row("autoconf/make-install", 775, AUTOCONF),
    row(
        "cargo/build",
        50,
        Soak(
            "pipelines/cargo-sample",
            "the compiler is large; Debian has no cargo-auditable, so the sample has cargo in its place",
        ),
    ),
    row("cmake/build", 172, CMAKE),
    row("cmake/configure", 160, CMAKE),
    row("cmake/install", 166, CMAKE),
    row("fetch", 195, Guest("local/local")),
    row("git-am", 0, PERL),
    row("git-checkout", 3285, GuestTest("git.rs")),
    row("go/build", 257, GO),
    row("go/build/v2", 36, GO),
    row("go/bump", 0, GOBUMP),
    row(
        "go/covdata",
        0,
        Compiled("it needs Go 1.20, and Debian 12 has 1.19"),
    ),
    row("go/install", 0, GO),
    row(
        "llvm/covreport",
        0,
        Compiled("clang, LLVM and its profiling runtime have 700 MB, and no recipe uses it"),
    ),
    row(
        "maven/configure-mirror",
        0,
        Compiled("no recipe uses it, and its mirror is out of a guest's reach"),
    ),
    row("maven/pombump", 0, POMBUMP),
    row("meson/compile", 67, MESON),
    row("meson/configure", 65, MESON),
    row("meson/install", 67, MESON),
    row(
        "npm/install",
        4,
        Soak(
            "pipelines/npm-sample",
            "npm is several hundred Debian packages; the sample installs a file, for its registry is out of a guest's reach",
        ),
    ),
    row("patch", 239, MESON),
    row("pecl/install", 15, PHP),
    row("pecl/phpize", 15, PHP),
    row("perl/cleanup", 198, PERL),
    row("perl/make", 191, PERL),
    row("python/build", 1, PYTHON),
    row("python/build-wheel", 0, PYTHON),
    row("python/import", 1384, PYTHON),
    row("python/install", 1, PYTHON),
    row("python/test", 0, PYTHON),
    row("ruby/build", 677, RUBY),
    row("ruby/clean", 689, RUBY),
    row("ruby/install", 686, RUBY),
    row("split/alldocs", 128, PERL),
    row("split/bin", 8, AUTOCONF),
    row("split/debug", 14, CMAKE),
    row("split/dev", 665, AUTOCONF),
    row("split/infodir", 63, AUTOCONF),
    row("split/lib", 31, AUTOCONF),
    row("split/locales", 17, AUTOCONF),
    row("split/manpages", 615, AUTOCONF),
    // Bessemer's own, used by the others.
    row("split/select", 0, AUTOCONF),
    row("split/static", 106, AUTOCONF),
    row("strip", 2249, AUTOCONF),
    row("xcover/ensure", 13, XCOVER),
    row("xcover/profile", 13, XCOVER),
    row("xcover/status", 0, XCOVER),
    row("xcover/stop", 13, XCOVER),
    row("xcover/wait", 0, XCOVER),
];
