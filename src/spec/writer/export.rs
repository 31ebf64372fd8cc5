//! A bot as files.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::reference;

use super::edit;
use super::format::{SCHEMA_LINE, canonical};

/// The files of one bot, by their path in the project: its `bot.yaml` and the texts that it refers to, from its
/// authored content (see [`crate::spec::Written::authored`]). Nothing is defaulted, so that what is read back
/// is the same content with the same hash. The project's own `providers` and `shared` sources are not among
/// them.
///
/// Where files are there already, by the same paths, they are changed in place: what says the same stays byte
/// for byte, with its comments, order, quotes and layout. A `bot.yaml` that cannot be read is written anew.
pub fn export(authored: &Value, existing: Option<&BTreeMap<String, Vec<u8>>>) -> BTreeMap<String, String> {
    let name = authored.get("name").and_then(Value::as_str).unwrap_or_default();
    let path = format!("{name}/bot.yaml");
    let there = |path: &str| {
        existing.and_then(|files| files.get(path)).and_then(|bytes| std::str::from_utf8(bytes).ok())
    };
    let mut files = BTreeMap::new();
    for (written, body) in authored.get("files").and_then(Value::as_object).into_iter().flatten() {
        if let (Some(to), Some(body)) = (reference::resolve(&path, written), body.as_str()) {
            let text = there(&to).map_or_else(|| format!("{body}\n"), |old| prose(old, body));
            files.insert(to, text);
        }
    }
    if let Some(bot) = authored.get("bot") {
        let text = match there(&path) {
            Some(old) => {
                let raw = old.strip_prefix('\u{feff}').unwrap_or(old);
                let mark = old.get(..old.len() - raw.len()).unwrap_or("");
                format!("{mark}{}", edit::rewrite(&path, raw, bot))
            }
            None => format!("{SCHEMA_LINE}\n{}", canonical(&path, bot)),
        };
        files.insert(path, text);
    }
    files
}

/// A text of its own: as it is where it says the same, else with the line ends that it had.
fn prose(old: &str, body: &str) -> String {
    if reference::normal(old) == body {
        return old.to_owned();
    }
    let text = format!("{body}\n");
    if old.contains("\r\n") { text.replace('\n', "\r\n") } else { text }
}
