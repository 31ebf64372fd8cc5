//! Messages that are too long to be read at once: what they become, and how they are read.
//!
//! The message keeps the whole text. What the model hears of it is how it begins and ends, and those passages that
//! fit what is asked; later turns find others by recall.

use std::collections::{HashMap, HashSet};

use tokio::task::spawn_blocking;

use crate::chat::Chat;
use crate::chat::bots::LiveBot;
use crate::chat::context::{Reading, in_short, question, room_for_message, tools_tokens};
use crate::chat::engine::Engine;
use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, DocumentId, MessageId};
use crate::memory::{Cut, asked, worth_reading};
use crate::spec;
use crate::store::{Conversation, Document, Message, MessageRole, Passage, Tenant};
use crate::tokens;

/// A longer text is cut before anything is asked of the database, in bytes.
const WORTH_AHEAD: usize = 8 * 1024;
/// In less room than this nothing can be read by passages, in tokens.
const LEAST_ROOM: usize = 100;
/// What stands for a new message, at most, in tokens.
const NEW: usize = 450;
/// And for one of the window.
const EARLIER: usize = 150;
/// So many long messages are read at once.
const AT_ONCE: i64 = 20;
/// Messages of fewer bytes never became documents worth asking for.
const SHORT_BYTES: usize = 600;

/// A text, and what was cut of it ahead of time if it may be too long.
pub(super) struct Text {
    pub(super) text: String,
    cut: Option<Cut>,
}

impl Text {
    /// Cuts a long text, on a thread where that may take its time.
    pub(super) async fn of(text: String) -> Result<Self> {
        if text.len() <= WORTH_AHEAD {
            return Ok(Self { text, cut: None });
        }
        let work = move || (Some(Cut::of(&text)), text);
        let (cut, text) = spawn_blocking(work).await.map_err(Error::internal)?;
        Ok(Self { text, cut })
    }

    fn tokens(&self) -> usize {
        self.cut.as_ref().map_or_else(|| tokens::count(&self.text), |cut| cut.tokens)
    }
}

impl Engine {
    /// What a bot has room for beside its own words, its tools and so many tokens, in tokens as we count them.
    pub(super) fn room(&self, bot: &spec::Bot, beside: usize) -> usize {
        let own = self.memory.tools(bot);
        let tools = tools_tokens(self.tools.iter().chain(&own).map(|tool| tool.spec()));
        room_for_message(bot, self.ratio(&bot.model.use_)).saturating_sub(tools + beside)
    }

    /// Whether a text must be read by passages: with so many tokens `beside` it the bot has no room for all of it.
    ///
    /// # Errors
    /// `Invalid` where there is not even room for passages.
    pub(super) fn is_too_long(&self, live: &LiveBot, text: &Text, beside: usize) -> Result<bool> {
        let most = room_for_message(&live.spec, self.ratio(&live.spec.model.use_));
        // A token is rarely shorter than a byte, and tools seldom take half the room: short texts need no counting.
        if text.text.len() + beside <= most / 2 {
            return Ok(false);
        }
        let room = self.room(&live.spec, beside);
        let takes = text.tokens();
        if takes <= room {
            return Ok(false);
        }
        if room < LEAST_ROOM {
            return Err(Error::invalid(format!(
                "the message takes about {takes} tokens, and `{}` has room for {room}: send it in parts, or raise `model.contextBudget`",
                live.bot.name
            )));
        }
        Ok(true)
    }

    /// Makes a message a document where its text is too long.
    ///
    /// # Errors
    /// As [`Engine::is_too_long`].
    pub(super) async fn file_away(
        &self,
        tx: &mut Tenant,
        live: &LiveBot,
        (conversation, message): (&Conversation, &Message),
        text: Text,
        beside: usize,
    ) -> Result<()> {
        if !self.is_too_long(live, &text, beside)? {
            return Ok(());
        }
        let cut = text.cut.unwrap_or_else(|| Cut::of(&text.text));
        let (document, passages) = cut.into_document(conversation, message);
        Document::put(tx, &document, &passages).await
    }
}

