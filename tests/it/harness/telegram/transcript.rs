//! What can be read in a chat, and how it came about.

use std::fmt;
use std::time::Instant;

use serde_json::Value;

use crate::harness::telegram::state::{ChatState, Message};
use crate::harness::telegram::text::Entity;

/// A chat as people see it at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    /// What was not deleted, in order.
    pub(crate) messages: Vec<Shown>,
    /// What was shown as being done (`typing`…), and when; the last hundred.
    pub(crate) actions: Vec<(Instant, String)>,
    /// The text that grows and is no message yet.
    pub(crate) draft: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) id: i64,
    /// The first name of a person, the username of a bot.
    pub(crate) by: String,
    pub(crate) is_bots: bool,
    pub(crate) text: String,
    pub(crate) entities: Vec<Entity>,
    pub(crate) thread: Option<i64>,
    pub(crate) reply_to: Option<i64>,
    /// Labels of the buttons below it, and what they send.
    pub(crate) buttons: Vec<(String, String)>,
    /// `photo`, `document`: what hangs on it.
    pub(crate) more: Vec<String>,
    /// Everything that it said, the first first, and since when.
    pub(crate) versions: Vec<(Instant, String)>,
}

impl Transcript {
    pub(super) fn of(chat: &ChatState) -> Self {
        let shown = chat.messages.values().filter(|message| !message.deleted).map(Shown::of);
        Self {
            messages: shown.collect(),
            actions: chat.actions.iter().cloned().collect(),
            draft: chat.draft.clone(),
        }
    }

    /// What bots say in it.
    pub(crate) fn bots(&self) -> impl DoubleEndedIterator<Item = &Shown> {
        self.messages.iter().filter(|message| message.is_bots)
    }

    /// The texts that bots say in it, in order.
    pub(crate) fn answers(&self) -> Vec<&str> {
        self.bots().map(|message| message.text.as_str()).collect()
    }
}

impl Shown {
    fn of(message: &Message) -> Self {
        let name = if message.is_bots() { "username" } else { "first_name" };
        let rows = message.markup.as_ref().and_then(|markup| markup["inline_keyboard"].as_array());
        let buttons = rows.into_iter().flatten().filter_map(Value::as_array).flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            id: message.id,
            by: text(&message.from[name]),
            is_bots: message.is_bots(),
            text: message.words.text.clone(),
            entities: message.words.entities.clone(),
            thread: message.thread,
            reply_to: message.reply_to,
            buttons: buttons.map(|button| (text(&button["text"]), text(&button["callback_data"]))).collect(),
            more: message.more.keys().cloned().collect(),
            versions: message.versions.clone(),
        }
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Shown { id, by, text, versions, more, .. } in &self.messages {
            writeln!(f, "{id:>4} {by}: {text:?} {more:?} ({} versions)", versions.len())?;
        }
        Ok(())
    }
}
