//! What may stand where: the JSON Schema, compiled into a form that a tree is checked against.
//!
//! Only what our own schemas say is understood; a test compiles both of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::patterns::Pattern;
use super::schema;

/// What a value has to be.
#[derive(Debug)]
pub(super) enum Shape {
    Text {
        shortest: usize,
        longest: usize,
        pattern: Option<Pattern>,
        choices: Vec<String>,
    },
    Number {
        whole: bool,
        least: f64,
        most: f64,
    },
    Flag,
    List {
        item: Box<Shape>,
        shortest: usize,
        longest: usize,
    },
    /// A mapping with known keys. Of `exactly_one`, exactly one has to stand.
    Map {
        fields: Vec<Field>,
        exactly_one: Vec<String>,
    },
    /// A mapping with keys of one's own.
    Table {
        value: Box<Shape>,
    },
    /// One of several, told apart by what they are (a text, a list, a mapping).
    Either(Vec<Shape>),
}

/// A known key of a mapping.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) shape: Shape,
    /// A value that would be right, as YAML on one line.
    pub(super) example: Option<String>,
}

/// A file's shape, and where each of its keys is at home.
#[derive(Debug)]
pub(super) struct Format {
    pub(super) root: Shape,
    /// For each key, the mappings that know it: `memory.recall`; empty for the top level.
    pub(super) homes: BTreeMap<String, Vec<String>>,
    /// The other kind of file, in words.
    pub(super) other_file: &'static str,
}

/// The shape of `bot.yaml`.
pub(super) fn bot() -> &'static Format {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    FORMAT.get_or_init(|| Format::new(&schema::bot(), "the project's file, `botwright.yaml`"))
}

/// The shape of `botwright.yaml`.
pub(super) fn project() -> &'static Format {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    FORMAT.get_or_init(|| Format::new(&schema::project(), "a bot's own file: `NAME/bot.yaml`"))
}

impl Format {
    fn new(schema: &Value, other_file: &'static str) -> Self {
        let root = Shape::new(schema);
        let mut homes = BTreeMap::new();
        root.collect_homes("", &mut homes);
        Self { root, homes, other_file }
    }

    /// The top-level keys of the other kind of file.
    pub(super) fn other(&self) -> impl Iterator<Item = &'static str> {
        let other = if std::ptr::eq(self, bot()) { project() } else { bot() };
        let fields: &'static [Field] = if let Shape::Map { fields, .. } = &other.root { fields } else { &[] };
        fields.iter().map(|field| field.name.as_str())
    }
}

impl Shape {
    fn new(schema: &Value) -> Self {
        if let Some(choices) = schema.get("anyOf").and_then(Value::as_array) {
            return Self::Either(choices.iter().map(Self::new).collect());
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("integer") => Self::number(schema, true),
            Some("number") => Self::number(schema, false),
            Some("boolean") => Self::Flag,
            Some("array") => Self::List {
                item: Box::new(Self::new(schema.get("items").unwrap_or(&Value::Null))),
                shortest: size(schema, "minItems").unwrap_or(0),
                longest: size(schema, "maxItems").unwrap_or(usize::MAX),
            },
            Some("object") => match schema.get("properties").and_then(Value::as_object) {
                Some(properties) => Self::map(schema, properties),
                None => Self::Table {
                    value: Box::new(Self::new(schema.get("additionalProperties").unwrap_or(&Value::Null))),
                },
            },
            _ => Self::text(schema),
        }
    }

    fn text(schema: &Value) -> Self {
        Self::Text {
            shortest: size(schema, "minLength").unwrap_or(0),
            longest: size(schema, "maxLength").unwrap_or(usize::MAX),
            pattern: schema.get("pattern").and_then(Value::as_str).and_then(Pattern::by_expression),
            choices: strings(schema.get("enum")),
        }
    }

