//! Keeping to a number of words. Pure.

/// The text without what goes beyond `words`: whole sentences if there are any.
pub(in crate::memory) fn cut(text: &str, words: usize) -> String {
    let Some(end) = end_of_words(text, words) else { return text.to_owned() };
    let kept = &text[..end];
    let whole = kept
        .rfind(['.', '!', '?', '…', '。', '！', '？', '\n'])
        .map(|at| &kept[..kept.ceil_char_boundary(at + 1)]);
    whole.unwrap_or(kept).trim_end().to_owned()
}

/// Where the first `words` words end, if there are more. In scripts without spaces two letters are a word.
fn end_of_words(text: &str, words: usize) -> Option<usize> {
    let mut halves = 0;
    let mut is_inside = false;
    for (at, letter) in text.char_indices() {
        if matches!(letter, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}') {
            halves += 1;
            is_inside = false;
        } else if letter.is_whitespace() {
            is_inside = false;
        } else if !is_inside {
            is_inside = true;
            halves += 2;
        }
        if halves > words.saturating_mul(2) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_keeps_to_its_words() {
        assert_eq!(cut("One two. Three four. Five", 4), "One two. Three four.");
        assert_eq!(cut("One two. Three four. Five", 3), "One two.");
        assert_eq!(cut("one two three", 2), "one two");
        assert_eq!(cut("one two", 2), "one two");
        assert_eq!(cut("我住在利沃夫。我喜欢茶。", 4), "我住在利沃夫。");
    }
}
