//! What an apply would do: a pure comparison of what is wanted with what is active.
//!
//! It compares authored content and never defaults, so an upgrade that changes a default is no change.

mod attention;
mod difference;
mod document;
mod origin;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::id::{BotId, RevisionId};
use crate::sync::desired::{Desired, Target, generation_hash};
use attention::attention;
use difference::differences;
pub use document::{
    Action, Attention, AttentionKind, Base, BaseRevision, Change, Delegated, FORMAT_VERSION, Field, Hashed,
    Held, Op, Plan, Summary, TextChange, Words,
};

/// What is active for one source, and which names others hold.
#[derive(Debug, Clone, Default)]
pub struct Current {
    /// The source's active generation.
    pub base: Base,
    /// Names that the active generation protects.
    pub protect: Vec<String>,
    pub held: Option<Held>,
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
    /// The highest number of its revisions, which is not the active one's after a rollback.
    pub newest: i32,
    pub hash: String,
    pub archived: bool,
    /// What the dashboard holds of the delegated fields.
    pub overlay: Map<String, Value>,
    /// The authored content; loaded only where it is compared.
    pub content: Option<Value>,
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

/// What an apply may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    pub missing: Missing,
    /// One apply archives at most so many bots; by default a fifth of them.
    pub prune_limit: Option<usize>,
    /// The source may be held: what is applied is newer than what it was rolled back from.
    pub past_hold: bool,
    /// A rollback: it may archive and unprotect what came later.
    pub rewinds: bool,
}

/// Bots by the names that they will have, and the names that they had.
struct Renamed<'c> {
    bots: BTreeMap<&'c str, (&'c str, &'c CurrentBot)>,
}

impl<'c> Renamed<'c> {
    /// Walks the moves in order. One whose bot is not there, or whose place is taken, is done already.
    fn of(desired: &Desired<'c>, current: &'c Current) -> Self {
        let mut bots: BTreeMap<&str, (&str, &CurrentBot)> =
            current.bots.iter().map(|(name, bot)| (name.as_str(), (name.as_str(), bot))).collect();
        let wanted: BTreeSet<&str> = desired.bots.iter().map(|bot| bot.name).collect();
        for step in desired.moves {
            let movable = bots.get(step.from.as_str()).is_some_and(|(_, bot)| bot.source == desired.source);
            // Somebody wants the old name for another bot: then this is no rename.
            let free = !bots.contains_key(step.to.as_str()) && !wanted.contains(step.from.as_str());
            if movable
                && free
                && let Some(bot) = bots.remove(step.from.as_str())
            {
                bots.insert(&step.to, bot);
            }
        }
        Self { bots }
    }

    fn get(&self, name: &str) -> Option<&(&'c str, &'c CurrentBot)> {
        self.bots.get(name)
    }
}

/// The bots whose content [`plan`] compares: their hashes differ, or they are to go.
pub(super) fn to_compare(desired: &Desired<'_>, current: &Current) -> Vec<RevisionId> {
    let renamed = Renamed::of(desired, current);
    let differs = |target: &Target<'_>| {
        renamed.get(target.name).filter(|(_, bot)| bot.hash != target.hash && bot.source == desired.source)
    };
    let wanted: BTreeSet<&str> = desired.bots.iter().map(|bot| bot.name).collect();
    let gone = renamed
        .bots
        .iter()
        .filter(|(name, (_, bot))| bot.source == desired.source && !bot.archived && !wanted.contains(*name));
    let differing = desired.bots.iter().filter_map(differs).chain(gone.map(|(_, bot)| bot));
    differing.map(|(_, bot)| bot.revision).collect()
}

/// Compares.
pub fn plan(desired: &Desired<'_>, current: &Current, policy: Policy) -> Plan {
    let renamed = Renamed::of(desired, current);
    let mut plan = Plan {
        format_version: FORMAT_VERSION.into(),
        kind: "Plan".into(),
        source: desired.source.clone(),
        base: current.base.clone(),
        desired: Hashed::default(),
        provenance: Value::Null,
        held: current.held.clone(),
        summary: Summary::default(),
        changes: Vec::new(),
        settings: settings(desired, current),
        delegated: Vec::new(),
        kept: Vec::new(),
        warnings: Vec::new(),
        conflicts: Vec::new(),
        blocked: Vec::new(),
    };
    for target in &desired.bots {
        match renamed.get(target.name) {
            None => plan.changes.push(created(target)),
            Some((_, bot)) if bot.source != plan.source => {
                plan.conflicts.push(format!("`{}` belongs to `{}`", target.name, bot.source));
            }
            Some((name, bot)) => compare(target, name, bot, &mut plan),
        }
    }
    plan_archives(desired, current, &renamed, policy, &mut plan);
    plan.changes.sort_by(|a, b| a.address.cmp(&b.address));
    if let Some(bundle) = desired.bundle {
        origin::point(&mut plan.changes, bundle);
    }
    similar_names(current, &mut plan);
    plan.desired.hash = hash_after(desired, current, &plan);
    hold(policy, &mut plan);
    sum(&mut plan);
    plan
}

