//! The scripted model: says prepared lines, for tests and demonstrations.
//!
//! A script is JSONL: one reply a line, in the order in which they are said; empty lines and lines that begin
//! with `//` are skipped. Every key may be left out:
//!
//! ```json
//! {"say": "Hello there.", "delay_ms": 20, "first_ms": 300}
//! {"when": "milk", "call": {"name": "list_add", "arguments": {"item": "milk"}}}
//! {"fail": {"status": 429, "retry_after": 1}}
//! {"say": "This breaks off", "truncate_after": 2}
//! {"say": "This hangs", "stall_after": 1, "stall_ms": 600000}
//! ```
//!
//! - `say`: the text, streamed word by word; `delay_ms` before each word, `first_ms` before the first.
//! - `call`, or `calls`: tool calls, which come after the text. `id` defaults to `call_1`, `call_2`, ….
//! - `fail`: answers an HTTP error instead: `status`, and optionally `message` and `retry_after` (seconds).
//! - `truncate_after`: ends without an end mark after so many words.
//! - `stall_after`, `stall_ms`: after so many words (default 0), nothing for so long.
//! - `finish`: `stop`, `length` or `filtered`.
//! - `when`: the line is kept for a question that contains this text; other questions pass it over.
//! - `keep`: the line is not used up.
//!
//! One queue serves all conversations; `when` tells them apart. When no line fits, it says `You said: …`.
//! The time limits of real providers hold for it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Error, Event, EventStream, Finish, Phase, Provider, Route, Timeouts, refusal, usage};
use crate::dialog::{Call, Request, Usage};
use crate::error::{Error as HouseError, Result as HouseResult};

/// How many requests are remembered.
const MOST_HEARD: usize = 1_000;

/// One prepared reply; see the head of this file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Line {
    pub say: String,
    pub delay_ms: u64,
    pub first_ms: u64,
    pub call: Option<ScriptedCall>,
    pub calls: Vec<ScriptedCall>,
    pub fail: Option<Fail>,
    pub truncate_after: Option<usize>,
    pub stall_after: usize,
    pub stall_ms: u64,
    pub finish: ScriptedFinish,
    pub when: Option<String>,
    pub keep: bool,
}

/// A tool call in a script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    #[serde(default)]
    pub id: Option<String>,
    pub name: String,
    #[serde(default = "no_arguments")]
    pub arguments: Value,
}

/// An HTTP error in a script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    pub status: u16,
    #[serde(default)]
    pub message: Option<String>,
    /// In seconds.
    #[serde(default)]
    pub retry_after: Option<f64>,
}

/// Why a scripted reply ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScriptedFinish {
    #[default]
    Stop,
    Length,
    Filtered,
}

impl Line {
    /// A line that is only said.
    pub fn say(text: impl Into<String>) -> Self {
        Self { say: text.into(), ..Self::default() }
    }
    /// A line that asks for a tool.
    pub fn call(name: impl Into<String>, arguments: Value) -> Self {
        Self { call: Some(ScriptedCall { id: None, name: name.into(), arguments }), ..Self::default() }
    }
    /// A line that answers an HTTP error.
    pub fn fail(status: u16) -> Self {
        Self { fail: Some(Fail { status, message: None, retry_after: None }), ..Self::default() }
    }
}

/// The scripted model. Cheap to clone; clones share their lines.
#[derive(Debug, Clone)]
pub struct Scripted {
    state: Arc<Mutex<State>>,
    wait: Duration,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    heard: VecDeque<Arc<Request>>,
}

impl Scripted {
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self { state: Arc::default(), wait: timeouts.chunk }
    }

    pub(super) fn from_file(path: &Path, timeouts: Timeouts) -> HouseResult<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            HouseError::invalid(format!("cannot read the script `{}`: {error}", path.display()))
        })?;
        let scripted = Self::new(timeouts);
        for line in
            parse(&text).map_err(|problem| HouseError::invalid(format!("{}:{problem}", path.display())))?
        {
            scripted.push(line);
        }
        Ok(scripted)
    }

    /// Adds a line at the end of the queue.
    pub fn push(&self, line: Line) {
        self.lock().lines.push_back(line);
    }

    /// How many lines are waiting, those to be kept not counted.
    pub fn remaining(&self) -> usize {
        self.lock().lines.iter().filter(|line| !line.keep).count()
    }

    /// What was asked, oldest first: the last thousand requests.
    pub fn heard(&self) -> Vec<Arc<Request>> {
        self.lock().heard.iter().cloned().collect()
    }

    /// Forgets all lines and requests.
    pub fn clear(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_line(&self, request: &Arc<Request>) -> Line {
        let mut state = self.lock();
        if state.heard.len() >= MOST_HEARD {
            state.heard.pop_front();
        }
        state.heard.push_back(request.clone());
        let fits = |line: &Line| line.when.as_ref().is_none_or(|when| request.question.contains(when));
        let found = state.lines.iter().position(fits);
        let line = found.and_then(|at| match state.lines.get(at) {
            Some(line) if line.keep => Some(line.clone()),
            _ => state.lines.remove(at),
        });
        line.unwrap_or_else(|| Line::say(format!("You said: {}", request.question)))
    }
}

