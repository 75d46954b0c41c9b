//! Users and groups.

use super::{Check, Checked};
use crate::configuration::{Accounts, Group, User};
use crate::written;
use bessemer_yaml::Text;

impl Check<'_> {
    pub(super) fn accounts(self, written: &written::Accounts) -> Checked<Accounts> {
        let mut accounts = Accounts {
            run_as: written.run_as.value.clone(),
            ..Accounts::default()
        };
        for user in &written.users {
            accounts.users.push(self.user(user)?);
        }
        for group in &written.groups {
            accounts.groups.push(self.group(group)?);
        }
        Ok(accounts)
    }

    fn user(self, written: &written::User) -> Checked<User> {
        if written.username.is_empty() {
            return self.fail(&written.uid, "a user has no `username`", None);
        }
        if written.uid.is_empty() {
            let message = format!("the user {} has no `uid`", written.username.value);
            return self.fail(&written.username, message, None);
        }
        for text in [&written.username, &written.shell, &written.homedir] {
            self.field(text)?;
        }
        let uid = self.number(&written.uid, "uid", u32::MAX)?;
        if uid == 0 {
            let hint = "to run as root write `run-as: 0`";
            return self.fail(&written.uid, "a user cannot have the uid 0", Some(hint));
        }
        Ok(User {
            username: written.username.value.clone(),
            uid,
            gid: self.optional_number(&written.gid, "gid")?,
            shell: written.shell.value.clone(),
            homedir: written.homedir.value.clone(),
        })
    }

    fn group(self, written: &written::Group) -> Checked<Group> {
        if written.groupname.is_empty() {
            return self.fail(&written.gid, "a group has no `groupname`", None);
        }
        self.field(&written.groupname)?;
        for member in &written.members {
            self.field(member)?;
            if member.contains(',') {
                let message = format!("`{}` is not the name of one user", member.value);
                return self.fail(member, message, None);
            }
        }
        let gid = self.optional_number(&written.gid, "gid")?;
        Ok(Group {
            groupname: written.groupname.value.clone(),
            gid: gid.unwrap_or_default(),
            members: super::texts(&written.members),
        })
    }

    /// Fields stand in lines of `/etc/passwd` and `/etc/group`, with colons between them.
    fn field(self, text: &Text) -> Checked<()> {
        if text.contains(|character: char| character == ':' || character.is_control()) {
            let message = format!("`{}` cannot stand in /etc/passwd or /etc/group", text.value);
            return self.fail(text, message, None);
        }
        Ok(())
    }
}