    fn number(schema: &Value, whole: bool) -> Self {
        let bound = |key| schema.get(key).and_then(Value::as_f64);
        Self::Number {
            whole,
            least: bound("minimum").unwrap_or(f64::MIN),
            most: bound("maximum").unwrap_or(f64::MAX),
        }
    }

    fn map(schema: &Value, properties: &Map<String, Value>) -> Self {
        let required = strings(schema.get("required"));
        let one_of = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        Self::Map {
            fields: properties
                .iter()
                .map(|(name, schema)| Field {
                    name: name.clone(),
                    required: required.contains(name),
                    shape: Self::new(schema),
                    example: example(schema).map(|value| inline(&value)),
                })
                .collect(),
            exactly_one: one_of.flat_map(|choice| strings(choice.get("required"))).collect(),
        }
    }

    /// What it is, in words: `expected …`.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Text { choices, .. } if !choices.is_empty() => {
                let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
                quoted.join(" or ")
            }
            Self::Text { .. } => "a text".into(),
            Self::Number { whole: true, .. } => "a whole number".into(),
            Self::Number { .. } => "a number".into(),
            Self::Flag => "`true` or `false`".into(),
            Self::List { .. } => "a list".into(),
            Self::Map { fields, .. } => match fields.as_slice() {
                [only] => format!("`{{{}: …}}`", only.name),
                _ => "a mapping".into(),
            },
            Self::Table { .. } => "a mapping".into(),
            Self::Either(choices) => choices.iter().map(Self::what).collect::<Vec<_>>().join(" or "),
        }
    }

    /// Whether this is `{secret: NAME}`.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self, Self::Map { fields, .. } if matches!(fields.as_slice(), [only] if only.name == "secret"))
    }

    fn collect_homes(&self, path: &str, homes: &mut BTreeMap<String, Vec<String>>) {
        match self {
            Self::Map { fields, .. } => {
                for field in fields {
                    let known = homes.entry(field.name.clone()).or_default();
                    if !known.iter().any(|home| home == path) {
                        known.push(path.to_owned());
                    }
                    let below =
                        if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
                    field.shape.collect_homes(&below, homes);
                }
            }
            Self::List { item, .. } => item.collect_homes(&format!("{path}[]"), homes),
            Self::Table { value } => value.collect_homes(&format!("{path}.*"), homes),
            Self::Either(choices) => choices.iter().for_each(|choice| choice.collect_homes(path, homes)),
            Self::Text { .. } | Self::Number { .. } | Self::Flag => {}
        }
    }
}

/// A value that would be right: the schema's own example, else the simplest that fits.
pub(super) fn example(schema: &Value) -> Option<Value> {
    let given = schema.get("examples").and_then(|examples| examples.get(0));
    if let Some(value) = given.or_else(|| schema.get("enum").and_then(|choices| choices.get(0))) {
        return Some(value.clone());
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => Some(Value::Bool(true)),
        Some("integer" | "number") => schema.get("default").or_else(|| schema.get("minimum")).cloned(),
        Some("array") => example(schema.get("items")?).map(|item| Value::Array(vec![item])),
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object)?;
            let mut keys = strings(schema.get("required"));
            let one_of = schema.get("oneOf").and_then(Value::as_array);
            keys.extend(
                one_of
                    .and_then(|choices| choices.first())
                    .map(|choice| strings(choice.get("required")))
                    .unwrap_or_default(),
            );
            if keys.is_empty() {
                keys.extend(properties.keys().next().cloned());
            }
            let members = keys.iter().filter_map(|key| Some((key.clone(), example(properties.get(key)?)?)));
            Some(Value::Object(members.collect()))
        }
        _ => schema.get("anyOf").and_then(Value::as_array)?.iter().rev().find_map(example),
    }
}

/// A value as YAML on one line.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, value)| format!("{key}: {}", inline(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a text needs no quotes on a line of YAML.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic())
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(['[', ']', '{', '}', ','])
}

fn size(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok())
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
