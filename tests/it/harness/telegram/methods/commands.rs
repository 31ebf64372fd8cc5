//! The menu of commands, for everybody or for some, in every language.

use serde_json::{Value, json};

use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::State;

use super::{Answer, Ask, done};

pub(super) fn set(state: &mut State, ask: &Ask<'_>) -> Answer {
    let Some(Value::Array(commands)) = ask.arguments.json("commands") else {
        return Err(Refusal::bad("can't parse commands JSON object"));
    };
    if commands.len() > 100 {
        return Err(Refusal::bad("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in &commands {
        let name = command["command"].as_str().unwrap_or("").trim_start_matches('/');
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !(1..=32).contains(&name.len()) || !name.chars().all(plain) {
            return Err(Refusal::bad("BOT_COMMAND_INVALID"));
        }
        let description = command["description"].as_str().unwrap_or("").chars().count();
        if !(1..=256).contains(&description) {
            return Err(Refusal::bad("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    let whose = whose(ask);
    ask.bot(state).commands.insert(whose, Value::Array(commands));
    done()
}

pub(super) fn get(state: &mut State, ask: &Ask<'_>) -> Answer {
    Ok(ask.bot(state).commands.get(&whose(ask)).cloned().unwrap_or_else(|| json!([])))
}

pub(super) fn delete(state: &mut State, ask: &Ask<'_>) -> Answer {
    ask.bot(state).commands.remove(&whose(ask));
    done()
}

/// For whom commands are, and in which language.
fn whose(ask: &Ask<'_>) -> String {
    let scope = ask.arguments.json("scope").unwrap_or_else(|| json!({ "type": "default" }));
    format!("{scope} {}", ask.arguments.text("language_code").unwrap_or_default())
}
