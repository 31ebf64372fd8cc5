//! What holds for every file.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::messy::{Messy, any_file, any_value};
use crate::spec::origins::token;
use crate::spec::writer::edit::{rewrite, same};
use crate::spec::writer::format::canonical;
use crate::spec::writer::source::Source;
use crate::spec::{format, set};

const PATH: &str = "a/bot.yaml";

fn read(text: &str) -> Option<Value> {
    Source::read(PATH, text.strip_prefix('\u{feff}').unwrap_or(text)).ok().map(|source| source.root.to_json())
}

/// The comments of a file, each with its number and the key that it belongs to.
fn comments(text: &str) -> Vec<String> {
    let raw = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::read(PATH, raw).unwrap();
    source.comments.iter().map(|span| source.slice(*span).trim_end().to_owned()).collect()
}

/// Every value of a file by its pointer.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut member = |key: &str, value: &Value| {
        let below = format!("{pointer}/{}", token(key));
        found.push(below.clone());
        pointers(value, &below, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| member(key, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| member(&at.to_string(), value))
        }
        _ => {}
    }
}

/// Whether a pointer leads through mappings alone, so that it means the same in a changed file.
fn is_stable(value: &Value, pointer: &str) -> bool {
    let parents = pointer.match_indices('/').map(|(at, _)| &pointer[..at]);
    parents.into_iter().all(|parent| value.pointer(parent).is_some_and(Value::is_object))
}

/// The comments of keys that say the same before and after are all there.
fn keeps_comments(before: &str, after: &str, old: &Value, new: &Value) -> Result<(), TestCaseError> {
    let left = comments(after);
    for comment in comments(before) {
        let Some((_, owner)) = comment.split_once('@') else { continue };
        let owner = owner.rsplit_once(' ').map_or(owner, |(owner, _)| owner);
        let mut all = Vec::new();
        pointers(old, "", &mut all);
        let Some(pointer) =
            all.iter().filter(|pointer| owner.starts_with(pointer.as_str())).max_by_key(|p| p.len())
        else {
            continue;
        };
        if is_stable(old, pointer) && old.pointer(pointer) == new.pointer(pointer) {
            prop_assert!(
                left.contains(&comment),
                "{comment:?} of {pointer} is lost in\n{before}\n=>\n{after}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_it_was_and_is_canonical(value in any_file()) {
        let text = canonical(PATH, &value);
        prop_assert_eq!(read(&text), Some(value), "{}", text);
        prop_assert_eq!(format(PATH, &text).unwrap(), text);
    }

    #[test]
    fn formatting_keeps_the_value_and_every_comment_and_is_done_once(value in any_file(), choices in vec(any::<u8>(), 1..200)) {
        let text = Messy::write(&value, choices);
        prop_assert_eq!(read(&text), Some(value.clone()), "the test's own writer is wrong:\n{}", text);
        let formatted = format(PATH, &text).unwrap();
        prop_assert_eq!(read(&formatted), Some(value));
        prop_assert_eq!(format(PATH, &formatted).unwrap(), formatted.clone(), "of\n{}", text);
        let (mut before, mut after) = (comments(&text), comments(&formatted));
        before.sort();
        after.sort();
        prop_assert_eq!(before, after, "{}\n=>\n{}", text, formatted);
    }

    #[test]
    fn a_file_that_is_to_say_something_else_says_it_and_keeps_its_comments(
        value in any_file(),
        choices in vec(any::<u8>(), 1..200),
        changes in vec((any::<prop::sample::Index>(), prop::option::of(any_value()), any::<bool>()), 1..5),
    ) {
        let text = Messy::write(&value, choices);
        let raw = text.strip_prefix('\u{feff}').unwrap_or(&text);
        prop_assert_eq!(rewrite(PATH, raw, &value), raw, "nothing is to be changed");
        let mut target = value.clone();
        for (at, change, is_new) in changes {
            let mut all = Vec::new();
            pointers(&target, "", &mut all);
            if all.is_empty() {
                break;
            }
            let pointer = at.get(&all);
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            match (target.pointer_mut(parent), change) {
                (Some(Value::Object(members)), Some(change)) => {
                    let key = if is_new { format!("{key}new") } else { key.replace("~1", "/").replace("~0", "~") };
                    members.insert(key, change);
                }
                (Some(Value::Object(members)), None) if members.len() > 1 => {
                    members.shift_remove(&key.replace("~1", "/").replace("~0", "~"));
                }
                (Some(Value::Array(items)), Some(change)) if is_new => items.insert(key.parse().unwrap(), change),
                (Some(Value::Array(items)), Some(change)) => items[key.parse::<usize>().unwrap()] = change,
                (Some(Value::Array(items)), None) => {
                    items.remove(key.parse().unwrap());
                }
                _ => {}
            }
        }
        let changed = rewrite(PATH, raw, &target);
        prop_assert!(read(&changed).is_some_and(|read| same(&read, &target)), "{}\n=>\n{}", raw, changed);
        keeps_comments(raw, &changed, &value, &target)?;
    }

    #[test]
    fn one_value_set_leaves_the_lines_around_it_alone(
        value in any_file(),
        choices in vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
        change in any_value(),
    ) {
        let text = Messy::write(&value, choices);
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        let pointer = at.get(&all);
        let changed = set(PATH, &text, pointer, Some(&change)).unwrap();
        let mut target = value.clone();
        *target.pointer_mut(pointer).unwrap() = change;
        prop_assert!(read(&changed).is_some_and(|read| same(&read, &target)), "{}\n=>\n{}", text, changed);
        let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), changed.lines().collect());
        let places = crate::spec::origins(PATH, text.as_bytes());
        let line = places[pointer].line;
        // A list or a mapping in a list may begin below its `-`, and then its place is no place of its own.
        let in_list = pointer.rsplit_once('/').and_then(|(list, _)| value.pointer(list)).is_some_and(Value::is_array);
        let is_spread = value.pointer(pointer).is_some_and(|value| value.is_array() || value.is_object());
        if text.contains("&a") || (in_list && is_spread) {
            return Ok(());
        }
        prop_assert_eq!(&old[..line - 1], &new[..line - 1], "{} in\n{}\n=>\n{}", pointer, text, changed);
        // A value between brackets may end in the line in which the next one begins.
        let begins_line = |line: usize| old.get(line - 1).is_some_and(|line| !line.contains([']', '}', ',']));
        let after = places.iter().filter(|(path, place)| {
            place.line > line && !path.starts_with(&format!("{pointer}/")) && begins_line(place.line)
        });
        if let Some(next) = after.map(|(_, place)| place.line).min() {
            let rest = old.len() + 1 - next;
            prop_assert_eq!(&old[next - 1..], &new[new.len() - rest..], "{} in\n{}\n=>\n{}", pointer, text, changed);
        }
    }
}
