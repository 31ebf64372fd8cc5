//! `||hidden||`: what Telegram's people write, and Markdown does not know.

use super::rich::{Kind, Rich, Run};

const MARK: &str = "||";

/// Makes spoilers of what stands between two marks of one paragraph. Marks that have no other stay as they are.
pub(super) fn hide(rich: Rich) -> Rich {
    if !rich.text.contains(MARK) {
        return rich;
    }
    let mut hidden = pairs(&rich).into_iter().peekable();
    let mut result = Rich::default();
    let mut start = 0;
    for Run { end, look } in &rich.runs {
        while start < *end {
            // The next thing that changes within this run.
            let Some(&(open, close)) = hidden.peek() else {
                result.push(&rich.text[start..*end], look);
                break;
            };
            let stop = |at: usize| at.min(*end);
            if start < open {
                result.push(&rich.text[start..stop(open)], look);
                start = stop(open);
            } else if start < open + MARK.len() {
                start = stop(open + MARK.len());
            } else if start < close {
                let mut look = look.clone();
                look.marks.spoiler = !matches!(look.kind, Kind::Code | Kind::Pre(_));
                result.push(&rich.text[start..stop(close)], &look);
                start = stop(close);
            } else {
                start = stop(close + MARK.len());
                if start == close + MARK.len() {
                    hidden.next();
                }
            }
        }
        start = start.max(*end);
    }
    result
}

/// Where the marks of each spoiler begin.
fn pairs(rich: &Rich) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut open = None;
    let mut start = 0;
    for Run { end, look } in &rich.runs {
        if matches!(look.kind, Kind::Pre(_)) {
            open = None;
        }
        let marks = (look.kind == Kind::Text).then(|| rich.text[start..*end].match_indices(MARK));
        for at in marks.into_iter().flatten().map(|(offset, _)| start + offset) {
            if let Some(from) = open
                && closes(&rich.text, at)
                && from + MARK.len() < at
            {
                open = None;
                if !rich.text[from..at].contains("\n\n") {
                    pairs.push((from, at));
                    continue;
                }
            }
            if opens(&rich.text, at) {
                open = Some(at);
            }
        }
        start = *end;
    }
    pairs
}

fn opens(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + MARK.len()..].chars().next();
    before.is_none_or(|c| !c.is_alphanumeric() && c != '|')
        && after.is_some_and(|c| !c.is_whitespace() && c != '|')
}

fn closes(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + MARK.len()..].chars().next();
    before.is_some_and(|c| !c.is_whitespace() && c != '|')
        && after.is_none_or(|c| !c.is_alphanumeric() && c != '|')
}
