//! A bot as it was written: one JSON value with everything in it that its author decided and nothing that
//! was defaulted. It is hashed, stored, compared, and read back into a `Bot`.
//!
//! ```json
//! {"name": "support", "bot": {…the YAML…}, "files": {"persona.md": "…"},
//!  "providers": {"local": {…}}, "shared": {"handbook": {…}}}
//! ```
//! `providers` and `shared` are those of the project that the bot refers to, so that a revision stands alone.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::bot::{Bot, Lore, NEUTRAL, Rule, Source};
use super::bundle::Bundle;
use super::file::{BotFile, ModelChoice, Prose, RuleEntry, SourceChoice, SourceEntry};
use super::meaning;
use super::model::{Model, Provider};
use super::reference;
use super::route::Route;
use super::yaml::Node;
use crate::error::{Error, Result};

/// The project's file, where there is one.
const PROJECT_PATH: &str = "botwright.yaml";

/// Puts together what was written. `root` is valid; `project` is the tree of `botwright.yaml`.
pub(super) fn write(name: &str, path: &str, root: &Node, project: Option<&Node>, bundle: &Bundle) -> Value {
    let mut files = Map::new();
    reference::each(root, &mut |_, written| {
        if let Some(body) = reference::resolve(path, written).and_then(|path| reference::body(bundle, &path))
        {
            files.insert(written.to_owned(), body.into());
        }
    });
    let mut providers = Map::new();
    for route in meaning::model_names(root).into_iter().filter_map(Node::text).filter_map(Route::parse) {
        let Route::Model { provider, .. } = route else { continue };
        if let Some(node) =
            project.and_then(|project| project.get("providers")).and_then(|own| own.get(provider))
        {
            providers.insert(provider.to_owned(), node.to_json());
        }
    }
    let mut shared = Map::new();
    for name in root.get("sources").map(Node::items).unwrap_or_default().iter().filter_map(Node::text) {
        let sources = project.and_then(|project| project.get("sources")).map(Node::items).unwrap_or_default();
        if let Some(node) = sources.iter().find(|node| node.get("name").and_then(Node::text) == Some(name)) {
            shared.insert(name.to_owned(), inlined(node, bundle));
        }
    }
    let parts = [("files", files), ("providers", providers), ("shared", shared)];
    let mut authored = Map::from_iter([("name".to_owned(), name.into()), ("bot".to_owned(), root.to_json())]);
    authored.extend(
        parts
            .into_iter()
            .filter(|(_, part)| !part.is_empty())
            .map(|(key, part)| (key.to_owned(), part.into())),
    );
    Value::Object(authored)
}

/// A source of the project's, its file put in as text.
fn inlined(node: &Node, bundle: &Bundle) -> Value {
    let mut source = node.to_json();
    let body =
        node.get("file").and_then(Node::text).and_then(|written| reference::resolve(PROJECT_PATH, written));
    if let (Some(body), Some(members)) =
        (body.and_then(|path| reference::body(bundle, &path)), source.as_object_mut())
    {
        members.remove("file");
        members.insert("text".into(), body.into());
    }
    source
}

/// What `write` put together, typed. Unknown keys are left alone: a later version may have had them.
#[derive(Deserialize)]
struct Stored {
    name: String,
    bot: BotFile,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    providers: BTreeMap<String, Provider>,
    #[serde(default)]
    shared: BTreeMap<String, SourceEntry>,
}

