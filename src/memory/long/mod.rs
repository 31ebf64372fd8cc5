//! Texts that are too long to be read at once: cut into passages, the fitting ones found, and told in short.
//!
//! The message keeps the whole text; what stands in for it, wherever the talk is told again, is how it begins and
//! ends. All of it is pure but [`shorten`].

mod asked;
mod cut;

use std::collections::{HashSet, VecDeque};

use crate::error::Result;
use crate::id::{DocumentId, MessageId, PassageId};
use crate::memory::Memory;
use crate::store::{Conversation, Document, Message, MessageRole, Passage, Tenant, Upload};
use crate::tokens;

pub use asked::asked;
use cut::Piece;

/// The longest title, in characters.
const TITLE: usize = 80;
/// How much of its beginning and its end stands for a long text where the talk is told again, in tokens.
const HEAD: usize = 120;
const TAIL: usize = 60;
/// A text of fewer bytes is not made shorter by leaving out its middle.
const SHORT_BYTES: usize = 600;
/// A passage that holds less than this share of what the best one holds of a question does not fit it.
const NEAR_BEST: f32 = 0.4;
/// Where the best holds so much of the question, nothing else is worth reading.
const ANSWERED: f32 = 0.5;

/// A long text, cut into passages. Making one takes some 0.4 s for a million letters: a thread's work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Of the whole text.
    pub tokens: usize,
    title: String,
    bytes: usize,
    pieces: Vec<Piece>,
}

impl Cut {
    pub fn of(text: &str) -> Self {
        Self { tokens: tokens::count(text), title: title(text), bytes: text.len(), pieces: cut::cut(text) }
    }

    /// What `message`, whose text this is, becomes: a document, and its passages in their order.
    pub fn into_document(self, conversation: &Conversation, message: &Message) -> (Document, Vec<Passage>) {
        let Self { tokens, title, bytes, pieces } = self;
        let (account_id, id) = (message.account_id, DocumentId::new());
        let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let document = Document {
            account_id,
            id,
            bot_id: conversation.bot_id,
            conversation_id: message.conversation_id,
            person_id: conversation.person_id,
            message_id: message.id,
            upload_id: None,
            title,
            bytes: number(bytes),
            tokens: number(tokens),
            passages: number(pieces.len()),
            sent_at: message.sent_at,
        };
        let passage = |(ordinal, Piece { heading, text, tokens })| Passage {
            account_id,
            id: PassageId::new(),
            document_id: id,
            ordinal,
            heading,
            text,
            tokens: number(tokens),
        };
        (document, (1..).zip(pieces).map(passage).collect())
    }

    /// The same of a file of `message`, which is called by its name.
    pub fn into_document_of(
        self,
        conversation: &Conversation,
        message: &Message,
        file: &Upload,
    ) -> (Document, Vec<Passage>) {
        let (document, passages) = self.into_document(conversation, message);
        (Document { upload_id: Some(file.id), title: file.filename.clone(), ..document }, passages)
    }

    /// Whether these are the passages that come of it.
    pub fn is(&self, passages: &[Passage]) -> bool {
        let same = |(piece, passage): (&Piece, &Passage)| {
            piece.heading == passage.heading && piece.text == passage.text
        };
        self.pieces.len() == passages.len() && self.pieces.iter().zip(passages).all(same)
    }
}

/// Passages in the order in which they are worth reading for `question`, each by its place with the share of the
/// question that it holds. Where that is little, those from all over the text come after the ones that fit.
pub fn worth_reading(question: &str, passages: &[Passage]) -> Vec<(usize, f32)> {
    let whole: Vec<String> = passages.iter().map(Passage::whole).collect();
    let texts: Vec<&str> = whole.iter().map(String::as_str).collect();
    let shares = Memory::coverage(question, &texts);
    let best = shares.iter().copied().fold(0.0, f32::max);
    let mut fitting: Vec<(usize, f32)> = shares.iter().copied().enumerate().collect();
    fitting.retain(|(_, share)| *share > 0.0 && *share >= best * NEAR_BEST);
    fitting.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if best < ANSWERED {
        let known: HashSet<usize> = fitting.iter().map(|(place, _)| *place).collect();
        let others = spread(passages.len()).into_iter().filter(|place| !known.contains(place));
        fitting.extend(others.map(|place| (place, 0.0)));
    }
    fitting
}

/// The first line that says something, or the beginning of it.
fn title(text: &str) -> String {
    let line = text.lines().map(|line| line.trim().trim_start_matches('#').trim());
    let line = line.into_iter().find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or("…");
    match line.char_indices().nth(TITLE) {
        Some((end, _)) => {
            let part = &line[..end];
            let word = part.rfind(' ').filter(|at| at * 2 > end);
            format!("{}…", &part[..word.unwrap_or(end)])
        }
        None => line.to_owned(),
    }
}

