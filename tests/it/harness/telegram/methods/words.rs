//! What a bot says: read, checked and kept as the service does.

use serde_json::Value;

use crate::harness::telegram::arguments::Arguments;
use crate::harness::telegram::entities;
use crate::harness::telegram::html;
use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::text::{Entity, Formatted, cleaned, is_empty, units};

/// The most bytes of a text before it is read.
const MOST_BYTES: usize = 1 << 15;

/// UTF-16 units that a message and a caption may have.
pub(super) const MESSAGE: usize = 4096;
pub(super) const CAPTION: usize = 1024;

/// A message's text, which must say something.
pub(super) fn text(arguments: &Arguments) -> Result<Formatted, Refusal> {
    let text = arguments.text("text").filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| Refusal::bad("message text is empty"))?;
    let formatted = formatted(arguments, text, "entities")?;
    if is_empty(&formatted.text) {
        return Err(Refusal::bad("text must be non-empty"));
    }
    if units(&formatted.text) > MESSAGE {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(formatted)
}

pub(super) fn caption(arguments: &Arguments) -> Result<Formatted, Refusal> {
    let caption = arguments.text("caption").unwrap_or_default();
    let formatted = formatted(arguments, caption, "caption_entities")?;
    if units(&formatted.text) > CAPTION {
        return Err(Refusal::bad("message caption is too long"));
    }
    Ok(formatted)
}

/// The text of a draft, which may be empty.
pub(super) fn draft(arguments: &Arguments) -> Result<String, Refusal> {
    let formatted = formatted(arguments, arguments.text("text").unwrap_or_default(), "entities")?;
    match units(&formatted.text) > MESSAGE {
        true => Err(Refusal::bad("message is too long")),
        false => Ok(formatted.text),
    }
}

fn formatted(arguments: &Arguments, text: String, marks: &str) -> Result<Formatted, Refusal> {
    if text.len() > MOST_BYTES {
        return Err(Refusal::bad("text is too long"));
    }
    let mode = arguments.text("parse_mode").unwrap_or_default().to_lowercase();
    let read = match mode.as_str() {
        "html" => html::parse(&cleaned(&text))
            .map_err(|error| Refusal::bad(&format!("can't parse entities: {error}")))?,
        "" | "none" => Formatted { entities: given(arguments, marks), text },
        // The other modes of the service are not emulated: nobody here writes in them.
        _ => return Err(Refusal::bad("unsupported parse_mode")),
    };
    let mut kept = read.kept();
    // Later ones are forgotten without a word.
    kept.entities.truncate(100);
    Ok(entities::find(kept))
}

fn given(arguments: &Arguments, marks: &str) -> Vec<Entity> {
    let Some(Value::Array(entities)) = arguments.json(marks) else { return Vec::new() };
    let read = |entity: &Value| {
        let number = |name: &str| usize::try_from(entity[name].as_u64()?).ok();
        let argument = entity.get("url").or(entity.get("language")).and_then(Value::as_str);
        Some(Entity {
            kind: entity["type"].as_str()?.to_owned(),
            offset: number("offset")?,
            length: number("length")?,
            argument: argument.map(str::to_owned),
        })
    };
    entities.iter().filter_map(read).collect()
}

/// The buttons below a message, checked.
pub(super) fn markup(arguments: &Arguments) -> Result<Option<Value>, Refusal> {
    let Some(markup) = arguments.json("reply_markup") else { return Ok(None) };
    if !markup.is_object() {
        return Err(Refusal::bad("can't parse reply keyboard markup JSON object"));
    }
    let rows = markup.get("inline_keyboard").and_then(Value::as_array);
    for button in rows.into_iter().flatten().filter_map(Value::as_array).flatten() {
        if button["text"].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(Refusal::bad("inline keyboard button text must be non-empty"));
        }
        let actions = button.as_object().map_or(0, |button| button.len() - 1);
        if actions == 0 {
            return Err(Refusal::bad(
                "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            ));
        }
        if button
            .get("callback_data")
            .is_some_and(|data| !(1..=64).contains(&data.as_str().unwrap_or("").len()))
        {
            return Err(Refusal::bad("BUTTON_DATA_INVALID"));
        }
    }
    Ok(Some(markup))
}
