//! Makes an unsigned repository, to look at: `bootstrap OUT CACHE`.

use bessemer_bootstrap::{Config, Options, SignBytes, bootstrap_debian};
use std::error::Error;

struct Unsigned;

impl SignBytes for Unsigned {
    fn sign_control(&mut self, _: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(Vec::new())
    }

    fn sign_index(&mut self, _: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(Vec::new())
    }
}

#[expect(clippy::print_stdout, reason = "an example that is run by hand")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(std::path::PathBuf::from);
    let (out, cache) = arguments
        .next()
        .zip(arguments.next())
        .ok_or("usage: bootstrap OUT CACHE")?;
    let options = Options {
        out,
        cache,
        source_date_epoch: 0,
    };
    let config = Config::embedded()?;
    let summary = bootstrap_debian(&config, &options, &mut Unsigned, &mut |event| {
        println!("{event:?}");
    })?;
    for package in &summary.packages {
        println!(
            "{} {} {} {}",
            package.name, package.version, package.size, package.installed_size
        );
    }
    println!("{} index {}", summary.packages.len(), summary.index_sha256);
    Ok(())
}
