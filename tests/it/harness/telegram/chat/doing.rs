//! What people do.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::telegram::methods::member_shape;
use crate::harness::telegram::state::{Key, Kind, Message, State};
use crate::harness::telegram::text::Formatted;
use crate::harness::telegram::{Bot, Person, Telegram, entities, html};

use super::Chat;

/// Something that a person sends, with all that may belong to it.
#[derive(Default)]
pub(crate) struct Letter {
    words: Formatted,
    reply_to: Option<i64>,
    topic: Option<i64>,
    /// `photo`, `document`…: name, kind of content and bytes.
    file: Option<(&'static str, String, &'static str, Vec<u8>)>,
    more: Vec<(String, Value)>,
}

impl Letter {
    /// Commands, mentions and addresses in it are found, as the service does.
    pub(crate) fn text(text: &str) -> Self {
        let words = Formatted { text: text.to_owned(), entities: Vec::new() };
        Self { words: entities::find(words), ..Self::default() }
    }

    /// Written with marks: `<b>`, `<a href="…">`…
    pub(crate) fn html(text: &str) -> Self {
        Self { words: entities::find(html::parse(text).unwrap()), ..Self::default() }
    }

    pub(crate) fn reply_to(mut self, message: i64) -> Self {
        self.reply_to = Some(message);
        self
    }

    pub(crate) fn topic(mut self, topic: i64) -> Self {
        self.topic = Some(topic);
        self
    }

    /// With a file: `photo`, `document`, `voice`, `sticker`. The text becomes its caption.
    pub(crate) fn file(mut self, kind: &'static str, name: &str, mime: &'static str, bytes: &[u8]) -> Self {
        self.file = Some((kind, name.to_owned(), mime, bytes.to_vec()));
        self
    }

    /// With any field of a message, also one that nobody knows: it replaces what would stand there.
    pub(crate) fn field(mut self, name: &str, value: Value) -> Self {
        self.more.push((name.to_owned(), value));
        self
    }
}

impl Chat {
    /// Says something; the id of the message.
    pub(crate) fn say(&self, who: &Person, text: &str) -> i64 {
        self.send(who, Letter::text(text))
    }

    pub(crate) fn reply(&self, who: &Person, to: i64, text: &str) -> i64 {
        self.send(who, Letter::text(text).reply_to(to))
    }

    pub(crate) fn photo(&self, who: &Person, bytes: &[u8], caption: &str) -> i64 {
        self.send(who, Letter::text(caption).file("photo", "photo.jpg", "image/jpeg", bytes))
    }

    pub(crate) fn document(&self, who: &Person, name: &str, mime: &'static str, bytes: &[u8]) -> i64 {
        self.send(who, Letter::default().file("document", name, mime, bytes))
    }

    pub(crate) fn voice(&self, who: &Person, bytes: &[u8]) -> i64 {
        self.send(who, Letter::default().file("voice", "voice.ogg", "audio/ogg", bytes))
    }

    pub(crate) fn sticker(&self, who: &Person, emoji: &str) -> i64 {
        self.send(who, Letter::default().file("sticker", emoji, "image/webp", b"webp"))
    }

    /// Several photos at once, each a message of its own; the caption hangs on the first.
    pub(crate) fn album(&self, who: &Person, photos: &[&[u8]], caption: &str) -> Vec<i64> {
        let group = json!(self.telegram.inner.lock().number().to_string());
        let letter = |index: usize| Letter::text(if index == 0 { caption } else { "" });
        let send = |(index, bytes): (usize, &&[u8])| {
            let letter = letter(index).field("media_group_id", group.clone());
            self.send(who, letter.file("photo", "photo.jpg", "image/jpeg", bytes))
        };
        photos.iter().enumerate().map(send).collect()
    }

    /// Sends what was put together; the id of the message.
    pub(crate) fn send(&self, who: &Person, letter: Letter) -> i64 {
        let Letter { words, reply_to, topic, file, more } = letter;
        let mut state = self.telegram.inner.lock();
        if self.key.id() > 0 {
            self.open(&mut state, who);
        }
        let mut message = Message {
            words,
            reply_to,
            thread: topic,
            captioned: file.is_some(),
            ..Message::new(who.user.clone(), state.date())
        };
        if let Some((kind, name, mime, bytes)) = file {
            message.more.insert(kind.to_owned(), state.keep_file(kind, &name, mime, bytes));
        }
        message.more.extend(more);
        self.put(&mut state, message, "message")
    }

    /// Whoever writes to a bot that they had blocked, or never spoke to, lets it answer.
    fn open(&self, state: &mut State, who: &Person) {
        let chat = state.chat(self.key);
        let was_blocked = std::mem::replace(&mut chat.blocked, false);
        if !std::mem::replace(&mut chat.open, true) && !was_blocked {
            return;
        }
        if was_blocked {
            self.tell_place(state, who, "kicked", "member");
        }
    }

