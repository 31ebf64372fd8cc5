//! What bots may ask for.

mod asking;
mod commands;
mod editing;
mod sending;
mod words;

use serde_json::{Value, json};

use crate::harness::telegram::arguments::Arguments;
use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::{BotState, ChatState, Key, Kind, State};

pub(super) use asking::member_shape;

/// A call of a bot.
pub(super) struct Ask<'a> {
    pub(super) token: &'a str,
    /// The bot's id.
    pub(super) bot: i64,
    pub(super) arguments: &'a Arguments,
}

type Answer = Result<Value, Refusal>;

/// Carries out a call, by the method's name in lower case. All but those of the updates.
pub(super) fn call(state: &mut State, method: &str, ask: &Ask<'_>) -> Answer {
    match method {
        "getme" => asking::me(state, ask),
        "getchat" => asking::chat(state, ask),
        "getchatmember" => asking::member(state, ask),
        "getfile" => asking::file(state, ask),
        "getwebhookinfo" => asking::webhook(state, ask),
        "leavechat" => asking::leave(state, ask),
        "sendmessage" => sending::message(state, ask),
        "sendphoto" => sending::media(state, ask, "photo"),
        "senddocument" => sending::media(state, ask, "document"),
        "sendmessagedraft" => sending::draft(state, ask),
        "sendchataction" => sending::action(state, ask),
        "editmessagetext" => editing::text(state, ask),
        "editmessagereplymarkup" => editing::markup(state, ask),
        "deletemessage" => editing::delete(state, ask),
        "setmessagereaction" => editing::react(state, ask),
        "answercallbackquery" => editing::answer_press(state, ask),
        "setmycommands" => commands::set(state, ask),
        "getmycommands" => commands::get(state, ask),
        "deletemycommands" => commands::delete(state, ask),
        _ => Err(Refusal::new(404, "Not Found: method not found")),
    }
}

impl Ask<'_> {
    fn bot<'s>(&self, state: &'s mut State) -> &'s mut BotState {
        state.bots.get_mut(self.token).unwrap()
    }

    /// The chat that the call names, if the bot may write there.
    fn chat<'s>(&self, state: &'s mut State) -> Result<&'s mut ChatState, Refusal> {
        let name = self.arguments.text("chat_id").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::bad("chat_id is empty"))?;
        let missing = || Refusal::bad("chat not found");
        let key = Key::of(self.bot, name.trim().parse().map_err(|_| missing())?);
        let chat = state.chats.get_mut(&key).ok_or_else(missing)?;
        let what = match chat.kind {
            Kind::Private => {
                return match (chat.open, chat.blocked) {
                    (_, true) => Err(Refusal::forbidden("bot was blocked by the user")),
                    (false, _) => Err(missing()),
                    _ => Ok(chat),
                };
            }
            Kind::Group => "group",
            Kind::Supergroup | Kind::Forum => "supergroup",
        };
        if let Some(to) = chat.migrated_to {
            return Err(Refusal::migrated(to));
        }
        match chat.members.get(&self.bot) {
            Some(&"kicked") => Err(Refusal::forbidden(&format!("bot was kicked from the {what} chat"))),
            None | Some(&"left") => {
                Err(Refusal::forbidden(&format!("bot is not a member of the {what} chat")))
            }
            _ => Ok(chat),
        }
    }

    /// The topic that the call names. The general one has no number here.
    fn thread(&self, chat: &ChatState) -> Result<Option<i64>, Refusal> {
        let thread = self.arguments.number("message_thread_id").filter(|thread| *thread != 0);
        match (thread, chat.kind) {
            (Some(thread), Kind::Forum) if chat.topics.contains(&thread) => Ok(Some(thread)),
            (Some(_), Kind::Forum | Kind::Private) => Err(Refusal::bad("message thread not found")),
            _ => Ok(None),
        }
    }
}

fn done() -> Answer {
    Ok(json!(true))
}
