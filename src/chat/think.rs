//! Thinking: the model streams, asks for tools, reads their results and goes on, within bounds.

use std::sync::Arc;

use futures_util::StreamExt;
use serde_json::json;

use crate::chat::engine::Engine;
use crate::chat::log::TurnLog;
use crate::dialog::{
    Call, Effect, Message, Part, Request, Returned, Role, Spend, Tool, ToolContext, ToolError, Usage,
};
use crate::providers::{self, Event, Finish, Route};
use crate::store::TurnEventKind;
use crate::tokens;

/// How often a model may ask for tools in one turn.
pub(super) const MAX_ROUNDS: usize = 8;

/// What came of it.
pub(super) struct Thought {
    pub(super) text: String,
    pub(super) usage: Usage,
    /// `provider/model` of the last answer.
    pub(super) model: String,
    pub(super) finish: Finish,
}

/// Why nothing came of it.
pub(super) enum Unfinished {
    /// Another run of the turn goes on; this one stops.
    Lost,
    Model(providers::Error),
    /// A limit was reached before the call.
    Denied(String),
    /// A tool could not go on.
    Tool(crate::error::Error),
    /// The model called tools without end.
    TooManyRounds,
}

/// What one answer is thought with.
pub(super) struct Mind<'a> {
    /// What the person is told before the model's first words.
    pub(super) notice: Option<String>,
    pub(super) routes: Vec<Route>,
    pub(super) tools: &'a [Arc<dyn Tool>],
    pub(super) spend: Spend,
    /// For tools; the ordinal is filled in.
    pub(super) context: ToolContext,
}

impl Engine {
    pub(super) async fn think(
        &self,
        mut request: Request,
        mut mind: Mind<'_>,
        log: &TurnLog,
    ) -> Result<Thought, Unfinished> {
        let mut thought = Thought {
            text: String::new(),
            usage: Usage::default(),
            model: String::new(),
            finish: Finish::Stop,
        };
        for _ in 0..MAX_ROUNDS {
            let (said, calls) = self.ask_once(&request, &mind, log, &mut thought).await?;
            thought.text.push_str(&said);
            if calls.is_empty() {
                return Ok(thought);
            }
            let mut parts = Vec::new();
            if !said.is_empty() {
                parts.push(Part::Text(said));
            }
            parts.extend(calls.iter().cloned().map(Part::Call));
            request.messages.push(Message { role: Role::Bot, parts });
            let mut results = Vec::new();
            for call in calls {
                mind.context.ordinal += 1;
                results.push(Part::Returned(call_tool(&mind, call, log).await?));
            }
            request.messages.push(Message { role: Role::Tool, parts: results });
        }
        Err(Unfinished::TooManyRounds)
    }

    /// One call of the model; its text goes to the log as it comes.
    async fn ask_once(
        &self,
        request: &Request,
        mind: &Mind<'_>,
        log: &TurnLog,
        thought: &mut Thought,
    ) -> Result<(String, Vec<Call>), Unfinished> {
        let expected = tokens::count(&request.system) + request.max_output_tokens.unwrap_or(0) as usize;
        let expected = u32::try_from(expected).unwrap_or(u32::MAX);
        let reservation = self
            .budget
            .reserve(mind.spend, expected)
            .await
            .map_err(|denied| Unfinished::Denied(denied.message))?;
        let mut stream =
            self.providers.stream(mind.routes.clone(), Arc::new(request.clone()), mind.spend.account);
        let mut text = String::new();
        let mut calls = Vec::new();
        let mut used = Usage::default();
        let mut ended = None;
        while let Some(event) = stream.next().await {
            if log.is_lost() {
                break;
            }
            match event {
                Ok(Event::Text(more)) => {
                    // No sooner: what was not shown yet can be begun anew with what somebody adds.
                    let first = thought.text.trim().is_empty() && text.trim().is_empty();
                    let notice = mind.notice.as_ref().filter(|_| first && !more.trim().is_empty());
                    let more = notice.map_or_else(|| more.clone(), |notice| format!("{notice}\n\n{more}"));
                    log.text(&more);
                    text.push_str(&more);
                }
                Ok(Event::ToolCall(call)) => calls.push(call),
                Ok(Event::Done { finish, usage, model }) => {
                    used = usage;
                    (thought.model, thought.finish) = (model, finish);
                    ended = Some(Ok(finish));
                }
                Err(error) => ended = Some(Err(error)),
            }
        }
        self.budget.settle(reservation, &used).await;
        thought.usage = thought.usage.plus(&used);
        match ended {
            None => Err(Unfinished::Lost),
            Some(Err(error)) => Err(Unfinished::Model(error)),
            // The last call may be cut in half: it is not made.
            Some(Ok(Finish::Length)) => Ok((text, Vec::new())),
            Some(Ok(_)) => Ok((text, calls)),
        }
    }
}

async fn call_tool(mind: &Mind<'_>, call: Call, log: &TurnLog) -> Result<Returned, Unfinished> {
    log.event(TurnEventKind::ToolCalled, json!({ "name": call.name, "arguments": call.arguments }));
    let result = match mind.tools.iter().find(|tool| tool.spec().name == call.name) {
        None => Err(ToolError::Refused(format!("there is no tool called `{}`", call.name))),
        Some(tool) => {
            // Once something is written the turn can no longer be restarted by a new message, so this must
            // be seen outside first.
            if tool.effect() == Effect::Writes && !log.flush().await {
                return Err(Unfinished::Lost);
            }
            tool.call(&mind.context, &call.arguments).await
        }
    };
    let (content, is_error) = match result {
        Ok(content) => (content, false),
        Err(ToolError::Refused(reason)) => (reason, true),
        Err(ToolError::Fatal(error)) => return Err(Unfinished::Tool(error)),
    };
    log.event(TurnEventKind::ToolReturned, json!({ "name": call.name, "isError": is_error }));
    Ok(Returned { call_id: call.id, name: call.name, content, is_error })
}