/// `0..count`, so that whoever stops early has come by all parts: the middle, then the middles of the halves.
fn spread(count: usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(count);
    let mut spans = VecDeque::from([(0, count)]);
    while let Some((from, to)) = spans.pop_front() {
        if from < to {
            let middle = from + (to - from) / 2;
            places.push(middle);
            spans.extend([(from, middle), (middle + 1, to)]);
        }
    }
    places
}

/// How a long text begins and ends, with a mark between.
fn in_short(text: &str) -> String {
    let (head, tail) = (tokens::beginning(text, HEAD), tokens::ending(text, TAIL));
    if head.len() + tail.len() >= text.len() {
        return text.to_owned();
    }
    format!("{}\n[…]\n{}", head.trim_end(), tail.trim_start())
}

/// Whether it may have become a document, and is made shorter by leaving out its middle.
fn is_long(message: &Message) -> bool {
    message.role == MessageRole::Person && message.text.len() > SHORT_BYTES
}

/// Puts how they begin and end in place of the texts of those messages that became documents; says which they are.
pub(super) async fn shorten<'a>(
    tx: &mut Tenant,
    messages: impl Iterator<Item = &'a mut Message>,
) -> Result<Vec<MessageId>> {
    let long: Vec<&mut Message> = messages.filter(|message| is_long(message)).collect();
    let ids: Vec<MessageId> = long.iter().map(|message| message.id).collect();
    let documents = Document::list_of_messages(tx, &ids).await?;
    for message in long {
        if documents.iter().any(|document| document.message_id == message.id) {
            message.text = in_short(&message.text);
        }
    }
    Ok(documents.into_iter().map(|document| document.message_id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::documents::tests::{conversation, thread};

    #[test]
    fn a_message_becomes_a_document_of_all_its_words() {
        let of = conversation(None);
        let text = format!("# The lease\n\n{}", "The rent is due on the first day. ".repeat(600));
        let message = thread(&of, &[&text]).remove(0);
        let cut = Cut::of(&message.text);
        let (document, passages) = cut.clone().into_document(&of, &message);
        assert!(cut.is(&passages) && !cut.is(&passages[1..]));
        assert_eq!((document.title.as_str(), document.message_id), ("The lease", message.id));
        assert_eq!(document.passages as usize, passages.len());
        assert!(passages.len() > 10 && passages.iter().all(|passage| passage.heading == "The lease"));
        assert!(passages.iter().zip(1..).all(|(passage, place)| passage.ordinal == place));
    }

    #[test]
    fn titles_are_what_a_text_begins_with() {
        assert_eq!(title("\n---\n## Lease of 2019 \n\ntext"), "Lease of 2019");
        assert_eq!(title("..."), "…");
        let long = title(&"many words ".repeat(30));
        assert!(long.ends_with("words…") && long.chars().count() <= TITLE + 1, "{long}");
        assert_eq!(title(&"字".repeat(500)).chars().count(), TITLE + 1);
    }

    #[test]
    fn the_fitting_passages_come_first_and_without_a_question_those_from_all_over() {
        let of = conversation(None);
        let parts: Vec<String> = (0..40)
            .map(|n| format!("## Part {n}\n\n{}", format!("Clause {n} binds both. ").repeat(60)))
            .collect();
        let text = parts.join("\n\n") + "\n\n## Zebras\n\n" + &"Zebras may graze on the common. ".repeat(40);
        let message = thread(&of, &[&text]).remove(0);
        let (_, passages) = Cut::of(&message.text).into_document(&of, &message);
        let best = worth_reading("Where may zebras graze?", &passages);
        assert!(passages[best[0].0].text.contains("Zebras may graze"));
        let any = worth_reading("What is it?", &passages);
        let places: Vec<usize> = any.iter().map(|(place, _)| *place).collect();
        assert_eq!(places.len(), passages.len());
        assert!(places[..7].iter().any(|place| *place < passages.len() / 4), "{places:?}");
        assert!(places[..7].iter().any(|place| *place > passages.len() * 3 / 4), "{places:?}");
        let mut sorted = places.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..passages.len()).collect::<Vec<_>>());
    }

    #[test]
    fn in_short_it_is_how_it_begins_and_ends() {
        let text = format!("It begins here. {}So it ends.", "And goes on and on. ".repeat(1_000));
        let short = in_short(&text);
        assert!(short.starts_with("It begins here.") && short.ends_with("So it ends."), "{short}");
        assert!(tokens::count(&short) < HEAD + TAIL + 10);
        assert_eq!(in_short("short"), "short");
    }
}
