//! Messages, and edits of them.

use std::sync::Arc;

use super::guard::Verdict;
use super::place::{Author, whence};
use super::{access, address, command, document};
use crate::accounts::Actor;
use crate::channels::telegram::Door;
use crate::channels::telegram::api::entity::with_links;
use crate::channels::telegram::api::update::Message;
use crate::channels::telegram::lines::{Line, Me};
use crate::chat::{LiveBot, Note, Said, Whence};
use crate::error::{Error, Kind, Result};
use crate::phrases::{Language, telegram as say};
use crate::spec::{Access, Groups, Per};
use crate::store::Place;

/// So much of what somebody answers to is repeated, in characters.
const QUOTED: usize = 500;

/// Takes in a message: an answer is begun, or it is remembered, declined or left alone.
pub(super) async fn take(door: &Arc<Door>, line: &Arc<Line>, message: Message) -> Result<()> {
    if let Some(to) = message.migrate_to_chat_id {
        let mut tx = door.store().tenant(line.account).await?;
        Place::migrate(&mut tx, line.id, &message.chat.id.to_string(), &to.to_string()).await?;
        return tx.commit().await;
    }
    let Some(heard) = heard(door, line, &message).await? else { return Ok(()) };
    let Heard { live, me, author, whence, is_addressed } = &heard;
    let telegram = live.spec.telegram.as_ref();
    let access = telegram.map_or_else(Access::default, |telegram| telegram.access.clone());
    let words = message.words().map(|(text, _)| text).unwrap_or_default();
    let language = author.language(words);
    let observes = whence.is_group && telegram.is_some_and(|telegram| telegram.observe);
    if !is_addressed && !observes {
        return Ok(());
    }
    if !access::may_talk(door.store(), line, &access, &author.handle(), (whence.is_group, &whence.chat))
        .await?
    {
        if *is_addressed {
            let actor = author.actor(door, line).await?;
            let told = (message.message_id, language);
            access::turn_away(door, line, &access, author, (&actor, whence), told).await?;
        }
        return Ok(());
    }
    let actor = author.actor(door, line).await?;
    let who = (&actor, whence);
    if *is_addressed && !is_in_time(door, line, &heard, who, (message.message_id, language)).await? {
        return Ok(());
    }
    if *is_addressed && let Some(typed) = address::command(&message, me) {
        return command::run(door, line, live, author, who, (&typed, message.message_id)).await;
    }
    say_it(door, line, &heard, who, &message, language).await
}

/// What there is to know about a message before anything is done with it.
struct Heard {
    live: Arc<LiveBot>,
    me: Me,
    author: Author,
    whence: Whence,
    is_addressed: bool,
}

/// None for what is not to be heard: channels, service messages, our own words, other bots, other bots' commands.
async fn heard(door: &Door, line: &Line, message: &Message) -> Result<Option<Heard>> {
    let Some(me) = line.me() else {
        return Err(Error::unavailable("the connection has not said hello yet"));
    };
    if message.chat.kind == "channel" || (message.words().is_none() && message.media().is_none()) {
        return Ok(None);
    }
    let Some(author) = Author::of(message) else { return Ok(None) };
    let ours = author.id == me.id;
    if ours || (author.is_bot && !door.guard.count_bot(line.id, message.chat.id)) {
        return Ok(None);
    }
    let Some(live) = line.live(door.store(), &door.sender.bots()).await? else { return Ok(None) };
    let whence = whence(line, me.id, &message.chat, message.topic());
    let groups = live.spec.telegram.as_ref().map(|telegram| telegram.groups).unwrap_or_default();
    let is_addressed = match groups {
        _ if !whence.is_group => true,
        _ if address::is_for_another(message, &me) => false,
        Groups::Never => return Ok(None),
        Groups::Always => true,
        Groups::Mention => address::is_addressed(message, &me),
    };
    Ok(Some(Heard { live, me, author, whence, is_addressed }))
}

/// Whether they do not write faster than the bot's file allows; they are told once if they do.
async fn is_in_time(
    door: &Door,
    line: &Line,
    heard: &Heard,
    (actor, whence): (&Actor, &Whence),
    (message, language): (i64, Language),
) -> Result<bool> {
    let Some(limits) = &heard.live.spec.limits else { return Ok(true) };
    let Some(most) = limits.messages_per_minute else { return Ok(true) };
    let whose = match limits.per {
        Per::Person => format!("{}@{}", heard.author.id, whence.chat),
        Per::Conversation => whence.key.clone(),
        Per::Bot => String::new(),
    };
    match door.guard.count(line.id, whose, most) {
        Verdict::Taken => Ok(true),
        Verdict::Ignored => Ok(false),
        Verdict::TooFast => {
            let text = say::too_fast(language, most);
            let note = Note { to: Some(message.to_string()), album: None, text, buttons: None };
            door.chat.note(actor, whence, note).await?;
            Ok(false)
        }
    }
}

