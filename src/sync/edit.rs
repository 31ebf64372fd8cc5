//! Changes without files: bots of the dashboard, and the fields that files delegate to it.

use serde_json::{Value, json};

use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::spec::{self, Problem};
use crate::store::{Bot, BotRevision, Generation, Store, Tenant};
use crate::sync::apply::{Applied, Options, apply_in};
use crate::sync::desired::{DASHBOARD, Desired, Target};
use crate::sync::once::{Claimed, Once, remember};
use crate::sync::plan::{Missing, Policy};

/// One field that somebody sets, or takes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// A JSON pointer into the bot's file, such as `/model/temperature`.
    pub path: String,
    /// `None` takes the field out: what the default says counts.
    pub value: Option<Value>,
}

/// What came of a change.
#[derive(Debug)]
pub enum Edited {
    /// It is live.
    Done(Box<Applied>),
    /// The bot would not be valid.
    Invalid(Vec<Problem>),
    /// Files own these fields. The patch makes the change where it belongs.
    Owned { source: String, paths: Vec<String>, patch: String },
}

/// Who changes what, knowing which revision.
#[derive(Debug)]
pub struct Edit<'e> {
    pub name: &'e str,
    /// The revision that was looked at: a newer one is not overwritten.
    pub revision: i32,
    pub set: &'e [Set],
    pub actor: &'e str,
}

/// Makes a bot that no files own. `bot` is what its `bot.yaml` would say, `kind` and `apiVersion` may be left out.
/// True if the same request made it before.
pub async fn create_bot(
    store: &Store,
    clock: &SharedClock,
    account: AccountId,
    name: &str,
    bot: &Value,
    actor: &str,
    once: Once,
) -> Result<(Edited, bool)> {
    let written = match spec::write_bot(name, bot) {
        Ok(written) => written,
        Err(problems) => return Ok((Edited::Invalid(problems), false)),
    };
    let mut tx = store.tenant(account).await?;
    let request = match once.claim(&mut tx, "config.createBot", clock.now()).await? {
        Claimed::New(request) => request,
        Claimed::Done(applied) => return Ok((Edited::Done(applied), true)),
    };
    Generation::lock(&mut tx).await?;
    if let Some(taken) = Bot::find_by_name(&tx, name).await? {
        let archived = if taken.archived_at.is_some() { ", archived" } else { "" };
        return Err(Error::conflict(format!(
            "there is a bot called `{name}`{archived}, of `{}`",
            taken.source
        )));
    }
    let target = Target::of(&written);
    let applied = apply_one(&mut tx, clock, DASHBOARD, target, actor, "dashboard").await?;
    remember(&mut tx, &request, &applied).await?;
    tx.commit().await?;
    Ok((Edited::Done(Box::new(applied)), false))
}

/// Changes fields of a bot: any of a bot that no files own, else only those that its files delegate.
///
/// # Errors
/// `NotFound` without such a bot, `Conflict` if it is at another revision.
pub async fn update_bot(
    store: &Store,
    clock: &SharedClock,
    account: AccountId,
    edit: Edit<'_>,
) -> Result<Edited> {
    let mut tx = store.tenant(account).await?;
    Generation::lock(&mut tx).await?;
    let unknown = || Error::not_found(format!("there is no bot called `{}`", edit.name));
    let bot = Bot::find_by_name(&tx, edit.name).await?.filter(|bot| bot.archived_at.is_none());
    let bot = bot.ok_or_else(unknown)?;
    let revision = BotRevision::find(&mut tx, bot.revision_id).await?.ok_or_else(unknown)?;
    if revision.number != edit.revision {
        return Err(Error::conflict(format!(
            "`{}` is at revision {} by now, and this change was made on {}: look again",
            edit.name, revision.number, edit.revision
        )));
    }
    let edited = if bot.source == DASHBOARD {
        let authored = with(&revision.content, edit.set)?;
        match spec::rewrite(&authored) {
            Err(problems) => Edited::Invalid(problems),
            Ok(written) => {
                let target = Target::of(&written);
                let applied = apply_one(&mut tx, clock, DASHBOARD, target, edit.actor, "dashboard").await?;
                Edited::Done(Box::new(applied))
            }
        }
    } else {
        delegated(&mut tx, clock, &bot, &revision, &edit).await?
    };
    tx.commit().await?;
    Ok(edited)
}

