//! What is to be active for one source, wherever it comes from: files, an older generation, a dashboard.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::spec::{self, Bundle};

/// The source of bots that were made without files.
pub const DASHBOARD: &str = "dashboard";

/// What is to be active for one source.
#[derive(Debug)]
pub struct Desired<'d> {
    /// `git:<source id>` or [`DASHBOARD`].
    pub source: String,
    /// Names of bots that an apply never archives.
    pub protect: &'d [String],
    pub moves: &'d [spec::features::Move],
    pub bots: Vec<Target<'d>>,
    /// The files, where there are any: changes point into them.
    pub bundle: Option<&'d Bundle>,
}

/// One bot as it is to be.
#[derive(Debug)]
pub struct Target<'d> {
    pub name: &'d str,
    /// [`spec::Written::authored`]
    pub authored: &'d Value,
    pub hash: &'d str,
    /// What the dashboard shall hold of the delegated fields; `None` keeps what it holds now.
    pub overlay: Option<&'d Map<String, Value>>,
}

impl<'d> Desired<'d> {
    /// A project of files. `bundle` is what it was parsed from.
    pub fn of(project: &'d spec::Project, bundle: Option<&'d Bundle>) -> Self {
        Self {
            source: source_of(project),
            protect: &project.protect,
            moves: &project.moves,
            bots: project.bots.iter().map(Target::of).collect(),
            bundle,
        }
    }
}

impl<'d> Target<'d> {
    /// A bot as it was written; what the dashboard holds stays.
    pub fn of(written: &'d spec::Written) -> Self {
        Self { name: &written.bot.name, authored: &written.authored, hash: &written.hash, overlay: None }
    }
}

/// The source as the history calls it.
pub fn source_of(project: &spec::Project) -> String {
    format!("git:{}", project.source)
}

/// The hash of everything that is active after an apply: the bots of a source by name, and who is protected.
pub(super) fn generation_hash(source: &str, protect: &[String], bots: &BTreeMap<&str, &str>) -> String {
    spec::content_hash(&serde_json::json!({ "source": source, "protect": protect, "bots": bots }))
}
