//! What a guest leaves behind: nothing for the next one, and nothing in what it tested.

use crate::commands::{ARCH, build, recipe, run};
use bessemer_testkit::Workshop;
use std::fs;

/// Every place that a guest can write to, and what stands there afterwards.
const LEAVE: &str = "for place in /etc /usr/bin /var/cache/melange /home/build /tmp /root; do
  echo mark > $place/left-behind
done
mkdir -p \"${{targets.destdir}}/usr/share\"
cat /etc/left-behind > \"${{targets.destdir}}/usr/share/${{package.name}}\"";
/// Fails if any of it is there.
const LOOK: &str = "for place in /etc /usr/bin /var/cache/melange /home/build /tmp /root; do
  if test -e $place/left-behind; then exit 1; fi
done
mkdir -p \"${{targets.destdir}}/usr/share\"
echo found-nothing > \"${{targets.destdir}}/usr/share/${{package.name}}\"";

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn nothing_that_one_guest_writes_is_there_for_the_next() {
    let workshop = Workshop::new();
    let out = workshop.at("packages");
    let leaves = recipe(&workshop, "leaves", &[("leave", LEAVE)], "");
    run(&mut build(&leaves, &out)).expect(0);
    // The same environment disk, from the cache: what the first guest wrote went to its scratch.
    let looks = recipe(&workshop, "looks", &[("look", LOOK)], "");
    run(&mut build(&looks, &out)).expect(0);
    // Control run: within one guest it is there, and would be seen.
    let steps = [("leave", LEAVE), ("look", LOOK)];
    let both = recipe(&workshop, "both", &steps, "");
    let outcome = run(&mut build(&both, &out));
    outcome.expect(1);
    assert!(outcome.stderr.contains("main/1"), "{outcome}");
}

#[test]
#[ignore = "needs a guest: run through cargo xtask test"]
fn a_test_cannot_change_what_it_tests() {
    let workshop = Workshop::new();
    let script = "mkdir -p \"${{targets.destdir}}/usr/bin\"
printf '#!/bin/sh\\necho good\\n' > \"${{targets.destdir}}/usr/bin/tool\"
chmod 755 \"${{targets.destdir}}/usr/bin/tool\"";
    let test = |lines: &str| {
        format!(
            "test:\n  environment:\n    contents:\n      packages:\n        - busybox\n  pipeline:\n    - runs: |\n{lines}"
        )
    };
    // In the guest the attack succeeds: the installed file is another one afterwards.
    let attack = test(
        "        printf '#!/bin/sh\\necho evil\\n' > /usr/bin/tool\n        tool | grep -qx evil\n",
    );
    let harmless = test("        tool | grep -qx good\n");
    let mut packages = Vec::new();
    for (folder, test) in [("attack", attack), ("harmless", harmless)] {
        let place = Workshop::new();
        let file = recipe(&place, "tool", &[("write", script)], &test);
        let out = workshop.at(folder);
        run(&mut build(&file, &out)).expect(0);
        packages.push(fs::read(out.join(ARCH).join("tool-1.0.0-r0.apk")).unwrap());
    }
    let text = |package: &[u8]| {
        let mut command = std::process::Command::new("tar");
        command.args(["-xzOf", "-", "usr/bin/tool"]);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), package).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    for package in &packages {
        assert_eq!(text(package), "#!/bin/sh\necho good\n");
    }
}
