//! The rolling summary, and the facts that are found on the way: what was said before, in so many words. It folds
//! the one before it and the messages since, so the newest one covers the whole conversation.

mod extract;
mod material;
mod reply;
mod transcript;
mod words;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::SharedClock;
use crate::dialog::{Budget, Spend, Usage};
use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, SummaryId, UsageId};
use crate::jobs::{self, Failure};
use crate::memory::facts::{self, Draft};
use crate::memory::scribe::{Keyring, Scribe, Written};
use crate::providers::Providers;
use crate::store::{Conversation, FactAuthor, Message, Store, Summary, SummaryKind, UsageEvent};
use crate::tokens;

pub(super) use extract::extract;
use material::Material;
pub(super) use transcript::{closed, line};
pub(super) use words::cut;

/// The job that summarises one conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summarize {
    pub conversation: ConversationId,
    /// However little waits: somebody asked for it, or the day is over.
    #[serde(default)]
    pub at_once: bool,
}

impl Summarize {
    /// When enough has been said.
    pub fn when_due(conversation: ConversationId) -> Self {
        Self { conversation, at_once: false }
    }

    /// However little has been said.
    pub fn at_once(conversation: ConversationId) -> Self {
        Self { conversation, at_once: true }
    }
}

impl jobs::Payload for Summarize {
    const KIND: &'static str = "memory.summarize";
    fn key(&self) -> String {
        self.conversation.to_string()
    }
}

/// Runs [`Summarize`].
#[derive(Clone)]
pub struct Summarizer {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) scribe: Scribe,
}

/// What came of it.
struct Outcome {
    summary: String,
    facts: Vec<Draft>,
    /// `provider/model`.
    model: String,
    usage: Usage,
}

impl Summarizer {
    pub fn new(
        store: Store,
        clock: SharedClock,
        providers: Providers,
        keyring: Arc<dyn Keyring>,
        budget: Arc<dyn Budget>,
    ) -> Self {
        Self { store, clock, scribe: Scribe::new(providers, keyring, budget) }
    }

    /// Summarises what is due, once: if that was done meanwhile, nothing happens.
    ///
    /// # Errors
    /// `Retry` while Postgres or the provider is away or the budget is used up.
    pub async fn run(&self, account: AccountId, job: &Summarize) -> Result<(), Failure> {
        let mut tx = self.store.tenant(account).await?;
        let material = Material::load(&mut tx, job).await?;
        tx.commit().await?;
        let Some(material) = material else { return Ok(()) };
        // Nothing of ours is held from here until there is a text.
        let outcome = self.write(account, &material).await?;
        self.save(account, &material, outcome, job).await
    }

    async fn write(&self, account: AccountId, material: &Material) -> Result<Outcome, Failure> {
        let routes = self.scribe.routes(account, &material.bot).await?;
        if routes.is_empty() {
            let said: Vec<Message> = material.said().cloned().collect();
            let summary = extract(&material.previous, &said, material.words());
            return Ok(Outcome {
                summary,
                facts: Vec::new(),
                model: "offline".into(),
                usage: Usage::default(),
            });
        }
        let Conversation { bot_id: bot, person_id: person, .. } = material.conversation;
        let spend = Spend { account, bot, person };
        let (system, body) = material.prompt();
        let first = self.scribe.ask(spend, routes.clone(), system, body, material.most_tokens()).await?;
        let (summary, facts, written) = match reply::read(&first.text) {
            reply::Reply::Kept(kept) => (kept.summary.clone(), material.drafts(kept), first),
            // A model that cannot write JSON still writes summaries.
            reply::Reply::Plain => (first.text.clone(), Vec::new(), first),
            reply::Reply::Broken(why) => {
                tracing::warn!(
                    why,
                    model = first.model,
                    "a summary with facts could not be read; asking for the summary alone"
                );
                let (system, body) = material.plain_prompt();
                let second = self.scribe.ask(spend, routes, system, body, material.most_tokens()).await?;
                let usage = first.usage.plus(&second.usage);
                (second.text.clone(), Vec::new(), Written { usage, ..second })
            }
        };
        let summary = cut(&summary, material.words());
        Ok(Outcome { summary, facts, model: written.model, usage: written.usage })
    }

    async fn save(
        &self,
        account: AccountId,
        material: &Material,
        outcome: Outcome,
        job: &Summarize,
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let mut tx = self.store.tenant(account).await?;
        let usage = usage(&material.conversation, &outcome.model, &outcome.usage, now);
        UsageEvent::insert(&tx, &usage).await?;
        let id = material.conversation.id;
        let is_there = Conversation::find_locked(&tx, id).await?.is_some();
        let latest = Summary::find_latest(&mut tx, id).await?.map(|summary| summary.id);
        if !is_there || latest != material.latest {
            // Somebody else was faster; what this one took is still noted.
            return Ok(tx.commit().await?);
        }
        if material.was_unsaid_from(&mut tx).await? {
            tx.commit().await?;
            return Err(Failure::Retry(Error::conflict("a message was taken back while it was summarised")));
        }
        let place = facts::Place::of(&material.conversation, &material.bot);
        facts::keep(&mut tx, &place, outcome.facts, FactAuthor::Summary, now).await?;
        Summary::insert(&mut tx, &summary(material, outcome.summary, outcome.model, now)).await?;
        if material.has_more {
            jobs::enqueue(&mut tx, job, now, now).await?;
        }
        Ok(tx.commit().await?)
    }
}

fn summary(material: &Material, text: String, model: String, now: DateTime<Utc>) -> Summary {
    let ordinal = |message: Option<&Message>| message.map_or(1, |message| message.ordinal);
    Summary {
        account_id: material.conversation.account_id,
        id: SummaryId::new(),
        conversation_id: material.conversation.id,
        from_ordinal: ordinal(material.messages.first()),
        to_ordinal: ordinal(material.messages.last()),
        tokens: stored(count(&text)),
        text,
        model,
        created_at: now,
        kind: SummaryKind::Rolling,
        since: None,
        until: None,
    }
}

/// What a summary took, for the ledger.
pub(super) fn usage(of: &Conversation, model: &str, usage: &Usage, now: DateTime<Utc>) -> UsageEvent {
    let Usage { input_tokens, cached_tokens, output_tokens, reasoning_tokens: _ } = *usage;
    UsageEvent {
        account_id: of.account_id,
        id: UsageId::new(),
        bot_id: of.bot_id,
        conversation_id: Some(of.id),
        turn_id: None,
        person_id: of.person_id,
        purpose: "summary".into(),
        model: model.to_owned(),
        input_tokens: stored(input_tokens),
        cached_tokens: stored(cached_tokens),
        output_tokens: stored(output_tokens),
        cost_usd: None,
        at: now,
    }
}

pub(super) fn count(text: &str) -> u32 {
    u32::try_from(tokens::count(text)).unwrap_or(u32::MAX)
}

pub(super) fn stored(tokens: u32) -> i32 {
    i32::try_from(tokens).unwrap_or(i32::MAX)
}
