//! One value of a file changed.

use serde_json::{Map, Value};

use crate::spec::problem::{Problem, codes, quote};

use super::edit;
use super::source::Source;

/// The text of the YAML file `path` with the value at a JSON pointer changed, or taken away for `None`;
/// everything else stays byte for byte. Mappings on the way are made where there are none; the member `-` of a
/// list is the one after its last. To take away what is not there changes nothing.
///
/// # Errors
/// What is wrong with a file that is not the YAML that we read, or that the pointer leads nowhere.
pub fn set(path: &str, text: &str, pointer: &str, value: Option<&Value>) -> Result<String, Vec<Problem>> {
    let raw = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut target = Source::read(path, raw)?.root.to_json();
    if target.is_null() {
        target = Value::Object(Map::new());
    }
    let tokens: Option<Vec<String>> = pointer
        .strip_prefix('/')
        .map(|rest| rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect());
    let done = tokens.and_then(|tokens| put(&mut target, &tokens, value));
    if done.is_none() || !target.is_object() {
        let message = format!("{} leads to nothing that can be changed in this file", quote(pointer));
        return Err(vec![Problem::whole(path, codes::UNSUPPORTED, message)]);
    }
    let mark = text.get(..text.len() - raw.len()).unwrap_or("");
    Ok(format!("{mark}{}", edit::rewrite(path, raw, &target)))
}

/// Changes one value of `target`; none where the pointer leads through something that has no members.
fn put(target: &mut Value, tokens: &[String], value: Option<&Value>) -> Option<()> {
    let (token, rest) = tokens.split_first()?;
    match target {
        Value::Object(members) => match (rest.is_empty(), value) {
            (true, Some(value)) => {
                members.insert(token.clone(), value.clone());
            }
            (true, None) => {
                members.shift_remove(token);
            }
            (false, None) if !members.contains_key(token) => {}
            (false, _) => {
                let member = members.entry(token.clone()).or_insert_with(|| Value::Object(Map::new()));
                put(member, rest, value)?;
            }
        },
        Value::Array(items) => {
            let at = if token == "-" { items.len() } else { token.parse::<usize>().ok()? };
            match (rest.is_empty(), value) {
                (true, Some(value)) if at == items.len() => items.push(value.clone()),
                (true, Some(value)) => *items.get_mut(at)? = value.clone(),
                (true, None) if at < items.len() => {
                    items.remove(at);
                }
                (true, None) => {}
                (false, _) => put(items.get_mut(at)?, rest, value)?,
            }
        }
        _ => return None,
    }
    Some(())
}
