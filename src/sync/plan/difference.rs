//! What differs between two authored bots: fields by path, prose word by word.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use similar::{ChangeTag, DiffOp, TextDiff, capture_diff_slices};

use super::document::{Field, Op, TextChange, Words};

/// Texts of one line that are no longer than this are shown whole, before and after.
const SHORT: usize = 80;
/// Same words between changes: so much of them is kept on either side.
const AROUND: usize = 60;

/// The leaves that differ.
#[derive(Debug, Default)]
pub(super) struct Differences {
    pub(super) fields: Vec<Field>,
    pub(super) texts: Vec<TextChange>,
}

/// Compares two authored bots; the name is not looked at.
pub(super) fn differences(before: Option<&Value>, after: Option<&Value>) -> Differences {
    let mut found = Differences::default();
    let part = |authored: Option<&'_ Value>, part: &str| authored.and_then(|value| value.get(part)).cloned();
    for (name, prefix) in
        [("bot", ""), ("files", "/files"), ("providers", "/providers"), ("shared", "/shared")]
    {
        let (old, new) = (part(before, name), part(after, name));
        // A part that is not there has no entries.
        let empty = || Value::Object(Map::new());
        let (old, new) = (old.unwrap_or_else(empty), new.unwrap_or_else(empty));
        found.compare(prefix, Some(&old), Some(&new));
    }
    found
}

impl Differences {
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.texts.is_empty()
    }

    fn compare(&mut self, path: &str, before: Option<&Value>, after: Option<&Value>) {
        if before == after {
            return;
        }
        match (before, after) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => self.compare_members(path, old, new),
            (Some(Value::Object(old)), None) => self.compare_members(path, old, &Map::new()),
            (None, Some(Value::Object(new))) => self.compare_members(path, &Map::new(), new),
            (Some(Value::Array(old)), Some(Value::Array(new))) => self.compare_items(path, old, new),
            (Some(Value::Array(old)), None) => self.compare_items(path, old, &[]),
            (None, Some(Value::Array(new))) => self.compare_items(path, &[], new),
            _ => self.leaf(path, before, after),
        }
    }

    fn compare_members(&mut self, path: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for key in keys {
            self.compare(&format!("{path}/{}", escaped(key)), old.get(key), new.get(key));
        }
    }

    /// Entries with names go by them; others are aligned, so that one that is put in moves no other.
    fn compare_items(&mut self, path: &str, old: &[Value], new: &[Value]) {
        if let (Some(old), Some(new)) = (by_name(old), by_name(new)) {
            let both = |one: &Map<String, Value>, other: &Map<String, Value>| -> Vec<String> {
                one.keys().filter(|name| other.contains_key(*name)).cloned().collect()
            };
            let (before, after) = (both(&old, &new), both(&new, &old));
            if before != after {
                let (before, after) = (Some(before.into()), Some(after.into()));
                self.fields.push(Field { path: path.into(), before, after, origin: None });
            }
            return self.compare_members(path, &old, &new);
        }
        let (left, right): (Vec<String>, Vec<String>) =
            (old.iter().map(Value::to_string).collect(), new.iter().map(Value::to_string).collect());
        for op in capture_diff_slices(similar::Algorithm::Myers, &left, &right) {
            let (old_at, new_at) = match op {
                DiffOp::Equal { .. } => continue,
                DiffOp::Delete { old_index, old_len, .. } => (old_index..old_index + old_len, 0..0),
                DiffOp::Insert { new_index, new_len, .. } => (0..0, new_index..new_index + new_len),
                DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                    (old_index..old_index + old_len, new_index..new_index + new_len)
                }
            };
            let pairs = old_at.len().max(new_at.len());
            for pair in 0..pairs {
                let (from, to) = (old_at.clone().nth(pair), new_at.clone().nth(pair));
                let at = to.or(from).unwrap_or(0);
                self.compare(&format!("{path}/{at}"), from.map(|at| &old[at]), to.map(|at| &new[at]));
            }
        }
    }

    fn leaf(&mut self, path: &str, before: Option<&Value>, after: Option<&Value>) {
        let prose = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.contains('\n') || text.chars().count() > SHORT,
            _ => false,
        };
        let text = |value: Option<&Value>| match value {
            None => Some(String::new()),
            Some(value) => value.as_str().map(str::to_owned),
        };
        let is_prose = prose(before) || prose(after) || path.starts_with("/files/");
        if let (true, Some(old), Some(new)) = (is_prose, text(before), text(after)) {
            self.texts.push(TextChange { path: path.into(), origin: None, words: words(&old, &new) });
        } else {
            let (before, after) = (before.cloned(), after.cloned());
            self.fields.push(Field { path: path.into(), before, after, origin: None });
        }
    }
}

/// A key as a JSON pointer writes it.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The entries of a list by their names, if each has one of its own.
fn by_name(items: &[Value]) -> Option<Map<String, Value>> {
    let mut named = Map::new();
    for item in items {
        let name = item.get("name")?.as_str()?;
        if named.insert(name.to_owned(), item.clone()).is_some() {
            return None;
        }
    }
    Some(named)
}

/// The difference of two texts, word by word; long stretches that stay are cut.
fn words(before: &str, after: &str) -> Vec<Words> {
    let mut words: Vec<Words> = Vec::new();
    for change in TextDiff::from_words(before, after).iter_all_changes() {
        let op = match change.tag() {
            ChangeTag::Equal => Op::Same,
            ChangeTag::Delete => Op::Removed,
            ChangeTag::Insert => Op::Added,
        };
        match words.last_mut() {
            Some(last) if last.op == op => last.text.push_str(change.value()),
            _ => words.push(Words { op, text: change.value().to_owned() }),
        }
    }
    let last = words.len().saturating_sub(1);
    for (at, some) in words.iter_mut().enumerate().filter(|(_, some)| some.op == Op::Same) {
        let (head, tail) = (at > 0, at < last);
        some.text = cut(&some.text, head, tail);
    }
    words
}

/// The beginning and the end of a text that stays, as far as they stand beside a change.
fn cut(text: &str, head: bool, tail: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= AROUND * 2 + 1 {
        return text.to_owned();
    }
    let begin: String = if head { chars[..AROUND].iter().collect() } else { String::new() };
    let end: String = if tail { chars[chars.len() - AROUND..].iter().collect() } else { String::new() };
    format!("{begin}…{end}")
}