/// Brings words into the conversation, with the text that was sent beside them; what holds neither is declined.
async fn say_it(
    door: &Door,
    line: &Line,
    heard: &Heard,
    (actor, whence): (&Actor, &Whence),
    message: &Message,
    language: Language,
) -> Result<()> {
    let decline = |text: &str| Note {
        to: Some(message.message_id.to_string()),
        album: message.media_group_id.clone(),
        text: text.to_owned(),
        buttons: None,
    };
    let mut uploads = Vec::new();
    if let Some(document) = &message.document
        && heard.is_addressed
    {
        let key = format!("{}:{}:{}", whence.connection, whence.chat, message.message_id);
        uploads.extend(document::fetch(door, line, actor, document, &key).await?);
        if uploads.is_empty() && message.words().is_none() {
            door.chat.note(actor, whence, decline(say::unreadable_file(language))).await?;
            return Ok(());
        }
    }
    let Some(words) = words(heard, message, !uploads.is_empty()) else {
        let again = match &message.media_group_id {
            Some(album) => door.chat.has_album(actor, whence, album).await?,
            None => false,
        };
        if heard.is_addressed && !again {
            door.chat.note(actor, whence, decline(say::only_text(language))).await?;
        }
        return Ok(());
    };
    let said = Said {
        external_id: message.message_id.to_string(),
        album: message.media_group_id.clone(),
        text: words,
        uploads,
        answer: heard.is_addressed,
    };
    let is_blank = said.text.trim().is_empty();
    match door.chat.arrive(actor, whence, said).await {
        // White space alone says nothing.
        Err(error) if error.kind() == Kind::Invalid && is_blank => Ok(()),
        Err(error) if error.kind() == Kind::Invalid => {
            door.chat.note(actor, whence, decline(say::too_long(language))).await.map(drop)
        }
        arrived => arrived.map(drop),
    }
}

/// What a message says, as the conversation keeps it: with the addresses of its links, without the bot's name, and
/// with what it answers to. A file without words goes by its name.
fn words(heard: &Heard, message: &Message, has_file: bool) -> Option<String> {
    let Some((text, entities)) = message.words() else {
        let name = message.document.as_ref().and_then(|document| document.file_name.clone());
        return has_file.then(|| name.unwrap_or_else(|| "file.txt".into()));
    };
    let mut words = with_links(text, entities);
    if heard.whence.is_group {
        words = address::without_name(&words, &heard.me);
    }
    Some(format!("{}{words}", quoted(message, &heard.me)))
}

/// What somebody answers to, where that is not the bot's own and so not in its memory: it is repeated.
fn quoted(message: &Message, me: &Me) -> String {
    let Some(to) = &message.reply_to_message else { return String::new() };
    let is_topic = message.is_topic_message == Some(true) && message.message_thread_id == Some(to.message_id);
    let is_ours = to.from.as_ref().is_some_and(|from| from.id == me.id);
    if is_topic || (is_ours && message.quote.is_none()) {
        return String::new();
    }
    let part = message.quote.as_ref().map(|quote| quote.text.as_str());
    let Some(text) = part.or_else(|| to.words().map(|(text, _)| text)) else { return String::new() };
    let who = to.from.as_ref().map_or_else(String::new, |from| format!("{}: ", from.name()));
    let excerpt: String = text.chars().take(QUOTED).collect();
    let more = if text.chars().count() > QUOTED { "…" } else { "" };
    let lines: Vec<String> =
        format!("{who}{excerpt}{more}").lines().map(|line| format!("> {line}\n")).collect();
    lines.concat()
}

/// Corrects a message that was edited: while its answer was not seen the answer is to the new words; an answered
/// one is corrected in memory, and nobody is answered again. No command is run.
pub(super) async fn correct(door: &Arc<Door>, line: &Arc<Line>, message: Message) -> Result<()> {
    let Some(heard) = heard(door, line, &message).await? else { return Ok(()) };
    let Some(text) = words(&heard, &message, false) else { return Ok(()) };
    let actor = heard.author.actor(door, line).await?;
    let edited = message.edit_date.unwrap_or(i64::MAX);
    let external_id = message.message_id.to_string();
    let corrected = door.chat.edit_arrived(&actor, &heard.whence, &external_id, edited, &text).await;
    match corrected {
        Ok(_) => Ok(()),
        // What is empty or too large now, and what is not theirs to change, stays as it was.
        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}
