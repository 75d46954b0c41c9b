use crate::reader::{self, Found};
use crate::sample::{self, Kind, OPTIONS, Sample, plain};
use crate::strange;
use bessemer_erofs::{Directory, Metadata, Node, WriteError, Writer};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Cursor;

/// Reads the sample's image and compares every node with its description.
fn check(sample: &Sample) {
    let image = sample::image(sample);
    let nodes = reader::read(&image);
    strange::agrees(&image, &nodes);
    let mut described = BTreeMap::new();
    for (path, kind, meta) in sample {
        let node = match kind {
            Kind::Link(target) => described[target],
            kind => (path, kind, meta),
        };
        described.insert(path.clone(), node);
    }
    for (path, (original, kind, meta)) in &described {
        let found = &nodes[path.as_bytes()];
        let names = described
            .values()
            .filter(|(other, ..)| other == original)
            .count();
        check_node(path, found, kind, meta, names);
        assert_eq!(found.number, nodes[original.as_bytes()].number);
    }
    for path in nodes
        .keys()
        .map(|path| String::from_utf8(path.clone()).unwrap())
    {
        let is_parent = path.is_empty()
            || described
                .keys()
                .any(|other| other.starts_with(&format!("{path}/")));
        assert!(described.contains_key(&path) || is_parent, "{path}");
    }
}

fn check_node(path: &str, found: &Found, kind: &Kind, meta: &Metadata, names: usize) {
    let (type_bits, content, device) = match kind {
        Kind::Directory => (0o4, None, 0),
        Kind::File(content) => (0o10, Some(content.as_slice()), 0),
        Kind::Link(_) => unreachable!("links were resolved"),
        Kind::Symlink(target) => (0o12, Some(target.as_bytes()), 0),
        Kind::Char(major, minor) => (0o2, None, device(*major, *minor)),
        Kind::Block(major, minor) => (0o6, None, device(*major, *minor)),
        Kind::Fifo => (0o1, None, 0),
    };
    assert_eq!(u32::from(found.mode), type_bits << 12 | meta.mode, "{path}");
    assert_eq!((found.uid, found.gid), (meta.uid, meta.gid), "{path}");
    assert_eq!(
        (found.mtime, found.device),
        (meta.mtime.unwrap_or(OPTIONS.mtime), device),
        "{path}"
    );
    assert_eq!(found.xattrs, meta.xattrs, "{path}");
    if let Some(content) = content {
        assert!(found.content == content, "content of {path}");
        assert_eq!(found.links as usize, names, "{path}");
    }
}

fn device(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

#[test]
fn everything_reads_back() {
    check(&sample::everything());
}

#[test]
fn a_crowd_reads_back() {
    let sample = sample::crowd();
    let image = sample::image(&sample);
    let nodes = reader::read(&image);
    strange::agrees(&image, &nodes);
    assert_eq!(nodes.len(), sample.len() + 3);
    assert_eq!(nodes[b"files/19999".as_slice()].content, b"content 19999");
    assert_eq!(nodes[b"links/19999".as_slice()].content, b"../files/19999");
}

#[test]
fn an_empty_tree_reads_back() {
    let nodes = reader::read(&sample::image(&Vec::new()));
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[b"".as_slice()].links, 2);
}

#[test]
fn directories_count_their_subdirectories() {
    let sample = vec![plain("a/b", Kind::Directory), plain("a/c", Kind::Directory)];
    let nodes = reader::read(&sample::image(&sample));
    assert_eq!(
        [nodes[b"".as_slice()].links, nodes[b"a".as_slice()].links],
        [3, 4]
    );
}

#[test]
fn equal_input_gives_equal_bytes() {
    assert!(sample::image(&sample::everything()) == sample::image(&sample::everything()));
}

fn writer() -> Writer<Cursor<Vec<u8>>> {
    Writer::new(Cursor::new(Vec::new()), OPTIONS).unwrap()
}

#[test]
fn refuses_short_content_and_then_everything() {
    let mut writer = writer();
    let error = writer.append_file(&b"abc"[..], 4).unwrap_err();
    assert!(matches!(
        error,
        WriteError::Truncated {
            expected: 4,
            found: 3
        }
    ));
    assert!(matches!(
        writer.append_file(&b""[..], 0),
        Err(WriteError::Poisoned)
    ));
    let root = Directory::new(Metadata::root(0o755));
    assert!(matches!(writer.finish(root), Err(WriteError::Poisoned)));
}

#[test]
fn takes_no_more_than_the_size() {
    let mut rest = &b"abcdef"[..];
    writer().append_file(&mut rest, 4).unwrap();
    assert_eq!(rest, b"ef");
}