impl Bot {
    /// The bot that was written as `authored` ([`super::Written::authored`]), with every default applied.
    /// Fails with `Kind::Invalid` where the value is no such thing.
    pub fn from_authored(authored: &Value) -> Result<Self> {
        let stored = Stored::deserialize(authored)
            .map_err(|error| Error::invalid("this is no stored bot").with_source(error))?;
        let Stored { name, bot, files, providers, shared } = stored;
        let BotFile {
            api_version: _,
            kind: _,
            display_name,
            description,
            labels,
            persona,
            greeting,
            language,
            rules,
            lore,
            model,
            memory,
            sources,
            // Not built yet: refused before they are stored.
            modules: _,
            channels,
            limits,
            delegated: _,
            retention,
        } = bot;
        let files = Files { bot: &name, files };
        let mut rules = rules.into_iter().map(|rule| files.rule(rule)).collect::<Result<Vec<_>>>()?;
        rules.sort_by_key(|rule| std::cmp::Reverse(rule.priority));
        Ok(Self {
            display_name,
            description,
            labels,
            persona: match persona {
                Some(prose) => files.prose(prose)?,
                None => NEUTRAL.trim_end().to_owned(),
            },
            greeting: greeting.map(|prose| files.prose(prose)).transpose()?,
            language: (language != "auto").then_some(language),
            rules,
            lore: lore
                .into_iter()
                .map(|entry| Ok(Lore { keys: entry.keys, text: files.text(entry.text, entry.file)? }))
                .collect::<Result<_>>()?,
            model: match model {
                ModelChoice::Settings(model) => model,
                ModelChoice::Name(name) => Model { use_: name, ..Model::default() },
            },
            memory,
            sources: files.sources(sources, &shared)?,
            providers,
            guests_after_days_of_silence: retention.and_then(|kept| kept.guests_after_days_of_silence),
            telegram: channels.and_then(|channels| channels.telegram),
            limits,
            name,
        })
    }
}

/// The texts of the files that a bot refers to.
struct Files<'f> {
    bot: &'f str,
    files: BTreeMap<String, String>,
}

impl Files<'_> {
    /// An inline text, or the file's. A valid bot has exactly one of them.
    fn text(&self, text: Option<String>, file: Option<String>) -> Result<String> {
        let found = text.map(|text| text.trim_end().to_owned()).or_else(|| self.files.get(&file?).cloned());
        found.ok_or_else(|| {
            Error::invalid(format!("the stored bot `{}` lacks a text that it refers to", self.bot))
        })
    }

    fn prose(&self, prose: Prose) -> Result<String> {
        match prose {
            Prose::Text(text) => self.text(Some(text), None),
            Prose::File(reference) => self.text(None, Some(reference.file)),
        }
    }

    fn rule(&self, entry: RuleEntry) -> Result<Rule> {
        Ok(match entry {
            RuleEntry::Text(text) => Rule { text: self.text(Some(text), None)?, category: None, priority: 0 },
            RuleEntry::Rule(rule) => Rule {
                text: self.text(rule.text, rule.file)?,
                category: rule.category,
                priority: rule.priority,
            },
        })
    }

    /// Sources with a text. Those of other kinds are not built yet and were refused.
    fn sources(
        &self,
        chosen: Vec<SourceChoice>,
        shared: &BTreeMap<String, SourceEntry>,
    ) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for choice in chosen {
            let entry = match choice {
                SourceChoice::Own(entry) => entry,
                SourceChoice::Shared(name) => shared.get(&name).cloned().ok_or_else(|| {
                    Error::invalid(format!("the stored bot `{}` lacks the source `{name}`", self.bot))
                })?,
            };
            let SourceEntry { name, file, text, url: _, notion: _, pin, for_: _ } = entry;
            if file.is_some() || text.is_some() {
                sources.push(Source { name, text: self.text(text, file)?, pin });
            }
        }
        Ok(sources)
    }
}

/// The hash of a value, whatever the order of its keys: BLAKE3 over JSON with sorted keys, as 64 hex digits.
pub fn content_hash(value: &Value) -> String {
    let mut canonical = String::new();
    write_sorted(value, &mut canonical);
    blake3::hash(canonical.as_bytes()).to_hex().to_string()
}

fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_sorted(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_sorted(item, out);
            }
            out.push(']');
        }
        // 1.0 and 1 are one number, and the database may give either back for the other.
        Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                out.push_str(&format!("{float:.0}"));
            }
            _ => out.push_str(&number.to_string()),
        },
        plain => out.push_str(&plain.to_string()),
    }
}