impl Chat {
    /// Makes documents of those of `messages` (of one conversation) that are too long for the bot; they are stored.
    pub(super) async fn file_away_all(
        &self,
        live: &LiveBot,
        conversation: &Conversation,
        messages: Vec<Message>,
    ) -> Result<()> {
        let few = self.few_bytes(live);
        for message in messages.into_iter().filter(|message| message.text.len() > few) {
            self.file_anew(live, conversation, message).await?;
        }
        Ok(())
    }

    /// Texts of so many bytes are not too long for a bot.
    fn few_bytes(&self, live: &LiveBot) -> usize {
        room_for_message(&live.spec, self.engine.ratio(&live.spec.model.use_)) / 2
    }

    /// Makes the documents of a bot's conversations anew: of the messages that are too long for it as it is now, and no
    /// others. What would come out as it is stays; says how many changed.
    pub(super) async fn file_all_anew(&self, account: AccountId, live: &LiveBot) -> Result<usize> {
        let most = i32::try_from(self.few_bytes(live)).unwrap_or(i32::MAX);
        let (mut after, mut changed) = (None, 0);
        loop {
            let mut tx = self.engine.store.reading(account).await?;
            let page = Message::list_long(&mut tx, live.bot.id, most, after, AT_ONCE).await?;
            let of: Vec<ConversationId> = page.iter().map(|message| message.conversation_id).collect();
            let conversations = Conversation::list_by_ids(&mut tx, &of).await?;
            tx.commit().await?;
            let Some(last) = page.last() else { return Ok(changed) };
            after = Some(last.id);
            for message in page {
                let conversation = conversations.iter().find(|of| of.id == message.conversation_id);
                let Some(conversation) = conversation else { continue };
                changed += usize::from(self.file_anew(live, conversation, message).await?);
            }
        }
    }

