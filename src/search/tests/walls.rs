//! Whatever is written in whatever order: a scope sees its own, all of it, as it last was.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use uuid::Uuid;

use crate::id::{AccountId, BotId, ConversationId, PersonId};
use crate::search::tests::{Folder, day};
use crate::search::{Change, Document, Group, Hit, Index, Kind, Query, Scope};

const WORDS: [&str; 6] = ["apple", "pear", "plum", "cherry", "fig", "quince"];

/// One step of a random history. Small numbers stand for accounts, bots and so on.
#[derive(Debug, Clone)]
enum Step {
    Put { id: u8, place: Place, words: Vec<u8> },
    Delete { id: u8 },
    DeleteConversation { place: Place },
    DeleteAccount { account: u8 },
    Commit,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    account: u8,
    bot: u8,
    conversation: u8,
    person: Option<u8>,
}

fn number(kind: u8, number: u8) -> Uuid {
    Uuid::from_u128((u128::from(kind) << 64) + u128::from(number) + 1)
}

impl Place {
    fn account(self) -> AccountId {
        AccountId(number(1, self.account))
    }
    fn bot(self) -> BotId {
        BotId(number(2, self.account * 16 + self.bot))
    }
    fn conversation(self) -> ConversationId {
        ConversationId(number(3, self.account * 16 + self.bot * 4 + self.conversation))
    }
    /// People are shared by accounts here, which makes the walls harder to keep.
    fn person(self) -> Option<PersonId> {
        self.person.map(|person| PersonId(number(4, person)))
    }
    fn scopes(self) -> Vec<Scope> {
        let account = Scope { account: self.account(), bot: None, conversation: None, person: None };
        let bot = Scope { bot: Some(self.bot()), ..account };
        vec![
            account,
            bot,
            Scope { conversation: Some(self.conversation()), ..bot },
            Scope { person: self.person(), ..bot },
            Scope { person: self.person(), ..account },
            Scope { conversation: Some(self.conversation()), person: self.person(), ..bot },
        ]
    }
}

fn place() -> impl Strategy<Value = Place> {
    (0..3u8, 0..3u8, 0..3u8, proptest::option::of(0..3u8))
        .prop_map(|(account, bot, conversation, person)| Place { account, bot, conversation, person })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (any::<u8>(), place(), vec(0..6u8, 0..6)).prop_map(|(id, place, words)| Step::Put { id, place, words }),
        4 => any::<u8>().prop_map(|id| Step::Delete { id }),
        1 => place().prop_map(|place| Step::DeleteConversation { place }),
        1 => (0..3u8).prop_map(|account| Step::DeleteAccount { account }),
        1 => proptest::strategy::Just(Step::Commit),
    ]
}

fn document(id: u8, place: Place, words: &[u8]) -> Document {
    let text: Vec<&str> = words.iter().map(|word| WORDS[usize::from(*word)]).collect();
    let text = text.join(" ");
    Document {
        account: place.account(),
        bot: place.bot(),
        conversation: place.conversation(),
        person: place.person(),
        kind: if id.is_multiple_of(5) { Kind::Summary } else { Kind::Message },
        id: number(5, id),
        ordinal: i64::from(id),
        at: day("2026-01-01") + chrono::TimeDelta::hours(i64::from(id)),
        role_is_bot: false,
        speaker: format!("Speaker {}", id % 3),
        context_2: format!("{text} apple"),
        context_5: format!("{text} apple pear"),
        text,
    }
}

fn is_within(scope: &Scope, document: &Document) -> bool {
    scope.account == document.account
        && scope.bot.is_none_or(|bot| bot == document.bot)
        && scope.conversation.is_none_or(|conversation| conversation == document.conversation)
        && scope.person.is_none_or(|person| document.person == Some(person))
}

fn question(scope: Scope) -> Query {
    Query {
        scope,
        text: "apple, a plum and the fig of 3 January 2026 that speaker named".into(),
        asker: None,
        participants: vec!["Speaker 1".into()],
        before: None,
        groups: vec![Group { kinds: &[Kind::Message, Kind::Summary], limit: 1000 }],
    }
}

/// Ids and scores, apart from rounding, in an order of their own.
fn shape(hits: &[Hit]) -> Vec<(Uuid, i64, i64)> {
    let mut shape: Vec<_> = hits
        .iter()
        .map(|hit| (hit.id, (hit.score * 1e3).round() as i64, (hit.coverage * 1e3) as i64))
        .collect();
    shape.sort_unstable();
    shape
}

/// Plays the steps into `index` and returns what must be there at the end.
fn play(index: &Index, steps: &[Step]) -> HashMap<Uuid, Document> {
    let mut writer = index.writer().unwrap().unwrap();
    let mut expected = HashMap::new();
    for step in steps {
        match step {
            Step::Put { id, place, words } => {
                let document = document(*id, *place, words);
                expected.insert(document.id, document.clone());
                writer.apply(vec![Change::Put(document)]).unwrap();
            }
            Step::Delete { id } => {
                expected.remove(&number(5, *id));
                writer.apply(vec![Change::Delete(number(5, *id))]).unwrap();
            }
            Step::DeleteConversation { place } => {
                let (account, conversation) = (place.account(), place.conversation());
                expected.retain(|_, document| {
                    document.account != account || document.conversation != conversation
                });
                writer.apply(vec![Change::DeleteConversation(account, conversation)]).unwrap();
            }
            Step::DeleteAccount { account } => {
                let account = AccountId(number(1, *account));
                expected.retain(|_, document| document.account != account);
                writer.apply(vec![Change::DeleteAccount(account)]).unwrap();
            }
            Step::Commit => {
                writer.commit("on the way").unwrap();
                // Asked in between, so that scopes are remembered and must follow.
                index
                    .recall(&question(
                        Place { account: 0, bot: 0, conversation: 0, person: None }.scopes()[0],
                    ))
                    .unwrap();
            }
        }
    }
    writer.commit("the end").unwrap();
    expected
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scope_sees_its_own_and_nothing_else(steps in vec(step(), 1..300), asked in vec(place(), 4)) {
        let (folder, fresh_folder) = (Folder::new(), Folder::new());
        let (index, _) = Index::open(folder.path()).unwrap();
        let expected = play(&index, &steps);
        // The same documents, written once: how they came about must not matter.
        let (fresh, _) = Index::open(fresh_folder.path()).unwrap();
        let mut writer = fresh.writer().unwrap().unwrap();
        writer.apply(expected.values().cloned().map(Change::Put).collect()).unwrap();
        writer.commit("x").unwrap();
        assert_eq!(index.documents(), expected.len() as u64);

        for scope in asked.into_iter().flat_map(Place::scopes) {
            let hits = index.recall(&question(scope)).unwrap();
            let mut found: Vec<Uuid> = hits.iter().map(|hit| hit.id).collect();
            found.sort_unstable();
            let mut own: Vec<Uuid> =
                expected.values().filter(|document| is_within(&scope, document)).map(|document| document.id).collect();
            own.sort_unstable();
            // Every document has "apple" near it.
            assert_eq!(found, own);
            assert_eq!(shape(&hits), shape(&fresh.recall(&question(scope)).unwrap()));

            let mut found: Vec<Uuid> = index.find(&scope, "plum", 1000, 0).unwrap().iter().map(|hit| hit.id).collect();
            found.sort_unstable();
            own.retain(|id| expected[id].text.contains("plum"));
            assert_eq!(found, own);
        }
    }
}