/// Who is protected is the project's word; what holds for one bot alone says nothing of it.
fn settings(desired: &Desired<'_>, current: &Current) -> Vec<Field> {
    if desired.protect == current.protect.as_slice() {
        return Vec::new();
    }
    let shown = |names: &[String]| (!names.is_empty()).then(|| Value::from(names.to_vec()));
    let origin = desired.bundle.and_then(|bundle| origin::in_project(bundle, "/protect"));
    let (before, after) = (shown(&current.protect), shown(desired.protect));
    vec![Field { path: "/protect".into(), before, after, origin }]
}

fn change(name: &str, action: Action, base: Option<&CurrentBot>) -> Change {
    Change {
        address: format!("bot/{name}"),
        action,
        renamed_from: None,
        base: base.map(|bot| BaseRevision { revision: bot.number, hash: bot.hash.clone() }),
        attention: Vec::new(),
        fields: Vec::new(),
        texts: Vec::new(),
    }
}

fn created(target: &Target<'_>) -> Change {
    let found = differences(None, Some(target.authored));
    let attention = attention(None, target.authored);
    let change = change(target.name, Action::Create, None);
    Change { attention, fields: found.fields, texts: found.texts, ..change }
}

fn compare(target: &Target<'_>, name: &str, bot: &CurrentBot, plan: &mut Plan) {
    let held_after = target.overlay.cloned().unwrap_or_else(|| kept_overlay(target.authored, &bot.overlay));
    let address = format!("bot/{}", target.name);
    for (path, value) in &held_after {
        let (address, path, value) = (address.clone(), path.clone(), value.clone());
        plan.delegated.push(Delegated { address, path, value });
    }
    for path in bot.overlay.keys().filter(|path| target.overlay.is_none() && !held_after.contains_key(*path))
    {
        plan.warnings.push(format!(
            "`{}` takes `{path}` back from the dashboard: what was set there no longer counts",
            target.name
        ));
    }
    let found = if bot.hash == target.hash {
        difference::Differences::default()
    } else {
        differences(bot.content.as_ref(), Some(target.authored))
    };
    let action = if name != target.name {
        Action::Rename
    } else if bot.archived {
        Action::Restore
    } else if bot.hash != target.hash || bot.overlay != held_after {
        Action::Update
    } else {
        plan.summary.unchanged += 1;
        return;
    };
    let attention =
        if found.is_empty() { Vec::new() } else { attention(bot.content.as_ref(), target.authored) };
    let mut change = change(target.name, action, Some(bot));
    change.renamed_from = (name != target.name).then(|| format!("bot/{name}"));
    plan.changes.push(Change { attention, fields: found.fields, texts: found.texts, ..change });
}

/// What the dashboard goes on holding: fields that are still delegated.
pub(super) fn kept_overlay(authored: &Value, overlay: &Map<String, Value>) -> Map<String, Value> {
    let delegated = authored.pointer("/bot/delegated").and_then(Value::as_array);
    let delegated: Vec<&str> =
        delegated.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    overlay
        .iter()
        .filter(|(path, _)| delegated.contains(&path.as_str()))
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect()
}

/// Deletions are always shown; they run only where that was asked for, and never all, many or protected ones.
fn plan_archives(
    desired: &Desired<'_>,
    current: &Current,
    renamed: &Renamed<'_>,
    policy: Policy,
    plan: &mut Plan,
) {
    let wanted: BTreeSet<&str> = desired.bots.iter().map(|bot| bot.name).collect();
    let own = || renamed.bots.iter().filter(|(_, (_, bot))| bot.source == plan.source && !bot.archived);
    let gone: Vec<(&str, &CurrentBot)> =
        own().filter(|(name, _)| !wanted.contains(*name)).map(|(name, (_, bot))| (*name, *bot)).collect();
    if gone.is_empty() {
        return;
    }
    let owned = own().count();
    let names: Vec<&str> = gone.iter().map(|(name, _)| *name).collect();
    if policy.missing == Missing::Keep && (!wanted.is_empty() || policy.rewinds) {
        plan.kept = names.into_iter().map(str::to_owned).collect();
        return;
    }
    if !policy.rewinds {
        plan.blocked.extend(guards(desired, current, policy, &names, owned));
    }
    for (name, bot) in gone {
        let mut change = change(name, Action::Archive, Some(bot));
        let message = "it is taken out of service; history and memory stay".into();
        change.attention.push(Attention { kind: AttentionKind::Archive, message, path: String::new() });
        if is_protected(name, desired, current) {
            let message = "it is protected".into();
            change.attention.push(Attention { kind: AttentionKind::Protected, message, path: String::new() });
        }
        plan.changes.push(change);
    }
}

