//! What an apply would do: a pure comparison of what the files say with what is active.
//!
//! It compares authored content and never defaults, so an upgrade that changes a default is no change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::id::{BotId, RevisionId};
use crate::spec;

/// What is active for one source, and which names others hold.
#[derive(Debug, Clone, Default)]
pub struct Current {
    /// Number and hash of the source's active generation.
    pub generation: Option<(i32, String)>,
    /// Every bot of the account, whoever owns it.
    pub bots: BTreeMap<String, CurrentBot>,
}

/// A bot as it stands.
#[derive(Debug, Clone)]
pub struct CurrentBot {
    pub id: BotId,
    /// Who owns it.
    pub source: String,
    pub revision: RevisionId,
    /// Counts from 1 within the bot.
    pub number: i32,
    pub hash: String,
    pub archived: bool,
    /// The authored content; loaded only where it is compared.
    pub content: Option<Value>,
}

/// What is to happen with one bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Create,
    Update,
    /// An archived bot comes back, with its history.
    Restore,
    /// Taken out of service; history and memory stay.
    Archive,
}

/// What is to happen with bots whose files are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// They are shown, and nothing is applied until somebody decides.
    #[default]
    Refuse,
    /// They stay as they are, and the rest is applied: for whoever watches a folder while it is edited.
    Keep,
    /// They are archived.
    Prune,
}

/// One bot's change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `bot/NAME`
    pub address: String,
    pub action: Action,
    /// What differs, by path.
    pub fields: Vec<Field>,
}

impl Change {
    /// The bot's name.
    pub fn name(&self) -> &str {
        self.address.strip_prefix("bot/").unwrap_or(&self.address)
    }
}

/// One difference. A side that has no such field is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// A JSON pointer into the authored bot.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Everything that an apply would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Of this document: the minor part grows when fields are added.
    pub format_version: String,
    /// `git:<source id>`
    pub source: String,
    /// The generation that this was compared with; 0 where there is none.
    pub base_generation: i32,
    pub desired_hash: String,
    /// By address.
    pub changes: Vec<Change>,
    /// Bots that stay as they are.
    pub unchanged: usize,
    /// Bots whose files are gone and that stay all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// Bots that another source owns: an apply refuses.
    pub conflicts: Vec<String>,
    /// What policy forbids: an apply refuses.
    pub blocked: Vec<String>,
}

impl Plan {
    /// Whether an apply would change nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many changes are of that kind.
    pub fn count(&self, action: Action) -> usize {
        self.changes.iter().filter(|change| change.action == action).count()
    }
}

/// The source as the history calls it.
pub fn source_of(project: &spec::Project) -> String {
    format!("git:{}", project.source)
}

/// The hash of everything that an apply would make active.
pub fn desired_hash(project: &spec::Project) -> String {
    let bots: BTreeMap<&str, &str> =
        project.bots.iter().map(|written| (written.bot.name.as_str(), written.hash.as_str())).collect();
    spec::content_hash(&json!({ "source": project.source, "protect": project.protect, "bots": bots }))
}

/// The bots whose content [`plan`] compares: their hashes differ.
pub(super) fn to_compare<'a>(
    project: &'a spec::Project,
    current: &'a Current,
) -> impl Iterator<Item = &'a CurrentBot> {
    project.bots.iter().filter_map(|written| {
        current.bots.get(&written.bot.name).filter(|bot| bot.hash != written.hash && bot.content.is_none())
    })
}

/// Compares.
pub fn plan(project: &spec::Project, current: &Current, missing: Missing) -> Plan {
    let source = source_of(project);
    let mut plan = Plan {
        format_version: "1.0".into(),
        base_generation: current.generation.as_ref().map_or(0, |(number, _)| *number),
        desired_hash: desired_hash(project),
        changes: Vec::new(),
        unchanged: 0,
        kept: Vec::new(),
        conflicts: Vec::new(),
        blocked: Vec::new(),
        source,
    };
    for written in &project.bots {
        let name = &written.bot.name;
        let address = format!("bot/{name}");
        let Some(bot) = current.bots.get(name) else {
            let fields = differences(None, Some(&written.authored));
            plan.changes.push(Change { address, action: Action::Create, fields });
            continue;
        };
        if bot.source != plan.source {
            plan.conflicts.push(format!("`{name}` belongs to `{}`", bot.source));
        } else if bot.archived || bot.hash != written.hash {
            let action = if bot.archived { Action::Restore } else { Action::Update };
            let fields = if bot.hash == written.hash {
                Vec::new()
            } else {
                differences(bot.content.as_ref(), Some(&written.authored))
            };
            plan.changes.push(Change { address, action, fields });
        } else {
            plan.unchanged += 1;
        }
    }
    plan_archives(project, current, missing, &mut plan);
    plan.changes.sort_by(|a, b| a.address.cmp(&b.address));
    plan
}

/// Deletions are always shown; they run only where that was asked for, and never all, many or protected ones.
fn plan_archives(project: &spec::Project, current: &Current, missing: Missing, plan: &mut Plan) {
    let wanted: BTreeSet<&str> = project.bots.iter().map(|written| written.bot.name.as_str()).collect();
    let own = || current.bots.iter().filter(|(_, bot)| bot.source == plan.source && !bot.archived);
    let gone: Vec<&str> =
        own().map(|(name, _)| name.as_str()).filter(|name| !wanted.contains(name)).collect();
    if gone.is_empty() {
        return;
    }
    if missing == Missing::Keep && !wanted.is_empty() {
        plan.kept = gone.into_iter().map(str::to_owned).collect();
        return;
    }
    let prune = missing == Missing::Prune;
    let owned = own().count();
    let most = (owned / 5).max(1);
    if wanted.is_empty() {
        plan.blocked.push(format!(
            "the project has no bots, and {owned} are live: an empty project is never applied"
        ));
    } else if prune && gone.len() > most {
        plan.blocked.push(format!(
            "{} of {owned} bots would be archived, and one apply archives at most {most}: {}",
            gone.len(),
            gone.join(", ")
        ));
    }
    for name in gone.iter().filter(|name| project.protect.iter().any(|protected| protected == **name)) {
        plan.blocked.push(format!("`{name}` is protected: take it out of `protect` in an earlier apply"));
    }
    if missing == Missing::Refuse {
        plan.blocked.push(format!(
            "files are gone and `--prune` was not given: {} would be archived (history stays, the same file brings a bot back)",
            gone.join(", ")
        ));
    }
    let archives = gone.iter().map(|name| Change {
        address: format!("bot/{name}"),
        action: Action::Archive,
        fields: Vec::new(),
    });
    plan.changes.extend(archives);
}

/// The leaves that differ, by JSON pointer.
fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<Field> {
    let mut fields = Vec::new();
    compare("", before, after, &mut fields);
    fields
}

fn compare(path: &str, before: Option<&Value>, after: Option<&Value>, fields: &mut Vec<Field>) {
    if before == after {
        return;
    }
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let (old, new) = (object(before), object(after));
    let both_or_one = (old.is_some() || before.is_none()) && (new.is_some() || after.is_none());
    if both_or_one && (old.is_some() || new.is_some()) {
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            let key_path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
            compare(&key_path, old.get(key), new.get(key), fields);
        }
        return;
    }
    fields.push(Field { path: path.into(), before: before.cloned(), after: after.cloned() });
}

#[cfg(test)]
mod tests;
