//! A value that was never written, as a node that can be printed: short things of few words between brackets.

use serde_json::Value as Json;

use crate::spec::style::Style;
use crate::spec::text::Span;
use crate::spec::yaml::{Entry, Node, Value};

/// How long what stands between brackets may be, in characters.
const SHORT: usize = 80;

/// A value as a node. `key` is its key, if it has one; `depth` counts the lists and mappings around it.
pub(super) fn node(value: &Json, key: Option<&str>, depth: usize) -> Node {
    let style = if is_flow(value, key, depth) { Style::Flow } else { Style::Block };
    let (value, style) = match value {
        Json::Null => (Value::Null, Style::Plain),
        Json::Bool(flag) => (Value::Flag(*flag), Style::Plain),
        Json::Number(number) => (Value::Number(number.clone()), Style::Plain),
        Json::String(text) => (Value::Text(text.clone()), Style::Plain),
        Json::Array(items) => {
            (Value::List(items.iter().map(|item| node(item, None, depth + 1)).collect()), style)
        }
        Json::Object(members) => {
            let mut entries: Vec<Entry> = members
                .iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    key_span: Span::at(0),
                    node: node(value, Some(key), depth + 1),
                })
                .collect();
            // Keys that the schema knows get its order when they are printed; this is for the others.
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            (Value::Map(entries), style)
        }
    };
    Node::new(value, Span::at(0), style)
}

/// Whether a person would have put it between brackets: names and numbers, and few of them.
fn is_flow(value: &Json, key: Option<&str>, depth: usize) -> bool {
    match value {
        Json::Object(members) => {
            let is_small = key.is_some() && (depth > 1 || members.len() == 1 || key == Some("labels"));
            let length = members.iter().map(|(key, value)| key.len() + 4 + length(value)).sum::<usize>();
            is_small && length <= SHORT && members.values().all(is_simple)
        }
        Json::Array(items) => {
            let is_names = items.iter().all(|item| item.as_str().is_none_or(|text| !text.contains(' ')));
            items.iter().all(is_scalar) && (depth > 1 || (is_names && length(value) <= SHORT))
        }
        _ => false,
    }
}

fn is_scalar(value: &Json) -> bool {
    match value {
        Json::String(text) => !text.contains('\n') && text.len() <= SHORT,
        Json::Array(_) | Json::Object(_) => false,
        _ => true,
    }
}

fn is_simple(value: &Json) -> bool {
    is_scalar(value) || value.as_array().is_some_and(|items| items.iter().all(is_scalar))
}

fn length(value: &Json) -> usize {
    match value {
        Json::String(text) => text.chars().count(),
        Json::Array(items) => items.iter().map(|item| length(item) + 2).sum(),
        _ => 6,
    }
}
