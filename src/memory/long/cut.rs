//! Cutting a long text into passages of some 300 tokens, at headings, between paragraphs, else between lines,
//! sentences and words. Pure.

use crate::memory::passages::{self, Block, STEP};
use crate::tokens;

/// About how long a passage grows, in tokens.
const MOST: usize = 300;
/// From so many on it ends where the next heading stands.
const ENOUGH: usize = 120;

/// One passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The path of the headings where it begins.
    pub(super) heading: String,
    pub(super) text: String,
    pub(super) tokens: usize,
}

/// The passages of a text (Markdown or plain), in its order, with all its words.
pub(super) fn cut(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    // The heading under which the last passage ends.
    let mut under = String::new();
    for Block { path, text, goes_on, .. } in passages::blocks(text) {
        let tokens = tokens::count(&text) + 1;
        let is_new = path != under;
        match pieces.last_mut() {
            Some(last) if last.tokens + tokens <= MOST && !(is_new && last.tokens >= ENOUGH) => {
                let headings = new_headings(&path, &under);
                if is_new && !headings.is_empty() && headings != text {
                    last.text.push_str(&format!("\n{headings}"));
                    last.tokens += tokens::count(&headings) + 1;
                }
                last.text.push(if goes_on { ' ' } else { '\n' });
                last.text.push_str(&text);
                last.tokens += tokens;
            }
            _ => {
                let tokens = tokens + tokens::count(&path);
                pieces.push(Piece { heading: path.clone(), text, tokens });
            }
        }
        under = path;
    }
    pieces
}

/// The headings of `path` from the first on that differs from those of `before`.
fn new_headings(path: &str, before: &str) -> String {
    let own: Vec<&str> = path.split(STEP).collect();
    let shared = own.iter().zip(before.split(STEP)).take_while(|(a, b)| **a == *b).count();
    own[shared..].join(STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> String {
        text.chars().filter(|c| c.is_alphanumeric()).collect()
    }

    fn texts(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// All words are there, and no passage is much longer than it should be.
    fn is_whole(text: &str, pieces: &[Piece]) {
        assert_eq!(letters(&texts(pieces)), letters(text));
        for piece in pieces {
            let tokens = tokens::count(&piece.text) + tokens::count(&piece.heading);
            assert!(tokens <= 2 * MOST, "{tokens}: {}", piece.text);
            assert!(piece.tokens.abs_diff(tokens) <= 2 + tokens / 5, "{} for {tokens}", piece.tokens);
        }
    }

    #[test]
    fn paragraphs_join_until_there_is_enough_and_headings_part_them() {
        let section =
            |n: usize| format!("## Part {n}\n\n{}", "All of it is told here, at length. ".repeat(20));
        let text = (1..=6).map(section).collect::<Vec<_>>().join("\n\n");
        let pieces = cut(&format!("# Book\n\n{text}"));
        let headings: Vec<&str> = pieces.iter().map(|piece| piece.heading.as_str()).collect();
        let expected: Vec<String> = (1..=6).map(|n| format!("Book › Part {n}")).collect();
        assert_eq!(headings, expected);
        let short = cut("# A\n\none\n\n## B\n\ntwo\n\nthree");
        assert_eq!(short.len(), 1);
        assert_eq!((short[0].heading.as_str(), short[0].text.as_str()), ("A", "one\nB\ntwo\nthree"));
    }

    #[test]
    fn one_line_of_a_million_letters_is_cut_anywhere() {
        for (text, least) in [
            ("x".repeat(1_000_000), 300),
            ("lorem ipsum dolor ".repeat(55_000), 600),
            ("It is so. ".repeat(100_000), 800),
            ("слово за словом, ".repeat(33_000), 600),
        ] {
            let pieces = cut(&text);
            assert!(pieces.len() > least, "{}", pieces.len());
            is_whole(&text, &pieces);
        }
    }

    #[test]
    fn chinese_is_cut_between_sentences_though_it_has_no_spaces() {
        let text: String = (0..2_000).map(|n| format!("这是第{n}句话，说的是租约的内容。")).collect();
        let pieces = cut(&text);
        is_whole(&text, &pieces);
        assert!(pieces.len() > 50);
        let at_ends = pieces.iter().filter(|piece| piece.text.ends_with('。')).count();
        assert!(at_ends * 10 > pieces.len() * 9, "{at_ends} of {}", pieces.len());
    }

    #[test]
    fn code_stays_in_its_lines() {
        let code: String = (0..400).map(|n| format!("    let line_{n} = # no heading {n};\n")).collect();
        let text = format!("Look:\n\n```rust\n{code}```\n\nIt fails.");
        let pieces = cut(&text);
        is_whole(&text, &pieces);
        assert!(pieces.iter().all(|piece| piece.heading.is_empty()));
        assert!(texts(&pieces).contains("    let line_7 = # no heading 7;\n    let line_8 ="));
        // A fence that nobody closed is the rest of the text.
        is_whole(&format!("```\n{code}"), &cut(&format!("```\n{code}")));
    }

    #[test]
    fn headings_do_not_blow_it_up() {
        let steps = "# a\n\nb\n".repeat(20_000);
        let pieces = cut(&steps);
        assert!(pieces.len() < 2_000, "{}", pieces.len());
        let deep: String =
            (1..=6).map(|level| format!("{} {}\n", "#".repeat(level), "t".repeat(190))).collect();
        let text = deep + &"###### x\n\ny\n".repeat(20_000);
        let size: usize = cut(&text).iter().map(|piece| piece.heading.len() + piece.text.len()).sum();
        assert!(size < 4 * text.len(), "{size} of {}", text.len());
        let line = format!("# {}\n\n{}", "long ".repeat(50_000), "words\n\n".repeat(1_000));
        let size: usize = cut(&line).iter().map(|piece| piece.heading.len() + piece.text.len()).sum();
        assert!(size < 2 * line.len(), "{size} of {}", line.len());
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(cut(""), []);
        assert_eq!(cut("\n\n---\n"), []);
    }
}
