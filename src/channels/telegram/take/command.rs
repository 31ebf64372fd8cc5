//! Commands: the channel's own, and those of the memory, which every door has.

use super::address::Typed;
use super::place::Author;
use crate::accounts::Actor;
use crate::channels::telegram::Door;
use crate::chat::{LiveBot, Note, Whence};
use crate::error::Result;
use crate::phrases::telegram as say;

/// Commands about what is somebody's own: a group is no place for them.
const PRIVATE: [&str; 6] = ["export", "forget", "session", "clear", "wholehistory", "context"];

/// Runs a command and answers it. `message` is the number of the message that it stood in.
pub(super) async fn run(
    door: &Door,
    live: &LiveBot,
    author: &Author,
    (actor, whence): (&Actor, &Whence),
    typed: &Typed,
    message: i64,
) -> Result<()> {
    let language = author.language(&typed.line);
    let to = message.to_string();
    if typed.name == "start" {
        if door.chat.greet_at(actor, whence, &to).await? {
            return Ok(());
        }
        let text = say::start(language, &live.spec.display_name);
        return note(door, (actor, whence), Note { to: Some(to), album: None, text, buttons: None }).await;
    }
    if whence.is_group && PRIVATE.contains(&typed.name.as_str()) {
        let text = say::only_in_private(language).to_owned();
        return note(door, (actor, whence), Note { to: Some(to), album: None, text, buttons: None }).await;
    }
    if typed.name == "export" {
        let text = say::no_export_here(language).to_owned();
        return note(door, (actor, whence), Note { to: Some(to), album: None, text, buttons: None }).await;
    }
    // A repetition of a command that was answered has nothing left to do.
    if door.chat.has_arrived(actor, whence, &to).await? {
        return Ok(());
    }
    let answer = answered(door, (actor, whence), &typed.line).await?;
    let buttons = answer.yes.map(|yes| {
        serde_json::json!({ "inline_keyboard": [[
            { "text": say::yes_erase(language), "callback_data": format!("do:{yes}") },
            { "text": say::no_keep(language), "callback_data": "no" },
        ]] })
    });
    note(door, (actor, whence), Note { to: Some(to), album: None, text: answer.text, buttons }).await
}

/// What a command answers there.
pub(super) async fn answered(
    door: &Door,
    (actor, whence): (&Actor, &Whence),
    line: &str,
) -> Result<crate::chat::Answer> {
    let conversation = door.chat.conversation_at(actor, whence).await?;
    let actor = if whence.is_group { actor.clone().present_in(conversation.id) } else { actor.clone() };
    door.chat.run_command(&actor, conversation.id, line).await
}

async fn note(door: &Door, (actor, whence): (&Actor, &Whence), note: Note) -> Result<()> {
    door.chat.note(actor, whence, note).await?;
    Ok(())
}
