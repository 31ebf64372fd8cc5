//! What an answer looks like: whole, and in pieces.

use serde::Serialize;
use serde_json::{Value, json};

use crate::chat::LiveBot;
use crate::dialog::{Call, Usage};
use crate::id::RequestId;
use crate::providers::Finish;

/// What every piece of one answer says of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Head {
    id: String,
    object: &'static str,
    /// In seconds since 1970.
    created: i64,
    /// The name of the bot.
    model: String,
    /// Which state of the bot answered.
    system_fingerprint: String,
}

impl Head {
    pub(super) fn new(live: &LiveBot, created: i64) -> Self {
        Self {
            id: format!("chatcmpl-{}", RequestId::new().0.simple()),
            object: "chat.completion",
            created,
            model: live.bot.name.clone(),
            system_fingerprint: format!("revision-{}", live.number),
        }
    }

    /// The same for an answer that comes in pieces.
    pub(super) fn of_chunks(self) -> Self {
        Self { object: "chat.completion.chunk", ..self }
    }
}

#[derive(Serialize)]
struct Whole<'h> {
    #[serde(flatten)]
    head: &'h Head,
    choices: [Choice; 1],
    usage: Value,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    message: Value,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

/// A whole answer.
pub(super) fn whole(head: &Head, text: &str, calls: &[Call], finish: Finish, used: &Usage) -> Vec<u8> {
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { json!(text) };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    if !calls.is_empty() {
        message["tool_calls"] = calls.iter().map(call).collect();
    }
    let choice =
        Choice { index: 0, message, logprobs: None, finish_reason: reason(finish, !calls.is_empty()) };
    bytes(&Whole { head, choices: [choice], usage: usage(used) })
}

/// One piece of an answer.
#[derive(Serialize)]
pub(super) struct Chunk<'h> {
    #[serde(flatten)]
    head: &'h Head,
    choices: Vec<ChunkChoice<'h>>,
    /// Left out unless the client wants it; null in all pieces but the last then.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Value>,
}

#[derive(Serialize)]
struct ChunkChoice<'h> {
    index: u32,
    delta: Delta<'h>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Delta<'h> {
    Text { content: &'h str },
    Other(Value),
}

/// Writes the pieces of one answer.
pub(super) struct Chunks {
    pub(super) head: Head,
    pub(super) with_usage: bool,
}

impl Chunks {
    /// The first piece: who speaks.
    pub(super) fn role(&self) -> Vec<u8> {
        self.piece(Delta::Other(json!({ "role": "assistant", "content": "", "refusal": null })), None)
    }

    pub(super) fn text(&self, content: &str) -> Vec<u8> {
        self.piece(Delta::Text { content }, None)
    }

    /// The call of that number, whole.
    pub(super) fn call(&self, index: usize, asked: &Call) -> Vec<u8> {
        let mut written = call(asked);
        written["index"] = json!(index);
        self.piece(Delta::Other(json!({ "tool_calls": [written] })), None)
    }

    pub(super) fn finish(&self, finish: Finish, has_calls: bool) -> Vec<u8> {
        self.piece(Delta::Other(json!({})), Some(reason(finish, has_calls)))
    }

    /// The last piece, where it is wanted: no choice, and what the answer took.
    pub(super) fn usage(&self, used: &Usage) -> Option<Vec<u8>> {
        let chunk = || Chunk { head: &self.head, choices: Vec::new(), usage: Some(usage(used)) };
        self.with_usage.then(|| bytes(&chunk()))
    }

    fn piece(&self, delta: Delta<'_>, finish_reason: Option<&'static str>) -> Vec<u8> {
        let choice = ChunkChoice { index: 0, delta, logprobs: None, finish_reason };
        let usage = self.with_usage.then_some(Value::Null);
        bytes(&Chunk { head: &self.head, choices: vec![choice], usage })
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and JSON are always written.
    serde_json::to_vec(value).unwrap_or_default()
}

fn call(call: &Call) -> Value {
    // What the model wrote need not be JSON; the client gets it as it stands.
    let arguments = call.arguments.as_str().map_or_else(|| call.arguments.to_string(), str::to_owned);
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": arguments } })
}

fn reason(finish: Finish, has_calls: bool) -> &'static str {
    match finish {
        _ if has_calls => "tool_calls",
        Finish::Length => "length",
        Finish::Filtered => "content_filter",
        Finish::Stop | Finish::ToolCalls => "stop",
    }
}

pub(super) fn usage(used: &Usage) -> Value {
    let Usage { input_tokens, cached_tokens, output_tokens, reasoning_tokens } = used;
    json!({
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens.saturating_add(*output_tokens),
        "prompt_tokens_details": { "cached_tokens": cached_tokens },
        "completion_tokens_details": { "reasoning_tokens": reasoning_tokens },
    })
}
