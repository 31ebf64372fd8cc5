//! What the service knows: bots, people, chats and what was said in them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Instant;

use botwright::clock::SharedClock;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::harness::telegram::faults::Fault;
use crate::harness::telegram::journal::Journal;
use crate::harness::telegram::limits::Limits;
use crate::harness::telegram::text::Formatted;
use crate::harness::telegram::updates::Queue;

pub(super) struct State {
    pub(super) clock: SharedClock,
    /// By their tokens.
    pub(super) bots: HashMap<String, BotState>,
    /// As the service describes them, by their ids.
    pub(super) people: HashMap<i64, Value>,
    pub(super) chats: HashMap<Key, ChatState>,
    pub(super) files: HashMap<String, Vec<u8>>,
    /// Buttons that were pressed and not answered yet, by the ids of the presses.
    pub(super) presses: HashSet<String>,
    pub(super) journal: Journal,
    pub(super) faults: Vec<Fault>,
    pub(super) limits: Limits,
    next: i64,
}

/// A private chat is another for every bot, though its id is the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Private { bot: i64, person: i64 },
    Group(i64),
}

impl Key {
    /// The chat that a bot means by an id.
    pub(super) fn of(bot: i64, chat: i64) -> Self {
        if chat > 0 { Self::Private { bot, person: chat } } else { Self::Group(chat) }
    }

    pub(super) fn id(self) -> i64 {
        match self {
            Self::Private { person, .. } => person,
            Self::Group(id) => id,
        }
    }
}

pub(super) struct BotState {
    pub(super) id: i64,
    pub(super) username: String,
    /// Whether it hears everything in groups: privacy mode is off.
    pub(super) hears_all: bool,
    pub(super) queue: Queue,
    /// What it calls its commands, by scope and language.
    pub(super) commands: HashMap<String, Value>,
}

impl BotState {
    pub(super) fn user(&self) -> Value {
        json!({ "id": self.id, "is_bot": true, "first_name": self.username, "username": self.username })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Private,
    Group,
    Supergroup,
    /// A supergroup with topics.
    Forum,
}

pub(super) struct ChatState {
    pub(super) key: Key,
    pub(super) kind: Kind,
    pub(super) title: String,
    /// Ids of people and bots, and what they are in it: `member`, `administrator`, `left`, `kicked`.
    pub(super) members: BTreeMap<i64, &'static str>,
    /// Whether the person of a private chat has written, and has not blocked the bot since.
    pub(super) open: bool,
    pub(super) blocked: bool,
    pub(super) topics: BTreeSet<i64>,
    pub(super) migrated_to: Option<i64>,
    pub(super) messages: BTreeMap<i64, Message>,
    pub(super) next_message: i64,
    /// What was shown as being done: `typing`…; the newest last, and no more than a hundred.
    pub(super) actions: VecDeque<(Instant, String)>,
    /// The text that grows before the eyes of a person, and is no message yet.
    pub(super) draft: Option<String>,
    pub(super) changed: watch::Sender<u64>,
}

/// Something that was said, in all its versions.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: i64,
    pub(super) from: Value,
    pub(super) at: Instant,
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    /// The text, or the caption where something hangs on the message.
    pub(super) words: Formatted,
    /// Whether the words are a caption.
    pub(super) captioned: bool,
    pub(super) markup: Option<Value>,
    pub(super) thread: Option<i64>,
    pub(super) reply_to: Option<i64>,
    /// What hangs on it, or what happened: `photo`, `new_chat_members`…
    pub(super) more: Map<String, Value>,
    /// What could be read, version by version, and since when.
    pub(super) versions: Vec<(Instant, String)>,
    pub(super) deleted: bool,
}

