//! Asking the index, within the walls of whoever asks.
//!
//! The walls stand twice: the index searches one scope and no other, and what it finds is loaded from
//! Postgres by the same scope, under row-level security. A hit that Postgres does not confirm yields nothing.

use std::collections::HashMap;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, PersonId};
use crate::memory::confirm::Behind;
use crate::memory::{Ask, Found, FoundKind, Match, Matches, Memory, Recalled};
use crate::search::{Group, Hit, Index, Kind, Query, Scope};
use crate::spec;

/// At most so many summaries among what is recalled: each takes the room of many messages.
const SUMMARIES: usize = 2;
/// At most so many facts: they point to what the messages that were found leave out.
const FACTS: usize = 12;
/// At most so many passages of long texts: each takes the room of many messages.
const PASSAGES: usize = 4;
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
        let scope = scope(account, ask);
        let query = Query {
            scope,
            text: ask.text.to_owned(),
            asker: ask.asker.map(str::to_owned),
            participants: ask.setting.map(|setting| setting.names.clone()).unwrap_or_default(),
            before: None,
            groups: vec![
                Group { kinds: &[Kind::Message, Kind::Summary], limit: ask.limit + SPARE },
                // A sentence of its own always outscores one in a talk.
                Group { kinds: &[Kind::Fact], limit: FACTS + SPARE },
                // And so does a passage, which holds many words.
                Group { kinds: &[Kind::Passage], limit: PASSAGES + SPARE },
            ],
        };
        let hits = self.search_index(move |index| index.recall_for_message(&query)).await?;
        if hits.is_empty() {
            return Ok(Recalled { found: Vec::new(), complete });
        }
        let found = self.confirmed(&scope, &hits, Some(ask)).await?;
        let found = found.into_iter().map(|(_, found)| found).collect();
        Ok(Recalled { found: arrange(found, ask), complete })
    }

    /// Messages, summaries, facts and passages that hold the words of `text`: of one person's private conversations, or
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
        let found = self.confirmed(&scope, &hits, None).await?;
        let matches =
            found.into_iter().map(|(place, found)| Match { rank: after + place + 1, found }).collect();
        Ok(Matches { matches, has_next, complete })
    }

    async fn confirmed(
        &self,
        scope: &Scope,
        hits: &[Hit],
        ask: Option<&Ask<'_>>,
    ) -> Result<Vec<(usize, Found)>> {
        let (mut tx, rows) = self.store.asking(scope.account, &Behind { hits, scope }).await?;
        let found = rows.confirm(&mut tx, hits, ask).await?;
        tx.commit().await?;
        Ok(found)
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
fn scope(account: AccountId, ask: &Ask<'_>) -> Scope {
    let setting = ask.setting;
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

/// So much else stands between two passages.
const FOUND_PER_PASSAGE: usize = 4;
/// So many messages stand between two facts.
const MESSAGES_PER_FACT: usize = 2;

/// Messages are the evidence, so one comes first; summaries fill in, facts what the messages before them leave out, and
/// passages what long texts say of it.
fn arrange(found: Vec<Found>, ask: &Ask<'_>) -> Vec<Found> {
    let (facts, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| found.kind == FoundKind::Fact);
    let (passages, mut said): (Vec<_>, Vec<_>) =
        rest.into_iter().partition(|found| found.kind == FoundKind::Passage);
    let mut summaries = 0;
    said.retain(|found| {
        let is_wanted = match found.kind {
            FoundKind::Message | FoundKind::Fact | FoundKind::Passage => return true,
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
    among(weave(said, facts), passages)
}

/// A passage after every few of what was said and noted, beginning with the second place.
fn among(said: Vec<Found>, passages: Vec<Found>) -> Vec<Found> {
    let mut passages = passages.into_iter().take(PASSAGES);
    let mut all = Vec::with_capacity(said.len() + PASSAGES);
    for (place, found) in said.into_iter().enumerate() {
        all.push(found);
        if place % FOUND_PER_PASSAGE == 0 {
            all.extend(passages.next());
        }
    }
    all.extend(passages);
    all
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
    use crate::store::Setting;

    const ACCOUNT: AccountId = AccountId(Uuid::max());

    fn ask(person: Option<PersonId>, scope: spec::Scope) -> Ask<'static> {
        let (bot, conversation) = (BotId::new(), ConversationId::new());
        Ask {
            bot,
            conversation,
            person,
            scope,
            setting: None,
            text: "Where?",
            asker: None,
            limit: 3,
            cooldown: None,
        }
    }

    fn setting(ask: &Ask<'_>, person_id: Option<PersonId>) -> Setting {
        Setting { bot_id: ask.bot, person_id, names: Vec::new() }
    }

    #[test]
    fn a_group_sees_itself_whatever_the_file_says() {
        for told in [spec::Scope::Conversation, spec::Scope::Person, spec::Scope::Bot] {
            for person in [None, Some(PersonId::new())] {
                let ask = ask(person, told);
                let group = setting(&ask, None);
                let scope = scope(ACCOUNT, &Ask { setting: Some(&group), ..ask });
                assert_eq!((scope.conversation, scope.person), (Some(ask.conversation), None));
            }
        }
    }

    #[test]
    fn a_private_conversation_follows_its_person_and_nobody_else() {
        let (anna, olena) = (PersonId::new(), PersonId::new());
        let ask = ask(Some(anna), spec::Scope::Person);
        let of = |setting: Setting| scope(ACCOUNT, &Ask { setting: Some(&setting), ..ask });
        let own = of(setting(&ask, Some(anna)));
        assert_eq!((own.bot, own.conversation, own.person), (Some(ask.bot), None, Some(anna)));
        assert_eq!(scope(ACCOUNT, &ask), own);
        let of_another = of(setting(&ask, Some(olena)));
        assert_eq!((of_another.conversation, of_another.person), (Some(ask.conversation), None));
        let of_another_bot = Setting { bot_id: BotId::new(), ..setting(&ask, Some(anna)) };
        assert_eq!(of(of_another_bot).conversation, Some(ask.conversation));
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
        let places: Vec<_> = arrange(all.clone(), &ask).iter().map(|found| found.ordinal).collect();
        assert_eq!(places, [3, 2, 4]);
        let with_passages =
            all.into_iter().chain((7..13).map(|place| found(FoundKind::Passage, there, place)));
        let places: Vec<_> =
            arrange(with_passages.collect(), &ask).iter().map(|found| found.ordinal).collect();
        assert_eq!(places, [3, 7, 2, 4, 8, 9, 10], "a message first, then a passage, and no more than four");
        assert!(arrange(Vec::new(), &ask).is_empty());
    }
}
