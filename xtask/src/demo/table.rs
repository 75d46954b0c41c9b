//! The demo's last screen.

use super::{packages, text};
use serde_json::Value;
use std::path::Path;

/// Prints what was built, where, how long each stage took, and what to try next.
pub(crate) fn print(summary: &Value, out: &Path, bin: &Path, import_key: &Path) {
    let built = &summary["build"];
    println!();
    println!(
        "{:<28} {:<20} {:<14} test guest",
        "package", "sha256", "build guest"
    );
    for package in packages(built) {
        let digest: String = text(&package["sha256"])
            .trim_start_matches("sha256:")
            .chars()
            .take(16)
            .collect();
        println!(
            "{:<28} {digest:<20} {:<14} {}",
            text(&package["file"]),
            text(&package["built_in"]),
            text(&package["tested_in"]),
        );
    }
    let first = &summary["verification"][0];
    println!();
    println!("accelerator  {}", text(&built["accelerator"]));
    println!("builder      {}", text(&first["builder_id"]));
    println!("level        {}", text(&first["level"]));
    println!("image        {}", text(&summary["image"]["reference"]));
    println!();
    for stage in summary["stages"].as_array().into_iter().flatten() {
        let seconds = stage["seconds"].as_f64().unwrap_or_default();
        println!(
            "{:<10} {seconds:>7.1} s  {}",
            text(&stage["name"]),
            text(&stage["note"])
        );
    }
    let bessemer = bin.join("bessemer");
    let architecture = text(&built["architecture"]);
    let file = packages(built)
        .next()
        .map(|package| text(&package["file"]))
        .unwrap_or_default();
    let apk = out.join("packages").join(&architecture).join(file);
    println!();
    println!("to try next:");
    println!(
        "  {} verify {} --trust-root {}",
        bessemer.display(),
        apk.display(),
        out.join("keys/trust-root.json").display()
    );
    println!(
        "  {} build examples/tiny/tiny.yaml -r {} -k {} --out-dir {}",
        bessemer.display(),
        out.join("repository").display(),
        import_key.display(),
        out.join("packages-mine").display()
    );
    println!(
        "  head -n 1 {}.intoto.jsonl | sed 's/.*\"payload\":\"\\([^\"]*\\)\".*/\\1/' | base64 -d",
        apk.display()
    );
}
