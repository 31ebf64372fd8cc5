//! Where a message comes from, and who wrote it.

use crate::accounts::{Actor, Newcomer};
use crate::channels::telegram::CHANNEL;
use crate::channels::telegram::Door;
use crate::channels::telegram::api::update::{Chat, Message};
use crate::channels::telegram::lines::Line;
use crate::chat::Whence;
use crate::error::Result;
use crate::phrases::Language;

/// The service's own account, which speaks for channels, and the one that speaks for anonymous administrators.
const SERVICE: i64 = 777_000;
const ANONYMOUS: i64 = 1_087_968_824;

/// Who wrote something, as the service knows them.
#[derive(Debug, Clone)]
pub(super) struct Author {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) is_bot: bool,
    pub(super) language: Option<String>,
}

impl Author {
    /// None for what nobody wrote.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let speaks_as = message.sender_chat.as_ref().filter(|_| {
            message.from.as_ref().is_none_or(|from| from.is_bot || matches!(from.id, SERVICE | ANONYMOUS))
        });
        if let Some(chat) = speaks_as {
            let name = chat.title.clone().unwrap_or_else(|| chat.id.to_string());
            return Some(Self { id: chat.id, name, is_bot: false, language: None });
        }
        let from = message.from.as_ref()?;
        Some(Self {
            id: from.id,
            name: from.name(),
            is_bot: from.is_bot,
            language: from.language_code.clone(),
        })
    }

    /// As bot files write it.
    pub(super) fn handle(&self) -> String {
        format!("{CHANNEL}:{}", self.id)
    }

    /// The language that the system speaks with them.
    pub(super) fn language(&self, words: &str) -> Language {
        self.language.as_deref().and_then(Language::of_tag).unwrap_or_else(|| Language::of(words))
    }

    /// Them, as they may act here.
    pub(super) async fn actor(&self, door: &Door, line: &Line) -> Result<Actor> {
        let who = Newcomer {
            channel: CHANNEL,
            external_id: &self.id.to_string(),
            name: &self.name,
            language: self.language.as_deref(),
        };
        door.accounts.arrive(line.account, who).await
    }
}

/// The place that a chat and a topic of it are. `me` is the bot's number: a token that is renewed finds the same
/// conversations again.
pub(super) fn whence(line: &Line, me: i64, chat: &Chat, topic: Option<i64>) -> Whence {
    let thread = topic.map(|topic| topic.to_string());
    let mut key = format!("{me}:{}", chat.id);
    if let Some(thread) = &thread {
        key.push(':');
        key.push_str(thread);
    }
    Whence {
        connection: line.id,
        bot: line.bot,
        channel: CHANNEL,
        key,
        chat: chat.id.to_string(),
        thread,
        is_group: !chat.is_private(),
        title: chat.title.clone(),
    }
}
