//! Asking the index, within the walls of whoever asks.
//!
//! The walls stand twice: the index searches one scope and no other, and what it finds is loaded from
//! Postgres by the same scope, under row-level security. A hit that Postgres does not confirm yields nothing.

use std::collections::HashMap;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, FactId, MessageId, PersonId};
use crate::memory::{Ask, Found, FoundKind, Match, Matches, Memory, Recalled};
use crate::search::{Hit, Index, Kind, Query, Scope};
use crate::spec;
use crate::store::{Fact, Message, MessageRole, Setting, Summary, SummaryKind, Tenant};

/// At most so many summaries among what is recalled: each takes the room of many messages.
const SUMMARIES: usize = 2;
/// At most so many facts: they point to what the messages that were found leave out.
const FACTS: usize = 12;
/// A fact that holds less of the question than this is no answer to it.
const FACT_COVERAGE: f32 = 0.34;
/// A fact that holds so much of the question was asked for, however lately it was used.
const ASKED_FOR: f32 = 0.6;
/// Hits that Postgres does not confirm shall not cost others their place.
const SPARE: usize = 8;
/// The longest page of a search.
const PAGE: usize = 100;

impl Memory {
    /// What bears on `ask.text`, best first, and nothing that whoever asks may not know.
    ///
    /// A group recalls itself and nothing else. In a private conversation `Scope::Person` recalls all private
    /// conversations of its person with this bot, `Scope::Conversation` itself, and `Scope::Bot` all of this
    /// bot's. The latest summary of the conversation itself is left out: it stands in the prompt.
    ///
    /// # Errors
    /// `Unavailable` when the index is broken or Postgres is away.
    pub async fn recall(&self, account: AccountId, ask: &Ask<'_>) -> Result<Recalled> {
        let complete = self.is_complete();
        if ask.limit == 0 || ask.text.trim().is_empty() {
            return Ok(Recalled { found: Vec::new(), complete });
        }
        let mut tx = self.store.reading(account).await?;
        let setting = Setting::find(&mut tx, ask.conversation).await?;
        let scope = scope(account, ask, setting.as_ref());
        let query = Query {
            scope,
            text: ask.text.to_owned(),
            asker: ask.asker.map(str::to_owned),
            participants: setting.map(|setting| setting.names).unwrap_or_default(),
            before: None,
            kinds: &[Kind::Message, Kind::Summary],
            limit: ask.limit + SPARE,
        };
        // Facts are ranked among themselves: a sentence of its own always outscores one in a talk.
        let facts = Query { kinds: &[Kind::Fact], limit: FACTS + SPARE, ..query.clone() };
        let hits = self
            .search_index(move |index| {
                let mut hits = index.recall_for_message(&query)?;
                hits.extend(index.recall(&facts)?);
                Ok(hits)
            })
            .await?;
        let found = load(&mut tx, &scope, hits, Some(ask)).await?;
        tx.commit().await?;
        let found = found.into_iter().map(|(_, found)| found).collect();
        Ok(Recalled { found: arrange(found, ask), complete })
    }

    /// Messages and summaries that hold the words of `text`: of one person's private conversations, or
    /// (`None`) of the whole account; of one bot or all. Those that hold most of them first, then the newest.
    /// `after` is the rank of the last match that is already known, 0 for the first page; at most 100 come at
    /// once.
    ///
    /// # Errors
    /// As [`Memory::recall`].
    pub async fn search(
        &self,
        account: AccountId,
        person: Option<PersonId>,
        bot: Option<BotId>,
        text: &str,
        after: usize,
        limit: usize,
    ) -> Result<Matches> {
        let complete = self.is_complete();
        let limit = limit.min(PAGE);
        let scope = Scope { account, bot, conversation: None, person };
        let text = text.to_owned();
        let mut hits = self.search_index(move |index| index.find(&scope, &text, limit + 1, after)).await?;
        let has_next = hits.len() > limit;
        hits.truncate(limit);
        if hits.is_empty() {
            return Ok(Matches { matches: Vec::new(), has_next, complete });
        }
        let mut tx = self.store.reading(account).await?;
        let found = load(&mut tx, &scope, hits, None).await?;
        tx.commit().await?;
        let matches =
            found.into_iter().map(|(place, found)| Match { rank: after + place + 1, found }).collect();
        Ok(Matches { matches, has_next, complete })
    }

