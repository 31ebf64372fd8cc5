//! JSON Schema (draft-07, which editors support), generated from the types in `file`. The decoder is driven
//! by the same schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::file::{BotFile, ProjectFile};
use super::pending;

/// The schema of `bot.yaml`.
pub fn bot() -> Value {
    generate::<BotFile>(pending::BOT)
}

/// The schema of `botwright.yaml`.
pub fn project() -> Value {
    generate::<ProjectFile>(pending::PROJECT)
}

fn generate<T: JsonSchema>(pending: &[pending::Pending]) -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    tidy(&mut schema);
    for path in pending.iter().filter_map(pending::Pending::path) {
        mark_pending(&mut schema, path);
    }
    schema
}

/// Says of a key that its feature is not built yet.
fn mark_pending(schema: &mut Value, path: &[&str]) {
    for choice in schema.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
        mark_pending(choice, path);
    }
    let Some((first, rest)) = path.split_first() else {
        if let Some(Value::String(text)) = schema.get_mut("description") {
            text.push_str(" (Not built yet.)");
        }
        return;
    };
    let below = match *first {
        "*" => schema.get_mut("items"),
        key => schema.get_mut("properties").and_then(|properties| properties.get_mut(key)),
    };
    if let Some(below) = below {
        mark_pending(below, rest);
    }
}

/// Makes the generated schema say what is meant. A key that is left out is not a key that is `null`; prose
/// is not broken into lines; numbers have no `format`.
fn tidy(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    drop_null(object);
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    object.remove("format");
    for key in ["properties", "definitions"] {
        if let Some(Value::Object(members)) = object.get_mut(key) {
            members.values_mut().for_each(tidy);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(member) = object.get_mut(key) {
            tidy(member);
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(Value::Array(members)) = object.get_mut(key) {
            members.iter_mut().for_each(tidy);
        }
    }
}

fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// Calls `visit` for every key of every mapping, with its path and its schema.
    fn keys(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
        for (key, below) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = format!("{path}/{key}");
            visit(&path, below);
            keys(below, &path, visit);
        }
        for below in ["items", "additionalProperties"].iter().filter_map(|key| schema.get(key)) {
            keys(below, path, visit);
        }
        for below in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            keys(below, path, visit);
        }
    }

    #[test]
    fn every_key_is_described_and_shows_a_value() {
        for schema in [super::bot(), super::project()] {
            assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
            keys(&schema, "", &mut |path, key| {
                assert!(key["description"].as_str().is_some_and(|text| text.len() > 10), "{path}");
                let shows =
                    ["examples", "default", "enum", "properties", "anyOf", "items", "additionalProperties"];
                assert!(shows.iter().any(|shown| key.get(shown).is_some()), "{path} shows no value");
            });
        }
    }

    #[test]
    fn unknown_keys_are_refused_and_nothing_may_be_null() {
        for schema in [super::bot(), super::project()] {
            let mut left = vec![&schema];
            while let Some(value) = left.pop() {
                if value.get("properties").is_some() {
                    assert_eq!(value["additionalProperties"], false, "{value}");
                }
                assert!(!value.is_null());
                left.extend(value.as_object().into_iter().flat_map(|object| object.values()));
                left.extend(value.as_array().into_iter().flatten());
            }
            assert!(!schema.to_string().contains("\"null\""));
        }
    }

    #[test]
    fn defaults_and_what_is_not_built_stand_in_it() {
        let schema = super::bot();
        let at = |path: &str| schema.pointer(path).unwrap_or(&Value::Null).clone();
        assert_eq!(at("/properties/model/anyOf/1/properties/contextBudget/default"), 6000);
        assert_eq!(at("/properties/memory/properties/window/properties/messages/default"), 40);
        assert_eq!(at("/properties/language/default"), "auto");
        for pending in ["/properties/modules", "/properties/sources/items/anyOf/1/properties/notion"] {
            let text = at(&format!("{pending}/description"));
            assert!(text.as_str().is_some_and(|text| text.ends_with("(Not built yet.)")), "{pending}");
        }
    }

    /// Editors read the copies in `bots/`.
    #[test]
    fn the_copies_for_editors_are_fresh() {
        for (name, schema) in [("bot", super::bot()), ("project", super::project())] {
            let path = format!("{}/bots/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let fresh = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            let copy = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                copy == fresh,
                "{path} is stale: run `botwright schema {name} > bots/{name}.schema.json`"
            );
        }
    }
}
