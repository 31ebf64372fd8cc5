//! Changing what was said.

use std::time::Instant;

use serde_json::Value;

use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::{ChatState, Message, State};
use crate::harness::telegram::text::Formatted;

use super::{Answer, Ask, done, words};

const SAME: &str = "message is not modified: specified new message content and reply markup are exactly the same as \
                    a current content and reply markup of the message";

pub(super) fn text(state: &mut State, ask: &Ask<'_>) -> Answer {
    let text = words::text(ask.arguments)?;
    change(state, ask, Some(text))
}

pub(super) fn markup(state: &mut State, ask: &Ask<'_>) -> Answer {
    change(state, ask, None)
}

/// Gives a message of the bot's own other words, other buttons, or both: buttons that are not named go.
fn change(state: &mut State, ask: &Ask<'_>, text: Option<Formatted>) -> Answer {
    let markup = words::markup(ask.arguments)?;
    let date = state.date();
    let chat = ask.chat(state)?;
    let message = named(ask, chat, "message to edit not found")?;
    if message.sender() != ask.bot {
        return Err(Refusal::bad("message can't be edited"));
    }
    if text.is_some() && message.captioned {
        return Err(Refusal::bad("there is no text in the message to edit"));
    }
    let markup = markup.filter(|markup| markup["inline_keyboard"] != Value::Array(Vec::new()));
    if text.as_ref().is_none_or(|text| *text == message.words) && markup == message.markup {
        return Err(Refusal::bad(SAME));
    }
    if let Some(text) = text {
        message.versions.push((Instant::now(), text.text.clone()));
        message.words = text;
    }
    message.markup = markup;
    message.edit_date = Some(date);
    let id = message.id;
    chat.touch();
    let key = chat.key;
    Ok(state.message_shape(key, id))
}

pub(super) fn delete(state: &mut State, ask: &Ask<'_>) -> Answer {
    let bot = ask.bot;
    let chat = ask.chat(state)?;
    let all = chat.key.id() > 0 || chat.members.get(&bot) == Some(&"administrator");
    let message = named(ask, chat, "message to delete not found")?;
    if message.sender() != bot && !all {
        return Err(Refusal::bad("message can't be deleted"));
    }
    message.deleted = true;
    chat.touch();
    done()
}

pub(super) fn react(state: &mut State, ask: &Ask<'_>) -> Answer {
    let chat = ask.chat(state)?;
    named(ask, chat, "message to react not found")?;
    done()
}

pub(super) fn answer_press(state: &mut State, ask: &Ask<'_>) -> Answer {
    let id = ask.arguments.text("callback_query_id").unwrap_or_default();
    match state.presses.remove(&id) {
        true => done(),
        false => Err(Refusal::bad("query is too old and response timeout expired or query ID is invalid")),
    }
}

fn named<'c>(ask: &Ask<'_>, chat: &'c mut ChatState, missing: &str) -> Result<&'c mut Message, Refusal> {
    let Some(id) = ask.arguments.number("message_id").filter(|id| *id > 0) else {
        return Err(Refusal::bad("message identifier is not specified"));
    };
    chat.message(id).ok_or_else(|| Refusal::bad(missing))
}
