//! Commands: the channel's own, and those of the memory, which every door has.

use super::address::Typed;
use super::place::Author;
use crate::accounts::Actor;
use crate::channels::telegram::Door;
use crate::channels::telegram::lines::Line;
use crate::chat::{LiveBot, Note, Whence};
use crate::error::Result;
use crate::phrases::telegram as say;

/// Commands about what is somebody's own: a group is no place for them.
const PRIVATE: [&str; 6] = ["export", "forget", "session", "clear", "wholehistory", "context"];
/// What an export is called.
const EXPORT: &str = "export.jsonl";

/// Runs a command and answers it. `message` is the number of the message that it stood in.
pub(super) async fn run(
    door: &Door,
    line: &Line,
    live: &LiveBot,
    author: &Author,
    (actor, whence): (&Actor, &Whence),
    (typed, message): (&Typed, i64),
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
    // A repetition of a command that was answered has nothing left to do.
    if door.chat.has_arrived(actor, whence, &to).await? {
        return Ok(());
    }
    let answer = answered(door, (actor, whence), &typed.line).await?;
    let mut text = answer.text;
    if answer.export && !hand_over(door, line, (actor, whence)).await? {
        text = say::no_file(language).to_owned();
    }
    let buttons = answer.yes.map(|yes| {
        serde_json::json!({ "inline_keyboard": [[
            { "text": say::yes_erase(language), "callback_data": format!("do:{yes}") },
            { "text": say::no_keep(language), "callback_data": "no" },
        ]] })
    });
    note(door, (actor, whence), Note { to: Some(to), album: None, text, buttons }).await
}

/// Sends somebody what they said and what the bot knows, as a file; whether the service took it. That is tried once:
/// nobody else waits for a file that does not get through, and who asked may ask again.
async fn hand_over(door: &Door, line: &Line, (actor, whence): (&Actor, &Whence)) -> Result<bool> {
    let conversation = door.chat.conversation_at(actor, whence).await?;
    let content = door.chat.export_own(actor, conversation.id).await?;
    let mut fields = vec![("chat_id", whence.chat.clone())];
    fields.extend(whence.thread.clone().map(|thread| ("message_thread_id", thread)));
    if !door.sender.has_turn(line, &whence.chat, whence.is_group).await {
        return Ok(false);
    }
    match door.api().send_file(&line.token, fields, EXPORT, content).await {
        Ok(_) => Ok(true),
        Err(failure) => {
            tracing::warn!(%failure, connection = %line.id, "an export was not taken");
            Ok(false)
        }
    }
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
