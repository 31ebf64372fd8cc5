//! What every resolver finds in its context.

use async_graphql::Context;

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::graphql::loaders::Loaders;
use crate::memory::Memory;
use crate::store::Store;

/// The rooms that the schema stands on.
pub(super) struct Rooms {
    pub(super) store: Store,
    pub(super) chat: Chat,
    pub(super) memory: Memory,
    pub(super) clock: SharedClock,
    /// Where people reach this server from outside, if that is known.
    pub(super) public_url: Option<String>,
}

impl Rooms {
    /// An address of ours, as far as it is known from outside: `path` begins with a slash.
    pub(super) fn public(&self, path: String) -> String {
        match &self.public_url {
            Some(url) => format!("{}{path}", url.trim_end_matches('/')),
            None => path,
        }
    }
}

pub(super) fn rooms<'a>(context: &Context<'a>) -> Result<&'a Rooms> {
    context.data_opt().ok_or_else(|| Error::internal("a resolver without its rooms"))
}

/// Whoever is asking. The transport lets nobody ask for more than what is public without a token.
pub(super) fn actor<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    context.data_opt().ok_or_else(|| Error::unauthenticated("this needs a token"))
}

/// Whoever is asking, if they may read: whoever may chat may read what they chat about.
pub(super) fn reader<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    if !actor.scopes.allow(Scope::Chat) {
        actor.require(Scope::Read)?;
    }
    Ok(actor)
}

/// Whoever is asking, if they may know how the account is doing.
pub(super) fn overseer<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    actor.require(Scope::Read)?;
    Ok(actor)
}

/// Whoever is asking, if they may know everything.
pub(super) fn admin<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    actor.require(Scope::Admin)?;
    Ok(actor)
}

/// Whoever is asking, if they may see what is configured and what a configuration would change.
pub(super) fn planner<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    actor.require(Scope::ConfigPlan)?;
    Ok(actor)
}

/// Whoever is asking, if they may know what was applied when: planners, and who may read.
pub(super) fn historian<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    if !actor.scopes.allow(Scope::Read) {
        actor.require(Scope::ConfigPlan)?;
    }
    Ok(actor)
}

/// Whoever is asking, if they may change the configuration.
pub(super) fn applier<'a>(context: &Context<'a>) -> Result<&'a Actor> {
    let actor = actor(context)?;
    actor.require(Scope::ConfigApply)?;
    Ok(actor)
}

/// The loaders of this execution.
pub(super) fn loaders<'a>(context: &Context<'a>) -> Result<&'a Loaders> {
    context.data_opt().ok_or_else(|| Error::unauthenticated("this needs a token"))
}
