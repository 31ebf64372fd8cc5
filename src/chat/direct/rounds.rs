//! Asking the model, calling the bot's own tools for it, and asking again, until it has answered or wants
//! something of the client.

use std::sync::Arc;

use async_stream::stream;
use futures_util::{Stream, StreamExt};

use crate::chat::direct::Unanswered;
use crate::chat::direct::meter::Meter;
use crate::chat::engine::Engine;
use crate::chat::think::MAX_ROUNDS;
use crate::dialog::{Call, Message, Part, Request, Returned, Role, Tool, ToolChoice, ToolContext, ToolError};
use crate::providers::{Error, Event, Finish, Route};

pub(super) struct Rounds {
    pub(super) engine: Arc<Engine>,
    pub(super) routes: Vec<Route>,
    /// The bot's own tools.
    pub(super) own: Vec<Arc<dyn Tool>>,
    pub(super) context: ToolContext,
    pub(super) meter: Meter,
}

/// How one call of the model ended.
struct Round {
    text: String,
    calls: Vec<Call>,
    finish: Finish,
    model: String,
}

impl Rounds {
    pub(super) fn answer(mut self, request: Request) -> impl Stream<Item = Result<Event, Unanswered>> + Send {
        stream! {
            let mut request = Arc::new(request);
            for _ in 0..MAX_ROUNDS {
                if let Err(denied) = self.meter.begin(&request).await {
                    yield Err(denied);
                    return;
                }
                let mut answer =
                    self.engine.providers.stream(self.routes.clone(), request.clone(), self.context.account);
                let mut round =
                    Round { text: String::new(), calls: Vec::new(), finish: Finish::Stop, model: String::new() };
                loop {
                    match answer.next().await {
                        Some(Ok(Event::Text(more))) => {
                            self.meter.said(&more);
                            if !self.own.is_empty() {
                                round.text.push_str(&more);
                            }
                            yield Ok(Event::Text(more));
                        }
                        Some(Ok(Event::ToolCall(call))) => round.calls.push(call),
                        Some(Ok(Event::Done { finish, usage, model })) => {
                            self.meter.end(&usage, model.clone()).await;
                            (round.finish, round.model) = (finish, model);
                            break;
                        }
                        Some(Err(error)) => {
                            yield Err(Unanswered::Model(error));
                            return;
                        }
                        None => {
                            let provider = "the model".to_owned();
                            yield Err(Unanswered::Model(Error::Truncated { provider }));
                            return;
                        }
                    }
                }
                match self.go_on(&request, &mut round).await {
                    Ok(Some(next)) => request = Arc::new(next),
                    Ok(None) => {
                        for call in round.calls {
                            yield Ok(Event::ToolCall(call));
                        }
                        yield Ok(Event::Done {
                            finish: round.finish,
                            usage: self.meter.total(),
                            model: round.model,
                        });
                        return;
                    }
                    Err(unanswered) => {
                        yield Err(unanswered);
                        return;
                    }
                }
            }
            yield Err(Unanswered::TooManyRounds);
        }
    }

    /// The next request, after the bot's own tools were called; `None` when the answer is whole or the client
    /// must call its tools. Where a model wants both at once it gets the client's first: it will ask again.
    async fn go_on(&mut self, request: &Request, round: &mut Round) -> Result<Option<Request>, Unanswered> {
        if round.finish == Finish::Length {
            // The last call may be cut in half: it is not made.
            round.calls.clear();
        }
        let is_own = |call: &Call| self.own.iter().any(|tool| tool.spec().name == call.name);
        let (own, theirs): (Vec<Call>, Vec<Call>) = round.calls.drain(..).partition(is_own);
        if own.is_empty() || !theirs.is_empty() {
            round.calls = theirs;
            return Ok(None);
        }
        let mut next = request.clone();
        let said = (!round.text.is_empty()).then(|| Part::Text(std::mem::take(&mut round.text)));
        let parts = said.into_iter().chain(own.iter().cloned().map(Part::Call)).collect();
        next.messages.push(Message { role: Role::Bot, parts });
        let mut results = Vec::new();
        for call in own {
            self.context.ordinal += 1;
            results.push(Part::Returned(self.call(call).await?));
        }
        next.messages.push(Message { role: Role::Tool, parts: results });
        // What had to be called was called.
        if next.manner.tool_choice != ToolChoice::None {
            next.manner.tool_choice = ToolChoice::Auto;
        }
        Ok(Some(next))
    }

    async fn call(&self, call: Call) -> Result<Returned, Unanswered> {
        let tool = self.own.iter().find(|tool| tool.spec().name == call.name);
        let result = match tool {
            Some(tool) => tool.call(&self.context, &call.arguments).await,
            None => Err(ToolError::Refused(format!("there is no tool called `{}`", call.name))),
        };
        let (content, is_error) = match result {
            Ok(content) => (content, false),
            Err(ToolError::Refused(reason)) => (reason, true),
            Err(ToolError::Fatal(error)) => return Err(Unanswered::Tool(error)),
        };
        Ok(Returned { call_id: call.id, name: call.name, content, is_error })
    }
}
