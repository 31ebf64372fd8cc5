//! The reference page of every key, made of the JSON Schemas, so that it cannot say anything else than they do.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::patterns::Pattern;
use super::pending::{self, Pending};
use super::schema;

const OPENING: &str = "\
# Bot files, key by key

Made of the JSON Schemas by `botwright schema docs > docs/bot-file.md`; a test holds it fresh. Your editor shows the
same where the first line of a file names its schema (`botwright init` sees to that).

Keys in **bold** have to be there. Everything else may be left out, and then has the default that is given here, or
none. Unknown keys are errors. A text that is written `{file: persona.md}` stands in that file, relative to the YAML
and inside the project. A secret is only ever named: `{secret: NAME}`.
";

/// The page, as Markdown.
pub fn manual() -> String {
    let mut page = OPENING.to_owned();
    let files = [
        (
            "botwright.yaml",
            "The project: one file, beside the folders of the bots.",
            schema::project(),
            pending::PROJECT,
        ),
        (
            "bot.yaml",
            "One bot. Its name is its folder's: `support/bot.yaml` is the bot `support`.",
            schema::bot(),
            pending::BOT,
        ),
    ];
    for (file, what, schema, pending) in &files {
        let _ = writeln!(page, "\n## {file}\n\n{what}\n");
        section(&mut page, file, "", schema);
        let _ = writeln!(page, "\n### Not built yet in {file}\n");
        let _ = writeln!(
            page,
            "The format has these already; they are refused, never ignored, until a release has them.\n"
        );
        for line in pending.iter().map(Pending::words) {
            let _ = writeln!(page, "- {line}");
        }
    }
    page
}

/// A mapping's table, and below it the tables of the mappings in it.
fn section(page: &mut String, file: &str, path: &str, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    if !path.is_empty() {
        let _ = writeln!(page, "\n### {}\n", heading(path, file));
    }
    if let Some(names) = exactly_one(schema) {
        let _ = writeln!(page, "Exactly one of {names} has to be there.\n");
    }
    page.push_str("| key | what | value | default | example |\n| --- | --- | --- | --- | --- |\n");
    let required: Vec<&str> = list(schema, "required").filter_map(Value::as_str).collect();
    for (key, schema) in properties {
        let name = if required.contains(&key.as_str()) { format!("**`{key}`**") } else { format!("`{key}`") };
        let below = below(path, key);
        let _ = writeln!(
            page,
            "| {name} | {} | {} | {} | {} |",
            cell(text(schema, "description").unwrap_or_default()),
            cell(&value(schema, &below, file)),
            cell(&default(schema)),
            cell(&example(key, schema)),
        );
    }
    for (key, schema) in properties {
        for (path, mapping) in mappings(&below(path, key), schema) {
            section(page, file, &path, mapping);
        }
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn heading(path: &str, file: &str) -> String {
    format!("`{path}` in {file}")
}

/// The link to a heading, as GitHub makes it.
fn anchor(path: &str, file: &str) -> String {
    let plain = heading(path, file).to_lowercase().replace(' ', "-");
    plain.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
}

/// The mappings with known keys that a value may be, or hold.
fn mappings<'s>(path: &str, schema: &'s Value) -> Vec<(String, &'s Value)> {
    if schema.get("properties").is_some() {
        return if is_reference(schema) { Vec::new() } else { vec![(path.to_owned(), schema)] };
    }
    let items = schema.get("items").map(|items| mappings(&format!("{path}[]"), items));
    let values = schema.get("additionalProperties").map(|values| mappings(&format!("{path}.NAME"), values));
    let choices = list(schema, "anyOf").map(|choice| mappings(path, choice));
    items.into_iter().chain(values).chain(choices).flatten().collect()
}

/// `{file: …}` and `{secret: …}` explain themselves.
fn is_reference(schema: &Value) -> bool {
    reference(schema).is_some()
}

fn reference(schema: &Value) -> Option<&'static str> {
    let properties: &Map<String, Value> = schema.get("properties")?.as_object()?;
    match properties.keys().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["file"] => Some("`{file: …}`"),
        ["secret"] => Some("`{secret: NAME}`"),
        _ => None,
    }
}

