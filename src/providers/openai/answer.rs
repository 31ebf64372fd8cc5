//! One streamed answer of OpenAI's chat completions, put together chunk by chunk. Pure: it is given the data
//! of each event and says what to hand on.

use std::collections::VecDeque;

use secrecy::SecretString;
use serde_json::Value;

use crate::dialog::{Call, Request, Usage};
use crate::providers::usage::{clamp, complete};
use crate::providers::{Error, Event, Finish, refusal};

/// The most calls that one answer may hold.
const MOST_CALLS: usize = 128;

/// What has come so far.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) provider: String,
    model: String,
    key: Option<SecretString>,
    /// Ready to be handed on, in order.
    pub(super) events: VecDeque<Event>,
    finish: Option<Finish>,
    usage: Usage,
    /// Everything said, for our own count.
    said: String,
    calls: Vec<Partial>,
    /// Whether anything that looks like an answer has come.
    pub(super) begun: bool,
}

/// A call whose pieces are still coming in.
#[derive(Debug, Default)]
struct Partial {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Answer {
    pub(super) fn new(provider: &str, model: String, key: Option<SecretString>) -> Self {
        Self {
            provider: provider.to_owned(),
            model,
            key,
            events: VecDeque::new(),
            finish: None,
            usage: Usage::default(),
            said: String::new(),
            calls: Vec::new(),
            begun: false,
        }
    }

    /// Whether the provider has said why it stopped: the answer is whole, even if the connection breaks now.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes in one chunk.
    pub(super) fn take(&mut self, data: &str) -> Result<(), Error> {
        let chunk: Value =
            serde_json::from_str(data).map_err(|_| self.malformed("a chunk that is no JSON"))?;
        if !chunk.is_object() {
            return Err(self.malformed("a chunk that is no object"));
        }
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(refusal::classify_event(&self.provider, error, self.key.as_ref()));
        }
        for usage in [chunk.get("usage"), chunk.pointer("/x_groq/usage")].into_iter().flatten() {
            self.take_usage(usage);
        }
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(()) };
        self.begun = true;
        // `delta` in a stream, `message` in an answer that came whole.
        let delta = choice.get("delta").filter(|delta| delta.is_object()).or_else(|| choice.get("message"));
        if let Some(delta) = delta {
            self.take_text(delta.get("content"));
            self.take_text(delta.get("refusal"));
            for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                self.take_call(call)?;
            }
        }
        if let Some(reason) =
            choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !reason.is_empty())
        {
            self.finish = Some(self.finish_of(reason)?);
        }
        Ok(())
    }

    /// The end mark has come: the calls and the end, or what is wrong with them.
    pub(super) fn end(&mut self, request: &Request) -> Result<(), Error> {
        let Some(mut finish) = self.finish else { return Err(Error::truncated(&self.provider)) };
        for (position, partial) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            if partial.name.is_empty() {
                return Err(self.malformed("a tool call without a name"));
            }
            self.said.push_str(&partial.name);
            self.said.push_str(&partial.arguments);
            self.events.push_back(Event::ToolCall(partial.into_call(position)));
            if finish == Finish::Stop {
                finish = Finish::ToolCalls;
            }
        }
        let usage = complete(std::mem::take(&mut self.usage), request, &self.said);
        self.events.push_back(Event::Done { finish, usage, model: std::mem::take(&mut self.model) });
        Ok(())
    }

    pub(super) fn malformed(&self, reason: &str) -> Error {
        Error::malformed(&self.provider, reason)
    }

    fn finish_of(&self, reason: &str) -> Result<Finish, Error> {
        Ok(match reason {
            "length" | "max_tokens" | "model_length" => Finish::Length,
            "tool_calls" | "function_call" => Finish::ToolCalls,
            "content_filter" | "safety" => Finish::Filtered,
            "error" => return Err(Error::unavailable(&self.provider, "it stopped with an error")),
            _ => Finish::Stop,
        })
    }

    /// A string, or a list of typed pieces, of which the text is taken and the thoughts are not.
    fn take_text(&mut self, content: Option<&Value>) {
        let text = match content {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(pieces)) => pieces
                .iter()
                .filter(|piece| piece.get("type").is_none_or(|kind| kind == "text"))
                .filter_map(|piece| piece.get("text").and_then(Value::as_str))
                .collect(),
            _ => return,
        };
        if !text.is_empty() {
            self.said.push_str(&text);
            self.events.push_back(Event::Text(text));
        }
    }

    /// A piece of a call. It belongs to the call with its index; without one, to the call with its id, else
    /// to the last. A second id under one index is a second call: some servers number all calls 0.
    fn take_call(&mut self, piece: &Value) -> Result<(), Error> {
        let text = |pointer: &str| piece.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (id, name) = (text("/id"), text("/function/name"));
        let index = piece.get("index").and_then(Value::as_u64);
        let known = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)),
            None if id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(|call| call.id == id),
        };
        let starts_another =
            |call: &Partial| !id.is_empty() && !call.id.is_empty() && call.id != id && !name.is_empty();
        let position = match known {
            Some(position) if !self.calls.get(position).is_some_and(starts_another) => position,
            _ => {
                if self.calls.len() >= MOST_CALLS {
                    return Err(self.malformed("too many tool calls"));
                }
                self.calls.push(Partial { index, ..Partial::default() });
                self.calls.len() - 1
            }
        };
        if let Some(call) = self.calls.get_mut(position) {
            if call.id.is_empty() {
                id.clone_into(&mut call.id);
            }
            if call.name.is_empty() {
                name.clone_into(&mut call.name);
            }
            match piece.pointer("/function/arguments") {
                Some(Value::String(arguments)) => call.arguments.push_str(arguments),
                Some(object @ Value::Object(_)) => call.arguments = object.to_string(),
                _ => {}
            }
        }
        Ok(())
    }

    fn take_usage(&mut self, usage: &Value) {
        let number = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).map(clamp);
        let Some(input_tokens) = number("/prompt_tokens") else { return };
        let reasoning_tokens = number("/completion_tokens_details/reasoning_tokens").unwrap_or(0);
        let mut output_tokens = number("/completion_tokens").unwrap_or(0);
        // xAI leaves the reasoning out of the completion; the total tells.
        if reasoning_tokens > 0
            && number("/total_tokens")
                == input_tokens.checked_add(output_tokens).and_then(|sum| sum.checked_add(reasoning_tokens))
        {
            output_tokens = output_tokens.saturating_add(reasoning_tokens);
        }
        let cached =
            number("/prompt_tokens_details/cached_tokens").or_else(|| number("/prompt_cache_hit_tokens"));
        self.usage =
            Usage { input_tokens, cached_tokens: cached.unwrap_or(0), output_tokens, reasoning_tokens };
    }
}

impl Partial {
    fn into_call(self, position: usize) -> Call {
        let id = if self.id.is_empty() { format!("call_{position}") } else { self.id };
        let arguments = match self.arguments.trim() {
            "" => Value::Object(serde_json::Map::new()),
            written => serde_json::from_str(written).unwrap_or(Value::String(self.arguments)),
        };
        Call { id, name: self.name, arguments }
    }
}
