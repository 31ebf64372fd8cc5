//! A request in the words of OpenAI's chat completions.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::dialog::{
    Call, Form, Manner, Message, Part, Picture, Request, Role, Schema, ToolChoice, ToolSpec,
};
use crate::providers::Route;

/// Parameters that some models refuse. They are left out, or sent under their other name, once refused.
pub(super) const OPTIONAL: [&str; 5] =
    ["temperature", "max_tokens", "max_completion_tokens", "stream_options", "thinking"];

/// The body of the call. `without` names what this model is known to refuse.
pub(super) fn body(route: &Route, request: &Request, without: &HashSet<&'static str>) -> Value {
    let mut body = json!({ "model": route.model, "stream": true });
    let mut set = |name: &'static str, value: Value| {
        if !without.contains(name) {
            body[name] = value;
        }
    };
    set("stream_options", json!({ "include_usage": true }));
    if let Some(temperature) = request.temperature {
        set("temperature", exact(temperature));
    }
    if let Some(limit) = request.max_output_tokens {
        set(limit_name(&route.provider, without), json!(limit));
    }
    if route.provider == "deepseek" {
        // A thinking model wants its thoughts back with the tools' results, and we do not keep them.
        set("thinking", json!({ "type": "disabled" }));
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(tool).collect();
        add_tool_choice(&mut body, &request.manner);
    }
    add_manner(&mut body, &request.manner);
    body["messages"] = messages(&route.provider, request);
    body
}

/// Through text, so that 0.4 does not become 0.4000000059604645.
fn exact(number: f32) -> Value {
    json!(number.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(number)))
}

fn add_tool_choice(body: &mut Value, manner: &Manner) {
    match &manner.tool_choice {
        ToolChoice::Auto => {}
        ToolChoice::None => body["tool_choice"] = json!("none"),
        ToolChoice::Required => body["tool_choice"] = json!("required"),
        ToolChoice::Named(name) => {
            body["tool_choice"] = json!({ "type": "function", "function": { "name": name } });
        }
    }
    if let Some(parallel) = manner.parallel_calls {
        body["parallel_tool_calls"] = json!(parallel);
    }
}

fn add_manner(body: &mut Value, manner: &Manner) {
    let numbers = [
        ("top_p", manner.top_p),
        ("frequency_penalty", manner.frequency_penalty),
        ("presence_penalty", manner.presence_penalty),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            body[name] = exact(number);
        }
    }
    if let Some(seed) = manner.seed {
        body["seed"] = json!(seed);
    }
    if !manner.stop.is_empty() {
        body["stop"] = json!(manner.stop);
    }
    if let Some(effort) = &manner.effort {
        body["reasoning_effort"] = json!(effort);
    }
    match &manner.form {
        Form::Text => {}
        Form::Json => body["response_format"] = json!({ "type": "json_object" }),
        Form::Schema(schema) => {
            body["response_format"] = json!({ "type": "json_schema", "json_schema": schema_of(schema) });
        }
    }
}

fn schema_of(schema: &Schema) -> Value {
    let Schema { name, description, schema, strict } = schema;
    let mut written = json!({ "name": name, "schema": schema });
    if let Some(description) = description {
        written["description"] = json!(description);
    }
    if let Some(strict) = strict {
        written["strict"] = json!(strict);
    }
    written
}

/// OpenAI's own models want the newer name, most others know the older one only.
fn limit_name(provider: &str, without: &HashSet<&'static str>) -> &'static str {
    let (first, second) = match provider {
        "openai" => ("max_completion_tokens", "max_tokens"),
        _ => ("max_tokens", "max_completion_tokens"),
    };
    if without.contains(first) { second } else { first }
}

fn tool(tool: &ToolSpec) -> Value {
    let mut function =
        json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
    if tool.strict {
        function["strict"] = json!(true);
    }
    json!({ "type": "function", "function": function })
}

fn messages(provider: &str, request: &Request) -> Value {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    for message in &request.messages {
        add(&mut messages, provider, message);
    }
    Value::Array(messages)
}

fn add(messages: &mut Vec<Value>, provider: &str, message: &Message) {
    let mut texts = Vec::new();
    let mut pictures = Vec::new();
    let mut calls = Vec::new();
    for part in &message.parts {
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::Picture(picture) => pictures.push(shown(picture)),
            Part::Call(call) => calls.push(json!({
                "id": call_id(provider, &call.id),
                "type": "function",
                "function": { "name": call.name, "arguments": arguments(call) },
            })),
            Part::Returned(returned) => messages.push(json!({
                "role": "tool",
                "tool_call_id": call_id(provider, &returned.call_id),
                "content": returned.content,
            })),
        }
    }
    let text = texts.join("\n\n");
    match message.role {
        Role::Person if pictures.is_empty() => messages.push(json!({ "role": "user", "content": text })),
        Role::Person => {
            if !text.is_empty() {
                pictures.push(json!({ "type": "text", "text": text }));
            }
            messages.push(json!({ "role": "user", "content": pictures }));
        }
        Role::Bot if calls.is_empty() => messages.push(json!({ "role": "assistant", "content": text })),
        Role::Bot => {
            let content = if text.is_empty() { Value::Null } else { Value::String(text) };
            messages.push(json!({ "role": "assistant", "content": content, "tool_calls": calls }));
        }
        Role::Tool => {}
    }
}