/// What may stand there, in words.
fn value(schema: &Value, path: &str, file: &str) -> String {
    let choices: Vec<String> = list(schema, "anyOf").map(|choice| value(choice, path, file)).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    let words: Vec<String> =
        list(schema, "enum").filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    match text(schema, "type") {
        Some("integer") => format!("whole number{}", range(schema)),
        Some("number") => format!("number{}", range(schema)),
        Some("boolean") => "`true`, `false`".into(),
        Some("array") => {
            let items =
                schema.get("items").map_or(String::new(), |items| value(items, &format!("{path}[]"), file));
            let most =
                schema.get("maxItems").map_or(String::new(), |most| format!("; at most {most} entries"));
            format!("list of: {items}{most}")
        }
        Some("object") => match (reference(schema), schema.get("properties")) {
            (Some(reference), _) => reference.into(),
            (None, Some(_)) => format!("[mapping](#{})", anchor(path, file)),
            (None, None) => {
                let values = schema.get("additionalProperties");
                let path = format!("{path}.NAME");
                format!(
                    "mapping of names to: {}",
                    values.map_or(String::new(), |schema| value(schema, &path, file))
                )
            }
        },
        _ => match text(schema, "pattern").and_then(Pattern::by_expression) {
            Some(pattern) => pattern.what.to_owned(),
            None => format!("text{}", length(schema)),
        },
    }
}

fn range(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!(", {} to {}", figure(least), figure(most)),
        (Some(least), None) => format!(", at least {}", figure(least)),
        (None, Some(most)) => format!(", at most {}", figure(most)),
        (None, None) => String::new(),
    }
}

fn figure(value: &Value) -> String {
    value.as_f64().map_or_else(|| value.to_string(), super::check::figure)
}

fn length(schema: &Value) -> String {
    schema.get("maxLength").map_or(String::new(), |most| format!(", at most {most} characters"))
}

fn default(schema: &Value) -> String {
    match schema.get("default") {
        // A mapping's defaults stand with its keys.
        None | Some(Value::Object(_)) => String::new(),
        Some(Value::Array(items)) if items.is_empty() => String::new(),
        Some(value) => format!("`{}`", super::shape::inline(value)),
    }
}

fn example(key: &str, schema: &Value) -> String {
    let simple = schema.get("properties").is_none() && schema.get("enum").is_none();
    match super::shape::example(schema).filter(|_| simple) {
        Some(value) => format!("`{key}: {}`", super::shape::inline(&value)),
        None => String::new(),
    }
}

fn exactly_one(schema: &Value) -> Option<String> {
    let names: Vec<String> = list(schema, "oneOf")
        .flat_map(|choice| list(choice, "required"))
        .filter_map(Value::as_str)
        .map(|name| format!("`{name}`"))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn text<'s>(schema: &'s Value, key: &str) -> Option<&'s str> {
    schema.get(key).and_then(Value::as_str)
}

fn list<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = &'s Value> {
    schema.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// In a table a bar would begin a new cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_fresh() {
        let path = format!("{}/docs/bot-file.md", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(page == super::manual(), "{path} is stale: run `botwright schema docs > docs/bot-file.md`");
    }

    #[test]
    fn every_link_has_its_heading() {
        let page = super::manual();
        let headings: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("### "))
            .map(|line| {
                line.to_lowercase()
                    .replace(' ', "-")
                    .chars()
                    .filter(|c| c.is_alphanumeric() || *c == '-')
                    .collect()
            })
            .collect();
        for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(headings.iter().any(|heading| heading == link), "{link} leads nowhere");
        }
        assert!(page.contains("`memory.recall` in bot.yaml") && page.contains("| `6000` |"));
    }
}