fn is_protected(name: &str, desired: &Desired<'_>, current: &Current) -> bool {
    desired.protect.iter().chain(&current.protect).any(|protected| protected == name)
}

fn guards(
    desired: &Desired<'_>,
    current: &Current,
    policy: Policy,
    gone: &[&str],
    owned: usize,
) -> Vec<String> {
    let mut blocked = Vec::new();
    let most = policy.prune_limit.unwrap_or((owned / 5).max(1));
    if desired.bots.is_empty() {
        blocked.push(format!(
            "the project has no bots, and {owned} are live: an empty project is never applied"
        ));
    } else if policy.missing == Missing::Prune && gone.len() > most {
        blocked.push(format!(
            "{} of {owned} bots would be archived, and one apply archives at most {most}: {} (`--prune-limit {}` lets them)",
            gone.len(),
            gone.join(", "),
            gone.len()
        ));
    }
    for name in gone.iter().filter(|name| is_protected(name, desired, current)) {
        blocked.push(format!("`{name}` is protected: take it out of `protect` in an earlier apply"));
    }
    if policy.missing == Missing::Refuse {
        blocked.push(format!(
            "files are gone and `--prune` was not given: {} would be archived (history stays, the same file brings a bot back)",
            gone.join(", ")
        ));
    }
    blocked
}

/// A bot that comes while one that is much like it goes was probably renamed.
fn similar_names(current: &Current, plan: &mut Plan) {
    let of = |action| plan.changes.iter().filter(move |change| change.action == action);
    let mut warnings = Vec::new();
    for (gone, come) in of(Action::Archive).flat_map(|gone| of(Action::Create).map(move |come| (gone, come)))
    {
        let old = current.bots.get(gone.name()).and_then(|bot| bot.content.as_ref());
        let display = old.and_then(|content| content.pointer("/bot/displayName"));
        let new = come.fields.iter().find(|field| field.path == "/displayName");
        if strsim::jaro_winkler(gone.name(), come.name()) > 0.9
            || (display.is_some() && new.and_then(|field| field.after.as_ref()) == display)
        {
            warnings.push(format!(
                "`{0}` goes and `{1}` comes: if that is a rename, write `moves: [{{from: {0}, to: {1}}}]` in botwright.yaml, and history and memory stay",
                gone.name(),
                come.name()
            ));
        }
    }
    plan.warnings.extend(warnings);
}

/// The hash of the generation that an apply would make: what is wanted and what is kept.
fn hash_after(desired: &Desired<'_>, current: &Current, plan: &Plan) -> String {
    let mut bots: BTreeMap<&str, &str> = desired.bots.iter().map(|bot| (bot.name, bot.hash)).collect();
    for name in &plan.kept {
        if let Some(bot) = current.bots.get(name) {
            bots.insert(name, &bot.hash);
        }
    }
    generation_hash(&desired.source, desired.protect, &bots)
}

fn hold(policy: Policy, plan: &mut Plan) {
    if let Some(held) = plan.held.as_ref().filter(|_| !policy.past_hold && !policy.rewinds) {
        let newer = match &held.commit {
            Some(commit) => format!(", or a commit newer than {}", short(commit)),
            None => String::new(),
        };
        plan.blocked.push(format!(
            "`{}` was rolled back by {} ({}): `botwright resume`{newer}, lets it go on",
            plan.source, held.by, held.reason
        ));
    }
}

/// A commit as people write it.
pub(in crate::sync) fn short(commit: &str) -> &str {
    commit.get(..9).unwrap_or(commit)
}

fn sum(plan: &mut Plan) {
    plan.summary = Summary {
        create: plan.count(Action::Create),
        update: plan.count(Action::Update),
        restore: plan.count(Action::Restore),
        archive: plan.count(Action::Archive),
        rename: plan.count(Action::Rename),
        unchanged: plan.summary.unchanged,
        effective_changes: !plan.settings.is_empty()
            || plan.changes.iter().any(|change| {
                change.action != Action::Rename || !change.fields.is_empty() || !change.texts.is_empty()
            }),
        attention: plan.changes.iter().map(|change| change.attention.len()).sum(),
    };
}

#[cfg(test)]
mod tests;
