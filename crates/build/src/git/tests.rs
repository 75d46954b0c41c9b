//! Against repositories made here and the machine's git.

use super::*;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cache", "scratch", "remote"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let store = Store::open(folder.path().join("store")).unwrap();
        let bench = Self { folder, store };
        bench.git(&["init", "-q", "-b", "main", "."]);
        bench
    }

    fn remote(&self) -> PathBuf {
        self.folder.path().join("remote")
    }

    fn uri(&self) -> String {
        format!("file://{}", self.remote().display())
    }

    fn git(&self, words: &[&str]) -> String {
        git_in(&self.remote(), words)
    }

    fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        for (path, content) in files {
            let path = self.remote().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn checkout(&self, request: &GitRequest) -> Result<Checkout, GitError> {
        self.checkout_with(request, "cache")
    }

    fn checkout_with(&self, request: &GitRequest, cache: &str) -> Result<Checkout, GitError> {
        let cache = self.folder.path().join(cache);
        fs::create_dir_all(&cache).unwrap();
        let ground = Ground {
            cache: &cache,
            scratch: &self.folder.path().join("scratch"),
            store: &self.store,
            offline: false,
        };
        checkout(&self.uri(), request, ground)
    }

    /// Paths and contents outside `.git`.
    fn files(&self, checkout: &Checkout) -> BTreeMap<String, String> {
        let file = fs::File::open(self.store.object_path(&checkout.object.digest)).unwrap();
        let mut archive = tar::Archive::new(file);
        let mut found = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let mut content = String::new();
            if !path.starts_with(".git/") {
                entry.read_to_string(&mut content).unwrap();
                if let Some(target) = entry.link_name().unwrap() {
                    content = format!("-> {}", target.display());
                }
                found.insert(path, content);
            }
        }
        found
    }
}

