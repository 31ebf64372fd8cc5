//! How the index is laid out: its fields, how a document becomes them, and the version of all that.
//!
//! Texts are analysed before tantivy sees them, and nothing is stored that Postgres holds. Documents are
//! sorted by `place`, so that those of one bot, person and conversation lie side by side in each segment and
//! a recall reads its own stretch of a posting list and no other.

use chrono::{DateTime, Utc};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use tantivy::{Index, IndexSettings, IndexSortByField, Order, TantivyDocument, Term};
use uuid::Uuid;

use crate::id::{AccountId, BotId, ConversationId, PersonId};
use crate::search::analyse;

/// Counts the layouts and the ways of analysing. An index of another version is built anew.
pub(in crate::search) const VERSION: u32 = 2;

/// The analysed fields, in the order of [`Fields::texts`].
pub(in crate::search) const TEXTS: usize = 3;

/// Of a longer text (or context) only so many bytes are searched: it is a document, not a message.
const LONGEST_TEXT: usize = 256 << 10;

/// What is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Message,
    /// Of several messages.
    Summary,
    /// A single sentence drawn from messages.
    Fact,
    /// A piece of a document.
    Passage,
}

/// One message, summary, fact or passage as the index takes it. A later one with the same `id` replaces it.
#[derive(Debug, Clone)]
pub struct Document {
    pub account: AccountId,
    pub bot: BotId,
    pub conversation: ConversationId,
    /// Whose private conversation it is. `None` in a group: a person's scope does not reach there.
    pub person: Option<PersonId>,
    pub kind: Kind,
    /// Of the message, the summary, the fact or the passage.
    pub id: Uuid,
    /// Of the message; of the last message that a summary covers; the place of a passage in its document.
    pub ordinal: i64,
    pub at: DateTime<Utc>,
    pub role_is_bot: bool,
    /// The name of who said it, as people write it.
    pub speaker: String,
    pub text: String,
    /// The texts of the two neighbours on each side and its own.
    pub context_2: String,
    /// The texts of the five neighbours on each side and its own.
    pub context_5: String,
}

impl Document {
    /// A fingerprint of all that the index is told of it: two that differ in anything differ in this.
    pub fn print(&self) -> u64 {
        let Self { account, bot, conversation, person, kind, id, ordinal, at, role_is_bot, .. } = self;
        let mut hash = blake3::Hasher::new();
        for part in [account.0, bot.0, conversation.0, person.map_or(Uuid::nil(), |person| person.0), *id] {
            hash.update(part.as_bytes());
        }
        hash.update(&ordinal.to_le_bytes()).update(&at.timestamp_millis().to_le_bytes());
        hash.update(&[*kind as u8, u8::from(*role_is_bot)]);
        for text in [&self.speaker, &self.text, &self.context_2, &self.context_5] {
            hash.update(&text.len().to_le_bytes()).update(text.as_bytes());
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize().as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}

/// The fields' handles.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) struct Fields {
    id: Field,
    id_high: Field,
    id_low: Field,
    keys: Field,
    place: Field,
    conversation: Field,
    flags: Field,
    ordinal: Field,
    at: Field,
    speaker: Field,
    print: Field,
    /// `text`, `context_2`, `context_5`.
    pub(in crate::search) texts: [Field; TEXTS],
}

/// Names of the columns that are read back.
pub(in crate::search) mod column {
    pub(in crate::search) const ID_HIGH: &str = "id_high";
    pub(in crate::search) const ID_LOW: &str = "id_low";
    pub(in crate::search) const CONVERSATION: &str = "conversation";
    pub(in crate::search) const FLAGS: &str = "flags";
    pub(in crate::search) const ORDINAL: &str = "ordinal";
    pub(in crate::search) const AT: &str = "at";
    pub(in crate::search) const SPEAKER: &str = "speaker";
    pub(in crate::search) const PRINT: &str = "print";
}

/// In the column of flags.
const IS_SUMMARY: u64 = 1;
const IS_BOT: u64 = 2;
const IS_FACT: u64 = 4;
const IS_PASSAGE: u64 = 8;

impl Kind {
    /// As the column of flags has it.
    pub(in crate::search) fn of_flags(flags: u64) -> Self {
        match flags & !IS_BOT {
            IS_SUMMARY => Self::Summary,
            IS_FACT => Self::Fact,
            IS_PASSAGE => Self::Passage,
            _ => Self::Message,
        }
    }

    fn flags(self) -> u64 {
        match self {
            Self::Message => 0,
            Self::Summary => IS_SUMMARY,
            Self::Fact => IS_FACT,
            Self::Passage => IS_PASSAGE,
        }
    }
}

/// The schema and its handles.
pub(in crate::search) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let analysed = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(PACKED)
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true),
    );
    let fields = Fields {
        id: builder.add_bytes_field("id", INDEXED),
        id_high: builder.add_u64_field(column::ID_HIGH, FAST),
        id_low: builder.add_u64_field(column::ID_LOW, FAST),
        keys: builder.add_bytes_field("keys", INDEXED),
        place: builder.add_u64_field("place", FAST),
        conversation: builder.add_bytes_field(column::CONVERSATION, FAST),
        flags: builder.add_u64_field(column::FLAGS, FAST),
        ordinal: builder.add_i64_field(column::ORDINAL, FAST),
        at: builder.add_i64_field(column::AT, FAST),
        speaker: builder.add_bytes_field(column::SPEAKER, FAST),
        print: builder.add_u64_field(column::PRINT, FAST),
        texts: ["text", "context_2", "context_5"].map(|name| builder.add_text_field(name, analysed.clone())),
    };
    (builder.build(), fields)
}

