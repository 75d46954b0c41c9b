//! Users and groups.
//!
//! Lines of packages stay as they are; apko writes each again and loses the date of the last change in
//! `etc/shadow`.

use super::{BuildTreeError, Tree};
use crate::configuration::{Accounts, User};
use bessemer_apk::EntryKind;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";
const SHADOW: &str = "/etc/shadow";

/// A line of `etc/passwd`.
struct PasswdEntry {
    name: String,
    uid: u32,
    gid: u32,
    home: String,
}

impl Tree {
    /// Adds users and groups, and the homes of all users; gives the user to run as.
    pub(super) fn add_accounts(&mut self, accounts: &Accounts) -> Result<String, BuildTreeError> {
        if !accounts.groups.is_empty() {
            let lines = accounts.groups.iter().map(|group| {
                format!(
                    "{}:x:{}:{}",
                    group.groupname,
                    group.gid,
                    group.members.join(",")
                )
            });
            self.append(GROUP, 0o644, lines)?;
        }
        self.append(PASSWD, 0o644, accounts.users.iter().map(passwd_line))?;
        let text = self.read_text(PASSWD)?.unwrap_or_default();
        let users = passwd_entries(&text)?;
        for user in &users {
            self.add_home(user)?;
        }
        if !accounts.users.is_empty() {
            let lines = accounts.users.iter();
            let lines = lines.map(|user| format!("{}:!:::::::", user.username));
            self.append(SHADOW, 0o640, lines)?;
        }
        let run_as = &accounts.run_as;
        let known = users.iter().find(|user| user.name == *run_as);
        Ok(known.map_or_else(|| run_as.clone(), |user| user.uid.to_string()))
    }

    /// Adds lines to a file, which is made where it is not there.
    fn append(
        &mut self,
        path: &str,
        mode: u32,
        lines: impl Iterator<Item = String>,
    ) -> Result<(), BuildTreeError> {
        let before = self.read_text(path)?;
        let mut text = before.clone().unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        if before.as_ref() == Some(&text) {
            return Ok(());
        }
        self.write(path, mode, text.as_bytes())
    }

    /// Makes a user's home, unless something is there. Nobody's home is `/dev/null`.
    fn add_home(&mut self, user: &PasswdEntry) -> Result<(), BuildTreeError> {
        let home = user.home.trim_end_matches('/');
        if home.is_empty() || home == "/dev/null" {
            return Ok(());
        }
        if let Some((entry, _)) = self.root.look(home) {
            if entry.kind == EntryKind::Directory {
                return Ok(());
            }
            return Err(BuildTreeError::Home {
                user: user.name.clone(),
                home: home.to_owned(),
            });
        }
        if let Some((parent, _)) = home.rsplit_once('/')
            && !parent.is_empty()
        {
            self.root.make_directories(parent, 0o755)?;
        }
        self.root.make_directories(home, 0o700)?;
        self.root.set_owner(home, user.uid, user.gid)?;
        Ok(())
    }
}

fn passwd_line(user: &User) -> String {
    let User {
        username,
        uid,
        gid,
        shell,
        homedir,
    } = user;
    let gid = gid.unwrap_or(*uid);
    let shell = if shell.is_empty() { "/bin/sh" } else { shell };
    format!("{username}:x:{uid}:{gid}:Account created by apko:{homedir}:{shell}")
}

fn passwd_entries(text: &str) -> Result<Vec<PasswdEntry>, BuildTreeError> {
    const FIELDS: usize = 7;
    let mut entries = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let fields: Vec<&str> = text.trim().split(':').collect();
        if fields.len() != FIELDS {
            return Err(BuildTreeError::Line {
                file: PASSWD,
                line,
                found: fields.len(),
                expected: FIELDS,
            });
        }
        let number = |text: &str| {
            let number = text.parse();
            number.map_err(|_| BuildTreeError::Number { file: PASSWD, line })
        };
        entries.push(PasswdEntry {
            name: fields[0].to_owned(),
            uid: number(fields[2])?,
            gid: number(fields[3])?,
            home: fields[5].to_owned(),
        });
    }
    Ok(entries)
}
