//! Cutting a text into passages: along headings, paragraphs and lists, each under the path of its headings.

/// How long a passage grows, in characters, before it is cut. A character of a script without spaces says as much as
/// two others.
const LONGEST: usize = 600;

/// A line of more characters is no heading, and of a longer path the last so many count.
const LONGEST_HEADING: usize = 200;

/// What stands between the headings of a path.
pub(super) const STEP: &str = " › ";

/// A paragraph, a list, a table or a fenced block, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The headings above it.
    pub(super) path: String,
    /// For a heading with nothing below it: its title.
    pub(super) text: String,
    /// Whether it is such a heading.
    is_heading: bool,
    /// Whether it goes on in the line in which the one before it ends.
    pub(super) goes_on: bool,
}

/// The passages of a text (Markdown or plain), in its order. Where there are headings, a passage begins
/// with a line of their path. Nothing is left out but blank lines, rules and headings that have passages
/// of their own below.
pub(super) fn cut(text: &str) -> Vec<String> {
    let passage = |Block { path, text, is_heading, goes_on: _ }: Block| match path.as_str() {
        "" => text,
        _ if is_heading => path,
        _ => format!("{path}\n{text}"),
    };
    blocks(text).into_iter().map(passage).collect()
}

/// The same, in parts.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut cutter = Cutter::default();
    for line in text.lines() {
        cutter.take(line.trim_end());
    }
    cutter.finish()
}

#[derive(Default)]
struct Cutter<'a> {
    headings: Vec<Heading>,
    /// The lines of the paragraph, list, table or fenced block that is being read.
    block: Vec<&'a str>,
    in_fence: bool,
    blocks: Vec<Block>,
}

struct Heading {
    level: usize,
    title: String,
    /// Whether something stands below it.
    is_used: bool,
}

impl<'a> Cutter<'a> {
    fn take(&mut self, line: &'a str) {
        if is_fence(line) {
            self.in_fence = !self.in_fence;
            self.block.push(line);
        } else if self.in_fence {
            self.block.push(line);
        } else if let Some((level, title)) = heading(line) {
            self.flush();
            self.open(level, title);
        } else if let Some(level) = self.underline(line) {
            let title = self.block.pop().unwrap_or_default();
            self.open(level, title);
        } else if is_rule(line) {
            self.flush();
        } else if !line.is_empty() {
            // A list that follows a paragraph without a blank line begins a block of its own, unless the
            // paragraph introduces it.
            let begins_list = is_item(line) && self.block.last().is_some_and(|last| !is_listed(last));
            if begins_list && !self.block.last().is_some_and(|last| last.ends_with(':')) {
                self.flush();
            }
            self.block.push(line);
        } else if !self.block.last().is_some_and(|last| last.ends_with(':')) {
            // After a colon the next block is what was announced.
            self.flush();
        }
    }

    /// The level of a heading that is underlined with `===` or `---`.
    fn underline(&self, line: &str) -> Option<usize> {
        let [title] = self.block.as_slice() else { return None };
        let is_line_of = |mark: char| line.len() >= 3 && line.chars().all(|c| c == mark);
        match () {
            () if is_item(title) || title.contains('|') || !is_short(title) => None,
            () if is_line_of('=') => Some(1),
            () if is_line_of('-') => Some(2),
            () => None,
        }
    }

    fn open(&mut self, level: usize, title: &str) {
        self.close(level);
        self.headings.push(Heading { level, title: title.trim().to_owned(), is_used: false });
    }

    /// Leaves the headings of `level` and below. One that had nothing below it is a passage itself.
    fn close(&mut self, level: usize) {
        while self.headings.last().is_some_and(|heading| heading.level >= level) {
            let unused = self.headings.last().filter(|heading| !heading.is_used);
            if let Some(text) = unused.map(|heading| heading.title.clone()) {
                let path = self.path();
                self.add(Block { path, text, is_heading: true, goes_on: false });
            }
            self.headings.pop();
        }
    }

    fn path(&self) -> String {
        let titles: Vec<_> = self
            .headings
            .iter()
            .map(|heading| heading.title.as_str())
            .filter(|title| !title.is_empty())
            .collect();
        let path = titles.join(STEP);
        match path.char_indices().rev().nth(LONGEST_HEADING) {
            Some((start, _)) => path[start..].to_owned(),
            None => path,
        }
    }

    fn add(&mut self, block: Block) {
        if !block.text.is_empty() {
            self.headings.iter_mut().for_each(|heading| heading.is_used = true);
            self.blocks.push(block);
        }
    }

    fn flush(&mut self) {
        let block = std::mem::take(&mut self.block);
        let path = self.path();
        for (place, text) in pieces(&block).into_iter().enumerate() {
            let goes_on = place > 0 && block.len() == 1;
            self.add(Block { path: path.clone(), text, is_heading: false, goes_on });
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.flush();
        self.close(0);
        self.blocks
    }
}

/// Cuts one block where it is too long: between list items or rows, else between lines, sentences, words.
fn pieces(block: &[&str]) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in block {
        match items.last_mut() {
            Some(item) if !is_item(line) && !line.contains('|') => {
                item.push('\n');
                item.push_str(line);
            }
            _ => items.push((*line).to_owned()),
        }
    }
    let short = items.into_iter().flat_map(|item| shorten(item, &['\n'])).collect();
    pack(short, "\n").into_iter().filter(|piece| !piece.trim().is_empty()).collect()
}

