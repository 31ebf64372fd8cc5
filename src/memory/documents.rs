//! What the index is told of a message (its words, and those around it), a summary, a fact, a passage. Pure.

use chrono::TimeDelta;

use crate::search::{Document, Kind};
use crate::store::{Conversation, Fact, FactState, Message, MessageRole, Quoted, Summary};

/// How many messages on each side bear on one, at the most. Whoever changes a message changes the documents
/// of so many neighbours.
pub(super) const REACH: i32 = 5;

/// The nearer ones.
const NEAR: i32 = 2;

/// Messages that lie further apart are no neighbours.
pub(super) const APART: TimeDelta = TimeDelta::hours(6);

/// How much of a neighbour's text counts, in bytes: one that pastes a book shall not be the context of ten.
const NEIGHBOUR_BYTES: usize = 2_000;

/// How much of a text can be found, in bytes.
const TEXT_BYTES: usize = 64_000;

/// The document of `thread[place]`; `None` where nothing of it may be found. `thread` are messages of one
/// conversation by ordinal, those within [`REACH`] of `place` among them.
pub(super) fn of_message(conversation: &Conversation, thread: &[Message], place: usize) -> Option<Document> {
    let message = thread.get(place).filter(|message| is_heard(message))?;
    Some(Document {
        account: message.account_id,
        bot: conversation.bot_id,
        conversation: message.conversation_id,
        person: conversation.person_id,
        kind: Kind::Message,
        id: message.id.0,
        ordinal: message.ordinal.into(),
        at: message.sent_at,
        role_is_bot: message.role == MessageRole::Bot,
        speaker: message.author.clone(),
        text: start(&message.text, TEXT_BYTES).to_owned(),
        context_2: around(thread, place, NEAR),
        context_5: around(thread, place, REACH),
    })
}

/// The document of a summary; `None` for one that says nothing. It is a context of its own, so that it is
/// weighed like a message among its neighbours.
pub(super) fn of_summary(conversation: &Conversation, summary: &Summary) -> Option<Document> {
    let text = start(&summary.text, TEXT_BYTES).to_owned();
    (!text.is_empty()).then(|| Document {
        account: summary.account_id,
        bot: conversation.bot_id,
        conversation: summary.conversation_id,
        person: conversation.person_id,
        kind: Kind::Summary,
        id: summary.id.0,
        ordinal: summary.to_ordinal.into(),
        at: summary.since.unwrap_or(summary.created_at),
        role_is_bot: false,
        speaker: String::new(),
        context_2: text.clone(),
        context_5: text.clone(),
        text,
    })
}

/// The document of a fact; `None` for one that is not remembered any more. Whom it is about counts like who said a
/// message.
pub(super) fn of_fact(fact: &Fact) -> Option<Document> {
    (fact.state == FactState::Active).then(|| Document {
        account: fact.account_id,
        bot: fact.bot_id,
        conversation: fact.conversation_id,
        person: fact.person_id,
        kind: Kind::Fact,
        id: fact.id.0,
        ordinal: 0,
        at: fact.said_at,
        role_is_bot: false,
        speaker: fact.about.clone(),
        text: fact.text.clone(),
        context_2: fact.text.clone(),
        context_5: fact.text.clone(),
    })
}

/// The document of a passage. Nobody counts as its speaker: it is a text that somebody sent, not what they say.
pub(super) fn of_passage(quoted: &Quoted) -> Document {
    let of = &quoted.document;
    let text = quoted.whole();
    Document {
        account: of.account_id,
        bot: of.bot_id,
        conversation: of.conversation_id,
        person: of.person_id,
        kind: Kind::Passage,
        id: quoted.passage_id.0,
        ordinal: quoted.place.into(),
        at: of.sent_at,
        role_is_bot: false,
        speaker: String::new(),
        context_2: text.clone(),
        context_5: text.clone(),
        text,
    }
}

/// Whether it is part of the talk: not our own notices, not what was erased, no reply whose place another took.
fn is_heard(message: &Message) -> bool {
    message.role != MessageRole::System
        && message.erased_at.is_none()
        && message.superseded_by.is_none()
        && !message.text.is_empty()
}

