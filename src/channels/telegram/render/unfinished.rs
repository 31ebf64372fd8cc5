//! Ends what a text that still grows has begun: half a link, `**bo`, a fence that has only started to come.
//!
//! Fences that are open end by themselves: Markdown lets them run to the end of the text.

/// More marks than that are not open at once in what anybody means.
const MOST: usize = 32;

/// The marks that are looked for, the longer before the shorter.
const MARKS: [&str; 6] = ["**", "__", "~~", "||", "*", "_"];

/// The text with an end to everything in its last paragraph.
pub(super) fn ended(markdown: &str) -> String {
    let text = markdown.trim_end();
    let Some(start) = last_paragraph(text) else {
        return within_fence(text).to_owned();
    };
    let (whole, last) = text.split_at(start);
    let mut ended = whole.to_owned();
    ended.push_str(&Line::default().ended(last));
    ended
}

/// Where the last paragraph begins; none if the text ends within a fence.
fn last_paragraph(text: &str) -> Option<usize> {
    let mut fence: Option<&str> = None;
    let (mut start, mut offset) = (0, 0);
    for line in text.split_inclusive('\n') {
        let words = line.trim_start_matches([' ', '\t', '>']);
        let mark = fence_mark(words);
        match (fence, mark) {
            (None, Some(opened)) => fence = Some(opened),
            (Some(opened), Some(closing)) if closes(opened, closing, words) => {
                fence = None;
                start = offset + line.len();
            }
            _ if fence.is_none() && words.trim().is_empty() => start = offset + line.len(),
            _ => {}
        }
        offset += line.len();
    }
    fence.is_none().then_some(start)
}

/// The run of at least three marks that a fence begins or ends with.
fn fence_mark(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let end = line.find(|c| c != mark).unwrap_or(line.len());
    let rest = &line[end..];
    (end >= 3 && !(mark == '`' && rest.contains('`'))).then_some(&line[..end])
}

fn closes(opened: &str, closing: &str, line: &str) -> bool {
    closing.starts_with(opened) && line.trim_end() == closing
}

/// Leaves out a last line that is the beginning of the closing fence.
fn within_fence(text: &str) -> &str {
    let (before, last) = text.rsplit_once('\n').unwrap_or((text, ""));
    let last = last.trim();
    let begun = !last.is_empty() && last.len() < 3 && last.chars().all(|c| matches!(c, '`' | '~'));
    if begun { before } else { text }
}

/// One paragraph, and what is open in it.
#[derive(Default)]
struct Line {
    written: String,
    /// Marks that were opened, and where.
    open: Vec<(&'static str, usize)>,
    /// Where brackets were opened.
    brackets: Vec<usize>,
}

impl Line {
    fn ended(mut self, text: &str) -> String {
        let mut at = 0;
        while at < text.len() {
            at += self.step(&text[at..]);
        }
        self.drop_half_a_link();
        // What was opened last and holds nothing yet is not shown at all.
        while let Some((mark, place)) = self.open.pop() {
            if self.written[place + mark.len()..].trim().is_empty() {
                self.written.truncate(place);
            } else {
                self.written.truncate(self.written.trim_end().len());
                self.written.push_str(mark);
            }
        }
        self.written
    }

    /// Takes what stands at the beginning of the rest; how many bytes that was.
    fn step(&mut self, rest: &str) -> usize {
        let Some(first) = rest.chars().next() else { return 0 };
        let mut length = first.len_utf8();
        match first {
            '\\' => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            '`' => return self.code(rest),
            '[' => self.brackets.push(self.written.len()),
            // An address may follow.
            ']' if rest == "]" && !self.brackets.is_empty() => return rest.len(),
            ']' if !rest.starts_with("](") => drop(self.brackets.pop()),
            ']' => {
                if let Some(end) = rest.find(')') {
                    self.brackets.pop();
                    length = end + 1;
                } else {
                    // An address that has not come yet to its end.
                    return rest.len();
                }
            }
            _ => {
                if let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
                    return self.mark(mark, rest);
                }
            }
        }
        self.written.push_str(&rest[..length]);
        length
    }

    /// Code to its end. Code that has none yet gets one.
    fn code(&mut self, rest: &str) -> usize {
        let ticks = rest.find(|c| c != '`').unwrap_or(rest.len());
        let (mark, inner) = rest.split_at(ticks);
        let closing = inner
            .match_indices(mark)
            .map(|(at, _)| at)
            .find(|at| !inner[at + ticks..].starts_with('`') && !inner[..*at].ends_with('`'));
        match closing {
            Some(end) => {
                let length = ticks + end + ticks;
                self.written.push_str(&rest[..length]);
                return length;
            }
            None if inner.trim_matches(['`', ' ']).is_empty() => {}
            None => {
                self.written.push_str(mark);
                self.written.push_str(inner.trim_end_matches('`'));
                self.written.push_str(mark);
            }
        }
        rest.len()
    }

    fn mark(&mut self, mark: &'static str, rest: &str) -> usize {
        let before = self.written.chars().next_back();
        let after = rest[mark.len()..].chars().next();
        let spaced = |c: Option<char>| c.is_none_or(char::is_whitespace);
        let within_word = before.is_some_and(char::is_alphanumeric) && !spaced(after);
        let opened = self.open.iter().rposition(|(open, _)| *open == mark);
        if let Some(place) = opened.filter(|_| !spaced(before)) {
            self.open.truncate(place);
        } else if after.is_none() {
            // The beginning of a mark, or of an end: it is shown when it has come.
            return mark.len();
        } else if !spaced(after) && !within_word && self.open.len() < MOST {
            self.open.push((mark, self.written.len()));
        }
        self.written.push_str(mark);
        mark.len()
    }

    /// Of `[text` and `[text](addr` the text is shown.
    fn drop_half_a_link(&mut self) {
        let mut brackets = std::mem::take(&mut self.brackets).into_iter().peekable();
        let mut open = self.open.iter_mut().peekable();
        let mut kept = String::with_capacity(self.written.len());
        let mut dropped = 0;
        for (at, c) in self.written.char_indices() {
            while let Some((_, place)) = open.next_if(|(_, place)| *place <= at) {
                *place -= dropped;
            }
            if brackets.next_if_eq(&at).is_none() {
                kept.push(c);
                continue;
            }
            dropped += 1;
            if kept.ends_with('!') {
                kept.pop();
                dropped += 1;
            }
        }
        self.written = kept;
    }
}
