//! Finding the bot that a person means.

use std::sync::Arc;

use crate::accounts::Actor;
use crate::chat::{Chat, LiveBot};
use crate::error::{Error, Result};

/// The live bot of that name; where there is none, an error that helps.
pub(super) async fn known(chat: &Chat, actor: &Actor, name: &str) -> Result<Arc<LiveBot>> {
    if let Some(live) = chat.bots().find(actor.account, name).await? {
        return Ok(live);
    }
    let bots = chat.bots().list(actor.account).await?;
    let names: Vec<&str> = bots.iter().map(|live| live.bot.name.as_str()).collect();
    Err(Error::not_found(unknown(name, &names)))
}

/// What is said to whoever named a bot that there is not.
pub(super) fn unknown(name: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "no bot is live yet: `botwright up` applies ./bots and watches it, `botwright apply` applies it once"
            .into();
    }
    let near = names.iter().map(|known| (strsim::damerau_levenshtein(known, name), *known)).min();
    match near {
        Some((distance, near)) if distance <= 3 => {
            format!("there is no bot called `{name}`; did you mean `{near}`?")
        }
        _ => format!("there is no bot called `{name}`; there are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        assert!(unknown("compnion", &["companion", "lawyer"]).ends_with("did you mean `companion`?"));
        assert!(unknown("zebra", &["companion", "lawyer"]).ends_with("there are companion, lawyer"));
        assert!(unknown("zebra", &[]).contains("botwright apply"));
    }
}
