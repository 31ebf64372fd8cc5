//! Pages: how many are asked for, and from where. Cursors name a place in an order, not a number of rows, so
//! that a page stays true while rows are added.

use async_graphql::connection::CursorType;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::chat::SyncToken;
use crate::error::{Error, Result};
use crate::id::{AuditId, ConversationId, FactId, GenerationId};

/// The most on one page.
const MOST: usize = 100;

/// Which cursors there are, and how they are written. A change of meaning gets a new number.
const VERSION: &str = "1";

/// A place in an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Place {
    /// In a conversation.
    #[serde(rename = "o")]
    Ordinal(i32),
    /// Among conversations, by when something was last said.
    #[serde(rename = "c")]
    Recent(DateTime<Utc>, ConversationId),
    /// Among bots, by name.
    #[serde(rename = "b")]
    Name(String),
    /// Among generations, by when they were applied.
    #[serde(rename = "g")]
    Applied(DateTime<Utc>, GenerationId),
    /// Among matches, by rank.
    #[serde(rename = "r")]
    Rank(usize),
    /// In the audit log, by when it was done.
    #[serde(rename = "a")]
    Audited(DateTime<Utc>, AuditId),
    /// Among facts, by when they were learned.
    #[serde(rename = "f")]
    Fact(FactId),
    /// Among changes.
    #[serde(rename = "s")]
    Changes(SyncToken),
}

impl CursorType for Place {
    type Error = Error;

    fn decode_cursor(text: &str) -> Result<Self> {
        let place = || {
            let plain = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (version, place) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
            (version == VERSION).then(|| serde_json::from_str(place).ok())?
        };
        place().ok_or_else(|| {
            Error::invalid("this is no cursor of this API: take one from `pageInfo` or an edge")
        })
    }

    fn encode_cursor(&self) -> String {
        // A place is plain data, so it can be written.
        let place = serde_json::to_string(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(format!("{VERSION}:{place}"))
    }
}

/// Reads a cursor that must be of the kind that `pick` takes.
pub(super) fn place<T>(cursor: Option<&str>, pick: impl FnOnce(Place) -> Option<T>) -> Result<Option<T>> {
    let Some(cursor) = cursor else { return Ok(None) };
    let picked = pick(Place::decode_cursor(cursor)?);
    picked.map(Some).ok_or_else(|| Error::invalid("this cursor belongs to another list"))
}

/// A token of `changes`. `Invalid` if it is none.
pub(super) fn sync_token(text: &str) -> Result<SyncToken> {
    match Place::decode_cursor(text) {
        Ok(Place::Changes(token)) => Ok(token),
        _ => Err(Error::invalid(
            "this is no token of `changes`: give the `token` of its last page, or leave `since` out to begin",
        )),
    }
}

/// How many are asked for, from the front.
pub(super) fn first(first: Option<i32>) -> Result<usize> {
    match first {
        Some(count) => within(count, "first"),
        None => Err(Error::invalid(format!("say how many: `first`, 1 to {MOST}"))),
    }
}

/// One page of a list that can be read from both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    First(usize),
    Last(usize),
}

pub(super) fn page(first: Option<i32>, last: Option<i32>) -> Result<Page> {
    match (first, last) {
        (Some(count), None) => Ok(Page::First(within(count, "first")?)),
        (None, Some(count)) => Ok(Page::Last(within(count, "last")?)),
        (None, None) => Err(Error::invalid(format!("say how many: `first` or `last`, 1 to {MOST}"))),
        (Some(_), Some(_)) => Err(Error::invalid("say either `first` or `last`, not both")),
    }
}

fn within(count: i32, name: &str) -> Result<usize> {
    at_most(count, name, MOST)
}

/// A count from 1 to `most`. `Invalid` if it is none.
pub(super) fn at_most(count: i32, name: &str, most: usize) -> Result<usize> {
    usize::try_from(count)
        .ok()
        .filter(|count| (1..=most).contains(count))
        .ok_or_else(|| Error::invalid(format!("`{name}` is 1 to {most}, not {count}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_as_they_went() {
        let now = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
        let id = ConversationId::new();
        for place in [
            Place::Ordinal(7),
            Place::Recent(now, id),
            Place::Name("ux-advisor".into()),
            Place::Rank(20),
            Place::Applied(now, GenerationId::new()),
        ] {
            assert_eq!(Place::decode_cursor(&place.encode_cursor()).unwrap(), place);
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let other_version = URL_SAFE_NO_PAD.encode("2:{\"o\":7}");
        for wrong in ["", "7", "eyJvIjo3fQ", "💥", &other_version, &URL_SAFE_NO_PAD.encode("1:{\"x\":7}")] {
            assert!(Place::decode_cursor(wrong).is_err(), "{wrong}");
        }
        let rank = Place::Rank(3).encode_cursor();
        let ordinal = |place| if let Place::Ordinal(ordinal) = place { Some(ordinal) } else { None };
        assert!(place(Some(&rank), ordinal).unwrap_err().message().contains("another list"));
        assert_eq!(place(None, ordinal).unwrap(), None);
    }

    #[test]
    fn pages_have_a_size() {
        assert_eq!(page(Some(1), None).unwrap(), Page::First(1));
        assert_eq!(page(None, Some(100)).unwrap(), Page::Last(100));
        for (first, last) in
            [(None, None), (Some(1), Some(1)), (Some(0), None), (Some(101), None), (None, Some(-1))]
        {
            assert!(page(first, last).is_err(), "{first:?} {last:?}");
        }
        assert!(super::first(None).is_err() && super::first(Some(5)).is_ok());
    }
}
