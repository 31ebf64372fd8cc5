//! Anthropic and Gemini through genai, with its traps closed:
//! - a stream that is cut ends silently, or (Gemini) in an end without a reason: both are [`Error::Truncated`];
//! - a streamed refusal hides its status and headers in a boxed error: it is taken out of its box;
//! - pieces of a call hold all arguments so far: the calls captured at the end are used;
//! - Anthropic's limit of output tokens defaults to 64,000 and more: ours is smaller;
//! - Gemini's signature of a call is lost between two requests: it travels in the call's id;
//! - a conversation that begins with the bot is refused: what it said moves into the system part.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use genai::adapter::AdapterKind;
use genai::chat::{
    ChatMessage, ChatOptions, ChatRequest, ChatResponseFormat, ChatRole, ChatStream, ChatStreamEvent,
    ContentPart, JsonSpec, MessageContent, StopReason, StreamEnd, Tool, ToolCall, ToolChoice as GenaiChoice,
    ToolResponse,
};
use genai::resolver::{AuthData, Endpoint as Address};
use genai::webc::StreamTimeout;
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::{Value, json};

use super::openai::unsent;
use super::refused::Refused;
use super::registry::Clients;
use super::usage::{clamp, complete};
use super::{Error, Event, EventStream, Finish, Kind, Phase, Provider, Route, Timeouts, refusal};
use crate::dialog::{Call, Form, Message, Part, Request, Role, ToolChoice, Usage};

/// Anthropic demands a limit; this one fits every model that is served.
const ANTHROPIC_MAX_TOKENS: u32 = 8_192;
/// Between a call's id and its signature, which is base64.
const SIGNATURE_MARK: char = '~';

/// Speaks through genai.
#[derive(Debug)]
pub(super) struct ViaGenai {
    client: Result<Client, String>,
    timeouts: Timeouts,
    refused: Refused,
}

#[async_trait]
impl Provider for ViaGenai {
    async fn stream(&self, route: &Route, request: &Arc<Request>) -> Result<EventStream, Error> {
        let model = route.name();
        loop {
            let without = self.refused.by(&model);
            let temperature = request.temperature.filter(|_| !without.contains("temperature"));
            let mut stream = self.ask(route, request, temperature).await?;
            // genai sends the request when the stream is first read, so the refusal is its first item.
            let first = loop {
                match stream.next().await {
                    Some(Ok(ChatStreamEvent::Start)) => {}
                    item => break item,
                }
            };
            if let Some(Err(error)) = &first
                && let Some((status, said)) = refusal_of(error)
                && self.refused.learn(&model, status, said, &["temperature"])
            {
                continue;
            }
            let reading = Reading { stream, first, said: String::new(), ready: Vec::new(), over: false };
            return Ok(reading.into_events(route.clone(), request.clone()));
        }
    }
}

impl ViaGenai {
    pub(super) fn new(clients: Clients, timeouts: Timeouts) -> Self {
        let client = clients.open().map_err(str::to_owned).and_then(|client| {
            Client::builder().with_reqwest(client.clone()).build().map_err(|error| error.to_string())
        });
        Self { client, timeouts, refused: Refused::default() }
    }

    async fn ask(
        &self,
        route: &Route,
        request: &Request,
        temperature: Option<f32>,
    ) -> Result<ChatStream, Error> {
        let client =
            self.client.as_ref().map_err(|problem| Error::unavailable(&route.provider, problem.clone()))?;
        let mut options = ChatOptions::default()
            .with_capture_usage(true)
            .with_capture_tool_calls(true)
            .with_stream_header_timeout(self.timeouts.header)
            .with_stream_read_timeout(self.timeouts.chunk);
        if let Some(temperature) = temperature {
            options = options.with_temperature(f64::from(temperature));
        }
        let default_limit = (route.kind == Kind::Anthropic).then_some(ANTHROPIC_MAX_TOKENS);
        if let Some(limit) = request.max_output_tokens.or(default_limit) {
            options = options.with_max_tokens(limit);
        }
        options = with_manner(options, request);
        let answer =
            client.exec_chat_stream(target(route)?, chat_request(route.kind, request), Some(&options)).await;
        answer.map(|answer| answer.stream).map_err(|error| failure(route, error))
    }
}

/// What genai cannot say was refused before (see [`super::manner`]).
fn with_manner(mut options: ChatOptions, request: &Request) -> ChatOptions {
    let manner = &request.manner;
    if let Some(top_p) = manner.top_p {
        options = options.with_top_p(f64::from(top_p));
    }
    if let Some(seed) = manner.seed {
        options = options.with_seed(seed.unsigned_abs());
    }
    if !manner.stop.is_empty() {
        options = options.with_stop_sequences(manner.stop.clone());
    }
    if let Form::Schema(schema) = &manner.form {
        let spec = JsonSpec::new(schema.name.as_str(), schema.schema.clone());
        options = options.with_response_format(ChatResponseFormat::JsonSpec(spec));
    }
    let choice = match &manner.tool_choice {
        ToolChoice::Auto => return options,
        _ if request.tools.is_empty() => return options,
        ToolChoice::None => GenaiChoice::None,
        ToolChoice::Required => GenaiChoice::Required,
        ToolChoice::Named(name) => GenaiChoice::tool(name.as_str()),
    };
    options.with_tool_choice(choice)
}

