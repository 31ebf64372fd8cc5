//! What the index found, as Postgres confirms it: by the same scope, under row-level security.

use std::collections::HashMap;

use futures_util::future::try_join5;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{FactId, MessageId};
use crate::memory::{Ask, Found, FoundKind, long, told};
use crate::search::{Hit, Kind, Scope};
use crate::store::{Fact, Message, MessageRole, Questions, Quoted, Summary, SummaryKind, Tenant, Upload};

/// A fact, or a passage, that holds less of the question than this is no answer to it.
const ENOUGH: f32 = 0.34;
/// A fact that holds so much of the question was asked for, however lately it was used.
const ASKED_FOR: f32 = 0.6;

/// The rows behind hits, as far as they are in the scope that was asked.
pub(super) struct Rows {
    messages: Vec<Message>,
    /// Their names, also of messages that are not in the scope.
    pictures: Vec<(MessageId, String)>,
    summaries: Vec<Summary>,
    facts: Vec<Fact>,
    passages: Vec<Quoted>,
}

/// Asks for the rows behind `hits`.
pub(super) struct Behind<'a> {
    pub(super) hits: &'a [Hit],
    pub(super) scope: &'a Scope,
}

impl Questions for Behind<'_> {
    type Answers = Rows;
    async fn ask(&self, tx: &Tenant) -> Result<Rows> {
        let Scope { account: _, bot, conversation, person } = *self.scope;
        let ids = |kind: Kind| -> Vec<Uuid> {
            self.hits.iter().filter(|hit| hit.kind == kind).map(|hit| hit.id).collect()
        };
        let (messages, summaries, facts) = (ids(Kind::Message), ids(Kind::Summary), ids(Kind::Fact));
        let passages = ids(Kind::Passage);
        let shown: Vec<MessageId> = messages.iter().copied().map(MessageId).collect();
        let (messages, pictures, summaries, facts, passages) = try_join5(
            Message::list_known(tx, &messages, bot, person, conversation),
            Upload::list_pictures_of(tx, &shown),
            Summary::list_known(tx, &summaries, bot, person, conversation),
            Fact::list_known(tx, &facts, bot, person, conversation),
            Quoted::list_known(tx, &passages, bot, person, conversation),
        )
        .await?;
        Ok(Rows { messages, pictures, summaries, facts, passages })
    }
}

impl Rows {
    /// What they confirm of `hits`, in their order, each with its place among them. To an `ask` no fact or passage is
    /// told that does not answer it, and no fact that was brought up lately.
    pub(super) async fn confirm(
        self,
        tx: &mut Tenant,
        hits: &[Hit],
        ask: Option<&Ask<'_>>,
    ) -> Result<Vec<(usize, Found)>> {
        let Self { mut messages, pictures, summaries, mut facts, mut passages } = self;
        let coverage: HashMap<Uuid, f32> = hits.iter().map(|hit| (hit.id, hit.coverage)).collect();
        let held = |id: &Uuid| coverage.get(id).copied().unwrap_or_default();
        long::shorten(tx, messages.iter_mut()).await?;
        told::add_pictures(&mut messages, pictures);
        let mut known: HashMap<Uuid, Found> = HashMap::with_capacity(hits.len());
        known.extend(messages.into_iter().map(|message| (message.id.0, of_message(message))));
        known.extend(summaries.into_iter().map(|summary| (summary.id.0, of_summary(summary))));
        if !facts.is_empty() {
            facts.retain(|fact| {
                let held = held(&fact.id.0);
                ask.is_none_or(|ask| held >= ENOUGH && (held >= ASKED_FOR || !is_cooling(fact, ask)))
            });
            let ids: Vec<_> = facts.iter().map(|fact| fact.id).collect();
            let mut sources: HashMap<FactId, Vec<MessageId>> = HashMap::new();
            for source in Fact::list_sources(tx, &ids).await? {
                sources.entry(source.fact_id).or_default().push(source.message_id);
            }
            known.extend(facts.into_iter().map(|fact| {
                let sources = sources.remove(&fact.id).unwrap_or_default();
                (fact.id.0, of_fact(fact, sources))
            }));
        }
        passages.retain(|passage| ask.is_none() || held(&passage.passage_id.0) >= ENOUGH);
        known.extend(passages.into_iter().map(|passage| (passage.passage_id.0, of_passage(passage))));
        let confirmed = hits.iter().enumerate().filter_map(|(place, hit)| {
            let found = known.remove(&hit.id)?;
            Some((place, Found { score: hit.score, coverage: hit.coverage, ..found }))
        });
        Ok(confirmed.collect())
    }
}

/// Whether a fact was brought up in this conversation so lately that it would be a repetition.
fn is_cooling(fact: &Fact, ask: &Ask<'_>) -> bool {
    let Some((ordinal, turns)) = ask.cooldown else { return false };
    // A turn is a question and its answer.
    let messages = i32::try_from(turns.saturating_mul(2)).unwrap_or(i32::MAX);
    fact.last_used_in == Some(ask.conversation)
        && fact
            .last_used_ordinal
            .is_some_and(|used| used < ordinal && ordinal.saturating_sub(used) <= messages)
}

fn of_fact(fact: Fact, sources: Vec<MessageId>) -> Found {
    Found {
        kind: FoundKind::Fact,
        id: fact.id.0,
        conversation: fact.conversation_id,
        ordinal: 0,
        at: fact.said_at,
        speaker: fact.about,
        is_bot: false,
        text: fact.text,
        score: 0.0,
        coverage: 0.0,
        sources,
    }
}

fn of_message(message: Message) -> Found {
    Found {
        kind: FoundKind::Message,
        id: message.id.0,
        conversation: message.conversation_id,
        ordinal: message.ordinal,
        at: message.sent_at,
        speaker: message.author,
        is_bot: message.role == MessageRole::Bot,
        text: message.text,
        score: 0.0,
        coverage: 0.0,
        sources: Vec::new(),
    }
}

fn of_summary(summary: Summary) -> Found {
    let is_rolling = summary.kind == SummaryKind::Rolling;
    Found {
        kind: if is_rolling { FoundKind::Summary } else { FoundKind::Digest },
        id: summary.id.0,
        conversation: summary.conversation_id,
        ordinal: summary.to_ordinal,
        at: summary.since.unwrap_or(summary.created_at),
        speaker: String::new(),
        is_bot: false,
        text: summary.text,
        score: 0.0,
        coverage: 0.0,
        sources: Vec::new(),
    }
}

fn of_passage(quoted: Quoted) -> Found {
    Found {
        kind: FoundKind::Passage,
        id: quoted.passage_id.0,
        conversation: quoted.document.conversation_id,
        ordinal: quoted.place,
        at: quoted.document.sent_at,
        text: quoted.whole(),
        speaker: quoted.document.title,
        is_bot: false,
        score: 0.0,
        coverage: 0.0,
        sources: vec![quoted.document.message_id],
    }
}
