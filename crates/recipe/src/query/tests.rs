use super::*;
use crate::SourceFile;
use proptest::prelude::*;

const RECIPE: &str = "\
package:
  name: a
  version: 1.10
  epoch: 2
  description: one of ${{package.name}}
  copyright:
    - license: MIT
    - license: Zlib
      license-path: COPYING
  dependencies:
    runtime: [b, 'c~${{vars.short}}']
vars:
  x: y
var-transforms:
  - from: ${{package.version}}
    match: \\.\\d+$
    replace: ''
    to: short
environment:
  contents:
    packages: [busybox]
pipeline:
  - uses: fetch
    with:
      uri: http://h/a-${{package.version}}.tar.gz
      expected-sha256: '0'
  - runs: make
data:
  - name: tools
    items: {one: \"1\", two: \"2\"}
subpackages:
  - name: a-doc
    dependencies: {runtime: [a]}
  - range: tools
    name: a-${{range.key}}
    description: tool ${{range.value}}
update:
  enabled: true
  github: {identifier: x/a, use-tag: true}
";

fn recipe() -> Recipe {
    Recipe::parse(SourceFile::new("a.yaml", RECIPE)).unwrap()
}

/// A template, and what Go makes of it.
fn check(template: &str, expected: &str) {
    assert_eq!(
        query(&recipe(), template).as_deref(),
        Ok(expected),
        "{template}"
    );
}

fn refused(template: &str) -> String {
    query(&recipe(), template).unwrap_err().to_string()
}

#[test]
fn fields() {
    assert_eq!(package_version(&recipe()).unwrap(), "a-1.10-r2");
    for (template, expected) in [
        ("", ""),
        ("{{ .Package.Name }}/{{.Package.Version}}", "a/1.10"),
        ("x {{- .Package.FullVersion -}} y", "x1.10-r2y"),
        ("x {{- /* no */ -}} y", "xy"),
        (
            "{{.Package.LicenseExpression}} {{.Vars.x}}",
            "MIT AND Zlib y",
        ),
        ("{{.Package.Description}}", "one of a"),
        ("{{.Package.Dependencies.Runtime}}", "[b c~1]"),
        ("{{.Package.Dependencies}}", "{[b c~1] [] []   []}"),
        (
            "{{.Package.Copyright}}",
            "[{[]  MIT  } {[]  Zlib COPYING }]",
        ),
        ("{{.Vars}}{{.Package.Annotations}}", "map[x:y]map[]"),
        ("{{.Package.Options}}", "<nil>"),
        ("{{.Vars.none}}", "<no value>"),
        ("{{(index .Pipeline 0).With.uri}}", "http://h/a-1.10.tar.gz"),
        (
            "{{.Update.Enabled}} {{.Update.GitHubMonitor.UseTags}}",
            "true true",
        ),
        ("{{.Environment.Contents.Packages}}", "[busybox]"),
    ] {
        check(template, expected);
    }
}

#[test]
fn actions() {
    for (template, expected) in [
        (
            "{{range .Subpackages}}{{.Name}},{{end}}",
            "a-doc,a-one,a-two,",
        ),
        (
            "{{range $i, $s := .Subpackages}}{{if $i}} {{end}}{{$s.Name}}={{.Description}}{{end}}",
            "a-doc= a-one=tool 1 a-two=tool 2",
        ),
        ("{{range .Test}}x{{else}}none{{end}}", "none"),
        ("{{range $k, $v := .Vars}}{{$k}}{{$v}}{{end}}", "xy"),
        (
            "{{with .Package.Options}}x{{else with .Package.URL}}y{{else}}z{{end}}",
            "z",
        ),
        (
            "{{if eq .Package.Name \"b\" \"a\"}}1{{else if true}}2{{else}}3{{end}}",
            "1",
        ),
        ("{{if and .Package.Name (not .Package.URL)}}1{{end}}", "1"),
        ("{{$n := len .Pipeline}}{{$n}}{{$n = 5}}{{$n}}", "25"),
        (
            "{{range .Pipeline}}{{.Uses | printf \"%-7s|\"}}{{end}}",
            "fetch  |       |",
        ),
        (
            "{{range .Subpackages}}{{if eq .Name \"a-one\"}}{{break}}{{end}}{{.Name}}{{end}}",
            "a-doc",
        ),
        (
            "{{range .Subpackages}}{{if eq .Name \"a-one\"}}{{continue}}{{end}}{{.Name}} {{end}}",
            "a-doc a-two ",
        ),
        (
            "{{printf \"%q %d %v %%\" .Package.Name .Package.Epoch true}}",
            "\"a\" 2 true %",
        ),
        (
            "{{print 1 2 \"x\" 3}}{{println .Package.Epoch true}}",
            "1 2x32 true\n",
        ),
        ("{{`raw \"x\"`}}{{\"\\t\\\"\"}}", "raw \"x\"\t\""),
        (
            "{{slice .Package.Version 2}} {{gt .Package.Epoch 1}}",
            "10 true",
        ),
        ("{{range .Pipeline}}{{$.Package.Name}}{{end}}", "aa"),
        (
            "{{or .Package.URL \"none\"}} {{index .Vars \"x\"}}",
            "none y",
        ),
        (
            "a\n  {{- range .Pipeline}}\n  b\n  {{- end}}\nc",
            "a\n  b\n  b\nc",
        ),
    ] {
        check(template, expected);
    }
}

#[test]
fn what_never_ends_is_refused() {
    let doubling = "{{$x := \"aaaaaaaaaaaaaaaa\"}}{{range 60}}{{$x = print $x $x}}{{end}}";
    let nested = "{{range 10000}}{{range 10000}}{{range 10000}}a{{end}}{{end}}{{end}}";
    for template in [doubling, nested] {
        assert!(refused(template).contains("takes more than"), "{template}");
    }
}

#[test]
fn refusals() {
    assert_eq!(
        query(&recipe(), "a{{"),
        Err(QueryError::Unclosed { offset: 1 })
    );
    for (template, part) in [
        ("{{.Package.Foo}}", "`.Package.Foo` is not a field"),
        ("{{.Package.Foo}}", ".LicenseExpression"),
        ("{{.Package.Name.X}}", "is of a string"),
        ("{{}}", "without a value"),
        ("{{-}}", "byte 2"),
        ("{{range .X}}", "without `end`"),
        ("{{end}}", "nothing is open"),
        ("{{if}}x{{end}}", "a value is missing"),
        ("{{foo 1}}", "`foo` is not a function"),
        ("{{define \"x\"}}{{end}}", "`define` is not supported"),
        ("{{index .Pipeline 7}}", "index 7 is not below 2"),
        ("{{(.Package}}", "not closed"),
        ("{{.Package)}}", "not opened"),
        ("{{\"x}}", "closing"),
        ("{{$x}}", "`$x` has no value"),
        ("{{.Package.Name 1}}", "only functions"),
        ("{{printf \"%d\" .Package.Name}}", "cannot print a string"),
        ("{{1.5}}", "only functions take arguments"),
        ("{{1 % 2}}", "`%` means nothing"),
        ("{{lt 1 \"a\"}}", "cannot compare"),
    ] {
        let error = refused(template);
        assert!(error.contains(part), "{template}: {error}");
    }
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(100), ")".repeat(100));
    assert!(refused(&deep).contains("too deeply"));
}

proptest! {
    #[test]
    fn takes_any_template(template in "(\\{\\{|\\}\\}|- | -|[ .$|():=,\"`]|range|if|else|end|with|len|index|\\.Package|\\.Name|\\$x|0|1|a){0,14}") {
        drop(query(&recipe(), &template));
    }
}
