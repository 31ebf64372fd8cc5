//! What is right, and what it comes to.

use serde_json::{Value, json};

use super::{HEAD, PROJECT, bundle, one, with};
use crate::spec::file::BotFile;
use crate::spec::{Bot, Bundle, RecallWhen, Scope, codes, content_hash, parse, schema};

#[test]
fn a_bot_with_the_least_in_it() {
    let parsed = one("");
    assert_eq!(parsed.problems, []);
    let project = parsed.project.unwrap();
    assert_eq!(project.source, "acme/bots");
    assert_eq!(project.bots[0].bot, Bot { display_name: "A".into(), ..Bot::neutral("a") });
    assert_eq!(
        project.bots[0].authored,
        json!({
            "name": "a",
            "bot": {"apiVersion": "botwright/v1", "kind": "Bot", "displayName": "A"},
        })
    );
}

const EVERYTHING: &str = "\
description: D
labels: {team: design, version: \"1.0\"}
persona: {file: persona.md}
greeting: |
  Hi {{person.name}}.
language: no
rules:
  - first
  - {text: last, priority: -1}
  - {file: ../shared/rule.md, category: style, priority: 10}
lore:
  - {keys: [refund], text: five days}
  - {keys: [x], file: lore.md}
model:
  use: local/llama-3
  temperature: 0.4
  maxOutputTokens: 800
  fallback: [openrouter/meta/llama, offline]
  contextBudget: 0x2000
memory:
  scope: conversation
  window: {hours: 3}
  model: auto
  summarize: {everyTurns: 5, words: 100}
  recall: {budget: 700, when: always}
sources:
  - {name: specs, file: specs.md, pin: true}
  - handbook
  - {name: hours, text: 9 to 18, pin: true}
";

fn everything() -> Bundle {
    let project = format!(
        "{PROJECT}providers:\n  local: {{kind: openai, url: \"http://127.0.0.1:1234/v1\", secret: LOCAL_KEY}}\n  other: {{kind: openai, url: \"https://x/v1\"}}\nsources:\n  - {{name: handbook, file: shared/handbook.md, pin: true}}\n"
    );
    bundle(&[
        ("botwright.yaml", &project),
        ("a/bot.yaml", &format!("{HEAD}{EVERYTHING}")),
        ("a/persona.md", "\u{feff}Line one\r\nline two\r\n\r\n"),
        ("shared/rule.md", "shared rule\n"),
        ("a/lore.md", "lore"),
        ("a/specs.md", "# Specs {{ literal }}"),
        ("shared/handbook.md", "# Handbook"),
    ])
}

#[test]
fn everything_that_is_built() {
    let parsed = parse(&everything());
    assert_eq!(parsed.problems, []);
    let project = parsed.project.unwrap();
    let bot = &project.bots[0].bot;
    assert_eq!(bot.persona, "Line one\nline two");
    assert_eq!(bot.greeting.as_deref(), Some("Hi {{person.name}}."));
    assert_eq!(bot.language.as_deref(), Some("no"));
    let rules: Vec<(&str, i32)> = bot.rules.iter().map(|rule| (rule.text.as_str(), rule.priority)).collect();
    assert_eq!(rules, [("shared rule", 10), ("first", 0), ("last", -1)]);
    assert_eq!(bot.rules[0].category.as_deref(), Some("style"));
    assert_eq!(bot.lore[1].text, "lore");
    assert_eq!(bot.model.routes().collect::<Vec<_>>(), ["local/llama-3", "openrouter/meta/llama", "offline"]);
    assert_eq!(bot.model.context_budget, 8192);
    assert_eq!(bot.model.temperature, Some(0.4));
    assert_eq!((bot.memory.scope, bot.memory.recall.when), (Scope::Conversation, RecallWhen::Always));
    assert_eq!((bot.memory.window.hours, bot.memory.window.messages), (3, 40));
    let sources: Vec<(&str, &str)> = bot.sources.iter().map(|s| (s.name.as_str(), s.text.as_str())).collect();
    assert_eq!(
        sources,
        [("specs", "# Specs {{ literal }}"), ("handbook", "# Handbook"), ("hours", "9 to 18")]
    );
    assert_eq!(bot.providers.keys().collect::<Vec<_>>(), ["local"]);
    assert_eq!(bot.providers["local"].secret.as_deref(), Some("LOCAL_KEY"));
}

#[test]
fn what_is_stored_comes_back() {
    let project = parse(&everything()).project.unwrap();
    let written = &project.bots[0];
    // A database may give keys back in another order, and whole numbers without their fraction.
    let mut stored: Value = serde_json::from_str(&written.authored.to_string()).unwrap();
    let members = stored.as_object_mut().unwrap();
    let reversed: Vec<_> = std::mem::take(members).into_iter().rev().collect();
    members.extend(reversed);
    assert_eq!(Bot::from_authored(&stored).unwrap(), written.bot);
    assert_eq!(content_hash(&stored), written.hash);
    let json = serde_json::to_value(&written.bot).unwrap();
    assert_eq!(serde_json::from_value::<Bot>(json).unwrap(), written.bot);
    // What a later version knows and this one does not is left alone.
    stored["bot"]["memory"]["dreams"] = true.into();
    assert_eq!(Bot::from_authored(&stored).unwrap(), written.bot);
    assert!(Bot::from_authored(&json!({"name": "x"})).is_err());
    stored["files"] = json!({});
    assert!(Bot::from_authored(&stored).unwrap_err().message().contains("lacks a text"));
}

#[test]
fn the_hash_is_of_what_was_written() {
    let hash = |body: &str| one(body).project.unwrap().bots[0].hash.clone();
    assert_eq!(
        hash("model: {use: auto, temperature: 1.0}"),
        hash("# hi\nmodel:\n  temperature: 1\n  use: auto\n")
    );
    assert_ne!(hash(""), hash("language: auto"), "a default that is written is written");
    assert_ne!(hash("rules: [a, b]"), hash("rules: [b, a]"));
    let prose =
        |text: &str| with("persona: {file: p.md}", &[("a/p.md", text)]).project.unwrap().bots[0].hash.clone();
    assert_eq!(prose("one\ntwo"), prose("one\r\ntwo\r\n"));
    assert_ne!(prose("one"), prose("two"));
    assert_eq!(hash("").len(), 64);
}

#[test]
fn what_the_project_lends_belongs_to_the_revision() {
    let before = parse(&everything()).project.unwrap();
    let change = |from: &str, to: &str| {
        let mut files = everything();
        let project = files.files.get_mut("botwright.yaml").unwrap();
        *project = String::from_utf8(project.clone()).unwrap().replace(from, to).into_bytes();
        parse(&files).project.unwrap().bots[0].hash.clone()
    };
    assert_ne!(change("1234", "4321"), before.bots[0].hash);
    assert_eq!(change("https://x/v1", "https://y/v1"), before.bots[0].hash, "nothing that it uses");
}

/// The design's own example: what is not built is refused in those words, and nothing else is wrong.
#[test]
fn the_whole_format_is_known() {
    let parsed = parse(&bundle(&[
        ("botwright.yaml", PROJECT),
        ("a/bot.yaml", include_str!("whole.yaml")),
        ("a/persona.md", "p"),
        ("a/lore/refunds.md", "r"),
        ("a/docs/design-specs.md", "d"),
    ]));
    let messages: Vec<&str> = parsed.problems.iter().map(|problem| problem.message.as_str()).collect();
    let pending = ["notion", "for", "modules", "tokensPerDay", "costPerDayUsd"];
    assert_eq!(messages, pending.map(|key| format!("`{key}` is not built yet")));
    assert!(parsed.problems.iter().all(|problem| problem.code == codes::NOT_BUILT));
}

/// The schema, which the decoder is driven by, knows exactly the keys that the types have.
#[test]
fn the_types_and_the_schema_know_the_same_keys() {
    fn keys(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (key, below) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            found.push(format!("{path}/{key}"));
            keys(below, &format!("{path}/{key}"), found);
        }
        for below in
            schema.get("anyOf").and_then(Value::as_array).into_iter().flatten().chain(schema.get("items"))
        {
            keys(below, path, found);
        }
    }
    /// A value with every key of the schema in it.
    fn full(schema: &Value) -> Value {
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            return full(choices.last().unwrap());
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            return properties.iter().map(|(key, below)| (key.clone(), full(below))).collect();
        }
        if let Some(example) = schema.get("examples").and_then(|examples| examples.get(0)) {
            return example.clone();
        }
        match schema["type"].as_str() {
            Some("array") => Value::Array(vec![full(&schema["items"])]),
            Some("boolean") => true.into(),
            Some("integer" | "number") => schema.get("default").or(schema.get("minimum")).cloned().unwrap(),
            _ => schema.get("enum").map_or(json!("text"), |choices| choices[0].clone()),
        }
    }
    fn written(value: &Value, path: &str, found: &mut Vec<String>) {
        for (key, below) in value.as_object().into_iter().flatten() {
            found.push(format!("{path}/{key}"));
            written(below, &format!("{path}/{key}"), found);
        }
        for below in value.as_array().into_iter().flatten() {
            written(below, path, found);
        }
    }
    let schema = schema::bot();
    let file: BotFile = serde_json::from_value(full(&schema)).unwrap();
    let (mut of_schema, mut of_types) = (Vec::new(), Vec::new());
    keys(&schema, "", &mut of_schema);
    written(&serde_json::to_value(file).unwrap(), "", &mut of_types);
    of_schema.sort();
    of_types.retain(|path| !path.starts_with("/labels/"));
    of_types.sort();
    of_types.dedup();
    // Lists of texts or mappings show their first example, a text; their keys are looked at one by one.
    of_schema.retain(|path| !path.starts_with("/rules/"));
    of_schema.dedup();
    assert_eq!(of_types, of_schema);
}

#[test]
fn shorthands() {
    let bot = one("model: openai/gpt-5-mini\nrules: [\"a: b\"]\n").project.unwrap().bots.remove(0).bot;
    assert_eq!((bot.model.use_.as_str(), bot.model.context_budget), ("openai/gpt-5-mini", 6000));
    let anchors = one("description: &d Same\ngreeting: *d\nrules: &r [a, b]\nlore: [{keys: *r, text: x}]\n");
    assert_eq!(anchors.problems, []);
    let bot = anchors.project.unwrap().bots.remove(0).bot;
    assert_eq!((bot.greeting.as_deref(), bot.lore[0].keys.len()), (Some("Same"), 2));
}

#[test]
fn a_bundle_travels_as_json() {
    let mut files = everything();
    files.files.insert("x".into(), vec![0xff, 0]);
    files.others.insert("a/other.md".into());
    files.unread.insert("y".into(), "cannot be read".into());
    let json = serde_json::to_string(&files).unwrap();
    assert_eq!(serde_json::from_str::<Bundle>(&json).unwrap(), files);
    assert!(json.contains("\"shared/rule.md\":\"shared rule\\n\""));
}
