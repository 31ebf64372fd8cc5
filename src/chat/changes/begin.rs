//! A client that begins from nothing: everything that it may see, kind by kind, and then the feed from the place
//! where it stood at the beginning. What changes meanwhile comes again, twice rather than never.

use serde::{Deserialize, Serialize};

use crate::accounts::Actor;
use crate::chat::Chat;
use crate::chat::changes::{Changed, Changes, Entity, EntityKind, SyncToken, sees_only};
use crate::error::Result;
use crate::id::{BotId, ConversationId, TurnId};
use crate::store::{Bot, Conversation, Message, Tenant, Turn};

/// How far a client has come, and after which thing it goes on. What others refer to comes before them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    #[serde(rename = "b")]
    Bots(Option<BotId>),
    #[serde(rename = "c")]
    Conversations(Option<ConversationId>),
    #[serde(rename = "t")]
    Turns(Option<(ConversationId, i32, TurnId)>),
    #[serde(rename = "m")]
    Messages(Option<(ConversationId, i32)>),
}

impl Stage {
    pub(super) const FIRST: Self = Self::Bots(None);

    fn kind(self) -> EntityKind {
        match self {
            Self::Bots(_) => EntityKind::Bot,
            Self::Conversations(_) => EntityKind::Conversation,
            Self::Turns(_) => EntityKind::Turn,
            Self::Messages(_) => EntityKind::Message,
        }
    }

    fn next(self) -> Option<Self> {
        match self {
            Self::Bots(_) => Some(Self::Conversations(None)),
            Self::Conversations(_) => Some(Self::Turns(None)),
            Self::Turns(_) => Some(Self::Messages(None)),
            Self::Messages(_) => None,
        }
    }

    /// The same stage, after `last`.
    fn after(self, last: &Entity) -> Self {
        match last {
            Entity::Bot(bot, _) => Self::Bots(Some(bot.id)),
            Entity::Conversation(conversation) => Self::Conversations(Some(conversation.id)),
            Entity::Turn(turn) => Self::Turns(Some((turn.conversation_id, turn.first_ordinal, turn.id))),
            Entity::Message(message) => Self::Messages(Some((message.conversation_id, message.ordinal))),
        }
    }
}

impl Chat {
    /// The next page of everything. The last one leads to the feed.
    pub(super) async fn begin(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        mut token: SyncToken,
        first: usize,
    ) -> Result<Changes> {
        let mut entities = Vec::with_capacity(first);
        while let Some(stage) = token.stage {
            let room = first - entities.len();
            if room == 0 {
                break;
            }
            let found = if token.kinds.holds(stage.kind()) {
                self.list_stage(tx, actor, stage, i64::try_from(room).unwrap_or(i64::MAX)).await?
            } else {
                Vec::new()
            };
            token.stage = match found.last() {
                Some(last) if found.len() == room => Some(stage.after(last)),
                _ => stage.next(),
            };
            entities.extend(found);
        }
        let changed = entities.into_iter().map(Changed::Upsert).collect();
        Ok(Changes { changed, token, has_next: true, reset_required: false })
    }

    async fn list_stage(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        stage: Stage,
        limit: i64,
    ) -> Result<Vec<Entity>> {
        let person = sees_only(actor);
        Ok(match stage {
            Stage::Bots(after) => {
                let rows = Bot::list_all_after(tx, after, limit).await?;
                let bots = self.bots().of_rows(tx, rows).await?;
                bots.into_iter().map(|(row, live)| Entity::Bot(row, live)).collect()
            }
            Stage::Conversations(after) => {
                let rows = Conversation::list_all_after(tx, person, after, limit).await?;
                rows.into_iter().map(Entity::Conversation).collect()
            }
            Stage::Turns(after) => {
                let rows = Turn::list_all_after(tx, person, after, limit).await?;
                rows.into_iter().map(Entity::Turn).collect()
            }
            Stage::Messages(after) => {
                let rows = Message::list_all_after(tx, person, after, limit).await?;
                rows.into_iter().map(Entity::Message).collect()
            }
        })
    }
}
