//! Whatever writers do and in whatever order they commit, a client that follows the changes ends with what the
//! server has.

use std::time::Duration;

use botwright::id::{ConversationId, MessageId, PersonId, TurnId};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::graphql::changes::copy::{Copy, everything};
use crate::graphql::changes::{in_account, quiet};
use crate::graphql::{Story, text};
use crate::harness::dice::Dice;
use crate::harness::door::Client;

const WRITERS: u64 = 6;
const ROUNDS: usize = 40;

/// One of many who write at once: conversations that are its own and those of everybody, so that some wait for
/// each other and some do not.
struct Writer {
    dice: Dice,
    conn: AsyncPgConnection,
    account: String,
    people: Vec<Option<PersonId>>,
    conversations: Vec<ConversationId>,
    messages: Vec<MessageId>,
    turns: Vec<TurnId>,
}

impl Writer {
    async fn run(mut self) {
        for _ in 0..ROUNDS {
            let (statements, made) = self.some_statements();
            let begin = format!(
                "begin; set local role botwright_app; set local app.account_id = '{}'; {statements}",
                self.account
            );
            if self.conn.batch_execute(&begin).await.is_err() {
                // Two of them waited for each other.
                self.conn.batch_execute("rollback").await.unwrap();
                continue;
            }
            // Who began early may commit late.
            sleep(Duration::from_millis(self.dice.size(60) as u64)).await;
            if self.dice.once_in(6) {
                self.conn.batch_execute("rollback").await.unwrap();
                continue;
            }
            self.conn.batch_execute("commit").await.unwrap();
            match made {
                Made::Conversation(id) => self.conversations.push(id),
                Made::Message(id) => self.messages.push(id),
                Made::Turn(id) => self.turns.push(id),
                Made::Nothing => {}
            }
            if self.dice.once_in(3) {
                self.as_the_queue_does().await;
            }
        }
    }

    fn some_statements(&mut self) -> (String, Made) {
        let conversation = *self.dice.pick(&self.conversations);
        match self.dice.below(9) {
            0 => {
                let id = ConversationId::new();
                let person = match *self.dice.pick(&self.people) {
                    Some(person) => format!("'{person}'"),
                    None => "null".into(),
                };
                let insert = format!(
                    "insert into conversations (account_id, id, bot_id, channel, key, person_id, title, created_at, updated_at)
                     select current_account(), '{id}', id, 'graphql', '{id}', {person}, 'New', now(), now()
                     from bots where name = 'parrot'"
                );
                (insert, Made::Conversation(id))
            }
            1..=3 => {
                let id = MessageId::new();
                (new_message(id, conversation, "null"), Made::Message(id))
            }
            4 => {
                // A turn comes with its message, as it does when somebody says something.
                let id = TurnId::new();
                let message = new_message(MessageId::new(), conversation, &format!("'{id}'"));
                let insert = format!(
                    "insert into turns (account_id, id, conversation_id, bot_id, revision_id, state, first_ordinal, created_at, person_id)
                     select current_account(), '{id}', c.id, b.id, b.revision_id, 'completed', 1, now(), c.person_id
                     from conversations c join bots b on b.id = c.bot_id where c.id = '{conversation}'; {message}"
                );
                (insert, Made::Turn(id))
            }
            5 => (
                format!(
                    "update conversations set title = 'Renamed {}' where id = '{conversation}'",
                    self.dice.roll()
                ),
                Made::Nothing,
            ),
            6 => {
                let change = [
                    "text = 'Edited', version = version + 1, edited_at = now()",
                    "text = '', erased_at = now()",
                ];
                let change = *self.dice.pick(&change);
                (self.change_messages(change), Made::Nothing)
            }
            7 => (
                self.change_messages("text = text || '!', version = version + 1, edited_at = now()"),
                Made::Nothing,
            ),
            _ => {
                let archived = if self.dice.once_in(2) { "now()" } else { "null" };
                (format!("update bots set archived_at = {archived} where name = 'heron'"), Made::Nothing)
            }
        }
    }

    /// Changes one message that was not erased.
    fn change_messages(&mut self, change: &str) -> String {
        match self.messages.is_empty() {
            true => "select 1".into(),
            false => {
                let message = *self.dice.pick(&self.messages);
                format!("update messages set {change} where id = '{message}' and erased_at is null")
            }
        }
    }

    /// What the queue does knows of no conversation.
    async fn as_the_queue_does(&mut self) {
        let Some(turn) = self.turns.last() else { return };
        let claim = format!(
            "begin; set local role botwright_system;
             update turns set state = 'running', attempt = attempt + 1, lease_until = now() where id = '{turn}';
             update turns set lease_until = now() + interval '1 minute' where id = '{turn}'; commit"
        );
        // A conversation has one running turn at most.
        if self.conn.batch_execute(&claim).await.is_err() {
            self.conn.batch_execute("rollback").await.unwrap();
        }
    }
}

