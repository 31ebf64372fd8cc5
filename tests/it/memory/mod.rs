//! Memory on a real Postgres and a real index: what is said is found, soon, by those who may know it and by
//! nobody else.

mod damage;
mod digests;
mod documents;
mod facts;
mod following;
mod pictures;
mod recall;
mod summaries;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use botwright::clock::{Clock, ManualClock};
use botwright::id::{AccountId, BotId, ConversationId, MessageId, PersonId, RevisionId};
use botwright::memory::{Ask, Found, Memory, Recalled};
use botwright::search::Index;
use botwright::spec::Scope;
use botwright::store::{
    Account, Bot, BotRevision, Conversation, Message, MessageRole, Participant, Person, Setting, Store,
    Tenant,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::harness::cluster::Database;
use crate::harness::scratch::Scratch;

/// A database and a folder for the index; what runs on them comes and goes.
struct World {
    database: Database,
    folder: Scratch,
    store: Store,
    clock: Arc<ManualClock>,
}

/// One process: a memory, and the task that keeps its index in step.
struct Mind {
    memory: Memory,
    store: Store,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Somebody's conversation with a bot.
#[derive(Clone)]
struct Chat {
    account: AccountId,
    bot: BotId,
    person: Option<PersonId>,
    /// Who speaks in it when a person does.
    name: String,
    id: ConversationId,
}

impl World {
    async fn new() -> Self {
        let database = Database::new();
        let store = Store::connect(database.url(), 12).await.unwrap();
        let clock = ManualClock::at("2026-11-20T09:00:00Z".parse().unwrap());
        Self { database, folder: Scratch::new(), store, clock }
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn index_folder(&self) -> std::path::PathBuf {
        self.folder.join("index")
    }

    /// Starts a process on this world's index.
    fn mind(&self) -> Mind {
        self.mind_at(&self.index_folder())
    }

    fn mind_at(&self, folder: &Path) -> Mind {
        let (index, _) = Index::open(folder).unwrap();
        let memory = Memory::new(self.store.clone(), index, self.clock.clone());
        let stop = CancellationToken::new();
        let task = tokio::spawn(memory.indexer().run(stop.clone()));
        Mind { memory, store: self.store.clone(), stop, task }
    }

    async fn account(&self, name: &str) -> AccountId {
        let mut tx = self.store.system().await.unwrap();
        let account = Account::find_or_create(&mut tx, name, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        account.id
    }

    async fn tenant(&self, account: AccountId) -> Tenant {
        self.store.tenant(account).await.unwrap()
    }

    /// A bot whose file says `memory`.
    async fn bot(&self, account: AccountId, name: &str, memory: serde_json::Value) -> BotId {
        let (id, revision_id, now) = (BotId::new(), RevisionId::new(), self.now());
        let file = json!({
            "apiVersion": "botwright/v1", "kind": "Bot", "displayName": "Companion", "memory": memory,
            "model": {"use": "offline"},
        });
        let revision = BotRevision {
            account_id: account,
            id: revision_id,
            bot_id: id,
            number: 1,
            hash: "hash".into(),
            content: json!({"name": name, "bot": file}),
            created_at: now,
            overlay: serde_json::json!({}),
        };
        let bot = Bot {
            account_id: account,
            id,
            name: name.into(),
            source: "git:test".into(),
            revision_id,
            archived_at: None,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.tenant(account).await;
        Bot::insert(&mut tx, &[bot]).await.unwrap();
        BotRevision::insert(&mut tx, &[revision]).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// A private conversation of `name` with the bot; each `key` is one of its own.
    async fn chat(&self, account: AccountId, bot: BotId, name: &str, key: &str) -> Chat {
        let mut tx = self.tenant(account).await;
        let person = Person::find_or_create(&mut tx, "test", name, name, self.now()).await.unwrap();
        let chat = self.begin(&mut tx, (bot, key), Some(person.id), name).await;
        self.join(&mut tx, &chat, &person).await;
        tx.commit().await.unwrap();
        chat
    }

    /// A group in which `names` speak; the first one is who [`World::say`] speaks for.
    async fn group(&self, account: AccountId, bot: BotId, names: &[&str], key: &str) -> Chat {
        let mut tx = self.tenant(account).await;
        let chat = self.begin(&mut tx, (bot, key), None, names[0]).await;
        for name in names {
            let person = Person::find_or_create(&mut tx, "test", name, name, self.now()).await.unwrap();
            self.join(&mut tx, &chat, &person).await;
        }
        tx.commit().await.unwrap();
        chat
    }

    async fn begin(&self, tx: &mut Tenant, of: (BotId, &str), person: Option<PersonId>, name: &str) -> Chat {
        let now = self.now();
        let conversation = Conversation {
            account_id: tx.account(),
            id: ConversationId::new(),
            bot_id: of.0,
            channel: "test".into(),
            key: of.1.into(),
            person_id: person,
            title: None,
            last_ordinal: 0,
            last_event: 0,
            window_from: 1,
            created_at: now,
            updated_at: now,
            version: 1,
            session_hours: None,
        };
        let id = Conversation::find_or_insert_locked(tx, &conversation).await.unwrap().id;
        Chat { account: tx.account(), bot: of.0, person, name: name.into(), id }
    }

    async fn join(&self, tx: &mut Tenant, chat: &Chat, person: &Person) {
        let participant = Participant {
            account_id: chat.account,
            conversation_id: chat.id,
            person_id: person.id,
            name: person.name.clone(),
        };
        Participant::put(tx, &participant).await.unwrap();
    }

    /// Says something, committed.
    async fn say(&self, chat: &Chat, text: &str) -> MessageId {
        let mut tx = self.tenant(chat.account).await;
        let id = self.say_in(&mut tx, chat, MessageRole::Person, text).await;
        tx.commit().await.unwrap();
        id
    }

    async fn say_all(&self, chat: &Chat, texts: impl IntoIterator<Item = String>) {
        let mut tx = self.tenant(chat.account).await;
        for text in texts {
            self.say_in(&mut tx, chat, MessageRole::Person, &text).await;
        }
        tx.commit().await.unwrap();
    }

    /// Says something in a transaction of the caller; a minute passes.
    async fn say_in(&self, tx: &mut Tenant, chat: &Chat, role: MessageRole, text: &str) -> MessageId {
        self.clock.advance(TimeDelta::minutes(1));
        let (ordinal, _) = Conversation::advance(tx, chat.id, 1, 0, self.now()).await.unwrap();
        let is_person = role == MessageRole::Person;
        let message = Message {
            account_id: chat.account,
            id: MessageId::new(),
            conversation_id: chat.id,
            ordinal,
            role,
            person_id: chat.person.filter(|_| is_person),
            author: if is_person { chat.name.clone() } else { "Companion".into() },
            text: text.into(),
            version: 1,
            turn_id: None,
            sent_at: self.now(),
            edited_at: None,
            erased_at: None,
            superseded_by: None,
        };
        Message::insert(tx, std::slice::from_ref(&message)).await.unwrap();
        message.id
    }

    /// Runs SQL as the owner of the database, for what the house itself never does.
    async fn meddle(&self, sql: &str) {
        let mut conn = AsyncPgConnection::establish(self.database.url()).await.unwrap();
        conn.batch_execute(sql).await.unwrap();
    }

    /// Runs SQL on the rows of `account`.
    async fn meddle_as(&self, account: AccountId, sql: &str) {
        let confine = format!("set local role botwright_app; set local app.account_id = '{account}'");
        self.meddle(&format!("begin; {confine}; {sql}; commit")).await;
    }
}

impl Mind {
    async fn setting(&self, chat: &Chat) -> Option<Setting> {
        let tx = self.store.reading(chat.account).await.unwrap();
        Setting::find(&tx, chat.id).await.unwrap()
    }

    async fn recall(&self, chat: &Chat, text: &str) -> Recalled {
        let setting = self.setting(chat).await;
        let ask = Ask {
            bot: chat.bot,
            conversation: chat.id,
            person: chat.person,
            scope: Scope::Person,
            setting: setting.as_ref(),
            text,
            asker: Some(&chat.name),
            limit: 20,
            cooldown: None,
        };
        self.memory.recall(chat.account, &ask).await.unwrap()
    }

    async fn texts(&self, chat: &Chat, text: &str) -> Vec<String> {
        self.recall(chat, text).await.found.into_iter().map(|found| found.text).collect()
    }

    /// Waits until `text` (all of a message) is among what `question` recalls.
    async fn finds(&self, chat: &Chat, question: &str, text: &str) -> Found {
        let mut found = None;
        eventually(&format!("`{question}` finds `{text}`"), async || {
            found = self.recall(chat, question).await.found.into_iter().find(|found| found.text == text);
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// Waits until so many messages and summaries can be found, and nothing is on its way.
    async fn holds(&self, documents: u64) {
        eventually(&format!("the index holds {documents} documents"), async || {
            let status = self.memory.status();
            status.documents == documents && status.lag == 0 && !status.rebuilding
        })
        .await;
    }

    /// Ends the process in an orderly way.
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came about that {what}");
}
