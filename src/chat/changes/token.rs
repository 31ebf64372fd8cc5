//! Where a client of the change feed stands: what it keeps between its visits.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::accounts::Actor;
use crate::chat::changes::begin::Stage;
use crate::chat::changes::{EntityKind, sees_only};
use crate::store::{Cursor, Horizon};

/// A set of kinds of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Kinds(u8);

impl Kinds {
    pub fn all() -> Self {
        EntityKind::ALL.into_iter().collect()
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order in which a client that begins gets them.
    pub(super) fn iter(self) -> impl Iterator<Item = EntityKind> {
        EntityKind::ALL.into_iter().filter(move |kind| self.holds(*kind))
    }

    pub(super) fn holds(self, kind: EntityKind) -> bool {
        self.0 & bit(kind) != 0
    }
}

impl FromIterator<EntityKind> for Kinds {
    fn from_iter<I: IntoIterator<Item = EntityKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | bit(kind)))
    }
}

/// These stand in tokens that clients keep: they never change.
fn bit(kind: EntityKind) -> u8 {
    match kind {
        EntityKind::Bot => 1,
        EntityKind::Conversation => 2,
        EntityKind::Turn => 4,
        EntityKind::Message => 8,
    }
}

/// A place in what a client reads, and what it was made for. It proves nothing about whoever brings it: what they
/// may see is asked anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncToken {
    /// For whom: the account, and the person or nobody in particular.
    #[serde(rename = "v")]
    view: (u32, Option<u32>),
    #[serde(rename = "k")]
    pub(super) kinds: Kinds,
    /// Of which database.
    #[serde(rename = "m")]
    mark: i32,
    /// In the feed; of a client that begins, the place from which it will follow.
    #[serde(rename = "c")]
    pub(super) cursor: Cursor,
    /// How far it has come with what was there at the beginning.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<Stage>,
}

impl SyncToken {
    /// The place after everything that happened until now.
    pub(super) fn now(actor: &Actor, kinds: Kinds, horizon: &Horizon) -> Self {
        Self {
            view: (tail(actor.account.0), sees_only(actor).map(|person| tail(person.0))),
            kinds,
            mark: horizon.mark,
            cursor: horizon.head(),
            stage: None,
        }
    }

    /// The same for a client that has nothing.
    pub(super) fn at_the_beginning(self) -> Self {
        Self { stage: Some(Stage::FIRST), ..self }
    }

    pub(super) fn is_beginning(&self) -> bool {
        self.stage.is_some()
    }

    /// This token for whoever brings it now, to whom `fresh` would be given. `None` if one cannot go on from it:
    /// it is of another database or another life of this one, somebody else's, or of somebody who saw less; it
    /// left out kinds that are wanted now; or lines after it were forgotten.
    pub(super) fn renewed(self, fresh: &Self, horizon: &Horizon) -> Option<Self> {
        let is_same = (self.view, self.mark) == (fresh.view, fresh.mark);
        let has_all = fresh.kinds.iter().all(|kind| self.kinds.holds(kind));
        (is_same && has_all && horizon.reaches(self.cursor)).then_some(Self { kinds: fresh.kinds, ..self })
    }
}

/// The last bits of an id, which are random: enough to notice that it is another.
fn tail(id: Uuid) -> u32 {
    let [.., a, b, c, d] = *id.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}
