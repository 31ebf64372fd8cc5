//! The client's history: instructions apart, everything else in order, every tool's result with its call.

use std::collections::HashMap;

use serde_json::Value;

use super::content::{self, Content, text_of};
use super::fields::Fields;
use super::refusal::Refusal;
use crate::dialog::{Call, Message, Part, Returned, Role};

/// The most messages of one request.
const MOST: usize = 10_000;

/// What a client sent as `messages`.
#[derive(Debug)]
pub(super) struct History {
    /// Of `system` and `developer`, in their order.
    pub(super) instructions: String,
    /// The rest; the last one is a person's, or a tool's results.
    pub(super) messages: Vec<Message>,
    /// Where the first picture stands.
    pub(super) pictured: Option<String>,
}

pub(super) fn read(body: Fields<'_, '_>) -> Result<History, Refusal> {
    let list = body.list("messages")?.filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| body.wrong("messages", "a list with at least one message"))?;
    if list.len() > MOST {
        return Err(body.wrong("messages", &format!("a list of at most {MOST} messages")));
    }
    let mut reading = Reading::default();
    for (index, value) in list.iter().enumerate() {
        let place = format!("messages[{index}]");
        reading.add(Fields::at(&place, value)?)?;
    }
    reading.finish(list.len())
}

#[derive(Default)]
struct Reading {
    instructions: Vec<String>,
    messages: Vec<Message>,
    /// Calls whose results have not come: their names by their ids.
    open: HashMap<String, String>,
    pictured: Option<String>,
}

impl Reading {
    fn add(&mut self, message: Fields<'_, '_>) -> Result<(), Refusal> {
        let role = message.needed_text("role")?;
        if role != "tool" && !self.open.is_empty() {
            let missing = self.open.keys().next().cloned().unwrap_or_default();
            return Err(message.wrong("role", &format!("`tool`: the call `{missing}` has no result yet")));
        }
        match role {
            "system" | "developer" => {
                let text = text_of(message, "content")?;
                self.instructions.push(text.ok_or_else(|| message.wrong("content", "a string"))?);
            }
            "user" => self.add_words(message)?,
            "assistant" => self.add_answer(message)?,
            "tool" => self.add_result(message)?,
            "function" => {
                return Err(Refusal::unsupported(
                    message.place("role"),
                    "messages of the role `function` are not taken: use `tools` and the role `tool`",
                ));
            }
            _ => return Err(message.wrong("role", "`system`, `developer`, `user`, `assistant` or `tool`")),
        }
        Ok(())
    }

    fn add_words(&mut self, message: Fields<'_, '_>) -> Result<(), Refusal> {
        let Content { text, pictures, pictured } = content::of_person(message)?;
        // Where several people speak, the model must know who did.
        let text = match message.text("name")? {
            Some(name) => format!("{name}: {text}"),
            None => text,
        };
        let mut parts: Vec<Part> = pictures.into_iter().map(Part::Picture).collect();
        if parts.is_empty() || !text.is_empty() {
            parts.push(Part::Text(text));
        }
        self.pictured = self.pictured.take().or(pictured);
        self.messages.push(Message { role: Role::Person, parts });
        Ok(())
    }

    fn add_answer(&mut self, message: Fields<'_, '_>) -> Result<(), Refusal> {
        if message.get("function_call").is_some() {
            return Err(Refusal::unsupported(
                message.place("function_call"),
                "`function_call` is not taken: use `tools` and `tool_calls`",
            ));
        }
        let text = text_of(message, "content")?.or(message.text("refusal")?.map(str::to_owned));
        let mut parts: Vec<Part> = text.filter(|text| !text.is_empty()).map(Part::Text).into_iter().collect();
        for (index, value) in message.list("tool_calls")?.into_iter().flatten().enumerate() {
            let place = message.place(&format!("tool_calls[{index}]"));
            let call = call_of(Fields::at(&place, value)?)?;
            if self.open.insert(call.id.clone(), call.name.clone()).is_some() {
                return Err(Refusal::invalid(format!("{place}.id"), "two calls have the same id"));
            }
            parts.push(Part::Call(call));
        }
        if parts.is_empty() {
            // Some clients keep the empty answer of a model that had nothing to say.
            parts.push(Part::Text(String::new()));
        }
        self.messages.push(Message { role: Role::Bot, parts });
        Ok(())
    }

    fn add_result(&mut self, message: Fields<'_, '_>) -> Result<(), Refusal> {
        let call_id = message.needed_text("tool_call_id")?.to_owned();
        let content = text_of(message, "content")?;
        let content = content.ok_or_else(|| message.wrong("content", "a string or a list of parts"))?;
        let Some(name) = self.open.remove(&call_id) else {
            return Err(message.wrong("tool_call_id", "the id of a call in the answer before it"));
        };
        let result = Part::Returned(Returned { call_id, name, content, is_error: false });
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Tool => last.parts.push(result),
            _ => self.messages.push(Message { role: Role::Tool, parts: vec![result] }),
        }
        Ok(())
    }

    fn finish(self, count: usize) -> Result<History, Refusal> {
        let last = format!("messages[{}]", count.saturating_sub(1));
        if let Some(missing) = self.open.keys().next() {
            return Err(Refusal::invalid(
                last,
                format!("the call `{missing}` has no result: add a `tool` message"),
            ));
        }
        if !self.messages.iter().any(|message| message.role == Role::Person) {
            return Err(Refusal::invalid("messages", "there is no message of the role `user` to answer"));
        }
        if self.messages.last().is_some_and(|message| message.role == Role::Bot) {
            return Err(Refusal::invalid(last, "the last message must be of the role `user` or `tool`"));
        }
        let instructions = self.instructions.into_iter().filter(|text| !text.trim().is_empty());
        let instructions = instructions.collect::<Vec<_>>().join("\n\n");
        Ok(History { instructions, messages: self.messages, pictured: self.pictured })
    }
}

fn call_of(call: Fields<'_, '_>) -> Result<Call, Refusal> {
    if call.text("type")?.is_some_and(|kind| kind != "function") {
        return Err(call.wrong("type", "`function`"));
    }
    let id = call.needed_text("id")?.to_owned();
    let place = call.place("function");
    let function = call.get("function").ok_or_else(|| call.wrong("function", "an object"))?;
    let function = Fields::at(&place, function)?;
    let name = function.needed_text("name")?.to_owned();
    // As the model wrote it, which need not be JSON.
    let written = function.text("arguments")?.unwrap_or("{}");
    let arguments = serde_json::from_str(written).unwrap_or_else(|_| Value::String(written.to_owned()));
    Ok(Call { id, name, arguments })
}