/// The texts of the messages within `reach` of `thread[place]`, its own among them.
fn around(thread: &[Message], place: usize, reach: i32) -> String {
    let Some(middle) = thread.get(place) else { return String::new() };
    let is_near = |message: &&Message| {
        let ordinals = message.ordinal.abs_diff(middle.ordinal);
        ordinals <= reach.unsigned_abs() && (message.sent_at - middle.sent_at).abs() <= APART
    };
    let reach = usize::try_from(reach).unwrap_or_default();
    let candidates = &thread[place.saturating_sub(reach)..thread.len().min(place + reach + 1)];
    let mut context = String::new();
    for message in candidates.iter().filter(is_near).filter(|message| is_heard(message)) {
        let is_middle = message.ordinal == middle.ordinal;
        context.push_str(start(&message.text, if is_middle { TEXT_BYTES } else { NEIGHBOUR_BYTES }));
        context.push('\n');
    }
    context
}

/// The first `bytes` of a text, or a little less: no letter is cut.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::id::{AccountId, BotId, ConversationId, MessageId, PersonId};

    pub(in crate::memory) fn conversation(person: Option<PersonId>) -> Conversation {
        Conversation {
            account_id: AccountId::new(),
            id: ConversationId::new(),
            bot_id: BotId::new(),
            channel: "graphql".into(),
            key: "key".into(),
            person_id: person,
            title: None,
            last_ordinal: 0,
            last_event: 0,
            window_from: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            version: 1,
            session_hours: None,
        }
    }

    pub(in crate::memory) fn thread(of: &Conversation, texts: &[&str]) -> Vec<Message> {
        let message = |(ordinal, text): (i32, &&str)| Message {
            account_id: of.account_id,
            id: MessageId::new(),
            conversation_id: of.id,
            ordinal,
            role: MessageRole::Person,
            person_id: None,
            author: "Olena".into(),
            text: (*text).into(),
            version: 1,
            turn_id: None,
            sent_at: DateTime::UNIX_EPOCH + TimeDelta::minutes(ordinal.into()),
            edited_at: None,
            erased_at: None,
            superseded_by: None,
        };
        (1..).zip(texts).map(message).collect()
    }

    #[test]
    fn contexts_reach_two_and_five_to_each_side() {
        let of = conversation(None);
        let thread = thread(&of, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m"]);
        let document = of_message(&of, &thread, 6).unwrap();
        assert_eq!(document.text, "g");
        assert_eq!(document.context_2, "e\nf\ng\nh\ni\n");
        assert_eq!(document.context_5, "b\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n");
        let first = of_message(&of, &thread, 0).unwrap();
        assert_eq!(first.context_2, "a\nb\nc\n");
    }

    #[test]
    fn what_lies_hours_apart_is_no_neighbour() {
        let of = conversation(None);
        let mut thread = thread(&of, &["yesterday", "now", "then"]);
        thread[0].sent_at -= TimeDelta::hours(6);
        assert_eq!(of_message(&of, &thread, 1).unwrap().context_2, "now\nthen\n");
        assert_eq!(of_message(&of, &thread, 0).unwrap().context_2, "yesterday\n");
    }

    #[test]
    fn a_gap_in_the_ordinals_counts() {
        let of = conversation(None);
        let mut thread = thread(&of, &["far", "near", "here"]);
        thread[0].ordinal = -10;
        assert_eq!(of_message(&of, &thread, 2).unwrap().context_5, "near\nhere\n");
    }

    #[test]
    fn notices_and_what_was_erased_or_superseded_is_neither_found_nor_heard() {
        let of = conversation(Some(PersonId::new()));
        let mut thread = thread(&of, &["notice", "gone", "here", "replaced"]);
        thread[0].role = MessageRole::System;
        thread[1].erased_at = Some(DateTime::UNIX_EPOCH);
        thread[3].superseded_by = Some(thread[2].id);
        for place in [0, 1, 3] {
            assert!(of_message(&of, &thread, place).is_none());
        }
        let here = of_message(&of, &thread, 2).unwrap();
        assert_eq!(here.context_5, "here\n");
        assert_eq!(here.person, of.person_id);
    }

    #[test]
    fn a_book_is_not_the_context_of_its_neighbours() {
        let of = conversation(None);
        let book = "ї".repeat(200_000);
        let thread = thread(&of, &[&book, "short"]);
        assert_eq!(of_message(&of, &thread, 0).unwrap().text.len(), TEXT_BYTES);
        assert!(of_message(&of, &thread, 1).unwrap().context_2.len() < NEIGHBOUR_BYTES + 10);
    }
}
