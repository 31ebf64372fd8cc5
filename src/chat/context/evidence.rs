//! What recall found, as far as it matters, fits and is not said already.

use std::collections::HashSet;

use super::{Input, Room};
use crate::chat::report::Draft;
use crate::dialog::{Evidence, EvidenceKind};
use crate::memory::{Found, FoundKind};
use crate::tokens::count;

/// Evidence below this share of the best score is noise.
const RELEVANCE_FLOOR: f32 = 0.3;
/// What stands around it.
const HEADING: &str = "<memory>\n</memory>";

/// Best first while there is room; `text` becomes what the model reads, in the order of time. `kept` are the
/// messages of the window that are in the prompt.
pub(super) fn take_evidence(input: &Input<'_>, kept: &[usize], room: &mut Room, text: &mut String) -> Draft {
    let mut draft = Draft::new("recalled");
    let mut left = usize::try_from(input.bot.memory.recall.budget).unwrap_or(usize::MAX);
    // A turn that waited finds its own question in the index, which nothing else can match.
    let is_asked = |found: &Found| input.inbound.iter().any(|message| message.id.0 == found.id);
    let best = input.found.iter().find(|found| !is_asked(found)).map_or(0.0, |found| found.score);
    let mut lines = Vec::new();
    let heading = count(HEADING) + 1;
    for found in input.found {
        let kind = if found.kind == FoundKind::Message { "message" } else { "summary" };
        let line = evidence_line(found);
        let tokens = count(&line) + 1 + if lines.is_empty() { heading } else { 0 };
        let shown = |index: &usize| input.window[*index].id.0 == found.id;
        let refusal = if kept.iter().any(shown) || is_asked(found) {
            Some("stands in the window already")
        } else if found.score < best * RELEVANCE_FLOOR {
            Some("far less relevant than the best")
        } else if tokens > left {
            Some("no room in the recall budget")
        } else if !room.take(tokens) {
            Some("no room in the budget")
        } else {
            None
        };
        match refusal {
            Some(reason) => draft.left_out(kind, found.id, tokens, reason, Some(found.score)),
            None => {
                left -= tokens;
                lines.push((found.at, found.ordinal, line));
                draft.included(kind, found.id, tokens, "recalled", Some(found.score));
            }
        }
    }
    text.clear();
    if !lines.is_empty() {
        lines.sort_by_key(|(at, ordinal, _)| (*at, *ordinal));
        let lines: Vec<String> = lines.into_iter().map(|(_, _, line)| line).collect();
        *text = format!("<memory>\n{}\n</memory>", lines.join("\n"));
    }
    draft
}

/// Best first, what of `found` an answer would be given for `budget` tokens, each with the tokens that it takes.
pub(in crate::chat) fn evidence_that_fits(found: Vec<Found>, budget: u32) -> Vec<(Found, usize)> {
    let mut room = Room { left: usize::try_from(budget).unwrap_or(usize::MAX) };
    let best = found.first().map_or(0.0, |found| found.score);
    let heading = count(HEADING) + 1;
    let mut taken = Vec::new();
    for found in found.into_iter().filter(|found| found.score >= best * RELEVANCE_FLOOR) {
        let tokens = count(&evidence_line(&found)) + 1 + if taken.is_empty() { heading } else { 0 };
        if room.take(tokens) {
            taken.push((found, tokens));
        }
    }
    taken
}

fn evidence_line(found: &Found) -> String {
    let text = found.text.replace("</memory>", "< /memory>").replace('\n', " ");
    format!("[{}] {}: {text}", found.at.format("%Y-%m-%d"), found.speaker)
}

/// Everything typed that may answer, best first, each text once.
pub(super) fn best_first(mut evidence: Vec<Evidence>, found: &[Found]) -> Vec<Evidence> {
    evidence.extend(found.iter().filter(|found| !found.is_bot).map(|found| Evidence {
        kind: match found.kind {
            FoundKind::Message => EvidenceKind::Message,
            FoundKind::Summary => EvidenceKind::Summary,
        },
        label: found.speaker.clone(),
        at: Some(found.at),
        text: found.text.clone(),
        coverage: found.coverage,
        score: found.score,
    }));
    evidence.sort_by(|a, b| b.coverage.total_cmp(&a.coverage).then(b.score.total_cmp(&a.score)));
    let mut seen = HashSet::new();
    evidence.retain(|evidence| seen.insert((evidence.label.clone(), evidence.text.clone())));
    evidence
}
