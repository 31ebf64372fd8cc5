//! What stands in every prompt of what was said before: the rolling summary, and what matters most about people.

use super::{Input, Room};
use crate::chat::report::Draft;
use crate::tokens::count;

/// The share of the budget that a summary may take.
const SUMMARY_SHARE: f32 = 0.15;
/// The share of the budget that what is known of people may take.
const KNOWN_SHARE: usize = 20;
/// Stands over what is known.
const KNOWN_HEADING: &str = "# What you know about them (use it where it helps; do not bring it up unasked)";

pub(super) fn take_summary(input: &Input<'_>, budget: usize, room: &mut Room, text: &mut String) -> Draft {
    let mut draft = Draft::new("summary");
    let Some(summary) = input.summary else { return draft };
    let body = format!("# The conversation so far, in short\n\n{}", summary.text);
    let tokens = count(&body) + 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "budgets are small and positive"
    )]
    let ceiling = (budget as f32 * SUMMARY_SHARE) as usize;
    let first_shown = input.window.first().map_or(i32::MAX, |message| message.ordinal);
    if first_shown <= summary.from_ordinal && first_shown <= 1 {
        draft.left_out("summary", summary.id, tokens, "the window holds all of it", None);
    } else if tokens > ceiling {
        draft.left_out("summary", summary.id, tokens, "larger than its share of the budget", None);
    } else if room.take(tokens) {
        draft.included("summary", summary.id, tokens, "what was said before the window", None);
        *text = body;
    } else {
        draft.left_out("summary", summary.id, tokens, "no room in the budget", None);
    }
    draft
}

/// The most important first, while there is room; nothing that the summary's share is needed for.
pub(super) fn take_known(input: &Input<'_>, budget: usize, room: &mut Room, text: &mut String) -> Draft {
    let mut draft = Draft::new("known");
    let mut left = budget / KNOWN_SHARE;
    for fact in input.known {
        let line = format!("- {}", fact.text.replace('\n', " "));
        let heading = if text.is_empty() { count(KNOWN_HEADING) + 2 } else { 0 };
        let tokens = count(&line) + 1 + heading;
        if tokens <= left && room.take(tokens) {
            left -= tokens;
            if text.is_empty() {
                text.push_str(KNOWN_HEADING);
                text.push('\n');
            }
            text.push('\n');
            text.push_str(&line);
            draft.included("fact", fact.id, tokens, "important", None);
        } else {
            draft.left_out("fact", fact.id, tokens, "no room in its share of the budget", None);
        }
    }
    draft
}