fn git_in(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b.test",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

fn tag(name: &str, commit: &str) -> GitRequest {
    GitRequest {
        tag: name.to_owned(),
        expected_commit: commit.to_owned(),
        depth: 1,
        ..GitRequest::default()
    }
}

#[test]
fn a_tag_is_checked_out_and_the_bytes_depend_on_nothing_else() {
    let bench = Bench::new();
    bench.commit(&[("old", "1")], "first");
    let commit = bench.commit(&[("a/run.sh", "#!/bin/sh\n"), ("b", "text")], "second");
    bench.git(&["update-index", "--chmod=+x", "a/run.sh"]);
    std::os::unix::fs::symlink("b", bench.remote().join("link")).unwrap();
    let commit_with_link = bench.commit(&[], "third");
    assert_ne!(commit, commit_with_link);
    bench.git(&["tag", "-a", "-m", "one", "v1"]);
    let request = tag("v1", &commit_with_link);
    let one = bench.checkout(&request).unwrap();
    assert_eq!(one.commit, commit_with_link);
    assert_eq!(one.tree, bench.git(&["rev-parse", "HEAD^{tree}"]));
    let files = bench.files(&one);
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    assert_eq!(names, ["a/run.sh", "b", "link", "old"]);
    assert_eq!(files["link"], "-> b");
    // A cache that has seen more, and one that has seen nothing.
    bench.commit(&[("later", "2")], "fourth");
    let again = bench.checkout_with(&request, "other-cache").unwrap();
    assert_eq!(one, again);
    // A pinned commit that is in the cache needs no remote.
    fs::rename(bench.remote(), bench.folder.path().join("away")).unwrap();
    assert_eq!(bench.checkout(&request).unwrap(), one);
}

#[test]
fn offline_nothing_is_asked_of_other_machines() {
    let bench = Bench::new();
    let ground = Ground {
        cache: &bench.folder.path().join("cache"),
        scratch: &bench.folder.path().join("scratch"),
        store: &bench.store,
        offline: true,
    };
    // A port where nobody listens: asking it would fail, in other words.
    let uri = "git://user:secret@127.0.0.1:9/a";
    let error = checkout(uri, &tag("v1", ""), ground).unwrap_err();
    assert!(
        matches!(&error, GitError::Offline(place) if !place.contains("secret")),
        "{error}"
    );
    bench.commit(&[("a", "1")], "first");
    bench.git(&["tag", "v1"]);
    checkout(&bench.uri(), &tag("v1", ""), ground).unwrap();
}

#[test]
fn the_archive_is_a_work_tree_that_git_finds_clean() {
    let bench = Bench::new();
    bench.commit(&[("a", "1")], "first");
    let commit = bench.commit(&[("b/c", "2")], "second");
    bench.git(&["tag", "v1"]);
    let found = bench.checkout(&tag("v1", &commit)).unwrap();
    let tree = bench.folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let archive = fs::File::open(bench.store.object_path(&found.object.digest)).unwrap();
    tar::Archive::new(archive).unpack(&tree).unwrap();
    git_in(&tree, &["reset", "--quiet"]);
    assert_eq!(git_in(&tree, &["status", "--porcelain"]), "");
    assert_eq!(git_in(&tree, &["describe", "--tags", "--dirty"]), "v1");
    assert_eq!(git_in(&tree, &["rev-list", "--count", "HEAD"]), "1");
    assert_eq!(git_in(&tree, &["fsck", "--strict"]), "");
}

#[test]
fn a_pinned_commit_must_be_what_the_reference_leads_to() {
    let bench = Bench::new();
    let first = bench.commit(&[("a", "1")], "first");
    let second = bench.commit(&[("a", "2")], "second");
    bench.git(&["tag", "-a", "-m", "one", "v1"]);
    let object = bench.git(&["rev-parse", "v1"]);
    assert_eq!(bench.checkout(&tag("v1", &object)).unwrap().commit, second);
    let error = bench.checkout(&tag("v1", &first)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("tag v1 is commit {second}, and the recipe expects {first}")
    );
    let branch = |commit: &str| GitRequest {
        branch: "main".to_owned(),
        expected_commit: commit.to_owned(),
        ..GitRequest::default()
    };
    let older = bench.checkout(&branch(&first)).unwrap();
    assert_eq!(bench.files(&older)["a"], "1");
    bench.git(&["checkout", "-q", "--orphan", "side"]);
    let side = bench.commit(&[("a", "3")], "elsewhere");
    let error = bench.checkout(&branch(&side)).unwrap_err();
    assert!(matches!(error, GitError::NotInHistory { .. }), "{error}");
    let error = bench.checkout(&tag("none", "")).unwrap_err();
    assert!(error.to_string().contains("refs/tags/none"), "{error}");
}

#[test]
fn control_run_without_a_pin_a_moved_tag_is_followed() {
    let bench = Bench::new();
    let first = bench.commit(&[("a", "1")], "first");
    bench.git(&["tag", "v1"]);
    assert_eq!(bench.checkout(&tag("v1", &first)).unwrap().commit, first);
    let moved = bench.commit(&[("a", "2")], "second");
    bench.git(&["tag", "--force", "v1"]);
    // A cache that has not seen the pinned commit.
    let error = bench.checkout_with(&tag("v1", &first), "new").unwrap_err();
    assert!(error.to_string().contains("the recipe expects"), "{error}");
    let followed = bench.checkout(&tag("v1", "")).unwrap();
    assert_eq!(followed.commit, moved);
    assert_eq!(bench.files(&followed)["a"], "2");
}

#[test]
fn cherry_picks_are_applied_and_repeatable() {
    let bench = Bench::new();
    let base = bench.commit(&[("a", "1\n"), ("b", "1\n")], "first");
    bench.git(&["tag", "v1"]);
    bench.git(&["checkout", "-q", "-b", "fixes"]);
    let fix = bench.commit(&[("b", "2\n")], "fix b");
    let request = GitRequest {
        cherry_picks: vec![format!("fixes/{fix}: the fix")],
        depth: 0,
        ..tag("v1", &base)
    };
    let one = bench.checkout(&request).unwrap();
    assert_eq!(one.commit, base);
    assert_eq!(bench.files(&one)["b"], "2\n");
    assert_eq!(bench.checkout_with(&request, "other").unwrap(), one);
}

#[test]
fn submodules_are_their_files() {
    let bench = Bench::new();
    let inner = bench.folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    git_in(&inner, &["init", "-q", "-b", "main", "."]);
    fs::write(inner.join("x"), "inner").unwrap();
    git_in(&inner, &["add", "-A"]);
    git_in(&inner, &["commit", "-q", "-m", "inner"]);
    bench.git(&["submodule", "--quiet", "add", "../inner", "lib/inner"]);
    let commit = bench.commit(&[("a", "1")], "outer");
    bench.git(&["tag", "v1"]);
    let request = tag("v1", &commit);
    let without = bench.checkout(&request).unwrap();
    assert_eq!(bench.files(&without)["lib/inner/"], "");
    let request = GitRequest {
        recurse_submodules: true,
        ..request
    };
    let with = bench.checkout(&request).unwrap();
    assert_eq!(bench.files(&with)["lib/inner/x"], "inner");
}

#[test]
fn a_sparse_checkout_holds_its_cone() {
    let bench = Bench::new();
    let files = [
        ("top", "1"),
        ("src/in/x", "2"),
        ("src/out/y", "3"),
        ("doc/z", "4"),
    ];
    let commit = bench.commit(&files, "all");
    bench.git(&["tag", "v1"]);
    let request = GitRequest {
        sparse_paths: vec!["src/in".to_owned()],
        ..tag("v1", &commit)
    };
    let found = bench.checkout(&request).unwrap();
    let names: Vec<_> = bench.files(&found).into_keys().collect();
    assert_eq!(names, ["src/in/x", "top"]);
}

impl Bench {
    fn at(&self, revision: &str) -> Result<Commit, GitError> {
        let ground = Ground {
            cache: &self.folder.path().join("cache"),
            scratch: &self.folder.path().join("scratch"),
            store: &self.store,
            offline: false,
        };
        Commit::open(&self.uri(), revision, ground)
    }
}

#[test]
fn files_of_a_commit_are_taken_by_path() {
    let bench = Bench::new();
    let old = bench.commit(
        &[("a.yaml", "old"), ("a/x/patch", "p"), ("ab/no", "")],
        "old",
    );
    let new = bench.commit(&[("a.yaml", "new")], "new");
    let into = bench.folder.path().join("into");
    // The old one is no tip, so that the whole history is asked for.
    for (revision, commit, content) in [
        (old.as_str(), &old, "old"),
        (new.as_str(), &new, "new"),
        ("refs/heads/main", &new, "new"),
    ] {
        let found = bench.at(revision).unwrap();
        assert_eq!(found.name(), commit);
        let place = found.export("a.yaml", &into).unwrap().unwrap();
        assert_eq!(fs::read_to_string(place).unwrap(), content);
        let place = found.export("a/", &into).unwrap().unwrap();
        assert_eq!(fs::read_to_string(place.join("x/patch")).unwrap(), "p");
        assert!(found.export("b", &into).unwrap().is_none());
        assert!(found.export("../a", &into).is_err());
    }
    assert!(!into.join("ab").exists(), "only what was asked for");
}

#[test]
fn a_commit_that_no_branch_has_is_no_commit_of_the_repository() {
    let bench = Bench::new();
    bench.commit(&[("a", "1")], "one");
    // As a fork's commit is on a server that keeps forks together: there, but on no branch.
    bench.git(&["checkout", "-q", "-b", "fork"]);
    let foreign = bench.commit(&[("a", "2")], "two");
    bench.git(&["checkout", "-q", "main"]);
    bench.git(&["update-ref", "refs/pull/1/head", &foreign]);
    bench.git(&["branch", "-q", "-D", "fork"]);
    let error = bench.at(&foreign).unwrap_err();
    assert!(matches!(error, GitError::Unpublished(_)), "{error}");
    // The control run: on a branch it is one.
    bench.git(&["branch", "fork", &foreign]);
    assert_eq!(bench.at(&foreign).unwrap().name(), foreign);
    assert!(bench.at(&"0".repeat(40)).is_err());
    assert!(bench.at("refs/heads/none").is_err());
    // What the cache has seen does not count once the remote has taken it back.
    bench.git(&["branch", "-q", "-D", "fork"]);
    let error = bench.at(&foreign).unwrap_err();
    assert!(matches!(error, GitError::Unpublished(_)), "{error}");
    // A tag is no branch, whatever it is called.
    bench.git(&["tag", "refs/heads/release", &foreign]);
    let error = bench.at("refs/heads/release").unwrap_err();
    assert!(matches!(error, GitError::NoReference(_)), "{error}");
}

#[test]
fn a_recipe_may_check_out_its_own_repository() {
    let bench = Bench::new();
    let commit = bench.commit(&[("a", "1")], "one");
    let _open = bench.at(&commit).unwrap();
    let request = GitRequest {
        branch: "main".to_owned(),
        depth: 1,
        ..tag("", "")
    };
    assert_eq!(bench.checkout(&request).unwrap().commit, commit);
}

#[test]
fn links_are_no_files_of_a_recipe() {
    let bench = Bench::new();
    std::os::unix::fs::symlink("/etc/passwd", bench.remote().join("a.yaml")).unwrap();
    let commit = bench.commit(&[("b", "")], "a link");
    let error = bench.at(&commit).unwrap();
    let error = error.export("a.yaml", bench.folder.path()).unwrap_err();
    assert!(matches!(error, GitError::NoFile(_)), "{error}");
}

#[test]
fn a_tree_that_names_a_file_twice_has_no_recipe() {
    let bench = Bench::new();
    bench.commit(&[("a", "1"), ("b", "2")], "one");
    let blobs = ["HEAD:a", "HEAD:b"].map(|name| bench.git(&["rev-parse", name]));
    let mut tree = Vec::new();
    for blob in &blobs {
        tree.extend_from_slice(b"100644 x.yaml\0");
        tree.extend((0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()));
    }
    fs::write(bench.folder.path().join("tree"), tree).unwrap();
    let words = ["hash-object", "-t", "tree", "-w", "--literally", "../tree"];
    let tree = bench.git(&words);
    let commit = bench.git(&["commit-tree", "-m", "twice", &tree]);
    bench.git(&["update-ref", "refs/heads/twice", &commit]);
    let error = bench.at(&commit).unwrap_err();
    assert!(error.to_string().contains("`x.yaml` twice"), "{error}");
}
