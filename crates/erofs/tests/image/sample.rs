//! A description of a tree from which an image, an expectation and a directory on disk are made.

use bessemer_erofs::{Directory, Metadata, Node, Options, Writer};
use std::collections::BTreeMap;
use std::io::Cursor;

pub(crate) const OPTIONS: Options = Options {
    uuid: [7; 16],
    mtime: 1_700_000_000,
};

/// One node of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File(Vec<u8>),
    /// Another name of the file at this path, which comes earlier in the sample.
    Link(String),
    Symlink(String),
    Char(u32, u32),
    Block(u32, u32),
    Fifo,
}

/// A path with what is there, in the order of insertion.
pub(crate) type Sample = Vec<(String, Kind, Metadata)>;

pub(crate) fn plain(path: impl Into<String>, kind: Kind) -> (String, Kind, Metadata) {
    let mode = match kind {
        Kind::Directory => 0o755,
        Kind::Symlink(_) => 0o777,
        _ => 0o644,
    };
    (path.into(), kind, Metadata::root(mode))
}

/// The image of a sample.
pub(crate) fn image(sample: &Sample) -> Vec<u8> {
    let mut output = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut output, OPTIONS).unwrap();
    let mut root = Directory::new(Metadata::root(0o755));
    let mut files = BTreeMap::new();
    for (index, (path, kind, meta)) in sample.iter().enumerate() {
        let meta = meta.clone();
        let node = match kind {
            Kind::Directory => Node::Directory(Directory::new(meta)),
            Kind::File(content) => {
                let data = writer
                    .append_file(content.as_slice(), content.len() as u64)
                    .unwrap();
                let node = Node::File {
                    meta,
                    data,
                    inode_id: Some(index as u64),
                };
                files.insert(path.clone(), node.clone());
                node
            }
            Kind::Link(target) => files[target].clone(),
            Kind::Symlink(target) => Node::Symlink {
                meta,
                target: target.clone().into(),
            },
            Kind::Char(major, minor) => Node::CharDevice {
                meta,
                major: *major,
                minor: *minor,
            },
            Kind::Block(major, minor) => Node::BlockDevice {
                meta,
                major: *major,
                minor: *minor,
            },
            Kind::Fifo => Node::Fifo { meta },
        };
        root.insert(path, node).unwrap();
    }
    let summary = writer.finish(root).unwrap();
    let bytes = output.into_inner();
    assert_eq!(
        (summary.bytes, summary.blocks * 4096),
        (bytes.len() as u64, summary.bytes)
    );
    bytes
}

/// A sample with everything that images of real systems hold.
pub(crate) fn everything() -> Sample {
    let mut sample = vec![
        plain("+before-the-dots", Kind::File(b"plus".to_vec())),
        plain("empty", Kind::File(Vec::new())),
        plain("one-block", Kind::File(vec![1; 4096])),
        plain("one-block-and-a-byte", Kind::File(vec![2; 4097])),
        plain(
            "large",
            Kind::File((0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect()),
        ),
        plain("large-link", Kind::Link("large".into())),
        plain("sub/deep/large-link", Kind::Link("large".into())),
        plain("n".repeat(255), Kind::File(b"long name".to_vec())),
        plain("empty-directory", Kind::Directory),
        plain("symlink", Kind::Symlink("sub/deep".into())),
        plain("long-symlink", Kind::Symlink("l/".repeat(2047))),
        plain("dev/null", Kind::Char(1, 3)),
        plain("dev/big", Kind::Block(259, 1_000_000)),
        plain("fifo", Kind::Fifo),
    ];
    let mut owned = plain("owned", Kind::File(b"owned".to_vec()));
    owned.2 = Metadata {
        mode: 0o6751,
        uid: 1000,
        gid: 70_000,
        xattrs: BTreeMap::from([
            (
                "security.capability".into(),
                vec![1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
            ("user.large".into(), vec![9; 3900]),
            ("user.empty".into(), Vec::new()),
        ]),
        mtime: Some(1_234_567_890),
    };
    sample.push(owned);
    let mut sticky = plain("sticky", Kind::Directory);
    sticky.2.mode = 0o1777;
    sticky.2.xattrs = BTreeMap::from([("trusted.mark".into(), b"yes".to_vec())]);
    sample.push(sticky);
    // Directories with sizes on both sides of one block, with and without its last bytes used.
    for count in [1, 30, 62, 63, 64, 65, 66, 130, 700] {
        for index in 0..count {
            let path = format!("dirs/{count}/entry-{index:044}");
            sample.push(plain(path, Kind::File(index.to_string().into_bytes())));
        }
    }
    sample
}

/// Twenty thousand small files in one directory and as many symbolic links in another.
pub(crate) fn crowd() -> Sample {
    (0..20_000)
        .flat_map(|n| {
            let file = plain(
                format!("files/{n}"),
                Kind::File(format!("content {n}").into()),
            );
            [
                file,
                plain(format!("links/{n}"), Kind::Symlink(format!("../files/{n}"))),
            ]
        })
        .collect()
}