/// A change of a bot that files own: only where they let the dashboard.
async fn delegated(
    tx: &mut Tenant,
    clock: &SharedClock,
    bot: &Bot,
    revision: &BotRevision,
    edit: &Edit<'_>,
) -> Result<Edited> {
    let allowed = revision.content.pointer("/bot/delegated").and_then(Value::as_array);
    let is_allowed = |path: &str| {
        allowed.is_some_and(|allowed| allowed.iter().any(|delegated| delegated.as_str() == Some(path)))
    };
    let owned: Vec<&Set> = edit.set.iter().filter(|set| !is_allowed(&set.path)).collect();
    if !owned.is_empty() {
        let after = with(&revision.content, edit.set)?;
        return Ok(Edited::Owned {
            source: bot.source.clone(),
            paths: owned.into_iter().map(|set| set.path.clone()).collect(),
            patch: patch(&revision.content, &after),
        });
    }
    let mut overlay = revision.overlay.as_object().cloned().unwrap_or_default();
    for Set { path, value } in edit.set {
        match value {
            Some(value) => overlay.insert(path.clone(), value.clone()),
            None => overlay.remove(path),
        };
    }
    if let Err(problems) = spec::rewrite(&spec::effective(&revision.content, &overlay)) {
        return Ok(Edited::Invalid(problems));
    }
    let target = Target {
        name: edit.name,
        authored: &revision.content,
        hash: &revision.hash,
        overlay: Some(&overlay),
    };
    let applied = apply_one(tx, clock, &bot.source, target, edit.actor, "delegated").await?;
    Ok(Edited::Done(Box::new(applied)))
}

/// A generation in which one bot of the source changes and the others stay.
async fn apply_one(
    tx: &mut Tenant,
    clock: &SharedClock,
    source: &str,
    target: Target<'_>,
    actor: &str,
    how: &str,
) -> Result<Applied> {
    let active = Generation::find_active(tx, source).await?;
    // It is the same commit with something beside it.
    let git = active.as_ref().and_then(|generation| generation.provenance.get("git")).cloned();
    let protect = active.as_ref().map(Generation::protected).unwrap_or_default();
    let desired = Desired {
        source: source.to_owned(),
        protect: &protect,
        moves: &[],
        bots: vec![target],
        bundle: None,
    };
    let options = Options {
        policy: Policy { missing: Missing::Keep, past_hold: false, prune_limit: None, rewinds: true },
        planned: None,
        allow_rewind: true,
        keeps_commit: true,
        actor: actor.to_owned(),
        provenance: json!({ "how": how, "version": env!("CARGO_PKG_VERSION"), "git": git }),
    };
    apply_in(tx, clock.now(), &desired, &options).await
}

/// The authored bot with fields set.
fn with(authored: &Value, set: &[Set]) -> Result<Value> {
    let mut authored = authored.clone();
    let bot = authored.get_mut("bot").and_then(Value::as_object_mut);
    let bot = bot.ok_or_else(|| Error::internal("a stored bot without its file"))?;
    for Set { path, value } in set {
        if !path.starts_with('/') || !spec::put(bot, path, value.clone()) {
            return Err(Error::invalid(format!("`{path}` leads nowhere in a bot's file")));
        }
    }
    Ok(authored)
}

/// The change as a patch of the files, as they would be written anew.
fn patch(before: &Value, after: &Value) -> String {
    let (old, new) = (spec::export(before, None), spec::export(after, None));
    let mut patch = String::new();
    for (path, new) in &new {
        let old = old.get(path).map_or("", String::as_str);
        if old != new {
            let diff = similar::TextDiff::from_lines(old, new);
            let header = (format!("a/{path}"), format!("b/{path}"));
            let unified = diff.unified_diff().context_radius(2).header(&header.0, &header.1).to_string();
            patch.push_str(&unified);
        }
    }
    patch
}
