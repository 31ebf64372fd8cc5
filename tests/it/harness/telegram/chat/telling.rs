//! Which bots hear of what.

use serde_json::{Value, json};

use crate::harness::telegram::state::{Key, State};

use super::Chat;

impl Chat {
    /// Tells the bots of a message, as a `message` or an `edited_message`.
    pub(super) fn tell(&self, state: &mut State, id: i64, kind: &str) {
        let shape = state.message_shape(self.key, id);
        for token in self.hearers(state, &shape) {
            if let Some(bot) = state.bots.get_mut(&token) {
                bot.queue.push(Some(self.key), kind, shape.clone());
            }
        }
    }

    /// Tokens of the bots that hear a message: those in the chat, in groups only if it is meant for them, if they
    /// hear everything, or if it is no talk.
    fn hearers(&self, state: &State, message: &Value) -> Vec<String> {
        let chat = &state.chats[&self.key];
        let bots = state.bots.iter().filter(|(_, bot)| match self.key {
            Key::Private { bot: id, .. } => bot.id == id && !chat.blocked,
            Key::Group(_) => {
                let place = chat.members.get(&bot.id).copied().unwrap_or("left");
                let hears_all = bot.hears_all || place == "administrator" || is_service(message);
                matches!(place, "member" | "administrator")
                    && (hears_all || is_meant_for(message, bot.id, &bot.username))
            }
        });
        bots.map(|(token, _)| token.clone()).collect()
    }
}

/// Whether it is no talk: somebody came, the group moved.
fn is_service(message: &Value) -> bool {
    message.get("from").is_some()
        && ["new_chat_members", "left_chat_member", "migrate_to_chat_id", "migrate_from_chat_id"]
            .iter()
            .any(|field| message.get(field).is_some())
}

/// Whether a bot in privacy mode hears it: an answer to what it said, or a command that names it or nobody.
fn is_meant_for(message: &Value, bot: i64, username: &str) -> bool {
    if message["reply_to_message"]["from"]["id"] == json!(bot) {
        return true;
    }
    let text = message["text"].as_str().or(message["caption"].as_str()).unwrap_or_default();
    let Some(command) = text.split_whitespace().next().filter(|word| word.starts_with('/')) else {
        return false;
    };
    command.split_once('@').is_none_or(|(_, to)| to.eq_ignore_ascii_case(username))
}
