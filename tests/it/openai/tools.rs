//! The client's own tools, beside the bot's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use botwright::dialog::{Effect, Part, Role, Tool, ToolChoice, ToolContext, ToolError, ToolSpec};
use botwright::providers::scripted::{Line, ScriptedCall};
use serde_json::{Value, json};

use crate::openai::{Open, PARROT, asked, pieces};

/// A tool of the bot's own that looks something up.
struct Clock {
    effect: Effect,
    called: AtomicUsize,
}

#[async_trait]
impl Tool for Clock {
    fn spec(&self) -> ToolSpec {
        let parameters = json!({ "type": "object" });
        ToolSpec { name: "clock".into(), description: "What time it is".into(), parameters, strict: false }
    }
    fn effect(&self) -> Effect {
        self.effect
    }
    async fn call(&self, context: &ToolContext, _: &Value) -> Result<String, ToolError> {
        assert_eq!(context.conversation, None);
        self.called.fetch_add(1, Ordering::SeqCst);
        Ok("noon".into())
    }
}

fn clock(effect: Effect) -> Arc<Clock> {
    Arc::new(Clock { effect, called: AtomicUsize::new(0) })
}

fn weather() -> Value {
    let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    json!([{ "type": "function", "function": { "name": "weather", "parameters": parameters } }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_calls_its_tools_itself_and_tells_what_they_said() {
    let open = Open::begin().await;
    open.talk.model_will([Line::call("weather", json!({ "city": "Lviv" })), Line::say("It rains in Lviv.")]);
    let answer = open.client.ask(json!({ "say": "How is Lviv?", "tools": weather() })).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = json!({
        "id": "call_1", "type": "function",
        "function": { "name": "weather", "arguments": "{\"city\":\"Lviv\"}" },
    });
    let message = json!({ "role": "assistant", "content": null, "refusal": null, "tool_calls": [call] });
    assert_eq!(choice["message"], message);

    let messages = json!([
        { "role": "user", "content": "How is Lviv?" },
        message,
        { "role": "tool", "tool_call_id": "call_1", "content": "rain" },
    ]);
    let text = open.client.text(json!({ "messages": messages, "tools": weather() })).await;
    assert_eq!(text, "It rains in Lviv.");
    let heard = open.talk.providers.scripted().heard().remove(1);
    let [_, called, result] = heard.messages.as_slice() else { panic!("{:?}", heard.messages) };
    assert!(matches!(&called.parts[..], [Part::Call(call)] if call.arguments == json!({ "city": "Lviv" })));
    assert_eq!(result.role, Role::Tool);
    assert!(
        matches!(&result.parts[..], [Part::Returned(it)] if it.name == "weather" && it.content == "rain")
    );
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_streamed_in_openais_shape() {
    let open = Open::begin().await;
    let call =
        |city: &str| ScriptedCall { id: Some(city.into()), name: "weather".into(), arguments: json!({}) };
    open.talk.model_will([Line { calls: vec![call("a"), call("b")], ..Line::say("Let me look") }]);
    let events = open.client.stream(json!({ "say": "How is it?", "tools": weather() })).await;
    let (pieces, text) = pieces(&events);
    assert_eq!(text, "Let me look");
    let calls: Vec<&Value> =
        pieces.iter().filter_map(|piece| piece["choices"][0]["delta"].get("tool_calls")).collect();
    let call = |index: usize, id: &str| {
        let function = json!({ "name": "weather", "arguments": "{}" });
        json!([{ "id": id, "type": "function", "function": function, "index": index }])
    };
    assert_eq!(calls, [&call(0, "a"), &call(1, "b")]);
    assert_eq!(pieces.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bots_own_tools_are_called_here() {
    let own = clock(Effect::Reads);
    let open = Open::with(vec![own.clone()], PARROT).await;
    open.talk.model_will([
        Line { say: "One moment. ".into(), ..Line::call("clock", json!({})) },
        Line::call("weather", json!({ "city": "Lviv" })),
    ]);
    let fields = json!({ "say": "Time and weather?", "tools": weather(), "tool_choice": "required" });
    let answer = open.client.ask(fields).await;
    assert_eq!(own.called.load(Ordering::SeqCst), 1);
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "One moment. ");
    assert_eq!(message["tool_calls"].as_array().unwrap().len(), 1);
    assert_eq!(message["tool_calls"][0]["function"]["name"], "weather");
    let heard = open.talk.providers.scripted().heard();
    let names = |at: usize| heard[at].tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(0), ["clock", "weather"]);
    assert!(matches!(&heard[1].messages[2].parts[..], [Part::Returned(it)] if it.content == "noon"));
    assert_eq!(heard[0].manner.tool_choice, ToolChoice::Required);
    assert_eq!(heard[1].manner.tool_choice, ToolChoice::Auto, "it has called one");
    let used = open.usage(1).await;
    assert_eq!(used.len(), 1, "one line for all its calls");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_stores_nothing_is_offered_no_tool_that_writes() {
    let open = Open::with(vec![clock(Effect::Writes)], PARROT).await;
    open.client.ask(json!({ "say": "Hi" })).await;
    assert!(open.talk.providers.scripted().heard()[0].tools.is_empty());
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_both_at_once_the_client_gets_its_own() {
    let own = clock(Effect::Reads);
    let open = Open::with(vec![own.clone()], PARROT).await;
    let call = |name: &str| ScriptedCall { id: Some(name.into()), name: name.into(), arguments: json!({}) };
    open.talk.model_will([Line { calls: vec![call("clock"), call("weather")], ..Line::default() }]);
    let answer = open.client.ask(json!({ "say": "Both?", "tools": weather() })).await;
    let calls = answer["choices"][0]["message"]["tool_calls"].as_array().unwrap();
    assert_eq!((calls.len(), &calls[0]["id"]), (1, &json!("weather")));
    assert_eq!(own.called.load(Ordering::SeqCst), 0);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_tool_may_not_be_called_like_the_bots() {
    let open = Open::with(vec![clock(Effect::Reads)], PARROT).await;
    let tools = json!([{ "type": "function", "function": { "name": "clock" } }]);
    let (status, _, answer) = open.client.post(asked(json!({ "say": "Hi", "tools": tools }))).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("tools")), "{answer}");
    open.end().await;
}