/// How tantivy keeps it.
pub(in crate::search) fn settings() -> IndexSettings {
    let sort = IndexSortByField { field: "place".into(), order: Order::Asc };
    IndexSettings { sort_by_field: Some(sort), ..IndexSettings::default() }
}

/// Tells `index` how packed texts are read.
pub(in crate::search) fn register(index: &Index) {
    index.tokenizers().register(PACKED, Packed);
}

impl Fields {
    /// The term that finds one document again.
    pub(in crate::search) fn id_term(&self, id: Uuid) -> Term {
        Term::from_field_bytes(self.id, id.as_bytes())
    }

    /// The field of the ids.
    pub(in crate::search) fn id_field(&self) -> Field {
        self.id
    }

    /// The term that all documents under `key` share.
    pub(in crate::search) fn key_term(&self, key: Key) -> Term {
        Term::from_field_bytes(self.keys, &key.bytes())
    }

    /// The field of the keys.
    pub(in crate::search) fn keys(&self) -> Field {
        self.keys
    }

    /// What tantivy is given for `document`.
    pub(in crate::search) fn document(&self, document: &Document) -> TantivyDocument {
        let Document { account, bot, conversation, person, kind, id, ordinal, at, role_is_bot, .. } =
            document;
        let mut fields = TantivyDocument::new();
        fields.add_bytes(self.id, id.as_bytes());
        let (high, low) = id.as_u64_pair();
        fields.add_u64(self.id_high, high);
        fields.add_u64(self.id_low, low);
        let keys =
            [Key::Account(*account), Key::Bot(*account, *bot), Key::Conversation(*account, *conversation)];
        for key in keys.into_iter().chain(person.map(|person| Key::Person(*account, person))) {
            fields.add_bytes(self.keys, &key.bytes());
        }
        fields.add_u64(self.place, place(document));
        fields.add_bytes(self.conversation, conversation.0.as_bytes());
        fields.add_u64(self.flags, kind.flags() | if *role_is_bot { IS_BOT } else { 0 });
        fields.add_i64(self.ordinal, *ordinal);
        fields.add_i64(self.at, at.timestamp_millis());
        fields.add_bytes(self.speaker, analyse::fold_name(&document.speaker).as_bytes());
        fields.add_u64(self.print, document.print());
        let texts = [&document.text, &document.context_2, &document.context_5];
        for (field, text) in self.texts.into_iter().zip(texts) {
            let text = &text[..text.floor_char_boundary(LONGEST_TEXT)];
            let mut packed = String::with_capacity(text.len());
            analyse::pack(text, &mut packed);
            fields.add_text(field, packed);
        }
        fields
    }
}

/// What documents are gathered under. Each key holds the account, so that none reaches across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::search) enum Key {
    Account(AccountId),
    Bot(AccountId, BotId),
    Conversation(AccountId, ConversationId),
    Person(AccountId, PersonId),
}

impl Key {
    fn bytes(self) -> Vec<u8> {
        let (tag, account, rest) = match self {
            Key::Account(account) => (b'a', account, None),
            Key::Bot(account, bot) => (b'b', account, Some(bot.0)),
            Key::Conversation(account, conversation) => (b'c', account, Some(conversation.0)),
            Key::Person(account, person) => (b'p', account, Some(person.0)),
        };
        let mut bytes = Vec::with_capacity(33);
        bytes.push(tag);
        bytes.extend_from_slice(account.0.as_bytes());
        bytes.extend(rest.iter().flat_map(|id| id.as_bytes()));
        bytes
    }
}

/// Where a document lies: by bot, then person, then conversation. Only a matter of speed: two that share a
/// place by chance are still told apart by their keys.
fn place(document: &Document) -> u64 {
    let bits = |id: Uuid, count: u32| (id.as_u128() as u64) & ((1 << count) - 1);
    let person = document.person.map_or(0, |person| bits(person.0, 20));
    bits(document.bot.0, 24) << 40 | person << 20 | bits(document.conversation.0, 20)
}

/// The name under which tantivy knows [`Packed`].
const PACKED: &str = "packed";

/// Reads texts that were analysed already: terms with spaces between them.
#[derive(Clone)]
struct Packed;

struct PackedStream<'a> {
    rest: &'a str,
    token: Token,
}

impl Tokenizer for Packed {
    type TokenStream<'a> = PackedStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> PackedStream<'a> {
        PackedStream { rest: text, token: Token::default() }
    }
}

impl TokenStream for PackedStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((term, rest)) = self.rest.split_once(' ') else { return false };
        self.rest = rest;
        self.token.text.clear();
        self.token.text.push_str(term);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }
    fn token(&self) -> &Token {
        &self.token
    }
    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
