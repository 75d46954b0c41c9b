//! What somebody tries who has taken over QEMU; the jailer's tests try the same.

/// Attempts, each a Perl expression that is true when it succeeds.
pub(crate) fn attempts(victim: u32, outside: &str) -> Vec<(&'static str, String)> {
    let syscall = |number: libc::c_long, rest: &str| format!("syscall({number}, {rest}) >= 0");
    vec![
        (
            "read a file of the host",
            "open(F, '<', '/etc/passwd')".into(),
        ),
        (
            "list the root of the host",
            "opendir(D, '/root') or opendir(D, '/home')".into(),
        ),
        ("look at processes", "opendir(D, '/proc/1')".into()),
        (
            "write a file",
            // The file of an earlier attempt, by another uid, would be in the way.
            anywhere(
                outside,
                "open(F, '>', \"$_/made-$$\") && unlink(\"$_/made-$$\")",
            ),
        ),
        (
            "write to a device of its own",
            "open(F, '>', '/dev/urandom')".into(),
        ),
        (
            "use a device of the host",
            "open(F, '<', '/dev/zero')".into(),
        ),
        ("reach the host by loopback", LOOPBACK.into()),
        (
            "see a network card",
            "open(F, '<', '/sys/class/net/lo/mtu')".into(),
        ),
        ("signal a process of the host", format!("kill(0, {victim})")),
        (
            "become root",
            "$( = $) = 0; $< = $> = 0; $< == 0 && $> == 0".into(),
        ),
        (
            "make a user namespace",
            syscall(libc::SYS_unshare, "0x10000000"),
        ),
        ("mount", mount(outside)),
        ("change its root", "chroot('/usr')".into()),
        ("name the host", name_the_host()),
        (
            "make a device",
            anywhere(
                outside,
                &syscall(libc::SYS_mknod, "my $p = \"$_/null\", 020666, 0x103"),
            ),
        ),
        (
            "start a process",
            "my $p = fork; exit 0 if defined $p && !$p; waitpid($p, 0) if $p; defined $p".into(),
        ),
        (
            "find a descriptor that it was not given",
            "my $n = 0; for (101..600) { $n++ if open(F, '<&=', $_) } $n > $EXTRA".into(),
        ),
        ("find an environment", "keys(%ENV) > 0".into()),
    ]
}

/// Outside, nothing stays changed: what is mounted is unmounted, and the host keeps its name.
fn mount(outside: &str) -> String {
    let (mount, unmount) = (libc::SYS_mount, libc::SYS_umount2);
    format!(
        "my ($t, $m) = ('tmpfs', -d '{outside}' ? '{outside}' : '/tmp'); \
         my $ok = syscall({mount}, $t, $m, $t, 0, 0) >= 0; syscall({unmount}, $m, 2) if $ok; $ok"
    )
}

fn name_the_host() -> String {
    let call = libc::SYS_sethostname;
    format!("use POSIX; my $n = (POSIX::uname())[1]; syscall({call}, $n, length $n) >= 0")
}

/// The expression holds with one of these folders as `$_`.
fn anywhere(outside: &str, expression: &str) -> String {
    format!(
        "my $n = 0; for (qw({outside} / /usr /boot /dev /tmp)) {{ $n++ if {expression}; last if $n }} $n"
    )
}

const LOOPBACK: &str = "use Socket; socket(S, PF_INET, SOCK_STREAM, 0) && \
     connect(S, sockaddr_in($PORT, inet_aton('127.0.0.1')))";
