//! Bots that come from no file of their own: what is stored, changed in places, and checked as a file would be.

use serde_json::{Map, Value, json};

use super::bot::Bot;
use super::bundle::Bundle;
use super::parse::parse;
use super::problem::Problem;
use super::project::Written;
use super::reference;
use crate::error::Result;

impl Bot {
    /// The bot of a revision: what was written, and what the dashboard holds of the fields that it delegates.
    pub fn from_revision(authored: &Value, overlay: &Map<String, Value>) -> Result<Self> {
        if overlay.is_empty() {
            Self::from_authored(authored)
        } else {
            Self::from_authored(&effective(authored, overlay))
        }
    }
}

/// What was written with the dashboard's values in their places.
pub fn effective(authored: &Value, overlay: &Map<String, Value>) -> Value {
    let mut authored = authored.clone();
    if let Some(bot) = authored.get_mut("bot").and_then(Value::as_object_mut) {
        for (path, value) in overlay {
            // A place that is no longer there was taken back by a later file.
            put(bot, path, Some(value.clone()));
        }
    }
    authored
}

/// Sets the value at a JSON pointer, making the mappings on its way, or takes it out. `false` if the way leads
/// through something that holds no values.
pub fn put(members: &mut Map<String, Value>, pointer: &str, value: Option<Value>) -> bool {
    let Some((first, rest)) = step(pointer) else { return false };
    if rest.is_empty() {
        match value {
            Some(value) => members.insert(first, value),
            None => members.shift_remove(&first),
        };
        return true;
    }
    if value.is_none() && !members.contains_key(&first) {
        return true;
    }
    let next = members.entry(first).or_insert_with(|| Value::Object(Map::new()));
    // `model: openai/…` is short for `model: {use: openai/…}`.
    if let (
        Value::String(name),
        "/use" | "/temperature" | "/maxOutputTokens" | "/contextBudget" | "/fallback" | "/vision",
    ) = (&*next, rest)
    {
        *next = json!({ "use": name });
    }
    match next {
        Value::Object(members) => put(members, rest, value),
        Value::Array(items) => {
            let Some((index, rest)) = step(rest) else { return false };
            let Some(at) = index.parse::<usize>().ok().filter(|at| *at < items.len()) else { return false };
            match (rest.is_empty(), value) {
                (true, Some(value)) => items[at] = value,
                (true, None) => {
                    items.remove(at);
                }
                (false, value) => {
                    let Some(members) = items[at].as_object_mut() else { return false };
                    return put(members, rest, value);
                }
            }
            true
        }
        _ => false,
    }
}

/// The first key of a pointer, and the rest of it.
fn step(pointer: &str) -> Option<(String, &str)> {
    let pointer = pointer.strip_prefix('/')?;
    let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
    Some((first.replace("~1", "/").replace("~0", "~"), rest))
}

/// A bot that is written as JSON: `bot` is what its `bot.yaml` would say. The version and the kind may be left out.
pub fn write_bot(name: &str, bot: &Value) -> Result<Written, Vec<Problem>> {
    let mut members =
        Map::from_iter([("apiVersion".into(), json!("botwright/v1")), ("kind".into(), json!("Bot"))]);
    members.extend(bot.as_object().cloned().unwrap_or_default());
    rewrite(&json!({ "name": name, "bot": members }))
}

/// Checks an authored bot as if it stood in files, and writes it anew.
pub fn rewrite(authored: &Value) -> Result<Written, Vec<Problem>> {
    let parsed = parse(&bundle_of(authored));
    let written = parsed.project.and_then(|project| project.bots.into_iter().next());
    written.ok_or(parsed.problems)
}

/// The files that say the same. JSON is YAML.
fn bundle_of(authored: &Value) -> Bundle {
    let part = |name: &str| authored.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let name = authored.get("name").and_then(Value::as_str).unwrap_or_default();
    let path = format!("{name}/bot.yaml");
    let project = json!({
        "apiVersion": "botwright/v1", "kind": "Project", "source": "dashboard",
        "providers": part("providers"), "sources": part("shared").values().collect::<Vec<_>>(),
    });
    let mut bundle = Bundle::default();
    bundle.files.insert("botwright.yaml".into(), format!("{project:#}").into());
    for (written, text) in &part("files") {
        if let (Some(file), Some(text)) = (reference::resolve(&path, written), text.as_str()) {
            bundle.files.insert(file, text.into());
        }
    }
    bundle.files.insert(path, format!("{:#}", Value::Object(part("bot"))).into());
    bundle
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Bot, effective, put, rewrite, write_bot};

    #[test]
    fn a_bot_of_json_is_checked_like_one_of_a_file() {
        let bot = json!({ "displayName": "Chef", "persona": "You cook.", "rules": ["Ask first."] });
        let written = write_bot("chef", &bot).unwrap();
        assert_eq!(written.bot.rules[0].text, "Ask first.");
        assert_eq!(rewrite(&written.authored).unwrap(), written, "written anew it is the same");
        let problems = write_bot("chef", &json!({ "displayName": "Chef", "personna": "x" })).unwrap_err();
        assert_eq!(problems[0].suggestion.as_deref(), Some("persona"));
    }

    #[test]
    fn what_the_dashboard_holds_counts() {
        let bot = json!({ "displayName": "Chef", "model": "scripted", "delegated": ["/model/temperature"] });
        let authored = write_bot("chef", &bot).unwrap().authored;
        let overlay = json!({ "/model/temperature": 0.5 }).as_object().cloned().unwrap();
        let bot = Bot::from_revision(&authored, &overlay).unwrap();
        assert_eq!((bot.model.use_.as_str(), bot.model.temperature), ("scripted", Some(0.5)));
        assert_eq!(effective(&authored, &overlay)["bot"]["model"]["temperature"], 0.5);
    }

    #[test]
    fn values_are_put_where_the_pointer_leads() {
        let mut bot = json!({ "rules": ["a", { "text": "b" }], "labels": {} }).as_object().cloned().unwrap();
        assert!(put(&mut bot, "/rules/0", Some(json!("c"))));
        assert!(put(&mut bot, "/rules/1/text", Some(json!("d"))));
        assert!(put(&mut bot, "/labels/a~1b", Some(json!("e"))));
        assert!(put(&mut bot, "/memory/window/hours", Some(json!(3))));
        assert!(put(&mut bot, "/description", None));
        assert_eq!(
            serde_json::Value::Object(bot.clone()),
            json!({ "rules": ["c", { "text": "d" }], "labels": { "a/b": "e" }, "memory": { "window": { "hours": 3 } } })
        );
        assert!(!put(&mut bot, "/rules/7", Some(json!("c"))));
        assert!(!put(&mut bot, "/rules/0/text", Some(json!("c"))));
        assert!(!put(&mut bot, "rules", Some(json!("c"))));
    }
}
