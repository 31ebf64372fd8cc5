//! When the new words were said. Without it nobody could tell how long ago something was, or what "tomorrow" is.

use chrono_tz::Tz;

use super::{Input, Room};
use crate::chat::report::Draft;
use crate::tokens::count;

/// The time of the newest words, where the bot's days are summed up: the only place that its file names.
pub(super) fn take_now(input: &Input<'_>, room: &mut Room, text: &mut String) -> Draft {
    let mut draft = Draft::new("now");
    let Some(newest) = input.inbound.iter().map(|message| message.sent_at).max() else { return draft };
    let digest = input.bot.memory.digest.as_ref();
    let zone = digest.and_then(|digest| digest.timezone.parse().ok()).unwrap_or(Tz::UTC);
    let body = format!("It is {} {zone}.", newest.with_timezone(&zone).format("%A, %Y-%m-%d %H:%M"));
    let tokens = count(&body) + 1;
    if room.take(tokens) {
        draft.included("time", zone, tokens, "always", None);
        *text = body;
    } else {
        draft.left_out("time", zone, tokens, "no room in the budget", None);
    }
    draft
}
