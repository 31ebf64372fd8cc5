//! What people bring from elsewhere, and what is meant here: keys of other tools, values of other formats.

use super::shape::{Field, Shape};

/// What to say of a key that is not known; `path` is the mapping that it stands in.
pub(super) fn key(key: &str, path: &str) -> Option<&'static str> {
    match (path, key) {
        ("", "name") => Some("a bot is named by its folder: `support/bot.yaml` is the bot `support`"),
        ("", "bots" | "include") => Some("bots are not listed: every folder with a `bot.yaml` is one"),
        ("", "spec" | "metadata") => Some("there is no wrapper: its keys stand at the top level"),
        (_, "prompt" | "systemPrompt" | "system" | "instructions" | "system_prompt") => {
            Some("what a bot is told stands under `persona` and `rules`, at the top level")
        }
        (_, "tools" | "plugins" | "skills" | "functions") => {
            Some("what a bot can do stands under `modules`, at the top level")
        }
        ("", "provider") | ("model", "provider" | "name" | "model") => {
            Some("one key names both: `use: openai/gpt-5-mini` under `model`")
        }
        ("", "env" | "environment" | "environments" | "overlays") => Some(
            "there are no environments: staging and production are two accounts, each with secrets of its own",
        ),
        (_, "apiKey" | "api_key" | "password") => Some(
            "keys never stand in a file: `botwright secret set NAME` stores them, `{secret: NAME}` refers to them",
        ),
        ("model", "max_tokens" | "maxTokens") => Some("it is called `maxOutputTokens`"),
        _ => None,
    }
}

/// What to say of a text that does not fit, where it looks like another format.
pub(super) fn value(text: &str) -> Option<&'static str> {
    if text.contains("${") || text.contains("$(") {
        Some("nothing is filled in from the environment: write the value, or refer to a secret by its name")
    } else if text.starts_with(['“', '”', '„', '«', '‘', '’']) {
        Some("quotes of a word processor are letters to YAML: use `\"` or `'`, or none")
    } else if text.contains("{{") {
        Some("variables are filled in only in `persona`, `greeting`, `rules` and `lore`")
    } else {
        None
    }
}

/// What to say of a text that was meant to be a list or a mapping, and lacks a space.
pub(super) fn glued(text: &str, shape: &Shape) -> Option<String> {
    match shape {
        Shape::Either(choices) => choices.iter().find_map(|choice| glued(text, choice)),
        Shape::List { .. } if text.starts_with('-') => {
            Some("a space is missing after the dash: `- one`, and each entry on a line of its own".into())
        }
        Shape::Map { fields, .. } => {
            let (key, value) = text.split_once(':')?;
            let known = fields.iter().any(|field| field.name == key);
            known.then(|| format!("a space is missing after the colon: `{key}: {}`", first_word(value)))
        }
        _ => None,
    }
}

/// Whether a mapping with this one key was probably meant as a text that holds a colon: neither its key nor
/// one like it is known.
pub(super) fn is_sentence(key: &str, fields: &[Field]) -> bool {
    let near = super::near::nearest(key, fields.iter().map(|field| field.name.as_str()));
    !fields.iter().any(|field| field.name == key) && near.is_none() && self::key(key, "").is_none()
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("…")
}
