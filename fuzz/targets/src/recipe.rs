//! Recipes: the whole language, and templates, conditions and ranges in places where they count.

use crate::Target;
use crate::input::{choice, seed, text};
use bessemer_recipe::{
    BuiltinPipelines, CompileOptions, Evaluated, Plan, Recipe, SourceFile, compile,
    parse_variables, query,
};

pub(crate) const RECIPE: Target = Target {
    name: "recipe",
    run: recipe,
    seeds: recipe_seeds,
    words: &[
        "${{",
        "}}",
        "- ",
        "\n  ",
        ": ",
        "uses: ",
        "range: ",
        "if: ",
        "&a ",
        "*a",
        "pipeline:\n",
        "${{range.key}}",
        "!!binary ",
        "|\n",
        "with:\n",
        "<<: ",
    ],
};
pub(crate) const TEMPLATE: Target = Target {
    name: "recipe_template",
    run: template,
    seeds: template_seeds,
    words: &[
        "${{",
        "}}",
        "vars.a",
        "==",
        "!=",
        "&&",
        "||",
        "(",
        ")",
        "'",
        "$1",
        "(.*)",
        "{{",
        ".Package.Name",
        "-",
    ],
};

pub(crate) const EVALUATED: Target = Target {
    name: "evaluated_recipe",
    run: evaluated,
    seeds: evaluated_seeds,
    words: &[
        "uses: fetch",
        "uses: git-checkout",
        "with: ",
        "pipeline:\n",
        "runs: ",
        "needs: ",
        "timeout: 1",
        "${{",
        "&a ",
        "*a",
        "- ",
        "\n  ",
        "\"Packages\": ",
    ],
};

/// The evaluated recipe in a stranger's package: it plans one build, and so does what is kept of it.
fn evaluated(data: &[u8]) {
    let plan = |text: &str| {
        let evaluated = Evaluated::parse("fuzz.apk", text).ok()?;
        let _ = evaluated.packages();
        let plan = evaluated.compile("x86_64", 0).ok()?.plan;
        Some((plan, evaluated.configuration().to_string()))
    };
    let Some((one, kept)) = text(data).and_then(plan) else {
        return;
    };
    let (again, _) = plan(&kept).unwrap();
    assert_eq!(
        serde_json::to_vec(&(&one.package, &one.subpackages, &one.sources)).unwrap(),
        serde_json::to_vec(&(&again.package, &again.subpackages, &again.sources)).unwrap()
    );
}

fn evaluated_seeds() -> Vec<Vec<u8>> {
    let examples = [
        WHOLE,
        include_str!("../../../examples/bzip2/bzip2.yaml"),
        include_str!("../../../examples/hello/hello.yaml"),
    ];
    let of = |text: &str| check(text).unwrap().configuration.to_string();
    let mut seeds: Vec<Vec<u8>> = examples.iter().map(|text| of(text).into_bytes()).collect();
    seeds.push(MELANGES.as_bytes().to_vec());
    seeds
}

/// As melange writes it.
const MELANGES: &str = "\
package:
  name: one
  version: \"1.0\"
  epoch: 2
  timeout: 90000000000
environment:
  contents:
    packages:
      - busybox=1.37.0-r54
pipeline:
  - uses: git-checkout
    with:
      repository: https://example.test/one
      tag: v1.0
    pipeline:
      - runs: git clone https://example.test/one
  - needs:
      packages: [never]
    if: \"'x86_64' == 'aarch64'\"
    runs: echo never
";

fn recipe(data: &[u8]) {
    if let Some(text) = text(data) {
        check(text);
        let _ = parse_variables(text);
    }
}

/// The same recipe gives the same plan, and the plan reads back.
fn check(text: &str) -> Option<Plan> {
    let read = || Recipe::parse(SourceFile::new("fuzz.yaml", text)).ok();
    let one = read()?;
    let options = CompileOptions::new("x86_64", &BuiltinPipelines);
    let plan = compile(&one, &options).ok()?.plan;
    let again = compile(&read()?, &options).unwrap().plan;
    let bytes = serde_json::to_vec(&plan).unwrap();
    assert_eq!(bytes, serde_json::to_vec(&again).unwrap());
    let _ = bessemer_recipe::package_version(&one);
    Some(plan)
}

/// The text is put into one place of a good recipe, as JSON writes it, which YAML reads.
fn template(data: &[u8]) {
    let Some((place, text)) = choice(data).and_then(|(place, rest)| Some((place, text(rest)?)))
    else {
        return;
    };
    let quoted = serde_json::to_string(text).unwrap();
    if place == 6 {
        let recipe = Recipe::parse(SourceFile::new("fuzz.yaml", WHOLE)).unwrap();
        let _ = query(&recipe, text);
        return;
    }
    let (from, to) = PLACES[usize::from(place) % PLACES.len()];
    check(&WHOLE.replacen(from, &to.replace("HERE", &quoted), 1));
}

const PLACES: [(&str, &str); 6] = [
    ("a: one", "a: HERE"),
    ("match: m(.)", "match: HERE"),
    ("replace: $1", "replace: HERE"),
    ("if: ${{vars.a}} == 'one'", "if: HERE"),
    ("runs: echo ${{vars.b}}", "runs: HERE"),
    ("x: y", "HERE: z"),
];

const WHOLE: &str = "\
package:
  name: a
  version: 1.2.3
  epoch: 0
  dependencies:
    runtime:
      - b
vars:
  a: one
  b: ${{vars.a}}two
var-transforms:
  - from: ${{package.version}}
    match: m(.)
    replace: $1
    to: mangled
data:
  - name: r
    items:
      x: y
      k: v
environment:
  contents:
    packages:
      - busybox
pipeline:
  - if: ${{vars.a}} == 'one'
    runs: echo ${{vars.b}} ${{vars.mangled}}
  - uses: strip
subpackages:
  - range: r
    name: a-${{range.key}}
    pipeline:
      - runs: echo ${{range.value}} ${{targets.contextdir}}
test:
  pipeline:
    - runs: 'true'
";

fn recipe_seeds() -> Vec<Vec<u8>> {
    let examples = [
        WHOLE,
        include_str!("../../../examples/bzip2/bzip2.yaml"),
        include_str!("../../../examples/tiny/tiny.yaml"),
        "one: '1'\ntwo: b\n",
    ];
    examples.map(|text| text.as_bytes().to_vec()).to_vec()
}

fn template_seeds() -> Vec<Vec<u8>> {
    vec![
        seed(0, "${{package.name}}-${{vars.b}}"),
        seed(1, r"(\d+)\.(\d+)\.(.*)"),
        seed(2, "${1}_$2"),
        seed(
            3,
            "${{vars.a}} == 'x' && (${{build.arch}} != 'y' || 'a' == 'a')",
        ),
        seed(4, "echo ${{targets.destdir}} ${{package.version}}"),
        seed(5, "key"),
        seed(
            6,
            "{{ .Package.Name }}-{{- .Package.Version -}} {{.Vars.a}}",
        ),
    ]
}