/// The lines of a script. The problem begins with its line and column.
fn parse(text: &str) -> Result<Vec<Line>, String> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("//"))
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| format!("{number}:{}: {error}", error.column()))
        })
        .collect()
}

#[async_trait]
impl Provider for Scripted {
    async fn stream(&self, route: &Route, request: &Arc<Request>) -> Result<EventStream, Error> {
        let line = self.next_line(request);
        if let Some(fail) = &line.fail {
            return Err(failure(&route.provider, fail));
        }
        let steps = steps(&line, route, request);
        let (wait, provider) = (self.wait, route.provider.clone());
        Ok(stream::unfold(steps.into_iter(), move |mut steps| {
            let provider = provider.clone();
            async move {
                let step = steps.next()?;
                // The timer ticks in milliseconds, so a wait of nothing would still cost one.
                if !step.after.is_zero() {
                    sleep(step.after.min(wait)).await;
                }
                let item = match step.event {
                    _ if step.after > wait => Err(Error::timeout(&provider, Phase::Chunk)),
                    Some(event) => Ok(event),
                    None => Err(Error::truncated(&provider)),
                };
                let rest = if item.is_err() { Vec::new().into_iter() } else { steps };
                Some((item, rest))
            }
        })
        .boxed())
    }
}

/// One event and the wait before it; no event is a cut.
struct Step {
    after: Duration,
    event: Option<Event>,
}

fn steps(line: &Line, route: &Route, request: &Request) -> Vec<Step> {
    let mut steps = Vec::new();
    let pause = |word: usize| {
        let first = if word == 0 { line.first_ms } else { 0 };
        let stall = if word == line.stall_after { line.stall_ms } else { 0 };
        Duration::from_millis(line.delay_ms + first + stall)
    };
    let words: Vec<&str> = line.say.split_inclusive(char::is_whitespace).collect();
    for (number, word) in words.iter().enumerate() {
        if line.truncate_after == Some(number) {
            break;
        }
        steps.push(Step { after: pause(number), event: Some(Event::Text((*word).to_owned())) });
    }
    if line.truncate_after.is_some() {
        steps.push(Step { after: Duration::ZERO, event: None });
        return steps;
    }
    let mut said = line.say.clone();
    let calls: Vec<Call> = line.call.iter().chain(&line.calls).enumerate().map(scripted_call).collect();
    for call in &calls {
        said.push_str(&call.name);
        said.push_str(&call.arguments.to_string());
        steps.push(Step { after: Duration::ZERO, event: Some(Event::ToolCall(call.clone())) });
    }
    let finish = match line.finish {
        ScriptedFinish::Stop if calls.is_empty() => Finish::Stop,
        ScriptedFinish::Stop => Finish::ToolCalls,
        ScriptedFinish::Length => Finish::Length,
        ScriptedFinish::Filtered => Finish::Filtered,
    };
    let after = if words.len() <= line.stall_after { pause(line.stall_after) } else { Duration::ZERO };
    let usage = usage::complete(Usage::default(), request, &said);
    steps.push(Step { after, event: Some(Event::Done { finish, usage, model: route.name() }) });
    steps
}

fn scripted_call((position, call): (usize, &ScriptedCall)) -> Call {
    let id = call.id.clone().unwrap_or_else(|| format!("call_{}", position + 1));
    Call { id, name: call.name.clone(), arguments: call.arguments.clone() }
}

fn failure(provider: &str, fail: &Fail) -> Error {
    let mut headers = HeaderMap::new();
    if let Some(seconds) =
        fail.retry_after.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok())
    {
        headers.insert(RETRY_AFTER, seconds);
    }
    let status = StatusCode::from_u16(fail.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({ "error": { "message": fail.message.as_deref().unwrap_or("as the script says") } });
    refusal::classify(provider, status, &headers, &body.to_string(), None)
}

fn no_arguments() -> Value {
    json!({})
}