    /// Lets a message be a document or none, as it should; says whether that changed anything.
    async fn file_anew(&self, live: &LiveBot, conversation: &Conversation, message: Message) -> Result<bool> {
        let engine = &self.engine;
        let text = Text::of(message.text.clone()).await?;
        // A bot that has no room at all for it has none for its passages.
        let is_long =
            message.role == MessageRole::Person && engine.is_too_long(live, &text, 0).unwrap_or(false);
        let mut tx = engine.store.tenant(message.account_id).await?;
        let known = Document::list_of_messages(&mut tx, &[message.id]).await?.pop();
        if !is_long {
            if known.is_some() {
                Document::delete_of(&mut tx, message.id).await?;
            }
            tx.commit().await?;
            return Ok(known.is_some());
        }
        Conversation::find_locked(&tx, conversation.id).await?;
        let stands = Message::find(&mut tx, message.id).await?;
        let cut = text.cut.unwrap_or_else(|| Cut::of(&text.text));
        let passages = match &known {
            Some(document) => Document::list_passages(&mut tx, document.id).await?,
            None => Vec::new(),
        };
        // Meanwhile it may have been edited or erased.
        let is_current = stands.is_some_and(|now| now.version == message.version && now.erased_at.is_none());
        if !is_current || cut.is(&passages) {
            tx.commit().await?;
            return Ok(false);
        }
        let (document, passages) = cut.into_document(conversation, &message);
        Document::put(&mut tx, &document, &passages).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The documents among the messages of a prompt, as they are stored.
pub(super) struct Stored {
    documents: HashMap<MessageId, Document>,
    /// Of files of the new messages.
    files: Vec<Document>,
    /// Of the new messages and their files.
    passages: HashMap<DocumentId, Vec<Passage>>,
}

impl Stored {
    pub(super) async fn load(
        tx: &mut Tenant,
        inbound: &[Message],
        earlier: &[Message],
        has_files: bool,
    ) -> Result<Self> {
        let is_long =
            |message: &&Message| message.role == MessageRole::Person && message.text.len() > SHORT_BYTES;
        let ids: Vec<MessageId> =
            inbound.iter().chain(earlier).filter(is_long).map(|message| message.id).collect();
        let documents = Document::list_of_messages(tx, &ids).await?;
        let new: Vec<MessageId> = inbound.iter().map(|message| message.id).collect();
        let mut files = Vec::new();
        if has_files {
            files = Document::list_of_files(tx, &new).await?;
        }
        let mut passages = HashMap::new();
        for document in documents.iter().chain(&files) {
            if new.contains(&document.message_id) {
                passages.insert(document.id, Document::list_passages(tx, document.id).await?);
            }
        }
        let documents = documents.into_iter().map(|document| (document.message_id, document)).collect();
        Ok(Self { documents, files, passages })
    }

    /// Puts short forms in place of the texts of `window`; says which messages are told so.
    pub(super) fn shorten(&self, window: &mut [Message]) -> HashSet<MessageId> {
        let mut short = HashSet::new();
        for message in window {
            if let Some(document) = self.documents.get(&message.id) {
                message.text = in_short(&message.text, document, EARLIER);
                short.insert(message.id);
            }
        }
        short
    }
}

impl Engine {
    /// How the new messages that are too long are read, with short forms in place of their texts: those that became
    /// documents, and those for which the newer ones leave no room.
    pub(super) async fn read(
        &self,
        bot: &spec::Bot,
        conversation: &Conversation,
        inbound: &mut [Message],
        mut stored: Stored,
        beside: usize,
    ) -> Result<Vec<Reading>> {
        let all: usize = inbound.iter().map(|message| message.text.len()).sum();
        let most = room_for_message(bot, self.ratio(&bot.model.use_));
        let files = std::mem::take(&mut stored.files);
        if stored.documents.is_empty() && files.is_empty() && all + beside <= most / 2 {
            return Ok(Vec::new());
        }
        let mut left = self.room(bot, beside);
        let share = (left / 3 / inbound.len().max(1)).clamp(20, NEW);
        let mut readings = Vec::new();
        for message in inbound.iter_mut().rev() {
            let known = stored.documents.remove(&message.id);
            if known.is_none() {
                let tokens = tokens::count(&message.text);
                if tokens <= left {
                    left -= tokens;
                    continue;
                }
            }
            let (document, passages) = match known {
                Some(document) => {
                    let passages = stored.passages.remove(&document.id).unwrap_or_default();
                    (document, passages)
                }
                None => {
                    let text = message.text.clone();
                    let cut = spawn_blocking(move || Cut::of(&text)).await.map_err(Error::internal)?;
                    cut.into_document(conversation, message)
                }
            };
            let asked = asked(&message.text);
            message.text = in_short(&message.text, &document, share);
            left = left.saturating_sub(tokens::count(&message.text));
            readings.push(Reading { document, passages, asked, order: Vec::new() });
        }
        readings.reverse();
        readings.extend(files.into_iter().map(|document| {
            let passages = stored.passages.remove(&document.id).unwrap_or_default();
            Reading { document, passages, asked: String::new(), order: Vec::new() }
        }));
        rank(inbound, readings).await
    }
}

/// Finds which passages are worth reading for what all of the new messages ask.
async fn rank(inbound: &[Message], mut readings: Vec<Reading>) -> Result<Vec<Reading>> {
    if readings.is_empty() {
        return Ok(readings);
    }
    let question = question(inbound, &readings);
    let work = move || {
        for reading in &mut readings {
            reading.order = worth_reading(&question, &without(&reading.asked, &reading.passages));
        }
        readings
    };
    spawn_blocking(work).await.map_err(Error::internal)
}

/// The passages, the first and the last without the words that ask: the question shall not find itself.
fn without(asked: &str, passages: &[Passage]) -> Vec<Passage> {
    let mut passages = passages.to_vec();
    let lines: Vec<&str> = asked.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = passages.len().saturating_sub(1);
    for place in [0, last] {
        let Some(passage) = passages.get_mut(place) else { continue };
        for line in &lines {
            passage.text = passage.text.replace(line, " ");
            passage.heading = passage.heading.replace(line, " ");
        }
    }
    passages
}