fn new_message(id: MessageId, conversation: ConversationId, turn: &str) -> String {
    format!(
        "with place as (update conversations set last_ordinal = last_ordinal + 1, last_event = last_event + 1,
             updated_at = now() where id = '{conversation}' returning last_ordinal)
         insert into messages (account_id, id, conversation_id, ordinal, role, author, text, turn_id, sent_at)
         select current_account(), '{id}', '{conversation}', last_ordinal, 'person', 'x', 'New', {turn}, now() from place"
    )
}

enum Made {
    Conversation(ConversationId),
    Message(MessageId),
    Turn(TurnId),
    Nothing,
}

async fn person_of(client: &Client) -> PersonId {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let viewer = client.ask("{ viewer { person { id } } }", json!({})).await;
    let id = text(&viewer["viewer"]["person"]["id"]);
    let bytes = URL_SAFE_NO_PAD.decode(id.split_once('_').unwrap().1).unwrap();
    format!("{:032x}", u128::from_be_bytes(bytes.try_into().unwrap())).parse().unwrap()
}

/// What somebody who sees everything would have, by asking for each thing that there is.
async fn all_there_is(story: &Story, admin: &Client) -> std::collections::BTreeMap<String, Value> {
    let mut fresh = Copy::default();
    fresh.catch_up(admin, 1_000).await;
    // Beginning anew is checked against the tables, which count.
    use botwright::store::{Bot, Conversation, Message, Turn};
    let mut tx = story.talk.store.tenant(story.talk.actor.account).await.unwrap();
    let bots = Bot::list_all_after(&mut tx, None, 100_000).await.unwrap().len();
    let conversations = Conversation::list_all_after(&mut tx, None, None, 100_000).await.unwrap().len();
    let turns = Turn::list_all_after(&mut tx, None, None, 100_000).await.unwrap().len();
    let messages = Message::list_backwards(&mut tx, None, 100_000).await.unwrap();
    let messages = messages.iter().filter(|message| message.erased_at.is_none()).count();
    tx.commit().await.unwrap();
    assert_eq!(fresh.things.len(), bots + conversations + turns + messages);
    fresh.things
}

/// Sets all writers to work.
async fn begin_to_write(
    story: &Story,
    seed: u64,
    people: &[Option<PersonId>],
    shared: &[ConversationId],
) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = Writer {
            dice: Dice::new(seed * 1_000 + number),
            conn: AsyncPgConnection::establish(story.database.url()).await.unwrap(),
            account: story.talk.actor.account.to_string(),
            people: people.to_vec(),
            conversations: shared.to_vec(),
            messages: Vec::new(),
            turns: Vec::new(),
        };
        writers.spawn(writer.run());
    }
    writers
}

async fn try_it(seed: u64) {
    let story = Story::begin().await;
    let heron = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Heron\nmodel: {use: scripted}\n";
    story.talk.apply_bot("heron", heron).await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let people = vec![Some(person_of(&ann).await), Some(person_of(&bob).await), None];
    let mut shared = Vec::new();
    for person in people.iter().flatten() {
        let id = ConversationId::new();
        let insert = format!(
            "insert into conversations (account_id, id, bot_id, channel, key, person_id, created_at, updated_at)
             select current_account(), '{id}', id, 'graphql', '{id}', '{person}', now(), now() from bots where name = 'parrot'"
        );
        in_account(&story, &insert).await;
        shared.push(id);
    }

    let mut writers = begin_to_write(&story, seed, &people, &shared).await;
    // Meanwhile some read page by page, some begin, and some load by the lists.
    let mut dice = Dice::new(seed);
    let mut followers = vec![(&ann, Copy::default()), (&bob, Copy::default()), (&admin, Copy::default())];
    while !writers.is_empty() {
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
        if followers.len() < 12 && dice.once_in(8) {
            let client = *dice.pick(&[&ann, &bob]);
            let copy = if dice.once_in(2) { Copy::default() } else { Copy::hydrate(client).await };
            followers.push((client, copy));
        }
        let at = dice.below(followers.len());
        let (client, copy) = &mut followers[at];
        copy.turn_page(client, dice.size(100)).await;
    }
    quiet(&story).await;
    let of_admin = all_there_is(&story, &admin).await;
    let (of_ann, of_bob) = (everything(&ann).await, everything(&bob).await);
    assert!(of_ann.len() > 10 && of_bob.len() > 10 && of_admin.len() > of_ann.len() + of_bob.len() - 3);
    for (client, mut copy) in followers {
        copy.catch_up(client, dice.size(1_000)).await;
        let is = |other: &Client| client.token == other.token;
        let expected = if is(&ann) {
            &of_ann
        } else if is(&bob) {
            &of_bob
        } else {
            &of_admin
        };
        let differences: Vec<_> = copy
            .things
            .keys()
            .chain(expected.keys())
            .filter(|id| copy.things.get(*id) != expected.get(*id))
            .map(|id| (copy.things.get(id), expected.get(id)))
            .collect();
        assert!(differences.is_empty(), "seed {seed}: {differences:#?}");
        assert_eq!(copy.resets, 0);
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "which cases a test run tries is the runner's to choose")]
async fn property_a_client_that_follows_ends_with_what_the_server_has() {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    for round in 0..3 {
        try_it(seed + round).await;
    }
}
