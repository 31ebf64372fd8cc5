//! What arrives: the part of an update that we understand. Everything else is passed over, never an error, and
//! what is odd about one field costs that field alone.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::entity::Entity;

/// The kinds of updates that are asked for: what is not listed stays with the service.
pub(in crate::channels::telegram) const ALLOWED: [&str; 4] =
    ["message", "edited_message", "callback_query", "my_chat_member"];

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Update {
    #[serde(default)]
    pub(in crate::channels::telegram) message: Option<Box<Message>>,
    #[serde(default)]
    pub(in crate::channels::telegram) edited_message: Option<Box<Message>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) callback_query: Option<Box<CallbackQuery>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) my_chat_member: Option<Box<MemberChange>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Message {
    pub(in crate::channels::telegram) message_id: i64,
    pub(in crate::channels::telegram) chat: Chat,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) from: Option<User>,
    /// A channel or a group that somebody speaks as.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) sender_chat: Option<Chat>,
    /// Seconds since 1970.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) edit_date: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) text: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) caption: Option<String>,
    #[serde(default, deserialize_with = "each")]
    pub(in crate::channels::telegram) entities: Vec<Entity>,
    #[serde(default, deserialize_with = "each")]
    pub(in crate::channels::telegram) caption_entities: Vec<Entity>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) message_thread_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) is_topic_message: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) media_group_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) reply_to_message: Option<Box<Message>>,
    /// The part of another message that is answered.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) quote: Option<Quote>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) document: Option<Document>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) migrate_to_chat_id: Option<i64>,
    /// Everything else: whether it is something that people send, or a service message.
    #[serde(flatten)]
    pub(in crate::channels::telegram) rest: serde_json::Map<String, Value>,
}

/// What people send beside text. Whatever else a message holds is a service message, or nothing to us.
const MEDIA: [&str; 17] = [
    "photo",
    "video",
    "animation",
    "audio",
    "voice",
    "video_note",
    "sticker",
    "location",
    "venue",
    "contact",
    "poll",
    "dice",
    "game",
    "story",
    "checklist",
    "paid_media",
    "invoice",
];

impl Message {
    /// What it says, in a text or under a picture.
    pub(in crate::channels::telegram) fn words(&self) -> Option<(&str, &[Entity])> {
        match (&self.text, &self.caption) {
            (Some(text), _) => Some((text, &self.entities)),
            (None, Some(caption)) => Some((caption, &self.caption_entities)),
            (None, None) => None,
        }
    }

    /// What it holds beside words, by the service's name for it.
    pub(in crate::channels::telegram) fn media(&self) -> Option<&str> {
        if self.document.is_some() && !self.rest.contains_key("animation") {
            return Some("document");
        }
        self.rest.keys().map(String::as_str).find(|key| MEDIA.contains(key))
    }

    /// Whether it, or what it answers to, holds more than words.
    pub(in crate::channels::telegram) fn holds_more(&self) -> bool {
        self.media().is_some() || self.reply_to_message.as_deref().is_some_and(|to| to.media().is_some())
    }

    /// The sizes in which there is a photo; none without one.
    pub(in crate::channels::telegram) fn photo(&self) -> Vec<PhotoSize> {
        let sizes = self.rest.get("photo").and_then(Value::as_array).into_iter().flatten();
        sizes.filter_map(|size| PhotoSize::deserialize(size).ok()).collect()
    }

    /// The topic that it belongs to; the general one has no number.
    pub(in crate::channels::telegram) fn topic(&self) -> Option<i64> {
        self.message_thread_id.filter(|id| self.is_topic_message == Some(true) && *id != 1)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Chat {
    pub(in crate::channels::telegram) id: i64,
    #[serde(rename = "type", default)]
    pub(in crate::channels::telegram) kind: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) title: Option<String>,
}

impl Chat {
    pub(in crate::channels::telegram) fn is_private(&self) -> bool {
        self.kind == "private"
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct User {
    pub(in crate::channels::telegram) id: i64,
    #[serde(default)]
    pub(in crate::channels::telegram) is_bot: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) username: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) language_code: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) can_read_all_group_messages: Option<bool>,
}

impl User {
    /// How they are called.
    pub(in crate::channels::telegram) fn name(&self) -> String {
        let names = [self.first_name.as_deref(), self.last_name.as_deref()];
        let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = if name.trim().is_empty() { self.username.clone().unwrap_or_default() } else { name };
        if name.trim().is_empty() { self.id.to_string() } else { name }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Quote {
    pub(in crate::channels::telegram) text: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Document {
    pub(in crate::channels::telegram) file_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) file_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) mime_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) file_size: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct PhotoSize {
    pub(in crate::channels::telegram) file_id: String,
    /// In pixels.
    #[serde(default)]
    pub(in crate::channels::telegram) width: i64,
    #[serde(default)]
    pub(in crate::channels::telegram) height: i64,
    /// In bytes.
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) file_size: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct CallbackQuery {
    pub(in crate::channels::telegram) id: String,
    pub(in crate::channels::telegram) from: User,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) message: Option<Box<Message>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(in crate::channels::telegram) data: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct MemberChange {
    pub(in crate::channels::telegram) chat: Chat,
    pub(in crate::channels::telegram) new_chat_member: Member,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::channels::telegram) struct Member {
    /// `member`, `administrator`, `restricted`, `left`, `kicked`, …
    pub(in crate::channels::telegram) status: String,
}

/// A field that is left out where it is not what we think it is.
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// A list without those of its items that are not what we think they are.
fn each<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_odd_costs_itself_alone() {
        let update: Update = serde_json::from_value(json!({
            "update_id": 1, "novelty": { "x": 1 },
            "message": {
                "message_id": 5, "date": "yesterday", "chat": { "id": -100, "type": "supergroup", "title": 7 },
                "from": { "id": "nobody" }, "text": "hello", "message_thread_id": "x", "sparkle": [1],
                "entities": [{ "type": "date_time", "offset": 0, "length": 5 }, "nonsense", { "type": 3 }],
            },
        }))
        .unwrap();
        let message = update.message.unwrap();
        assert_eq!(message.words().unwrap().0, "hello");
        assert_eq!(message.entities.len(), 1);
        assert!(message.from.is_none() && message.topic().is_none() && message.media().is_none());
    }

    #[test]
    fn the_general_topic_has_no_number() {
        let message = |thread: i64| -> Message {
            serde_json::from_value(json!({ "message_id": 1, "chat": { "id": 1, "type": "supergroup" },
                "is_topic_message": true, "message_thread_id": thread, "photo": [] }))
            .unwrap()
        };
        assert_eq!((message(1).topic(), message(7).topic()), (None, Some(7)));
        assert_eq!(message(1).media(), Some("photo"));
    }
}