    /// Gives one's own message another text.
    pub(crate) fn edit(&self, who: &Person, message: i64, text: &str) {
        let mut state = self.telegram.inner.lock();
        let date = state.date();
        let said = state.chat(self.key).message(message).unwrap();
        assert_eq!(said.sender(), who.id, "nobody edits what others said");
        said.words = Letter::text(text).words;
        said.versions.push((Instant::now(), text.to_owned()));
        said.edit_date = Some(date);
        state.chat(self.key).touch();
        self.tell(&mut state, message, "edited_message");
    }

    /// Presses a button below a message of a bot's; the id of the press.
    pub(crate) fn press(&self, who: &Person, message: i64, data: &str) -> String {
        let mut state = self.telegram.inner.lock();
        let id = state.number().to_string();
        let shape = state.message_shape(self.key, message);
        let press = json!({
            "id": id,
            "from": who.user,
            "message": shape,
            "chat_instance": "1",
            "data": data,
        });
        let from = shape["from"]["id"].clone();
        state.presses.insert(id.clone());
        let bot = state.bots.values_mut().find(|bot| json!(bot.id) == from).unwrap();
        bot.queue.push(Some(self.key), "callback_query", press);
        id
    }

    /// Brings a bot into the group.
    pub(crate) fn add(&self, who: &Person, bot: &Bot) {
        self.place(who, bot, "member");
    }

    /// Makes a bot an administrator, who hears everything.
    pub(crate) fn promote(&self, who: &Person, bot: &Bot) {
        self.place(who, bot, "administrator");
    }

    /// Throws a bot out.
    pub(crate) fn kick(&self, who: &Person, bot: &Bot) {
        self.place(who, bot, "kicked");
    }

    fn place(&self, who: &Person, bot: &Bot, place: &'static str) {
        let mut state = self.telegram.inner.lock();
        let before = state.chat(self.key).members.insert(bot.id, place).unwrap_or("left");
        let shape = self.change_shape(&state, who, before, place, bot.id);
        if let Some(bot) = state.bots.get_mut(&bot.token) {
            bot.queue.push(Some(self.key), "my_chat_member", shape);
        }
        if before == "left" {
            let user = state.bots[&bot.token].user();
            self.happen(&mut state, who, "new_chat_members", json!([user]));
        }
    }

    /// Somebody comes into the group.
    pub(crate) fn join(&self, who: &Person) {
        let mut state = self.telegram.inner.lock();
        state.chat(self.key).members.insert(who.id, "member");
        self.happen(&mut state, who, "new_chat_members", json!([who.user]));
    }

    /// The person blocks the bot of a private chat. Writing to it again unblocks it.
    pub(crate) fn block(&self, who: &Person) {
        let mut state = self.telegram.inner.lock();
        state.chat(self.key).blocked = true;
        self.tell_place(&mut state, who, "member", "kicked");
    }

    /// Tells the bot of a private chat what it is to the person.
    fn tell_place(&self, state: &mut State, who: &Person, before: &str, now: &str) {
        let Key::Private { bot: id, .. } = self.key else { return };
        let shape = self.change_shape(state, who, before, now, id);
        if let Some(bot) = state.bots.values_mut().find(|bot| bot.id == id) {
            bot.queue.push(Some(self.key), "my_chat_member", shape);
        }
    }

    fn change_shape(&self, state: &State, who: &Person, before: &str, now: &str, bot: i64) -> Value {
        let user = state.bots.values().find(|known| known.id == bot).unwrap().user();
        json!({
            "chat": state.chat_shape(self.key),
            "from": who.user,
            "date": state.date(),
            "old_chat_member": member_shape(user.clone(), before),
            "new_chat_member": member_shape(user, now),
        })
    }

    /// Begins a topic in a forum; its number.
    pub(crate) fn topic(&self, who: &Person, name: &str) -> i64 {
        let mut state = self.telegram.inner.lock();
        let id = state.chat(self.key).next_message + 1;
        state.chat(self.key).topics.insert(id);
        let created = json!({ "name": name, "icon_color": 7_322_096 });
        let mut message = Message { thread: Some(id), ..Message::new(who.user.clone(), state.date()) };
        message.more.insert("forum_topic_created".into(), created);
        self.put(&mut state, message, "message")
    }

    /// The group becomes a supergroup, which has another id.
    pub(crate) fn migrate(&self, who: &Person) -> Self {
        let mut state = self.telegram.inner.lock();
        let to = Key::Group(-1_000_000_000_000 - state.number());
        let old = state.chat(self.key);
        let (title, members) = (old.title.clone(), old.members.clone());
        state.add_chat(to, Kind::Supergroup, &title).members = members;
        let group = Self { telegram: Telegram::clone(&self.telegram), key: to };
        self.happen(&mut state, who, "migrate_to_chat_id", json!(to.id()));
        state.chat(self.key).migrated_to = Some(to.id());
        group.happen(&mut state, who, "migrate_from_chat_id", json!(self.key.id()));
        drop(state);
        group
    }

    /// A message that nobody wrote.
    fn happen(&self, state: &mut State, who: &Person, what: &str, value: Value) {
        let mut message = Message::new(who.user.clone(), state.date());
        message.more.insert(what.to_owned(), value);
        self.put(state, message, "message");
    }
}
