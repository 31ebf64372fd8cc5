//! What changed, for clients that keep a copy.

use async_graphql::connection::{CursorType as _, PageInfo};
use async_graphql::parser::types::SelectionSet;
use async_graphql::resolver_utils::enum_value;
use async_graphql::{Enum, ID, Interface, SimpleObject, Value};
use uuid::Uuid;

use crate::chat::{Changed, Changes, Entity, EntityKind};
use crate::graphql::at_once::{Asked, AtOnce, Quickly};
use crate::graphql::cursors::Place;
use crate::graphql::ids;
use crate::graphql::loaders::CompiledBot;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{Bot, Conversation, Message, Node, Turn};
use crate::id::{BotId, ConversationId, MessageId, TurnId};

/// A kind of thing that a client may keep a copy of. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "EntityKind")]
pub(in crate::graphql) enum ChangeType {
    /// `Bot`. Archiving it counts as a deletion.
    Bot,
    /// `Conversation`. It changes with every message and turn in it: `updatedAt` and `lastEventSeq` move.
    Conversation,
    /// `Turn`. Its states are changes; its words, while it runs, are not: those come by `turnEvents`.
    Turn,
    /// `Message`. Erasing it counts as a deletion.
    Message,
}

/// What became of one thing: `ChangeUpsert` or `ChangeDelete`. Clients must expect others.
#[derive(Interface, Clone)]
#[graphql(
    field(name = "id", ty = "&ID", desc = "Of the thing."),
    field(name = "type", method = "kind", ty = "&ChangeType", desc = "What kind of thing it is.")
)]
#[expect(clippy::large_enum_variant, reason = "most are of the large variant, and live for one answer")]
pub(in crate::graphql) enum Change {
    Upsert(ChangeUpsert),
    Delete(ChangeDelete),
}

/// There it is, new or changed: put it in the place of what you hold under its id.
#[derive(SimpleObject, Clone)]
pub(in crate::graphql) struct ChangeUpsert {
    /// Of the thing.
    id: ID,
    /// What kind of thing it is.
    #[graphql(name = "type")]
    kind: ChangeType,
    /// The thing as it stands now.
    node: Node,
}

/// It is gone (deleted, erased, archived, or no longer yours to see): forget what you hold under its id, if
/// you hold anything.
#[derive(SimpleObject, Clone)]
pub(in crate::graphql) struct ChangeDelete {
    /// Of the thing.
    id: ID,
    /// What kind of thing it was.
    #[graphql(name = "type")]
    kind: ChangeType,
    /// When it went.
    deleted_at: DateTime,
}

/// A page of changes. No thing is in it twice. Apply it as a whole, together with keeping its `token`.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ChangeConnection {
    /// What changed, in the order of the changes: what others refer to comes before them.
    nodes: Quickly<Change>,
    /// What to give as `since` the next time. Never null, also of an empty page.
    token: String,
    /// Whether there is more to be had at once: `hasNextPage`; and the token again: `endCursor`.
    page_info: PageInfo,
    /// True if what you hold cannot be brought up to date: the server's database was restored or moved, you
    /// were away for more than 90 days, the token was made for somebody else (or for somebody who sees less
    /// than you now do), or it left out a type that you ask for now. Forget everything and go on from `token`,
    /// which begins from nothing; `nodes` is empty.
    reset_required: bool,
}

impl AtOnce for Change {
    fn at_once(&self, asked: &Asked<'_>, set: &SelectionSet) -> Option<Value> {
        let Self::Upsert(ChangeUpsert { id, kind, node: Node::Message(message) }) = self else { return None };
        asked.object("ChangeUpsert", set, |field| match field.name.node.as_str() {
            "id" => Some(Value::String(id.0.clone())),
            "type" => Some(enum_value(*kind)),
            "node" => message.at_once(asked, &field.selection_set.node),
            _ => None,
        })
    }
}

impl From<Changes> for ChangeConnection {
    fn from(page: Changes) -> Self {
        let Changes { changed, token, has_next, reset_required } = page;
        let token = Place::Changes(token).encode_cursor();
        let page_info = PageInfo {
            has_previous_page: false,
            has_next_page: has_next,
            start_cursor: None,
            end_cursor: Some(token.clone()),
        };
        let nodes = Quickly(changed.into_iter().map(Change::from).collect());
        Self { nodes, token, page_info, reset_required }
    }
}

impl From<Changed> for Change {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Upsert(entity) => {
                let kind = entity.kind().into();
                let (id, node) = match entity {
                    Entity::Bot(row, live) => (ids::write(row.id), Node::Bot(Bot(CompiledBot { row, live }))),
                    Entity::Conversation(row) => (ids::write(row.id), Node::Conversation(Conversation(row))),
                    Entity::Turn(row) => (ids::write(row.id), Node::Turn(Turn(row))),
                    Entity::Message(row) => (ids::write(row.id), Node::Message(Message(row))),
                };
                Self::Upsert(ChangeUpsert { id, kind, node })
            }
            Changed::Delete { kind, id, at } => Self::Delete(ChangeDelete {
                id: global(kind, id),
                kind: kind.into(),
                deleted_at: DateTime(at),
            }),
        }
    }
}

fn global(kind: EntityKind, id: Uuid) -> ID {
    match kind {
        EntityKind::Bot => ids::write(BotId(id)),
        EntityKind::Conversation => ids::write(ConversationId(id)),
        EntityKind::Turn => ids::write(TurnId(id)),
        EntityKind::Message => ids::write(MessageId(id)),
    }
}

/// There is something to be read by `changes`. A hint: what it is, and whether it is still there, `changes` tells.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ChangesAvailable {
    /// The token that was given: what is new comes after it.
    pub(in crate::graphql) since: String,
    /// True if one cannot go on from the token any more: `changes` tells how to begin anew. Nothing follows.
    pub(in crate::graphql) reset_required: bool,
}
