//! A request as the client wrote it. What would change the answer and is not offered is refused by name; what
//! would not is let pass.

use serde_json::Value;

use super::fields::Fields;
use super::messages;
use super::refusal::Refusal;
use super::tools;
use crate::chat::Asked;
use crate::dialog::{Form, Manner, Schema, Wishes};

/// The most words to stop at.
const MOST_STOPS: usize = 4;
/// The longest name of a person, in bytes.
const LONGEST_USER: usize = 256;

/// Parameters that would change the answer and that nothing here can do.
const UNSUPPORTED: [&str; 15] = [
    "functions",
    "function_call",
    "logit_bias",
    "top_logprobs",
    "audio",
    "prediction",
    "web_search_options",
    "verbosity",
    // Of other servers that speak the protocol.
    "top_k",
    "min_p",
    "repetition_penalty",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "grammar",
];

/// What is to be done.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The name of a bot.
    pub(super) model: String,
    pub(super) is_streamed: bool,
    /// Whether a stream tells at its end what the answer took.
    pub(super) with_usage: bool,
    /// Whose conversation lasts; none for a request that is remembered by nobody.
    pub(super) user: Option<String>,
    /// Where the first picture stands, if there is one.
    pub(super) pictured: Option<String>,
    pub(super) asked: Asked,
}

pub(super) fn read(body: &Value) -> Result<Wanted, Refusal> {
    let body = Fields::of_body(body)?;
    refuse_unsupported(body)?;
    let model = body.needed_text("model")?.to_owned();
    let history = messages::read(body)?;
    let tools = tools::read(body)?;
    let is_streamed = body.flag("stream")?.unwrap_or(false);
    let limit = body.integer("max_completion_tokens", 1..=i64::from(u32::MAX))?;
    let older_limit = body.integer("max_tokens", 1..=i64::from(u32::MAX))?;
    let manner = Manner {
        top_p: body.number("top_p", 0.0..=1.0)?,
        frequency_penalty: body.number("frequency_penalty", -2.0..=2.0)?.filter(|penalty| *penalty != 0.0),
        presence_penalty: body.number("presence_penalty", -2.0..=2.0)?.filter(|penalty| *penalty != 0.0),
        seed: body.integer("seed", i64::MIN..=i64::MAX)?,
        stop: stop(body)?,
        tool_choice: tools::choice(body, &tools)?,
        parallel_calls: body.flag("parallel_tool_calls")?,
        form: form(body)?,
        effort: body.text("reasoning_effort")?.map(str::to_owned),
    };
    let wishes = Wishes {
        instructions: history.instructions,
        temperature: body.number("temperature", 0.0..=2.0)?,
        max_output_tokens: limit.or(older_limit).and_then(|limit| u32::try_from(limit).ok()),
        manner,
    };
    Ok(Wanted {
        model,
        is_streamed,
        with_usage: with_usage(body, is_streamed)?,
        user: user(body)?,
        pictured: history.pictured,
        asked: Asked { messages: history.messages, tools, wishes },
    })
}

fn refuse_unsupported(body: Fields<'_, '_>) -> Result<(), Refusal> {
    for name in UNSUPPORTED {
        let is_empty = |value: &Value| {
            value.as_object().is_some_and(serde_json::Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty)
        };
        if body.get(name).is_some_and(|value| !is_empty(value)) {
            return Err(Refusal::unsupported(name, format!("`{name}` is not supported here: leave it out")));
        }
    }
    if body.flag("logprobs")? == Some(true) {
        return Err(Refusal::unsupported("logprobs", "`logprobs` are not supported here: leave it out"));
    }
    if body.integer("n", 1..=i64::MAX)?.is_some_and(|n| n != 1) {
        return Err(Refusal::unsupported("n", "`n` can only be 1 here: ask several times instead"));
    }
    let modalities = body.list("modalities")?.map(Vec::as_slice).unwrap_or_default();
    if modalities.iter().any(|modality| modality != "text") {
        return Err(Refusal::unsupported("modalities", "`modalities` can only be [\"text\"] here"));
    }
    Ok(())
}

fn stop(body: Fields<'_, '_>) -> Result<Vec<String>, Refusal> {
    let must = format!("a string, or a list of 1 to {MOST_STOPS} strings, none of them empty");
    let stops = match body.get("stop") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => {
            let texts: Option<Vec<String>> =
                list.iter().map(|stop| stop.as_str().map(str::to_owned)).collect();
            texts.ok_or_else(|| body.wrong("stop", &must))?
        }
        Some(_) => return Err(body.wrong("stop", &must)),
    };
    if stops.len() > MOST_STOPS || stops.iter().any(String::is_empty) {
        return Err(body.wrong("stop", &must));
    }
    Ok(stops)
}

fn form(body: Fields<'_, '_>) -> Result<Form, Refusal> {
    let Some(format) = body.get("response_format") else { return Ok(Form::Text) };
    let format = Fields::at("response_format", format)?;
    match format.needed_text("type")? {
        "text" => Ok(Form::Text),
        "json_object" => Ok(Form::Json),
        "json_schema" => {
            let place = "response_format.json_schema";
            let schema = format.get("json_schema").ok_or_else(|| format.wrong("json_schema", "an object"))?;
            let schema = Fields::at(place, schema)?;
            let body = schema.get("schema").filter(|schema| schema.is_object());
            Ok(Form::Schema(Schema {
                name: schema.needed_text("name")?.into(),
                description: schema.text("description")?.map(str::to_owned),
                schema: body.ok_or_else(|| schema.wrong("schema", "a JSON Schema"))?.clone(),
                strict: schema.flag("strict")?,
            }))
        }
        _ => Err(format.wrong("type", "`text`, `json_object` or `json_schema`")),
    }
}

fn with_usage(body: Fields<'_, '_>, is_streamed: bool) -> Result<bool, Refusal> {
    let Some(options) = body.get("stream_options") else { return Ok(false) };
    if !is_streamed {
        return Err(Refusal::invalid(
            "stream_options",
            "`stream_options` is only allowed where `stream` is true",
        ));
    }
    Ok(Fields::at("stream_options", options)?.flag("include_usage")?.unwrap_or(false))
}

fn user(body: Fields<'_, '_>) -> Result<Option<String>, Refusal> {
    let user = body.text("user")?;
    if body.flag("store")? == Some(false) {
        return Ok(None);
    }
    let Some(user) = user else { return Ok(None) };
    if user.trim().is_empty() || user.len() > LONGEST_USER || user.contains(char::is_control) {
        let must =
            format!("1 to {LONGEST_USER} bytes without control characters; leave it out for no memory");
        return Err(body.wrong("user", &must));
    }
    Ok(Some(user.to_owned()))
}