    async fn search_index(
        &self,
        search: impl FnOnce(&Index) -> Result<Vec<Hit>> + Send + 'static,
    ) -> Result<Vec<Hit>> {
        let index = self.index.clone();
        tokio::task::spawn_blocking(move || search(&index)).await.map_err(Error::internal)?
    }
}

/// How far the question may reach. A conversation that is not there yet is a private one of who asks.
fn scope(account: AccountId, ask: &Ask<'_>, setting: Option<&Setting>) -> Scope {
    let here = Scope { account, bot: Some(ask.bot), conversation: Some(ask.conversation), person: None };
    let owner = setting.map_or(ask.person, |setting| setting.person_id);
    let is_strange = setting.is_some_and(|setting| setting.bot_id != ask.bot) || ask.person != owner;
    match (owner, ask.scope) {
        (Some(person), spec::Scope::Person) if !is_strange => {
            Scope { conversation: None, person: Some(person), ..here }
        }
        (Some(_), spec::Scope::Bot) if !is_strange => Scope { conversation: None, ..here },
        _ => here,
    }
}

/// What Postgres confirms of `hits`, in their order, each with its place among them. To an `ask` no fact is told that
/// does not answer it, or that was brought up lately.
async fn load(
    tx: &mut Tenant,
    scope: &Scope,
    hits: Vec<Hit>,
    ask: Option<&Ask<'_>>,
) -> Result<Vec<(usize, Found)>> {
    let Scope { account: _, bot, conversation, person } = *scope;
    let ids =
        |kind: Kind| hits.iter().filter(move |hit| hit.kind == kind).map(|hit| hit.id).collect::<Vec<_>>();
    let (messages, summaries, facts) = (ids(Kind::Message), ids(Kind::Summary), ids(Kind::Fact));
    let mut known: HashMap<Uuid, Found> = HashMap::with_capacity(hits.len());
    if !messages.is_empty() {
        let messages = Message::list_known(tx, &messages, bot, person, conversation).await?;
        known.extend(messages.into_iter().map(|message| (message.id.0, of_message(message))));
    }
    if !summaries.is_empty() {
        let summaries = Summary::list_known(tx, &summaries, bot, person, conversation).await?;
        known.extend(summaries.into_iter().map(|summary| (summary.id.0, of_summary(summary))));
    }
    if !facts.is_empty() {
        let mut facts = Fact::list_known(tx, &facts, bot, person, conversation).await?;
        let coverage: HashMap<Uuid, f32> = hits.iter().map(|hit| (hit.id, hit.coverage)).collect();
        facts.retain(|fact| {
            let held = coverage.get(&fact.id.0).copied().unwrap_or_default();
            ask.is_none_or(|ask| held >= FACT_COVERAGE && (held >= ASKED_FOR || !is_cooling(fact, ask)))
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
    let confirmed = hits.iter().enumerate().filter_map(|(place, hit)| {
        let found = known.remove(&hit.id)?;
        Some((place, Found { score: hit.score, coverage: hit.coverage, ..found }))
    });
    Ok(confirmed.collect())
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

/// So many messages stand between two facts.
const MESSAGES_PER_FACT: usize = 2;

/// Messages are the evidence, so one comes first; summaries fill in, and facts what the messages before them leave
/// out.
fn arrange(found: Vec<Found>, ask: &Ask<'_>) -> Vec<Found> {
    let (facts, mut said): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| found.kind == FoundKind::Fact);
    let mut summaries = 0;
    said.retain(|found| {
        let is_wanted = match found.kind {
            FoundKind::Message | FoundKind::Fact => return true,
            // The conversation's own stands in the prompt.
            FoundKind::Summary => found.conversation != ask.conversation && summaries < SUMMARIES,
            FoundKind::Digest => summaries < SUMMARIES,
        };
        summaries += usize::from(is_wanted);
        is_wanted
    });
    if let Some(first) = said.iter().position(|found| found.kind == FoundKind::Message) {
        said[..=first].rotate_right(1);
    }
    said.truncate(ask.limit);
    weave(said, facts)
}

/// A fact after every few of what was said; none whose messages stand before it and say as much of the question.
fn weave(said: Vec<Found>, facts: Vec<Found>) -> Vec<Found> {
    let mut facts = facts.into_iter().take(FACTS);
    let mut shown: HashMap<Uuid, f32> = HashMap::new();
    let mut woven = Vec::with_capacity(said.len() + FACTS);
    for (place, found) in (1..).zip(said) {
        shown.insert(found.id, found.coverage);
        woven.push(found);
        if place % MESSAGES_PER_FACT == 0 {
            woven.extend(facts.by_ref().find(|fact| !is_said(fact, &shown)));
        }
    }
    woven.extend(facts.filter(|fact| !is_said(fact, &shown)));
    woven
}

/// Whether all messages that a fact was drawn from are shown, and one says as much of the question: a fact has names
/// where people have pronouns.
fn is_said(fact: &Found, shown: &HashMap<Uuid, f32>) -> bool {
    let said: Option<Vec<f32>> = fact.sources.iter().map(|source| shown.get(&source.0).copied()).collect();
    said.is_some_and(|said| said.into_iter().any(|coverage| coverage >= fact.coverage))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::id::ConversationId;

    const ACCOUNT: AccountId = AccountId(Uuid::max());

    fn ask(person: Option<PersonId>, scope: spec::Scope) -> Ask<'static> {
        let (bot, conversation) = (BotId::new(), ConversationId::new());
        Ask { bot, conversation, person, scope, text: "Where?", asker: None, limit: 3, cooldown: None }
    }

    fn setting(ask: &Ask<'_>, person_id: Option<PersonId>) -> Setting {
        Setting { bot_id: ask.bot, person_id, names: Vec::new() }
    }

    #[test]
    fn a_group_sees_itself_whatever_the_file_says() {
        for told in [spec::Scope::Conversation, spec::Scope::Person, spec::Scope::Bot] {
            for person in [None, Some(PersonId::new())] {
                let ask = ask(person, told);
                let scope = scope(ACCOUNT, &ask, Some(&setting(&ask, None)));
                assert_eq!((scope.conversation, scope.person), (Some(ask.conversation), None));
            }
        }
    }

    #[test]
    fn a_private_conversation_follows_its_person_and_nobody_else() {
        let (anna, olena) = (PersonId::new(), PersonId::new());
        let ask = ask(Some(anna), spec::Scope::Person);
        let own = scope(ACCOUNT, &ask, Some(&setting(&ask, Some(anna))));
        assert_eq!((own.bot, own.conversation, own.person), (Some(ask.bot), None, Some(anna)));
        assert_eq!(scope(ACCOUNT, &ask, None), own);
        let of_another = scope(ACCOUNT, &ask, Some(&setting(&ask, Some(olena))));
        assert_eq!((of_another.conversation, of_another.person), (Some(ask.conversation), None));
        let of_another_bot = Setting { bot_id: BotId::new(), ..setting(&ask, Some(anna)) };
        assert_eq!(scope(ACCOUNT, &ask, Some(&of_another_bot)).conversation, Some(ask.conversation));
    }

    #[test]
    fn a_message_comes_first_and_summaries_fill_in() {
        let ask = ask(None, spec::Scope::Person);
        let found = |kind, conversation, ordinal| Found {
            kind,
            id: Uuid::nil(),
            conversation,
            ordinal,
            at: DateTime::UNIX_EPOCH,
            speaker: String::new(),
            is_bot: false,
            text: String::new(),
            score: 1.0,
            coverage: 1.0,
            sources: Vec::new(),
        };
        let there = ConversationId::new();
        let all = vec![
            found(FoundKind::Summary, ask.conversation, 1),
            found(FoundKind::Summary, there, 2),
            found(FoundKind::Message, there, 3),
            found(FoundKind::Summary, there, 4),
            found(FoundKind::Summary, there, 5),
            found(FoundKind::Message, there, 6),
        ];
        let places: Vec<_> = arrange(all, &ask).iter().map(|found| found.ordinal).collect();
        assert_eq!(places, [3, 2, 4]);
        assert!(arrange(Vec::new(), &ask).is_empty());
    }
}
