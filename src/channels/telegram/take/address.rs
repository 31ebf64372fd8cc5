//! Whether something that is said among several is said to the bot.

use crate::channels::telegram::api::entity::Entity;
use crate::channels::telegram::api::update::Message;
use crate::channels::telegram::lines::Me;

/// A command that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    /// Without the slash, in small letters.
    pub(super) name: String,
    /// The whole, without the name of the bot.
    pub(super) line: String,
    /// It names this bot.
    pub(super) names_us: bool,
}

/// Whether the message mentions the bot, answers it, or gives it a command by name.
pub(super) fn is_addressed(message: &Message, me: &Me) -> bool {
    if message.reply_to_message.as_ref().and_then(|to| to.from.as_ref()).is_some_and(|from| from.id == me.id)
    {
        return true;
    }
    let Some((text, entities)) = message.words() else { return false };
    entities.iter().any(|entity| match entity.kind.as_str() {
        "mention" => said(text, entity).is_some_and(|name| is_us(name, me)),
        "text_mention" => entity.user.as_ref().is_some_and(|user| user.id == me.id),
        "bot_command" => said(text, entity)
            .and_then(|command| command.split_once('@'))
            .is_some_and(|(_, name)| is_us(name, me)),
        _ => false,
    })
}

/// The command that the message begins with; none where it is meant for another bot.
pub(super) fn command(message: &Message, me: &Me) -> Option<Typed> {
    let text = message.text.as_deref()?;
    let first = text.strip_prefix('/')?.split(char::is_whitespace).next()?;
    let (name, of) = first.split_once('@').map_or((first, None), |(name, of)| (name, Some(of)));
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > 32 || !name.chars().all(is_name) {
        return None;
    }
    if of.is_some_and(|of| !is_us(of, me)) {
        return None;
    }
    let rest = text.get(1 + first.len()..).unwrap_or_default();
    Some(Typed { name: name.to_lowercase(), line: format!("/{name}{rest}"), names_us: of.is_some() })
}

/// Whether the message begins with a command that is meant for another bot.
pub(super) fn is_for_another(message: &Message, me: &Me) -> bool {
    let named = message
        .text
        .as_deref()
        .and_then(|text| text.strip_prefix('/'))
        .and_then(|text| text.split(char::is_whitespace).next())
        .and_then(|first| first.split_once('@'));
    named.is_some_and(|(_, of)| !is_us(of, me))
}

/// The words without the bot's name before them.
pub(super) fn without_name(text: &str, me: &Me) -> String {
    let trimmed = text.trim_start();
    let named = trimmed.strip_prefix('@').and_then(|rest| {
        let (name, after) = rest.split_at_checked(me.username.len())?;
        let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        (name.eq_ignore_ascii_case(&me.username) && ends && !me.username.is_empty()).then_some(after)
    });
    let rest = named.map(|after| after.trim_start_matches([',', ':', ' ', '\n', '\t']));
    // A name alone is said for a reason.
    rest.filter(|rest| !rest.trim().is_empty()).unwrap_or(text).to_owned()
}

fn said<'t>(text: &'t str, entity: &Entity) -> Option<&'t str> {
    text.get(entity.range(text)?)
}

fn is_us(name: &str, me: &Me) -> bool {
    !me.username.is_empty() && name.trim_start_matches('@').eq_ignore_ascii_case(&me.username)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn me() -> Me {
        Me { id: 7, username: "Chef_bot".into() }
    }

    fn message(text: &str, entities: Value) -> Message {
        serde_json::from_value(json!({ "message_id": 1, "chat": { "id": -1, "type": "supergroup" },
            "text": text, "entities": entities }))
        .unwrap()
    }

    fn entity(kind: &str, offset: usize, length: usize) -> Value {
        json!([{ "type": kind, "offset": offset, "length": length, "user": { "id": 7 } }])
    }

    #[test]
    fn a_mention_a_reply_and_a_command_by_name_are_addressed() {
        assert!(is_addressed(&message("👋 @chef_BOT hi", entity("mention", 3, 9)), &me()));
        assert!(!is_addressed(&message("👋 @chef_bots hi", entity("mention", 3, 10)), &me()));
        assert!(!is_addressed(&message("an e-mail: a@chef_bot", json!([])), &me()));
        assert!(is_addressed(&message("Chef, hi", entity("text_mention", 0, 4)), &me()));
        assert!(is_addressed(&message("/help@chef_bot", entity("bot_command", 0, 14)), &me()));
        assert!(!is_addressed(&message("/help", entity("bot_command", 0, 5)), &me()));
        let mut reply = message("yes", json!([]));
        let to = json!({ "message_id": 2, "chat": { "id": -1 }, "from": { "id": 7, "is_bot": true } });
        reply.reply_to_message = Some(Box::new(serde_json::from_value(to).unwrap()));
        assert!(is_addressed(&reply, &me()));
    }

    #[test]
    fn commands_are_read_and_those_of_others_left_alone() {
        let read = |text: &str| command(&message(text, json!([])), &me());
        let typed = read("/Memory@chef_bot fix 3\nLviv").unwrap();
        assert_eq!((typed.name.as_str(), typed.line.as_str()), ("memory", "/Memory fix 3\nLviv"));
        assert!(typed.names_us && !read("/help").unwrap().names_us);
        assert_eq!(read("/help@other_bot"), None);
        assert!(is_for_another(&message("/help@other_bot", json!([])), &me()));
        for text in ["/", "/ help", "help", "/usr/bin", "/проверка"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_name_before_the_words_is_left_out() {
        assert_eq!(without_name("@chef_bot, what now?", &me()), "what now?");
        assert_eq!(without_name("@chef_bots what now?", &me()), "@chef_bots what now?");
        assert_eq!(without_name("@Chef_bot ", &me()), "@Chef_bot ");
        assert_eq!(without_name("ask @chef_bot", &me()), "ask @chef_bot");
    }
}