/// `text` if it is short enough; else cut after the given marks, else after sentences, else between words,
/// else anywhere.
fn shorten(text: String, marks: &[char]) -> Vec<String> {
    if length(&text) <= LONGEST {
        return vec![text];
    }
    let sentences: &[char] = &['.', '!', '?', '…'];
    let (parts, finer): (Vec<String>, &[char]) = match marks {
        ['\n'] => (text.split('\n').map(str::to_owned).collect(), sentences),
        [' '] => (text.split_whitespace().flat_map(chop).collect(), &[]),
        [] => return chop(&text),
        _ => (split_sentences(&text, marks), &[' ']),
    };
    let glue = if marks == ['\n'] { "\n" } else { " " };
    pack(parts.into_iter().flat_map(|part| shorten(part, finer)).collect(), glue)
}

fn split_sentences(text: &str, marks: &[char]) -> Vec<String> {
    let mut sentences = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(sentence) = sentences.last_mut() else { break };
        if !sentence.is_empty() {
            sentence.push(' ');
        }
        // Where no spaces stand between words, none stand between sentences.
        for part in word.split_inclusive(WIDE_MARKS) {
            if let Some(sentence) = sentences.last_mut() {
                sentence.push_str(part);
            }
            if part.ends_with(WIDE_MARKS) {
                sentences.push(String::new());
            }
        }
        if word.ends_with(marks) {
            sentences.push(String::new());
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

fn chop(word: &str) -> Vec<String> {
    let (mut parts, mut room) = (vec![String::new()], LONGEST);
    for letter in word.chars() {
        if weight(letter) > room {
            room = LONGEST;
            parts.push(String::new());
        }
        room -= weight(letter);
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

/// Joins neighbours for as long as they stay short enough.
fn pack(parts: Vec<String>, glue: &str) -> Vec<String> {
    let mut packed: Vec<String> = Vec::new();
    let mut room = 0;
    for part in parts {
        let needed = length(&part) + glue.len();
        match packed.last_mut() {
            Some(last) if needed <= room => {
                last.push_str(if last.ends_with(WIDE_MARKS) && glue == " " { "" } else { glue });
                last.push_str(&part);
                room -= needed;
            }
            _ => {
                room = LONGEST.saturating_sub(needed);
                packed.push(part);
            }
        }
    }
    packed
}

/// In characters, those of scripts without spaces twice.
fn length(text: &str) -> usize {
    text.chars().map(weight).sum()
}

fn weight(letter: char) -> usize {
    if letter >= '\u{2e80}' { 2 } else { 1 }
}

/// What ends a sentence where no space follows.
const WIDE_MARKS: [char; 3] = ['。', '！', '？'];

/// Whether a line may be a heading.
fn is_short(line: &str) -> bool {
    line.char_indices().nth(LONGEST_HEADING).is_none()
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// `## Title ##` → `(2, "Title")`.
fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line.get(level..)?;
    let is_heading =
        (1..=6).contains(&level) && (title.is_empty() || title.starts_with([' ', '\t'])) && is_short(line);
    is_heading.then(|| (level, title.trim().trim_end_matches('#').trim_end()))
}

/// A line of three or more `-`, `*` or `_`, and nothing else.
fn is_rule(line: &str) -> bool {
    let marks: Vec<char> = line.chars().filter(|c| !c.is_whitespace()).collect();
    marks.len() >= 3 && ['-', '*', '_'].iter().any(|mark| marks.iter().all(|c| c == mark))
}

/// The beginning of an item of a list.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_numbered = number.len() < line.len() && (number.starts_with(". ") || number.starts_with(") "));
    is_numbered || ["- ", "* ", "+ ", "• "].iter().any(|mark| line.starts_with(mark))
}

/// An item of a list, or the rest of one.
fn is_listed(line: &str) -> bool {
    is_item(line) || line.starts_with([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_stand_under_the_path_of_their_headings() {
        let text = "# Design\n\nWe like calm.\n\n## Colours\nPrimary is blue.\n\nErrors are red.\n\n## Type ##\n\n\
                    - Inter\n- 16 px\n\nEnd\n===\nBye.";
        assert_eq!(
            cut(text),
            [
                "Design\nWe like calm.",
                "Design › Colours\nPrimary is blue.",
                "Design › Colours\nErrors are red.",
                "Design › Type\n- Inter\n- 16 px",
                "End\nBye.",
            ]
        );
    }

    #[test]
    fn a_list_stays_with_what_announces_it_and_leaves_what_does_not() {
        let text = "Opening hours:\n\n- Mon 9 to 5\n- Tue 9 to 6\n\nPlain words\n- apart";
        assert_eq!(cut(text), ["Opening hours:\n- Mon 9 to 5\n- Tue 9 to 6", "Plain words", "- apart"]);
    }

    #[test]
    fn hashes_and_blank_lines_inside_a_fence_are_text() {
        assert_eq!(
            cut("```sh\n# no heading\n\nls\n```\n\nAfter."),
            ["```sh\n# no heading\n\nls\n```", "After."]
        );
    }

    #[test]
    fn a_heading_with_nothing_below_it_is_a_passage() {
        assert_eq!(cut("# A\n## B\n## C\ntext\n# D"), ["A › B", "A › C\ntext", "D"]);
    }

    #[test]
    fn long_blocks_are_cut_and_nothing_is_lost() {
        let list: String = (0..200).map(|n| format!("- item number {n} of the long list\n")).collect();
        let prose: String = (0..200).map(|n| format!("Sentence {n} says something. ")).collect();
        let wall = "ж".repeat(5_000);
        for text in [&list, &prose, &wall] {
            let passages = cut(text);
            assert!(passages.len() > 3);
            assert!(passages.iter().all(|passage| length(passage) <= LONGEST));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&passages.concat()), letters(text));
        }
        assert!(cut(&list).iter().all(|passage| passage.starts_with("- item")));
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(cut(""), Vec::<String>::new());
        assert_eq!(cut("\n \n---\n"), Vec::<String>::new());
    }
}