fn target(route: &Route) -> Result<ServiceTarget, Error> {
    let endpoint =
        route.endpoint.as_ref().ok_or_else(|| Error::refused(&route.provider, "it has no address"))?;
    let url =
        endpoint.url().map_err(|problem| Error::refused(&route.provider, format!("its entry {problem}")))?;
    let adapter = if route.kind == Kind::Anthropic { AdapterKind::Anthropic } else { AdapterKind::Gemini };
    let key = endpoint.usable_key().unwrap_or_default();
    if key.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(Error::refused(&route.provider, "the key holds characters that cannot be sent"));
    }
    Ok(ServiceTarget {
        endpoint: Address::from_owned(url.as_str()),
        auth: AuthData::from_single(key),
        model: ModelIden::new(adapter, route.model.as_str()),
    })
}

fn chat_request(kind: Kind, request: &Request) -> ChatRequest {
    let opening = request.messages.iter().take_while(|message| message.role == Role::Bot).count();
    let (opening, rest) = request.messages.split_at(opening);
    let mut system = request.system.clone();
    for message in opening {
        for part in &message.parts {
            if let Part::Text(text) = part {
                system.push_str("\n\nYou opened the conversation with: ");
                system.push_str(text);
            }
        }
    }
    let mut chat =
        ChatRequest::from_messages(rest.iter().map(|message| chat_message(kind, message)).collect());
    if !system.is_empty() {
        chat = chat.with_system(system);
    }
    if !request.tools.is_empty() {
        chat = chat.with_tools(request.tools.iter().map(|tool| {
            let offered = Tool::new(tool.name.as_str())
                .with_description(tool.description.as_str())
                .with_schema(tool.parameters.clone());
            if tool.strict { offered.with_strict(true) } else { offered }
        }));
    }
    chat
}

fn chat_message(kind: Kind, message: &Message) -> ChatMessage {
    let parts = message.parts.iter().map(|part| match part {
        Part::Text(text) => ContentPart::Text(text.clone()),
        Part::Picture(picture) => {
            ContentPart::from_binary_base64(picture.kind.media_type(), picture.base64(), None)
        }
        Part::Call(call) => {
            let (id, signature) = unsign(kind, &call.id);
            // Both demand an object, also where the model wrote none.
            let arguments = if call.arguments.is_object() { call.arguments.clone() } else { json!({}) };
            ContentPart::ToolCall(ToolCall {
                call_id: id.to_owned(),
                fn_name: call.name.clone(),
                fn_arguments: arguments,
                thought_signatures: signature.map(|signature| vec![signature.to_owned()]),
            })
        }
        Part::Returned(returned) => {
            let (id, _) = unsign(kind, &returned.call_id);
            ContentPart::ToolResponse(
                ToolResponse::new(id, returned.content.as_str()).with_fn_name(returned.name.as_str()),
            )
        }
    });
    let role = match message.role {
        Role::Person => ChatRole::User,
        Role::Bot => ChatRole::Assistant,
        Role::Tool => ChatRole::Tool,
    };
    ChatMessage::new(role, MessageContent::from_parts(parts.collect::<Vec<_>>()))
}

/// The id as Gemini made it, and the signature that came with the call.
fn unsign(kind: Kind, id: &str) -> (&str, Option<&str>) {
    match id.split_once(SIGNATURE_MARK) {
        Some((id, signature)) if kind == Kind::Gemini => (id, Some(signature)),
        _ => (id, None),
    }
}

fn call(kind: Kind, call: &ToolCall) -> Call {
    let signature = call.thought_signatures.as_ref().and_then(|signatures| signatures.first());
    let id = match signature {
        Some(signature) if kind == Kind::Gemini => format!("{}{SIGNATURE_MARK}{signature}", call.call_id),
        _ => call.call_id.clone(),
    };
    let arguments = if call.fn_arguments.is_null() { json!({}) } else { call.fn_arguments.clone() };
    Call { id, name: call.fn_name.clone(), arguments }
}

/// An answer that is being read.
struct Reading {
    stream: ChatStream,
    first: Option<genai::Result<ChatStreamEvent>>,
    /// Everything said, for our own count.
    said: String,
    /// To be handed on, last first.
    ready: Vec<Event>,
    over: bool,
}

impl Reading {
    fn into_events(self, route: Route, request: Arc<Request>) -> EventStream {
        stream::unfold((self, route, request), |(mut reading, route, request)| async move {
            let item = reading.next(&route, &request).await?;
            reading.over |= item.is_err();
            Some((item, (reading, route, request)))
        })
        .boxed()
    }

