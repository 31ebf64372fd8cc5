//! Asking about the bot itself, about chats, people and files.

use serde_json::{Value, json};

use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::{Kind, State};

use super::{Answer, Ask, done};

/// The largest file that bots may fetch.
const FETCHED: usize = 20 << 20;

pub(super) fn me(state: &mut State, ask: &Ask<'_>) -> Answer {
    let bot = ask.bot(state);
    let mut me = bot.user();
    me["can_join_groups"] = json!(true);
    me["can_read_all_group_messages"] = json!(bot.hears_all);
    for field in [
        "supports_inline_queries",
        "can_connect_to_business",
        "has_main_web_app",
        "has_topics_enabled",
        "allows_users_to_create_topics",
    ] {
        me[field] = json!(false);
    }
    Ok(me)
}

pub(super) fn chat(state: &mut State, ask: &Ask<'_>) -> Answer {
    let key = ask.chat(state)?.key;
    let mut shape = state.chat_shape(key);
    shape["accent_color_id"] = json!(0);
    shape["max_reaction_count"] = json!(11);
    let gifts =
        ["unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"];
    let gifts: serde_json::Map<String, Value> =
        gifts.map(|gift| (gift.to_owned(), json!(true))).into_iter().collect();
    shape["accepted_gift_types"] = Value::Object(gifts);
    Ok(shape)
}

pub(super) fn member(state: &mut State, ask: &Ask<'_>) -> Answer {
    let missing = || Refusal::bad("PARTICIPANT_ID_INVALID");
    let user = ask.arguments.number("user_id").ok_or_else(|| Refusal::bad("invalid user_id specified"))?;
    let chat = ask.chat(state)?;
    let status = match chat.kind {
        Kind::Private => "member",
        _ => chat.members.get(&user).copied().unwrap_or("left"),
    };
    let person = state.people.get(&user).cloned();
    let bot = state.bots.values().find(|bot| bot.id == user).map(|bot| bot.user());
    Ok(member_shape(person.or(bot).ok_or_else(missing)?, status))
}

/// Somebody's place in a chat, as the service describes it.
pub(in crate::harness::telegram) fn member_shape(user: Value, status: &str) -> Value {
    let mut shape = json!({ "user": user, "status": status });
    match status {
        "administrator" => {
            for right in [
                "can_be_edited",
                "is_anonymous",
                "can_manage_chat",
                "can_delete_messages",
                "can_manage_video_chats",
                "can_restrict_members",
                "can_promote_members",
                "can_change_info",
                "can_invite_users",
                "can_post_stories",
                "can_edit_stories",
                "can_delete_stories",
            ] {
                shape[right] = json!(right == "can_manage_chat");
            }
        }
        "kicked" => shape["until_date"] = json!(0),
        _ => {}
    }
    shape
}

pub(super) fn file(state: &mut State, ask: &Ask<'_>) -> Answer {
    let id = ask.arguments.text("file_id").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refusal::bad("file_id not specified"))?;
    let wrong = || Refusal::bad("wrong file_id or the file is temporarily unavailable");
    let size = state.files.get(&id).ok_or_else(wrong)?.len();
    if size > FETCHED {
        return Err(Refusal::bad("file is too big"));
    }
    let path = format!("files/{id}");
    Ok(json!({ "file_id": id, "file_unique_id": format!("u{id}"), "file_size": size, "file_path": path }))
}

pub(super) fn leave(state: &mut State, ask: &Ask<'_>) -> Answer {
    let chat = ask.chat(state)?;
    if chat.kind == Kind::Private {
        return Err(Refusal::bad("chat_id is invalid"));
    }
    chat.members.insert(ask.bot, "left");
    chat.touch();
    done()
}

pub(super) fn webhook(state: &mut State, ask: &Ask<'_>) -> Answer {
    let queue = &ask.bot(state).queue;
    let hook = queue.webhook.as_ref();
    let mut info = json!({
        "url": hook.map_or("", |hook| &hook.url),
        "has_custom_certificate": false,
        "pending_update_count": queue.waiting.len(),
    });
    if let Some(hook) = hook {
        info["max_connections"] = json!(hook.connections);
        if let Some((date, error)) = &hook.last_error {
            info["last_error_date"] = json!(date);
            info["last_error_message"] = json!(error);
        }
    }
    if let Some(allowed) = queue.allowed() {
        info["allowed_updates"] = json!(allowed);
    }
    Ok(info)
}
