use super::tokens;

#[test]
fn layout_does_not_count() {
    for (one, other) in [
        ("a b", "a   \\\n\tb # remark\n"),
        ("if x; then y; fi", "if x\nthen\n\ty\nfi\n"),
        ("a && b | c", "a &&\n\tb |\n\tc"),
        ("x=`a \\`b\\`` y", "x=$(a $(b)) y"),
        ("echo \"$( a;b )\"", "echo \"$(\n\ta\n\tb\n)\""),
        ("cat <<EOF > f\n a\nEOF\nb", "cat <<EOF >f\n a\nEOF\nb"),
        (
            "case $x in (a) b;; *) c;; esac",
            "case $x in\na) b ;;\n*) c\n;;\nesac",
        ),
        ("f () { a; }", "f() {\n\ta\n}"),
        ("x=(a\n b)", "x=(a b)"),
        ("cat <<E\n`a;b`\nE", "cat <<E\n$(\n\ta\n\tb\n)\nE"),
        ("cat <<-E\na\nE", "cat <<-E\n\ta\nE"),
        ("echo ${x/a}", "echo ${x/a/}"),
        ("echo $((1+2)) 2> x", "echo $((1 + 2)) 2>x"),
        (
            "y=$(case a in b) c;; esac; d)",
            "y=$(case a in b) c ;; esac\nd)",
        ),
    ] {
        assert_eq!(tokens(one), tokens(other), "{one}\n{other}");
    }
}

#[test]
fn words_count() {
    for (one, other) in [
        ("a b", "ab"),
        ("a 'b  c'", "a 'b c'"),
        ("a \"b\"", "a b"),
        ("a; b", "a b"),
        ("a && b", "a || b"),
        ("a 2>b", "a 2 >b"),
        ("cat <<E\nx\nE", "cat <<E\n x\nE"),
        ("cat <<E\nx # y\nE", "cat <<E\nx\nE"),
        ("a '#' b", "a"),
        ("a#b", "a"),
        ("${x# y}", "${x#y}"),
        ("$(a; b)", "$(a b)"),
        ("(a); b", "a; b"),
        ("cat <<'E'\n`a`\nE", "cat <<'E'\n$(a)\nE"),
        ("a \\\n # b \\\n c", "a c"),
    ] {
        assert_ne!(tokens(one), tokens(other), "{one}\n{other}");
    }
}

#[test]
fn unfinished_texts_end() {
    for text in [
        "'a",
        "\"$(",
        "${",
        "$((1",
        "cat <<E",
        "a \\",
        "(((",
        "case x in (",
        "`",
    ] {
        let _ = tokens(text);
    }
}

#[test]
fn a_remark_may_be_read_as_melange_does() {
    let script = "a \\\n # b \\\n c\n";
    assert_eq!(super::tokens_with_continued_remarks(script), tokens("a c"));
}
