//! The map of an image accounts for every byte, and notices what nothing leads to.

use bessemer_erofs::{BLOCK_SIZE, Directory, Map, MapError, Metadata, Node, Options, Writer, map};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

const OPTIONS: Options = Options {
    uuid: [7; 16],
    mtime: 0,
};

/// An image with nested folders, a hard link, a symbolic link, an attribute and, if asked, the
/// content of a file that has no name.
fn image(hidden: Option<&[u8]>) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = Writer::new(&mut file, OPTIONS).unwrap();
    let mut tree = Directory::new(Metadata::root(0o755));
    let mut put = |path: &str, content: &[u8], inode_id| {
        let data = writer.append_file(content, content.len() as u64).unwrap();
        let mut meta = Metadata::root(0o644);
        let value = b"value".to_vec();
        meta.xattrs.insert("user.name".to_owned(), value);
        let node = Node::File {
            meta,
            data,
            inode_id,
        };
        if inode_id.is_some() {
            tree.insert("other/name", node.clone()).unwrap();
        }
        tree.insert(path, node).unwrap();
    };
    put("usr/share/doc/text", b"text", None);
    put("usr/linked", &[1; 5000], Some(1));
    put("empty", b"", None);
    for number in 0..300 {
        let name = format!("many/a-name-that-fills-its-directory-{number}");
        put(&name, number.to_string().as_bytes(), None);
    }
    if let Some(hidden) = hidden {
        writer.append_file(hidden, hidden.len() as u64).unwrap();
    }
    let target = b"doc/text".to_vec();
    let meta = Metadata::root(0o777);
    tree.insert("usr/share/link", Node::Symlink { meta, target })
        .unwrap();
    writer.finish(tree).unwrap();
    file
}

fn total(map: &Map) -> u64 {
    let contents = map.files.iter().map(|file| &file.content);
    let contents = contents.chain(&map.unreached);
    let sum: u64 = contents.map(|range| range.end - range.start).sum();
    sum + map.structure + map.zeros
}

#[test]
fn every_byte_is_accounted_for() {
    let image = image(None);
    let map = map(&image).unwrap();
    assert_eq!(map.unreached, []);
    assert_eq!(total(&map), image.metadata().unwrap().len());
    assert_eq!(map.files.len(), 303);
    let find = |path: &str| {
        let mut files = map.files.iter();
        files.find(|file| file.paths.iter().any(|name| name == path))
    };
    let text = find("usr/share/doc/text").unwrap();
    let mut content = [0; 4];
    assert_eq!(text.content.end - text.content.start, 4);
    image
        .read_exact_at(&mut content, text.content.start)
        .unwrap();
    assert_eq!(&content, b"text");
    assert_eq!(
        find("other/name").unwrap().paths,
        ["other/name", "usr/linked"]
    );
    assert!(find("many/a-name-that-fills-its-directory-299").is_some());
}

#[test]
fn what_no_name_leads_to_is_noticed() {
    let found = map(&image(Some(b"smuggled"))).unwrap();
    let [range] = found.unreached.as_slice() else {
        panic!("{:?}", found.unreached);
    };
    assert_eq!(range.end - range.start, BLOCK_SIZE);
    // The same place without content is nothing.
    assert_eq!(map(&image(Some(&[0; 8]))).unwrap().unreached, []);
}

#[test]
fn a_byte_between_two_files_is_noticed() {
    let image = image(None);
    let before = map(&image).unwrap();
    let gap = before.files[1].content.end;
    image.write_all_at(b"x", gap).unwrap();
    let after = map(&image).unwrap();
    let [range] = after.unreached.as_slice() else {
        panic!("{:?}", after.unreached);
    };
    assert_eq!(*range, gap..gap.next_multiple_of(BLOCK_SIZE));
}

#[test]
fn an_image_that_the_writer_did_not_make_is_refused() {
    let longer = image(None);
    (&longer).write_all(&[0; 4096]).unwrap();
    let end = longer.metadata().unwrap().len();
    longer.write_all_at(b"x", end).unwrap();
    for (offset, what) in [(512, "before"), (1100, "behind"), (1024, "no superblock")] {
        let image = image(None);
        image.write_all_at(b"\xff", offset).unwrap();
        let error = map(&image).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let error = map(&longer).unwrap_err();
    assert!(matches!(error, MapError::Form { .. }), "{error}");
}