fn shown(picture: &Picture) -> Value {
    let url = format!("data:{};base64,{}", picture.kind.media_type(), picture.base64());
    json!({ "type": "image_url", "image_url": { "url": url } })
}

/// Arguments that were not an object are sent back as an empty one: servers parse them.
fn arguments(call: &Call) -> String {
    if call.arguments.is_object() { call.arguments.to_string() } else { "{}".into() }
}

/// Mistral takes nine letters and digits only, and a fallback may bring another provider's ids.
fn call_id(provider: &str, id: &str) -> String {
    if provider != "mistral" || (id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return id.to_owned();
    }
    blake3::hash(id.as_bytes()).to_hex().chars().take(9).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::Returned;
    use crate::providers::{Keys, Providers, Settings};

    fn route(provider: &str) -> Route {
        let providers = Providers::new(Settings::default()).unwrap();
        providers.resolve(&format!("{provider}/m"), &[], &Keys::none()).remove(0)
    }

    fn request() -> Request {
        let call = Call { id: "call_1".into(), name: "add".into(), arguments: json!({"a": 1}) };
        let returned =
            Returned { call_id: "call_1".into(), name: "add".into(), content: "2".into(), is_error: false };
        Request {
            system: "Be brief.".into(),
            messages: vec![
                Message::text(Role::Person, "add"),
                Message { role: Role::Bot, parts: vec![Part::Call(call)] },
                Message { role: Role::Tool, parts: vec![Part::Returned(returned)] },
            ],
            tools: vec![ToolSpec {
                name: "add".into(),
                description: "Adds".into(),
                parameters: json!({"type": "object"}),
                strict: false,
            }],
            temperature: Some(0.4),
            max_output_tokens: Some(9),
            manner: Manner::default(),
            evidence: Vec::new(),
            question: "add".into(),
        }
    }

    #[test]
    fn writes_the_whole_request() {
        let call = json!({"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}});
        let tool = json!({"name": "add", "description": "Adds", "parameters": {"type": "object"}});
        let expected = json!({
            "model": "m",
            "stream": true,
            "stream_options": {"include_usage": true},
            "temperature": 0.4,
            "max_completion_tokens": 9,
            "tools": [{"type": "function", "function": tool}],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "add"},
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "2"},
            ],
        });
        assert_eq!(body(&route("openai"), &request(), &HashSet::new()), expected);
    }

    #[test]
    fn passes_on_how_a_client_wants_to_be_answered() {
        let mut asked = request();
        asked.tools[0].strict = true;
        let schema = json!({"type": "object"});
        asked.manner = Manner {
            top_p: Some(0.9),
            frequency_penalty: Some(-0.5),
            presence_penalty: Some(1.0),
            seed: Some(7),
            stop: vec!["END".into()],
            tool_choice: ToolChoice::Named("add".into()),
            parallel_calls: Some(false),
            form: Form::Schema(Schema {
                name: "sum".into(),
                description: None,
                schema: schema.clone(),
                strict: Some(true),
            }),
            effort: Some("low".into()),
        };
        let body = body(&route("openai"), &asked, &HashSet::new());
        assert_eq!(body["tools"][0]["function"]["strict"], true);
        assert_eq!(body["tool_choice"], json!({"type": "function", "function": {"name": "add"}}));
        let written = json!({"name": "sum", "schema": schema, "strict": true});
        assert_eq!(body["response_format"], json!({"type": "json_schema", "json_schema": written}));
        for (name, value) in [
            ("top_p", json!(0.9)),
            ("frequency_penalty", json!(-0.5)),
            ("presence_penalty", json!(1.0)),
            ("seed", json!(7)),
            ("stop", json!(["END"])),
            ("parallel_tool_calls", json!(false)),
            ("reasoning_effort", json!("low")),
        ] {
            assert_eq!(body[name], value, "{name}");
        }
    }

    #[test]
    fn leaves_out_or_renames_what_was_refused() {
        let without = HashSet::from(["temperature", "max_completion_tokens", "stream_options"]);
        let body = body(&route("openai"), &request(), &without);
        assert_eq!(body["max_tokens"], 9);
        assert!(body.get("temperature").is_none() && body.get("stream_options").is_none());
    }

    #[test]
    fn mistral_gets_ids_of_nine_letters_that_match() {
        let body = body(&route("mistral"), &request(), &HashSet::new());
        let id = body["messages"][2]["tool_calls"][0]["id"].as_str().unwrap();
        assert_eq!(id.len(), 9);
        assert_eq!(body["messages"][3]["tool_call_id"], id);
        assert_eq!(call_id("mistral", "abcDEF123"), "abcDEF123");
    }
}
