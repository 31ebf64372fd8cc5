//! A bot of this machine, on the same database: beside a running server, or with an engine of our own.

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::{Answered, EARLIER, Line, Opening, Piece, Said};
use crate::app::{App, Options, Roles};
use crate::chat::{Inbound, Target, Update};
use crate::cli::Here;
use crate::cli::bots::known;
use crate::cli::exit::Failure;
use crate::error::{Error, Result};
use crate::id::{ConversationId, TurnId};
use crate::store::embedded::Claim;
use crate::store::{Message, MessageRole};

/// Under this name conversations of the terminal are kept apart from those of other doors.
const CHANNEL: &str = "terminal";

pub(super) struct Local {
    app: App,
    bot: String,
    conversation: Option<ConversationId>,
    turn: Option<TurnId>,
}

impl Local {
    /// Beside a running server that one answers: it has the keys that it was started with. Alone, this
    /// process starts an engine of its own.
    pub(super) async fn start(here: &Here, bot: String) -> std::result::Result<Self, Failure> {
        let alone = Claim::take(&here.config.data_dir).is_ok();
        let roles = Roles { worker: alone, ..Roles::NONE };
        let app = App::start(&here.config, Options { roles, ..here.options() }).await?;
        Ok(Self { app, bot, conversation: None, turn: None })
    }

    /// Hands back what is unfinished and lets go of the database.
    pub(super) async fn stop(self) {
        if let Err(error) = self.app.end().await {
            tracing::warn!(error = error.chain(), "the end was not clean");
        }
    }
}

#[async_trait]
impl Line for Local {
    async fn open(&mut self) -> Result<Opening> {
        let actor = self.app.operator();
        let live = known(self.app.chat(), actor, &self.bot).await?;
        let conversation = self.app.chat().open(actor, &self.bot, CHANNEL).await?;
        self.conversation = Some(conversation.id);
        let tx = self.app.store().tenant(actor.account).await?;
        let limit = EARLIER as i64;
        let messages =
            Message::list_newest(&tx, conversation.id, 1, conversation.last_ordinal, limit).await?;
        tx.commit().await?;
        Ok(Opening {
            name: live.spec.display_name.clone(),
            more: messages.first().is_some_and(|first| first.ordinal > 1),
            earlier: messages
                .into_iter()
                .filter(|message| message.erased_at.is_none())
                .map(|message| Said {
                    by_bot: message.role != MessageRole::Person,
                    text: message.text,
                    at: message.sent_at,
                })
                .collect(),
        })
    }

    async fn say(&mut self, text: &str) -> Result<BoxStream<'static, Result<Piece>>> {
        let conversation = self.conversation.ok_or_else(|| Error::internal("nothing was opened"))?;
        let inbound = Inbound {
            target: Target::Conversation(conversation),
            text: text.to_owned(),
            idempotency_key: None,
            channel: CHANNEL,
            wishes: None,
            uploads: Vec::new(),
        };
        let actor = self.app.operator();
        let accepted = self.app.chat().send(actor, inbound).await?;
        self.turn = Some(accepted.turn.id);
        let updates = self.app.chat().turn_events(actor, accepted.turn.id, 0).await?;
        Ok(updates.map(|update| update.map(|update| piece(update.what))).boxed())
    }

    async fn command(&mut self, typed: &str) -> Result<Answered> {
        let conversation = self.conversation.ok_or_else(|| Error::internal("nothing was opened"))?;
        let actor = self.app.operator();
        let answer = self.app.chat().run_command(actor, conversation, typed).await?;
        let export = match answer.export {
            true => Some(self.app.chat().export_own(actor, conversation).await?),
            false => None,
        };
        Ok(Answered { text: answer.text, export })
    }

    async fn cancel(&mut self) -> Result<()> {
        match self.turn {
            Some(turn) => self.app.chat().cancel(self.app.operator(), turn).await.map(|_| ()),
            None => Ok(()),
        }
    }
}

fn piece(update: Update) -> Piece {
    match update {
        Update::Text(text) => Piece::Text(text),
        Update::ToolCalled { name, arguments: _ } => Piece::Tool(name),
        Update::ToolReturned { .. } => Piece::Text(String::new()),
        Update::Restarted { .. } => Piece::Restarted,
        Update::Completed { .. } => Piece::Completed,
        Update::Failed { code: _, message, retryable } => Piece::Failed { message, retryable },
        Update::Cancelled => Piece::Cancelled,
    }
}
