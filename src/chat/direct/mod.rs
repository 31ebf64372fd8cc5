//! An answer without a turn: a client brings the history along, and the answer streams straight back. Nothing
//! is stored but what it took, and nothing is asked of the database that was asked a moment ago.

mod meter;
mod minds;
mod recorded;
mod rounds;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::bots::LiveBot;
use crate::chat::context::{Direct, NoRoom, assemble_direct};
use crate::chat::engine::Engine;
use crate::chat::load::quotable;
use crate::dialog::{Effect, Evidence, Message, Spend, Tool, ToolContext, ToolSpec, Wishes};
use crate::error::Error;
use crate::id::TurnId;
use crate::providers::{self, Event, Kind, Route};
use meter::Meter;
use rounds::Rounds;

pub(super) use minds::Minds;
pub use recorded::AskedIn;

/// What a client asks.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Oldest first; the last one is a person's, or the results of the client's tools.
    pub messages: Vec<Message>,
    /// The client's own: it is asked to call them.
    pub tools: Vec<ToolSpec>,
    pub wishes: Wishes,
}

/// An answer as it comes in. A good one ends in one [`Event::Done`]; calls are for the client's own tools.
/// Dropping it stops the model at once.
pub type Answering = BoxStream<'static, Result<Event, Unanswered>>;

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    Model(providers::Error),
    /// The newest words and what stands before them are larger than the bot's budget.
    NoRoom(NoRoom),
    /// A limit is reached; the sentence is for the person.
    Denied(String),
    /// One of the bot's own tools could not go on.
    Tool(Error),
    /// The model called the bot's tools without end.
    TooManyRounds,
    /// The bot has a tool of that name itself.
    ToolNameTaken(String),
    Other(Error),
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Chat {
    /// Answers a client that brings its whole history along. Nothing is remembered.
    ///
    /// The bot's own tools are offered as far as they only read: what they return goes to the model.
    pub async fn ask(
        &self,
        actor: &Actor,
        live: &Arc<LiveBot>,
        asked: Asked,
    ) -> Result<Answering, Unanswered> {
        actor.require(Scope::Chat)?;
        let engine = &self.engine;
        let Asked { messages, tools: theirs, wishes } = asked;
        let (routes, own) = tools_of(engine, actor, live, &theirs).await?;
        let request = assemble_direct(Direct {
            bot: &live.spec,
            fixed: live.fixed(),
            evidence: evidence(&routes, live, &messages),
            tools: own.iter().map(|tool| tool.spec()).chain(theirs).collect(),
            ratio: engine.ratio_of(&routes),
            messages,
            wishes,
        })
        .map_err(Unanswered::NoRoom)?;
        let spend = Spend { account: actor.account, bot: live.bot.id, person: Some(actor.person) };
        let context = ToolContext {
            account: actor.account,
            bot: live.bot.id,
            conversation: None,
            person: Some(actor.person),
            turn: TurnId::new(),
            ordinal: 0,
        };
        Ok(self.rounds(routes, own, context, spend).answer(request).boxed())
    }

    fn rounds(
        &self,
        routes: Vec<Route>,
        own: Vec<Arc<dyn Tool>>,
        context: ToolContext,
        spend: Spend,
    ) -> Rounds {
        let meter = Meter::new(self.engine.clone(), spend, &routes);
        Rounds { engine: self.engine.clone(), routes, own, context, meter }
    }

    /// Writes what requests without a turn took, until `stop`.
    pub async fn keep_books(&self, stop: tokio_util::sync::CancellationToken) {
        self.engine.ledger.keep(&self.engine.store, stop).await;
    }
}

/// The models that answer, and the bot's own tools beside the client's: those that only read, since without a
/// durable turn nobody could tell whether a repeated request has written already.
async fn tools_of(
    engine: &Engine,
    actor: &Actor,
    live: &LiveBot,
    theirs: &[ToolSpec],
) -> Result<(Vec<Route>, Vec<Arc<dyn Tool>>), Unanswered> {
    let own: Vec<Arc<dyn Tool>> =
        engine.tools.iter().filter(|tool| tool.effect() == Effect::Reads).cloned().collect();
    if let Some(tool) = theirs.iter().find(|theirs| own.iter().any(|own| own.spec().name == theirs.name)) {
        return Err(Unanswered::ToolNameTaken(tool.name.clone()));
    }
    Ok((engine.minds.routes(engine, actor.account, live).await?, own))
}

/// What the built-in model may quote; the others read the prompt.
fn evidence(routes: &[Route], live: &LiveBot, messages: &[Message]) -> Vec<Evidence> {
    if routes.iter().any(|route| route.kind == Kind::Offline) {
        quotable(&live.spec, messages)
    } else {
        Vec::new()
    }
}

impl Engine {
    /// What one call may take at most, in tokens, before anybody has counted: a token has some four letters.
    fn expected(request: &crate::dialog::Request) -> u32 {
        let system = request.system.len() / 4;
        let asked: usize = request.messages.iter().map(|message| message.parts.len() * 64).sum();
        let limit = request.max_output_tokens.unwrap_or(0);
        u32::try_from(system + asked).unwrap_or(u32::MAX).saturating_add(limit)
    }
}
