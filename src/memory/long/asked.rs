//! What somebody wants who sends a long text: the words before it and after it, and of these the questions.

/// How far from either end it is looked for, in characters.
const REACH: usize = 400;

/// The words of a text that say what is asked. A short text is all of them.
pub fn asked(text: &str) -> String {
    let text = text.trim();
    if text.chars().nth(2 * REACH).is_none() {
        return text.to_owned();
    }
    let (head, tail) = (first_part(text), last_part(text));
    let questions: Vec<&str> = [head, tail].into_iter().flat_map(questions).collect();
    if questions.is_empty() { format!("{head}\n{tail}") } else { questions.join("\n") }
}

/// The first paragraph, or the beginning of it.
fn first_part(text: &str) -> &str {
    let end = text.char_indices().nth(REACH).map_or(text.len(), |(at, _)| at);
    let part = &text[..end];
    part.find("\n\n").map_or(part, |at| &part[..at]).trim()
}

/// The last paragraph, or the end of it.
fn last_part(text: &str) -> &str {
    let start = text.char_indices().rev().nth(REACH).map_or(0, |(at, _)| at);
    let part = &text[start..];
    part.rfind("\n\n").map_or(part, |at| &part[at..]).trim()
}

/// The sentences that ask.
fn questions(text: &str) -> impl Iterator<Item = &str> {
    let ends = ['.', '!', '?', '…', '。', '！', '？', '\n'];
    text.split_inclusive(ends).map(str::trim).filter(|sentence| sentence.ends_with(['?', '？']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_stands_before_or_after_the_text() {
        let text = "The tenant pays the rent. ".repeat(200);
        assert_eq!(asked(&format!("Who pays the rent?\n\n{text}")), "Who pays the rent?");
        assert_eq!(asked(&format!("{text}\n\nWho pays the rent? Answer briefly.")), "Who pays the rent?");
        assert_eq!(asked(&format!("{}\n谁付房租？", "房客付房租。".repeat(300))), "谁付房租？");
        let both = asked(&format!("Here is our lease.\n\n{text}\n\nSum it up."));
        assert_eq!(both, "Here is our lease.\nSum it up.");
        assert_eq!(asked(" Short. Isn't it? "), "Short. Isn't it?");
        assert!(asked(&"ї".repeat(100_000)).chars().count() <= 2 * REACH + 2);
    }
}
