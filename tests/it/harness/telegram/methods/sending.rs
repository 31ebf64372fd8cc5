//! Saying something.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::{ChatState, Key, Message, State};
use crate::harness::telegram::text::Formatted;

use super::{Answer, Ask, done, words};

/// The largest file that bots may send, and the largest photo.
const FILE: usize = 50 << 20;
const PHOTO: usize = 10 << 20;

pub(super) fn message(state: &mut State, ask: &Ask<'_>) -> Answer {
    let text = words::text(ask.arguments)?;
    say(state, ask, text, None)
}

/// A photo or a file with a caption: uploaded, or one that the service has.
pub(super) fn media(state: &mut State, ask: &Ask<'_>, kind: &'static str) -> Answer {
    let caption = words::caption(ask.arguments)?;
    let file = ask.arguments.text(kind).and_then(|name| name.strip_prefix("attach://").map(str::to_owned));
    let uploaded = ask.arguments.files.get(file.as_deref().unwrap_or(kind));
    let (name, bytes) = match (uploaded, ask.arguments.text(kind)) {
        (Some(file), _) => (file.name.clone(), file.bytes.clone()),
        (None, Some(id)) => match state.files.get(&id) {
            Some(bytes) => (id, bytes.clone()),
            None => return Err(Refusal::bad("wrong remote file identifier specified: Wrong string length")),
        },
        (None, None) => return Err(Refusal::bad(&format!("there is no {kind} in the request"))),
    };
    if bytes.is_empty() {
        return Err(Refusal::bad("file must be non-empty"));
    }
    if bytes.len() > if kind == "photo" { PHOTO } else { FILE } {
        return Err(Refusal::new(413, "Request Entity Too Large"));
    }
    let shape = state.keep_file(kind, &name, "application/octet-stream", bytes);
    say(state, ask, caption, Some((kind, shape)))
}

fn say(state: &mut State, ask: &Ask<'_>, words: Formatted, media: Option<(&str, Value)>) -> Answer {
    let markup = words::markup(ask.arguments)?;
    let (from, date) = (ask.bot(state).user(), state.date());
    let chat = ask.chat(state)?;
    let thread = ask.thread(chat)?;
    let mut message = Message {
        words,
        markup,
        thread,
        reply_to: replied(ask, chat)?,
        captioned: media.is_some(),
        ..Message::new(from, date)
    };
    message.more.extend(media.map(|(kind, shape)| (kind.to_owned(), shape)));
    let (key, id) = (chat.key, chat.add(message));
    Ok(state.message_shape(key, id))
}

/// The message that is replied to: named in either of two ways, and there, or it may be missing.
fn replied(ask: &Ask<'_>, chat: &ChatState) -> Result<Option<i64>, Refusal> {
    let parameters = ask.arguments.json("reply_parameters").unwrap_or_default();
    let id = parameters["message_id"].as_i64().or(ask.arguments.number("reply_to_message_id"));
    let Some(id) = id.filter(|id| *id > 0) else { return Ok(None) };
    let bearable =
        parameters["allow_sending_without_reply"] == true || ask.arguments.yes("allow_sending_without_reply");
    match chat.messages.get(&id).filter(|message| !message.deleted) {
        Some(_) => Ok(Some(id)),
        None if bearable => Ok(None),
        None => Err(Refusal::bad("message to be replied not found")),
    }
}

pub(super) fn draft(state: &mut State, ask: &Ask<'_>) -> Answer {
    let text = words::draft(ask.arguments)?;
    let chat = ask.chat(state)?;
    if !matches!(chat.key, Key::Private { .. }) {
        return Err(Refusal::bad("TEXTDRAFT_PEER_INVALID"));
    }
    if ask.arguments.number("draft_id").unwrap_or(0) == 0 {
        return Err(Refusal::bad("RANDOM_ID_INVALID"));
    }
    chat.draft = Some(text);
    chat.touch();
    done()
}

pub(super) fn action(state: &mut State, ask: &Ask<'_>) -> Answer {
    const KNOWN: [&str; 5] = ["typing", "upload_photo", "upload_document", "record_voice", "choose_sticker"];
    let action = ask.arguments.text("action").unwrap_or_default();
    if !KNOWN.contains(&action.as_str()) {
        return Err(Refusal::bad("wrong parameter action in request"));
    }
    let chat = ask.chat(state)?;
    chat.actions.push_back((Instant::now(), action));
    if chat.actions.len() > 100 {
        chat.actions.pop_front();
    }
    chat.touch();
    done()
}

impl State {
    /// Keeps a file; what messages say of it.
    pub(in crate::harness::telegram) fn keep_file(
        &mut self,
        kind: &str,
        name: &str,
        mime: &str,
        bytes: Vec<u8>,
    ) -> Value {
        let id = format!("{kind}-{}", self.number());
        let mut shape =
            json!({ "file_id": id, "file_unique_id": format!("u{id}"), "file_size": bytes.len() });
        self.files.insert(id, bytes);
        match kind {
            "photo" => {
                shape["width"] = json!(640);
                shape["height"] = json!(480);
                // As the service does: smaller sizes first, each a file of its own.
                let small = format!("{}-small", shape["file_id"].as_str().unwrap_or_default());
                self.files.insert(small.clone(), b"\xff\xd8\xffsmall".to_vec());
                let small = json!({ "file_id": small, "file_unique_id": format!("u{small}"), "file_size": 8,
                    "width": 90, "height": 68 });
                return json!([small, shape]);
            }
            "document" => {
                shape["file_name"] = json!(name);
                shape["mime_type"] = json!(mime);
            }
            "voice" => {
                shape["duration"] = json!(3);
                shape["mime_type"] = json!(mime);
            }
            _ => {
                for (field, value) in [("width", 512), ("height", 512)] {
                    shape[field] = json!(value);
                }
                shape["type"] = json!("regular");
                shape["is_animated"] = json!(false);
                shape["is_video"] = json!(false);
                shape["emoji"] = json!(name);
            }
        }
        shape
    }
}
