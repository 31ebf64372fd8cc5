//! Messages, and edits of them.

use std::sync::Arc;

use super::attached::{self, Attached};
use super::guard::Verdict;
use super::place::{Author, whence};
use super::{access, address, command};
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
    if *is_addressed && !is_in_time(door, line, &heard, who, (&message, language)).await? {
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
        Groups::Mention => {
            address::is_addressed(message, &me) || goes_on(door, line, &whence, message).await?
        }
    };
    Ok(Some(Heard { live, me, author, whence, is_addressed }))
}

/// Whether it is a part of an album that is being answered: its words hang on one part alone.
async fn goes_on(door: &Door, line: &Line, whence: &Whence, message: &Message) -> Result<bool> {
    match &message.media_group_id {
        Some(album) => door.chat.is_album_answered(line.account, whence, album).await,
        None => Ok(false),
    }
}

/// Whether they do not write faster than the bot's file allows; they are told once if they do.
async fn is_in_time(
    door: &Door,
    line: &Line,
    heard: &Heard,
    (actor, whence): (&Actor, &Whence),
    (message, language): (&Message, Language),
) -> Result<bool> {
    let (message, album) = (message.message_id, &message.media_group_id);
    let Some(limits) = &heard.live.spec.limits else { return Ok(true) };
    let Some(most) = limits.messages_per_minute else { return Ok(true) };
    // An album is one message to whoever sends it.
    if let Some(album) = album
        && door.chat.is_album_answered(line.account, whence, album).await?
    {
        return Ok(true);
    }
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

/// Brings words into the conversation, with what hangs on them; what holds neither is declined.
async fn say_it(
    door: &Door,
    line: &Line,
    heard: &Heard,
    (actor, whence): (&Actor, &Whence),
    message: &Message,
    language: Language,
) -> Result<()> {
    let note = |text: &str| Note {
        to: Some(message.message_id.to_string()),
        album: message.media_group_id.clone(),
        text: text.to_owned(),
        buttons: None,
    };
    let sees = message.holds_more() && door.chat.sees(line.account, &heard.live).await?;
    let attached = match heard.is_addressed {
        true => attached::fetch(door, line, (actor, whence), message, sees).await?,
        false => Attached::default(),
    };
    if attached.lost {
        // Once for all of an album, and beside the answer to the words that came with it.
        let what = message.media_group_id.clone().unwrap_or_else(|| message.message_id.to_string());
        let note = Note { to: Some(format!("lost of {what}")), ..note(say::lost_file(language)) };
        door.chat.note(actor, whence, note).await?;
    }
    let Some(words) = words(heard, message, !attached.uploads.is_empty()) else {
        if !heard.is_addressed || attached.lost {
            return Ok(());
        }
        let text = match attached.unreadable {
            true => say::unreadable_file(language, sees),
            false => say::only_text(language, sees),
        };
        return decline(door, line, (actor, whence), note(text), sees).await;
    };
    let said = Said {
        external_id: message.message_id.to_string(),
        album: message.media_group_id.clone(),
        text: words,
        uploads: attached.uploads,
        answer: heard.is_addressed,
        gathers: heard.is_addressed && sees && message.media_group_id.is_some(),
    };
    let is_blank = said.text.trim().is_empty();
    match door.chat.arrive(actor, whence, said).await {
        // White space alone says nothing.
        Err(error) if error.kind() == Kind::Invalid && is_blank => Ok(()),
        Err(error) if error.kind() == Kind::Invalid => {
            door.chat.note(actor, whence, note(say::too_long(language))).await.map(drop)
        }
        arrived => arrived.map(drop),
    }
}

/// Says that something cannot be taken; of an album once. A bot that sees answers the pictures of an album and still
/// owes a word about the rest; one that does not has said or heard enough with the first part.
async fn decline(
    door: &Door,
    line: &Line,
    (actor, whence): (&Actor, &Whence),
    mut note: Note,
    sees: bool,
) -> Result<()> {
    if let Some(album) = &note.album {
        if sees {
            note.to = Some(format!("declined of {album}"));
        } else if door.chat.has_album(line.account, whence, album).await? {
            return Ok(());
        }
    }
    door.chat.note(actor, whence, note).await.map(drop)
}

/// What a message says, as the conversation keeps it: with the addresses of its links, without the bot's name, and
/// with what it answers to. A text file without words goes by its name; a picture needs none.
fn words(heard: &Heard, message: &Message, has_file: bool) -> Option<String> {
    let quoted = quoted(message, &heard.me);
    let Some((text, entities)) = message.words() else {
        let document = message.document.as_ref().filter(|_| attached::shown(message).is_none());
        let name = document.map(|document| document.file_name.as_deref().unwrap_or("file.txt"));
        return has_file.then(|| format!("{quoted}{}", name.unwrap_or_default()));
    };
    let mut words = with_links(text, entities);
    if heard.whence.is_group {
        words = address::without_name(&words, &heard.me);
    }
    Some(format!("{quoted}{words}"))
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
    let picture = attached::shown(to).map(|_| "[a picture]");
    let Some(text) = part.or_else(|| to.words().map(|(text, _)| text)).or(picture) else {
        return String::new();
    };
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
