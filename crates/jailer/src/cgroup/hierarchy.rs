//! Which controllers this host has, and where.

use super::{GroupError, failed};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MOUNTS: &str = "/proc/self/mountinfo";
const OWN: &str = "/proc/self/cgroup";

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    Memory,
    Pids,
    Cpu,
}

impl Controller {
    const ALL: [Self; 3] = [Self::Memory, Self::Pids, Self::Cpu];

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Cpu => "cpu",
        }
    }
}

/// A mounted hierarchy, and those of the three controllers that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// The group that new ones are made below.
    pub(super) group: PathBuf,
    /// Whether it is version 2's.
    pub(super) unified: bool,
    pub(super) controllers: Vec<Controller>,
}

/// All that are needed: each controller in the first hierarchy that has it.
pub(super) fn of_this_host() -> Result<Vec<Hierarchy>, GroupError> {
    let read = |path| fs::read_to_string(path).map_err(|source| GroupError::Read { path, source });
    choose(&read(MOUNTS)?, &read(OWN)?, |group| {
        fs::read_to_string(group.join("cgroup.controllers"))
    })
}

/// From the texts of proc(5): version 1 names a hierarchy's controllers among the mount's options,
/// version 2 in a file. In version 1 the new groups are below this process's own, whose limits so
/// hold for them; version 2 allows that at the top only, because a group that has processes may
/// not limit groups in it.
pub(super) fn choose(
    mounts: &str,
    own: &str,
    offered: impl Fn(&Path) -> io::Result<String>,
) -> Result<Vec<Hierarchy>, GroupError> {
    let mut wanted = Controller::ALL.to_vec();
    let mut chosen = Vec::new();
    for line in mounts.lines() {
        let Some(mount) = Mount::parse(line) else {
            continue;
        };
        let unified = mount.kind == "cgroup2";
        let names = if unified {
            offered(&mount.place).unwrap_or_default()
        } else {
            mount.options.replace(',', " ")
        };
        let has = |controller: &Controller| {
            names
                .split_whitespace()
                .any(|name| name == controller.name())
        };
        let (controllers, rest) = wanted.iter().partition(|controller| has(controller));
        wanted = rest;
        let group = match own_group(own, &controllers) {
            Some(path) if !unified => mount.place.join(seen(path, mount.root)),
            _ => mount.place,
        };
        if !controllers.is_empty() {
            chosen.push(Hierarchy {
                group,
                unified,
                controllers,
            });
        }
    }
    match wanted.first() {
        Some(missing) => Err(GroupError::Absent(missing.name())),
        None => Ok(chosen),
    }
}

/// A group as it is seen below a mount of `root`: in a container that is not the whole hierarchy.
fn seen<'a>(path: &'a str, root: &str) -> &'a str {
    let inside = path.strip_prefix(root.trim_end_matches('/'));
    inside.unwrap_or_default().trim_start_matches('/')
}

struct Mount<'a> {
    root: &'a str,
    place: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    /// A line of mountinfo; none when it is no hierarchy of control groups.
    fn parse(line: &'a str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut back = back.split(' ');
        let kind = back.next().filter(|kind| kind.starts_with("cgroup"))?;
        let mut front = front.split(' ').skip(3);
        Some(Self {
            root: front.next()?,
            place: front.next()?.into(),
            kind,
            options: back.nth(1)?,
        })
    }
}

/// This process's group in the hierarchy of these controllers.
fn own_group<'a>(own: &'a str, controllers: &[Controller]) -> Option<&'a str> {
    let first = controllers.first()?;
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let names = fields.nth(1)?;
        let path = fields.next()?;
        names
            .split(',')
            .any(|name| name == first.name())
            .then_some(path)
    })
}

impl Hierarchy {
    /// A group in this one, made if missing, in which groups with limits can be made.
    pub(super) fn below(&self, name: &str) -> Result<PathBuf, GroupError> {
        let folder = self.group.join(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(&folder, error));
            }
            _ => {}
        }
        if self.unified {
            let names = self.controllers.iter().map(|controller| controller.name());
            let enabled = names.fold(String::new(), |all, name| all + " +" + name);
            for group in [&self.group, &folder] {
                let file = group.join("cgroup.subtree_control");
                fs::write(&file, enabled.trim_start()).map_err(|error| failed(&file, error))?;
            }
        }
        Ok(folder)
    }
}
