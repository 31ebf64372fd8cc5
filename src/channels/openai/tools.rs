//! The client's tools, and what it says about their use.

use serde_json::{Value, json};

use super::fields::Fields;
use super::refusal::Refusal;
use crate::dialog::{ToolChoice, ToolSpec};

/// The most tools of one request.
const MOST: usize = 128;
/// The longest name, in bytes; no provider takes longer ones.
const LONGEST_NAME: usize = 64;

pub(super) fn read(body: Fields<'_, '_>) -> Result<Vec<ToolSpec>, Refusal> {
    let list = body.list("tools")?.map(Vec::as_slice).unwrap_or_default();
    if list.len() > MOST {
        return Err(body.wrong("tools", &format!("a list of at most {MOST} tools")));
    }
    let mut tools: Vec<ToolSpec> = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let place = format!("tools[{index}]");
        let tool = tool(Fields::at(&place, value)?)?;
        if tools.iter().any(|other| other.name == tool.name) {
            let message = format!("two tools are called `{}`", tool.name);
            return Err(Refusal::invalid(format!("{place}.function.name"), message));
        }
        tools.push(tool);
    }
    Ok(tools)
}

fn tool(tool: Fields<'_, '_>) -> Result<ToolSpec, Refusal> {
    let kind = tool.needed_text("type")?;
    if kind != "function" {
        let message = format!("tools of the type `{kind}` are not taken: only `function` is");
        return Err(Refusal::unsupported(tool.place("type"), message));
    }
    let place = tool.place("function");
    let function = tool.get("function").ok_or_else(|| tool.wrong("function", "an object"))?;
    let function = Fields::at(&place, function)?;
    let name = function.needed_text("name")?;
    let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.len() > LONGEST_NAME || !name.bytes().all(sane) {
        return Err(function.wrong("name", "letters, digits, `_` and `-`, at most 64 of them"));
    }
    let parameters = match function.get("parameters") {
        Some(schema) if schema.is_object() => schema.clone(),
        Some(_) => return Err(function.wrong("parameters", "a JSON Schema, which is an object")),
        None => json!({ "type": "object", "properties": {} }),
    };
    Ok(ToolSpec {
        name: name.into(),
        description: function.text("description")?.unwrap_or_default().into(),
        parameters,
        strict: function.flag("strict")?.unwrap_or(false),
    })
}

pub(super) fn choice(body: Fields<'_, '_>, tools: &[ToolSpec]) -> Result<ToolChoice, Refusal> {
    let must = "`none`, `auto`, `required` or {\"type\": \"function\", \"function\": {\"name\": …}}";
    let choice = match body.get("tool_choice") {
        None => return Ok(ToolChoice::Auto),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => return Ok(ToolChoice::Auto),
            "none" => return Ok(ToolChoice::None),
            "required" => ToolChoice::Required,
            _ => return Err(body.wrong("tool_choice", must)),
        },
        Some(Value::Object(object)) => {
            if object.get("type").and_then(Value::as_str) == Some("allowed_tools") {
                let message = "`allowed_tools` is not taken: send only the tools that are allowed";
                return Err(Refusal::unsupported("tool_choice.type", message));
            }
            let name = object.get("function").and_then(|function| function.get("name")?.as_str());
            let name = name.ok_or_else(|| body.wrong("tool_choice", must))?;
            if !tools.iter().any(|tool| tool.name == name) {
                let message = format!("`tool_choice` names `{name}`, which is not in `tools`");
                return Err(Refusal::invalid("tool_choice", message));
            }
            ToolChoice::Named(name.into())
        }
        Some(_) => return Err(body.wrong("tool_choice", must)),
    };
    if tools.is_empty() {
        return Err(Refusal::invalid("tool_choice", "`tool_choice` is only allowed where `tools` are given"));
    }
    Ok(choice)
}
