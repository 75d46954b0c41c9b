//! `update`: how a bot finds new versions. Decoded strictly and printed again; nothing here acts on it.

use super::is_false;
use bessemer_yaml::{Text, nullable};
use serde::{Deserialize, Serialize};

/// `update`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Update {
    /// Whether new versions are looked for.
    #[serde(default)]
    pub enabled: bool,
    /// Whether a person makes the update.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub manual: bool,
    /// Whether updates are merged in order.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub require_sequential: bool,
    /// Whether dependents need a rebuild after an update.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub shared: bool,
    /// What separates the parts of an upstream version.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub version_separator: Text,
    /// Upstream versions to pass over.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_regex_patterns: Vec<Text>,
    /// Versions from release-monitoring.org.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_monitor: Option<ReleaseMonitor>,
    /// Versions from GitHub.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "github")]
    pub git_hub: Option<GithubMonitor>,
    /// Versions from the tags of a git repository.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitMonitor>,
    /// Versions from the tags of an image.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci: Option<OciMonitor>,
    /// Versions put together from several sources.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "version_data")]
    pub version_data: Option<VersionDataMonitor>,
    /// From upstream versions to package versions.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub version_transform: Vec<VersionTransform>,
    /// Why it is not enabled.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub exclude_reason: Text,
    /// How often to look.
    #[serde(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Whether pre-releases count.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub enable_prerelease_tags: bool,
}

/// `release-monitor`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReleaseMonitor {
    /// Project number.
    #[serde(default)]
    pub identifier: i64,
    /// A prefix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_prefix: Text,
    /// A suffix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_suffix: Text,
    /// Only versions that contain this.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub version_filter_contains: Text,
    /// Only versions that begin so.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub version_filter_prefix: Text,
}

/// `github`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GithubMonitor {
    /// `owner/repository`.
    #[serde(default)]
    pub identifier: Text,
    /// A prefix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_prefix: Text,
    /// A suffix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_suffix: Text,
    /// Older name of `tag-filter-prefix`.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter: Text,
    /// Only tags that begin so.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter_prefix: Text,
    /// Only tags that contain this.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter_contains: Text,
    /// Tags instead of releases.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    #[serde(rename = "use-tag")]
    pub use_tags: bool,
}

/// `git`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GitMonitor {
    /// A prefix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_prefix: Text,
    /// A suffix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_suffix: Text,
    /// Only tags that begin so.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter_prefix: Text,
    /// Only tags that contain this.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter_contains: Text,
}

/// `oci`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OciMonitor {
    /// Image reference.
    #[serde(default)]
    pub identifier: Text,
    /// A prefix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_prefix: Text,
    /// A suffix of upstream versions to drop.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub strip_suffix: Text,
    /// Only tags that begin so.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter_prefix: Text,
    /// Only tags that contain this.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub tag_filter_contains: Text,
}

/// `version_data`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionDataMonitor {
    /// How the version is put together.
    #[serde(default)]
    #[serde(rename = "version_format")]
    pub format: Text,
    /// Where its parts come from.
    #[serde(default, deserialize_with = "nullable")]
    pub sources: Vec<VersionDataSource>,
}

/// One of `version_data.sources`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionDataSource {
    /// Its name in the format.
    #[serde(default)]
    pub name: Text,
    /// The stream that is followed.
    #[serde(default)]
    pub stream: Text,
    /// Versions to pass over.
    #[serde(default, deserialize_with = "nullable")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Text>,
    /// The source whose commits count.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub commit_source: Text,
    /// Releases instead of tags.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_false")]
    pub use_release: bool,
}

/// One of `version-transform`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionTransform {
    /// A regular expression.
    #[serde(default)]
    #[serde(rename = "match")]
    pub pattern: Text,
    /// What replaces each match.
    #[serde(default)]
    pub replace: Text,
}

/// `schedule`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Why there is one.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub reason: Text,
    /// `daily`, `weekly` or `monthly`.
    #[serde(default)]
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub period: Text,
}
