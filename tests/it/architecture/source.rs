//! Source files as the architecture tests read them: words without comments and strings.

use std::fs;
use std::path::{Path, PathBuf};

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    words: Vec<Word>,
}

/// A name or a mark, and the line on which it stands (from 1).
#[derive(Debug, PartialEq, Eq)]
struct Word {
    line: usize,
    text: String,
    /// How many inline modules it stands in.
    depth: usize,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, sorted by path.
pub(crate) fn all(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    gather(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no sources in `{folder}`");
    paths.iter().map(|path| Source::read(path)).collect()
}

fn gather(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

impl Source {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        Self::new(path, text)
    }

    fn new(path: String, text: String) -> Self {
        let words = words(&text);
        Self { path, text, words }
    }

    /// The room that the file belongs to: `store` for `src/store/mod.rs`, `clock` for `src/clock.rs`.
    pub(crate) fn room(&self) -> String {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap().trim_end_matches(".rs").to_owned()
    }

    /// Whether the file holds tests and nothing else.
    pub(super) fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Whether the file is `place` or lies below it, and is no test.
    pub(crate) fn stands_in(&self, place: &str) -> bool {
        let rest = self.path.strip_prefix(place);
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/')) && !self.is_test()
    }

    /// A place in the file, as editors read it.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }

    /// How long the file is without the tests at its end; test files themselves have no length.
    pub(crate) fn lines_without_tests(&self) -> usize {
        if self.is_test() {
            return 0;
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1] == "mod tests {");
        tests.unwrap_or(lines.len())
    }

    /// Every `crate::room` (and, in the binary, `botwright::room`): the line and the room.
    pub(crate) fn rooms_named(&self) -> impl Iterator<Item = (usize, String)> {
        let root = if self.path == "src/main.rs" { "botwright" } else { "crate" };
        self.paths_of(root).filter(|(_, room)| *room != "{").map(|(line, room)| (line, room.to_owned()))
    }

    /// The lines of every `crate::{…}`.
    pub(crate) fn grouped_crate_paths(&self) -> impl Iterator<Item = usize> {
        self.paths_of("crate").filter(|(_, room)| *room == "{").map(|(line, _)| line)
    }

    fn paths_of(&self, root: &str) -> impl Iterator<Item = (usize, &str)> {
        let paths = self.words.windows(3).filter(move |three| three[0].text == root && three[1].text == "::");
        paths.map(|three| (three[2].line, three[2].text.as_str()))
    }

    /// The lines on which an outside crate is named: at the start of a path, or in a `use` without one.
    pub(crate) fn names_crate(&self, name: &str) -> impl Iterator<Item = usize> {
        let starts = |before: &str| !matches!(before, "::" | ".");
        let found = self.words.windows(3).filter(move |three| {
            let [before, word, after] = three else { return false };
            word.text == name && starts(&before.text) && (after.text == "::" || before.text == "use")
        });
        found.map(|three| three[1].line)
    }

    /// The lines on which these words stand in a row, such as `std::fs` or `.await`.
    pub(crate) fn finds(&self, pattern: &str) -> impl Iterator<Item = usize> {
        let wanted = words(pattern);
        let starts = 0..(self.words.len() + 1).saturating_sub(wanted.len());
        starts.filter_map(move |start| {
            let here = &self.words[start..start + wanted.len()];
            here.iter().zip(&wanted).all(|(a, b)| a.text == b.text).then(|| here[0].line)
        })
    }

    /// The lines of every `super` that names the root of the crate, and so may name another room.
    pub(crate) fn escapes_upward(&self) -> impl Iterator<Item = usize> {
        let below = self.path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let depth = below.split('/').count();
        let supers = self.words.windows(2).filter(|two| two[0].text == "super" && two[1].text == "::");
        supers.filter(move |two| depth + two[0].depth < 2).map(|two| two[0].line)
    }
}

/// Splits a text into names and marks; comments, strings, characters and lifetimes are left out.
fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut braces = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let (length, word) = next(rest, first);
        let (piece, after) = rest.split_at(length);
        if let Some(word) = word {
            if word == "}" {
                braces.pop();
            }
            let depth = braces.iter().filter(|is_module| **is_module).count();
            words.push(Word { line, text: word.to_owned(), depth });
            if word == "{" {
                let is_module = words.len() >= 3 && words[words.len() - 3].text == "mod";
                braces.push(is_module);
            }
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    words
}

/// The length of the next piece of `rest`, and its word if it is one.
fn next(rest: &str, first: char) -> (usize, Option<&str>) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), None);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), None);
    }
    if let Some(length) = raw_string(rest) {
        return (length, None);
    }
    if rest.starts_with("b\"") || rest.starts_with("c\"") {
        return (1 + string(&rest[1..]), None);
    }
    if first == '"' {
        return (string(rest), None);
    }
    if first == '\'' {
        return (character_or_lifetime(rest), None);
    }
    if rest.starts_with("::") {
        return (2, Some("::"));
    }
    if first.is_alphanumeric() || first == '_' {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        return (length, Some(&rest[..length]));
    }
    let length = first.len_utf8();
    (length, (!first.is_whitespace()).then(|| &rest[..length]))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn raw_string(rest: &str) -> Option<usize> {
    let marked =
        rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'))?;
    let hashes = marked.len() - marked.trim_start_matches('#').len();
    let body = marked[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end)? + end.len();
    Some(rest.len() - body.len() + length)
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn character_or_lifetime(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            let from = at + c.len_utf8();
            rest[from..].find('\'').map_or(rest.len(), |end| from + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        // A lifetime: its name is left out with the mark.
        _ => rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest.len(), |end| end + 1),
    }
}

#[test]
fn words_are_found_and_everything_else_is_left_out() {
    let text = r##"
        //! crate::comment
        use crate::store::{Bot, /* crate::inner /* nested */ */ Turn};
        const A: &str = "crate::string \" crate::still";
        const B: &[u8] = br#"crate::raw " crate::raw"#;
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || crate::id::is('\u{41}') }
        mod tests { use super::f; fn g() { super::super::up(); } }
        use crate::{chat, jobs};
    "##;
    let source = Source::new("src/room.rs".into(), text.into());
    let rooms: Vec<_> = source.rooms_named().collect();
    assert_eq!(rooms, [(3, "store".to_owned()), (6, "id".to_owned())]);
    assert_eq!(source.grouped_crate_paths().collect::<Vec<_>>(), [8]);
    assert_eq!(source.finds("super::super").collect::<Vec<_>>(), [7]);
    assert_eq!(source.escapes_upward().count(), 0, "inside a module, `super` is the file itself");
    assert_eq!(Source::new("src/room/mod.rs".into(), "use super::x;".into()).escapes_upward().count(), 1);
    assert_eq!(Source::new("src/room/file.rs".into(), "use super::x;".into()).escapes_upward().count(), 0);
    let source =
        Source::new("src/room.rs".into(), "use tantivy; use x::tantivy::y; fn f() { tantivy::z(); }".into());
    assert_eq!(source.names_crate("tantivy").count(), 2);
}
