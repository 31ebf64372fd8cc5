//! What arrives beside messages: buttons that were pressed, and where the bot was let in or thrown out.

use std::sync::Arc;

use serde_json::{Value, json};

use super::place::{Author, whence};
use super::{access, command};
use crate::channels::telegram::Door;
use crate::channels::telegram::api::ORDINARY;
use crate::channels::telegram::api::update::{CallbackQuery, MemberChange};
use crate::channels::telegram::lines::Line;
use crate::error::{Error, Result};
use crate::phrases::{Language, telegram as say};
use crate::spec::Access;
use crate::store::Place;

/// Does what a button says, for whoever pressed it, and puts what came of it in the place of the question.
pub(super) async fn press(door: &Arc<Door>, line: &Arc<Line>, query: CallbackQuery) -> Result<()> {
    let CallbackQuery { id, from, message, data } = query;
    let Some(me) = line.me() else {
        return Err(Error::unavailable("the connection has not said hello yet"));
    };
    if let Some((message, data)) = message.zip(data) {
        let author = Author {
            id: from.id,
            name: from.name(),
            is_bot: from.is_bot,
            language: from.language_code.clone(),
        };
        let language = author.language.as_deref().and_then(Language::of_tag).unwrap_or_default();
        let Some(live) = line.live(door.store(), &door.sender.bots()).await? else { return Ok(()) };
        let whence = whence(line, me.id, &message.chat, message.topic());
        let access = live.spec.telegram.as_ref().map_or_else(Access::default, |bot| bot.access.clone());
        if access::may_talk(door.store(), line, &access, &author.handle(), (whence.is_group, &whence.chat))
            .await?
        {
            let actor = author.actor(door, line).await?;
            let text = match data.strip_prefix("do:") {
                Some(typed) => command::answered(door, (&actor, &whence), typed).await?.text,
                None => say::kept(language).to_owned(),
            };
            replace(door, line, message.chat.id, message.message_id, &text).await;
        }
    }
    // The button stops waiting; if that is lost, it stops by itself.
    let answered = json!({ "callback_query_id": id });
    let _ = door.api().call::<Value>(&line.token, "answerCallbackQuery", &answered, ORDINARY).await;
    Ok(())
}

/// Shows what came of a question in its place, without the buttons. What was done is done, whether or not it shows.
async fn replace(door: &Door, line: &Line, chat: i64, message: i64, text: &str) {
    let body = json!({ "chat_id": chat, "message_id": message, "text": text });
    if !door.sender.has_turn(line, &chat.to_string(), chat < 0).await {
        return;
    }
    if let Err(failure) = door.api().call::<Value>(&line.token, "editMessageText", &body, ORDINARY).await {
        tracing::info!(%failure, "the answer to a button is not shown");
    }
}

/// Notes where the bot may write, and where it may not any more.
pub(super) async fn membership(door: &Arc<Door>, line: &Arc<Line>, change: MemberChange) -> Result<()> {
    let MemberChange { chat, new_chat_member } = change;
    let is_out = matches!(new_chat_member.status.as_str(), "left" | "kicked");
    let since = is_out.then(|| door.clock().now());
    let mut tx = door.store().tenant(line.account).await?;
    Place::set_reachable(&mut tx, line.id, &chat.id.to_string(), since).await?;
    tx.commit().await
}