impl State {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            bots: HashMap::new(),
            people: HashMap::new(),
            chats: HashMap::new(),
            files: HashMap::new(),
            presses: HashSet::new(),
            journal: Journal::default(),
            faults: Vec::new(),
            limits: Limits::real(),
            next: 1000,
        }
    }

    /// A number that was not given out before.
    pub(super) fn number(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Seconds since 1970.
    pub(super) fn date(&self) -> i64 {
        self.clock.now().timestamp()
    }

    pub(super) fn add_chat(&mut self, key: Key, kind: Kind, title: &str) -> &mut ChatState {
        let fresh = || ChatState {
            key,
            kind,
            title: title.to_owned(),
            members: BTreeMap::new(),
            open: false,
            blocked: false,
            topics: BTreeSet::new(),
            migrated_to: None,
            messages: BTreeMap::new(),
            next_message: 0,
            actions: VecDeque::new(),
            draft: None,
            changed: watch::channel(0).0,
        };
        self.chats.entry(key).or_insert_with(fresh)
    }

    pub(super) fn chat(&mut self, key: Key) -> &mut ChatState {
        self.chats.get_mut(&key).unwrap()
    }

    /// The chat as messages describe it.
    pub(super) fn chat_shape(&self, key: Key) -> Value {
        let chat = &self.chats[&key];
        match chat.kind {
            Kind::Private => {
                let mut shape = json!({ "id": key.id(), "type": "private" });
                for field in ["first_name", "last_name", "username"] {
                    if let Some(value) = self.people.get(&key.id()).and_then(|person| person.get(field)) {
                        shape[field] = value.clone();
                    }
                }
                shape
            }
            Kind::Group => json!({ "id": key.id(), "type": "group", "title": chat.title }),
            Kind::Supergroup => json!({ "id": key.id(), "type": "supergroup", "title": chat.title }),
            Kind::Forum => {
                json!({ "id": key.id(), "type": "supergroup", "title": chat.title, "is_forum": true })
            }
        }
    }

    /// A message as it goes out in updates and answers, with the one that it replies to.
    pub(super) fn message_shape(&self, key: Key, id: i64) -> Value {
        let message = &self.chats[&key].messages[&id];
        let mut shape = self.bare_shape(key, message);
        // In a topic, whatever replies to nothing replies to the message that began the topic.
        let answered = message.reply_to.or(message.thread.filter(|thread| *thread != id));
        let answered = answered.and_then(|id| self.chats[&key].messages.get(&id));
        if let Some(answered) = answered.filter(|answered| !answered.deleted) {
            shape["reply_to_message"] = self.bare_shape(key, answered);
        }
        shape
    }

    fn bare_shape(&self, key: Key, message: &Message) -> Value {
        let mut shape = json!({
            "message_id": message.id,
            "from": message.from,
            "chat": self.chat_shape(key),
            "date": message.date,
        });
        if let Some(date) = message.edit_date {
            shape["edit_date"] = json!(date);
        }
        if let Some(thread) = message.thread {
            shape["message_thread_id"] = json!(thread);
            shape["is_topic_message"] = json!(true);
        }
        if !message.words.text.is_empty() {
            let (text, entities) =
                if message.captioned { ("caption", "caption_entities") } else { ("text", "entities") };
            shape[text] = json!(message.words.text);
            if !message.words.entities.is_empty() {
                shape[entities] = message.words.entities.iter().map(|entity| entity.shape()).collect();
            }
        }
        if let Some(markup) = message.markup.as_ref().filter(|markup| markup.get("inline_keyboard").is_some())
        {
            shape["reply_markup"] = markup.clone();
        }
        for (name, value) in &message.more {
            shape[name] = value.clone();
        }
        shape
    }
}

impl ChatState {
    /// Lays a message into the chat; its id.
    pub(super) fn add(&mut self, mut message: Message) -> i64 {
        self.next_message += 1;
        message.id = self.next_message;
        message.versions.push((message.at, message.words.text.clone()));
        self.messages.insert(message.id, message);
        self.draft = None;
        self.touch();
        self.next_message
    }

    /// Tells those who wait for something that the chat is another now.
    pub(super) fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// The message, unless it was deleted.
    pub(super) fn message(&mut self, id: i64) -> Option<&mut Message> {
        self.messages.get_mut(&id).filter(|message| !message.deleted)
    }
}

impl Message {
    /// A message without anything in it.
    pub(super) fn new(from: Value, date: i64) -> Self {
        Self {
            id: 0,
            from,
            at: Instant::now(),
            date,
            edit_date: None,
            words: Formatted::default(),
            captioned: false,
            markup: None,
            thread: None,
            reply_to: None,
            more: Map::new(),
            versions: Vec::new(),
            deleted: false,
        }
    }

    pub(super) fn sender(&self) -> i64 {
        self.from["id"].as_i64().unwrap_or_default()
    }

    pub(super) fn is_bots(&self) -> bool {
        self.from["is_bot"] == true
    }
}
