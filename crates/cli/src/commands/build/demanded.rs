//! What the signer's builder id demands of a build. On a machine that nobody provisioned that is
//! nothing; in a factory nothing is left to chance, and what cannot be had is an error.

use crate::print::Hint;
use anyhow::{Result, anyhow};
use bessemer_attest::BuilderKind;
use bessemer_attest::documents::{AcceleratorChoice, ConfigSource, JailChoice};
use bessemer_signer::Description;

/// Choices that `auto` leaves open are what the builder id needs. Refuses at once what the signer
/// would refuse after everything was resolved and fetched.
pub(super) fn settle(
    description: &Description,
    source: &ConfigSource,
    accelerator: &mut AcceleratorChoice,
    jail: &mut JailChoice,
) -> Result<()> {
    let id = &description.builder_id;
    let kind = BuilderKind::of_id(&description.base, id);
    let Some(wanted) = kind.and_then(BuilderKind::accelerator) else {
        return Ok(());
    };
    if source.commit.is_none() {
        let hint = Hint(
            "name it where it is: git+https://HOST/REPOSITORY@refs/heads/BRANCH#PATH, or @COMMIT; `rebuild` is for another machine, whose keys are local"
                .to_owned(),
        );
        return Err(anyhow!("{id} is asserted of recipes at a commit alone")
            .context(hint)
            .context("the recipe is a file here, and no commit of a repository"));
    }
    if *accelerator == AcceleratorChoice::Auto {
        *accelerator = wanted.into();
    }
    if *jail == JailChoice::Auto {
        *jail = JailChoice::Host;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bessemer_attest::documents::Component;
    use bessemer_digest::Digest;

    fn settled(kind: BuilderKind, commit: Option<&str>) -> Result<(AcceleratorChoice, JailChoice)> {
        let base = "https://factory.example";
        let description = Description {
            signer: Component {
                version: String::new(),
                sha256: Digest::of(""),
            },
            base: base.to_owned(),
            builder_id: kind.id(base),
            apk_key: String::new(),
            import_key: String::new(),
        };
        let source = ConfigSource {
            repository: None,
            reference: None,
            commit: commit.map(str::to_owned),
            path: String::new(),
            sha256: Digest::of(""),
        };
        let (mut accelerator, mut jail) = (AcceleratorChoice::Auto, JailChoice::Auto);
        settle(&description, &source, &mut accelerator, &mut jail)?;
        Ok((accelerator, jail))
    }

    #[test]
    fn a_factory_leaves_nothing_to_chance() {
        let auto = (AcceleratorChoice::Auto, JailChoice::Auto);
        assert_eq!(settled(BuilderKind::Local, None).unwrap(), auto);
        for (kind, accelerator) in [
            (BuilderKind::Microvm, AcceleratorChoice::Kvm),
            (BuilderKind::MicrovmEmulated, AcceleratorChoice::Tcg),
        ] {
            assert!(settled(kind, None).is_err());
            let found = settled(kind, Some("0")).unwrap();
            assert_eq!(found, (accelerator, JailChoice::Host));
        }
    }
}