#[test]
fn refuses_what_linux_would() {
    let symlink = |target: &[u8]| Node::Symlink {
        meta: Metadata::root(0o777),
        target: target.to_vec(),
    };
    let fifo = |mode| Node::Fifo {
        meta: Metadata::root(mode),
    };
    let device = Node::CharDevice {
        meta: Metadata::root(0o600),
        major: 4096,
        minor: 0,
    };
    let mut foreign_xattr = Metadata::root(0o600);
    foreign_xattr.xattrs.insert("odd.name".into(), Vec::new());
    let cases: Vec<(&[u8], Node, &str)> = vec![
        (b"", fifo(0), "invalid file name in `d/`"),
        (b"..", fifo(0), "invalid file name in `d/..`"),
        (b"a/b", fifo(0), "invalid file name in `d/a/b`"),
        (b"a\0b", fifo(0), "invalid file name in `d/a\0b`"),
        (
            b"f",
            fifo(0o10_644),
            "mode 0o10644 of `d/f` has bits that are not permissions",
        ),
        (
            b"l",
            symlink(b""),
            "symbolic link `d/l` has an invalid target",
        ),
        (
            b"l",
            symlink(b"a\0"),
            "symbolic link `d/l` has an invalid target",
        ),
        (
            b"l",
            symlink(&[b'a'; 4096]),
            "symbolic link `d/l` has an invalid target",
        ),
        (
            b"c",
            device,
            "device `d/c` has number 4096:0, which is out of range",
        ),
        (
            b"x",
            Node::Fifo {
                meta: foreign_xattr,
            },
            "extended attribute `odd.name` of `d/x` cannot be stored: unknown namespace",
        ),
    ];
    for (name, node, message) in cases {
        let mut directory = Directory::new(Metadata::root(0o755));
        directory.children.insert(name.to_vec(), node);
        let mut root = Directory::new(Metadata::root(0o755));
        root.children
            .insert(b"d".to_vec(), Node::Directory(directory));
        assert_eq!(writer().finish(root).unwrap_err().to_string(), message);
    }
    let mut root = Directory::new(Metadata::root(0o755));
    root.children.insert(vec![b'n'; 256], fifo(0));
    assert!(matches!(
        writer().finish(root),
        Err(WriteError::Name { .. })
    ));
}

#[test]
fn refuses_hard_links_that_disagree() {
    let mut writer = writer();
    let data = writer.append_file(&b"abc"[..], 3).unwrap();
    let file = |mode| Node::File {
        meta: Metadata::root(mode),
        data,
        inode_id: Some(1),
    };
    let mut root = Directory::new(Metadata::root(0o755));
    root.insert("a", file(0o644)).unwrap();
    root.insert("b", file(0o600)).unwrap();
    let message = "hard link `b` differs from `a`, which has the same inode id";
    assert_eq!(writer.finish(root).unwrap_err().to_string(), message);
}

#[test]
fn refuses_content_of_another_image() {
    let mut other = writer();
    other.append_file(&[0; 5000][..], 5000).unwrap();
    let data = other.append_file(&b"abc"[..], 3).unwrap();
    let mut root = Directory::new(Metadata::root(0o755));
    let meta = Metadata::root(0o644);
    root.insert(
        "a",
        Node::File {
            meta,
            data,
            inode_id: None,
        },
    )
    .unwrap();
    assert!(matches!(
        writer().finish(root),
        Err(WriteError::ForeignData { .. })
    ));
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Directory),
        proptest::collection::vec(any::<u8>(), 0..9000).prop_map(Kind::File),
        "[a-z/.]{1,300}".prop_map(Kind::Symlink),
        (0..4096_u32, 0..1_u32 << 20).prop_map(|(major, minor)| Kind::Char(major, minor)),
        Just(Kind::Fifo),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let value = proptest::collection::vec(any::<u8>(), 0..600);
    let xattrs =
        proptest::collection::btree_map("(user|trusted|security)\\.[a-z]{1,40}", value, 0..4);
    let mtime = proptest::option::of(any::<u64>());
    let all = (0..=0o7777_u32, any::<u32>(), any::<u32>(), xattrs, mtime);
    all.prop_map(|(mode, uid, gid, xattrs, mtime)| Metadata {
        mode,
        uid,
        gid,
        xattrs,
        mtime,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_reads_back(
        nodes in proptest::collection::btree_map("[a-c]/[ -.0-~]{3,200}", (kinds(), metadata()), 0..60)
    ) {
        let sample: Sample =
            nodes.into_iter().map(|(path, (kind, meta))| (path, kind, meta)).collect();
        check(&sample);
    }
}