    async fn next(&mut self, route: &Route, request: &Request) -> Option<Result<Event, Error>> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(Ok(event));
            }
            if self.over {
                return None;
            }
            let item = match self.first.take() {
                Some(item) => Some(item),
                None => self.stream.next().await,
            };
            match item {
                Some(Ok(ChatStreamEvent::Chunk(chunk))) if !chunk.content.is_empty() => {
                    self.said.push_str(&chunk.content);
                    return Some(Ok(Event::Text(chunk.content)));
                }
                Some(Ok(ChatStreamEvent::End(end))) => {
                    self.over = true;
                    match self.end(route, request, &end) {
                        Ok(events) => self.ready = events,
                        Err(error) => return Some(Err(error)),
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(Err(failure(route, error))),
                None => return Some(Err(Error::truncated(&route.provider))),
            }
        }
    }

    /// The calls and the end, last first.
    fn end(&mut self, route: &Route, request: &Request, end: &StreamEnd) -> Result<Vec<Event>, Error> {
        let mut finish = match &end.captured_stop_reason {
            Some(StopReason::Completed(_) | StopReason::StopSequence(_)) => Finish::Stop,
            Some(StopReason::MaxTokens(_)) => Finish::Length,
            Some(StopReason::ToolCall(_)) => Finish::ToolCalls,
            Some(StopReason::ContentFilter(_)) => Finish::Filtered,
            Some(StopReason::Other(reason)) if reason.starts_with("MALFORMED") => {
                return Err(Error::malformed(&route.provider, "a malformed tool call"));
            }
            Some(StopReason::Other(_)) => Finish::Stop,
            None => return Err(Error::truncated(&route.provider)),
        };
        let mut events = Vec::new();
        for tool_call in end.captured_tool_calls().unwrap_or_default() {
            self.said.push_str(&tool_call.fn_name);
            self.said.push_str(&tool_call.fn_arguments.to_string());
            events.push(Event::ToolCall(call(route.kind, tool_call)));
            if finish == Finish::Stop {
                finish = Finish::ToolCalls;
            }
        }
        let usage = complete(end.captured_usage.as_ref().map(usage).unwrap_or_default(), request, &self.said);
        events.push(Event::Done { finish, usage, model: route.name() });
        events.reverse();
        Ok(events)
    }
}

fn usage(usage: &genai::chat::Usage) -> Usage {
    let number = |count: Option<i32>| clamp(count.unwrap_or(0).max(0));
    Usage {
        input_tokens: number(usage.prompt_tokens),
        cached_tokens: number(usage.prompt_tokens_details.as_ref().and_then(|details| details.cached_tokens)),
        output_tokens: number(usage.completion_tokens),
        reasoning_tokens: number(
            usage.completion_tokens_details.as_ref().and_then(|details| details.reasoning_tokens),
        ),
    }
}

/// The status and body of a refusal, out of its box.
fn refusal_of(error: &genai::Error) -> Option<(u16, &str)> {
    match error {
        genai::Error::HttpError { status, body, .. } => Some((status.as_u16(), body)),
        genai::Error::WebStream { error, .. } => refusal_of(error.downcast_ref::<genai::Error>()?),
        _ => None,
    }
}

fn failure(route: &Route, error: genai::Error) -> Error {
    let provider = route.provider.as_str();
    match error {
        genai::Error::HttpError { status, body, headers, .. } => {
            refusal::classify(provider, status, &headers, &body, route.key())
        }
        genai::Error::WebStream { error, .. } => match error.downcast::<genai::Error>() {
            Ok(boxed) => failure(route, *boxed),
            Err(error) => broken(route, error),
        },
        genai::Error::ChatResponse { body, .. } => {
            let event = body.get("error").unwrap_or(&body);
            // Gemini without a candidate: the prompt was blocked, or the frame is an error of another shape.
            if event.get("finishReason").is_some_and(Value::is_null) {
                return Error::unavailable(provider, "it gave no answer; it may have blocked the prompt");
            }
            refusal::classify_event(provider, event, route.key())
        }
        genai::Error::RequiresApiKey { .. } | genai::Error::NoAuthData { .. } => {
            Error::refused(provider, "it needs a key")
        }
        genai::Error::StreamParse { .. } => Error::malformed(provider, "a chunk that is no JSON"),
        genai::Error::JsonValueExt(_) | genai::Error::SerdeJson(_) => {
            Error::malformed(provider, "a chunk that lacks what it must hold")
        }
        _ => Error::refused(provider, "the request cannot be put in its words"),
    }
}

/// The connection failed: before the answer began it was not reachable, in the middle the answer is cut.
fn broken(route: &Route, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    if let Some(timeout) = error.downcast_ref::<StreamTimeout>() {
        let phase = if *timeout == StreamTimeout::Headers { Phase::Header } else { Phase::Chunk };
        return Error::timeout(&route.provider, phase);
    }
    match error.downcast::<reqwest::Error>() {
        Ok(error) if error.is_body() || error.is_decode() => Error::truncated(&route.provider),
        Ok(error) => unsent(route, *error),
        Err(_) => Error::malformed(&route.provider, "bytes that are not UTF-8"),
    }
}
