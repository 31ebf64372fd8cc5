//! Where each value of a YAML file stands: for whoever shows a change beside the line that makes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::{Span, Text};
use super::yaml::{self, Entry, Node};

/// A place in a file, as people count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Relative to the project's folder.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// The place of every value of the YAML file `path`, by its JSON pointer; the file as a whole is `""`. A value
/// stands where it begins, if that is in the line of its key; else where its key does. What cannot be read
/// has no places.
pub fn origins(path: &str, contents: &[u8]) -> BTreeMap<String, Place> {
    let mut places = BTreeMap::new();
    let Ok(raw) = std::str::from_utf8(contents) else { return places };
    let text = Text::hidden(path, raw.strip_prefix('\u{feff}').unwrap_or(raw));
    if let Some(root) = yaml::read(&text, &mut Vec::new()) {
        collect(&text, &root, root.used, String::new(), &mut places);
    }
    places
}

/// Adds `node`, which is said to be at `span`, and what is in it.
fn collect(text: &Text<'_>, node: &Node, span: Span, pointer: String, places: &mut BTreeMap<String, Place>) {
    for entry in node.entries() {
        let below = format!("{pointer}/{}", token(&entry.key));
        collect(text, &entry.node, beside_key(text, entry), below, places);
    }
    for (at, item) in node.items().iter().enumerate() {
        collect(text, item, item.used, format!("{pointer}/{at}"), places);
    }
    let place = text.place(span);
    places.insert(pointer, Place { file: text.path.into(), line: place.line, column: place.column });
}

fn beside_key(text: &Text<'_>, entry: &Entry) -> Span {
    let value = entry.node.used;
    if text.place(value).line == text.place(entry.key_span).line { value } else { entry.key_span }
}

/// A key as a part of a JSON pointer.
pub(super) fn token(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::origins;

    #[test]
    fn every_value_knows_its_line() {
        let yaml = "\u{feff}# c\na: &x {b: 1, \"c/d\": [é, 2]}\ne: >-\n  long\n\nf:\n  - g: *x\n    h:\n  - |\n    i\n";
        let places = origins("a/bot.yaml", yaml.as_bytes());
        let shown: Vec<String> =
            places.iter().map(|(path, at)| format!("{path} {}:{}", at.line, at.column)).collect();
        assert_eq!(
            shown,
            [
                " 2:1",
                "/a 2:7",
                "/a/b 2:11",
                "/a/c~1d 2:21",
                "/a/c~1d/0 2:22",
                "/a/c~1d/1 2:25",
                "/e 3:4",
                "/f 6:1",
                "/f/0 7:5",
                "/f/0/g 7:8",
                "/f/0/g/b 2:11",
                "/f/0/g/c~1d 2:21",
                "/f/0/g/c~1d/0 2:22",
                "/f/0/g/c~1d/1 2:25",
                "/f/0/h 8:6",
                "/f/1 9:5",
            ]
        );
        assert_eq!(places["/e"].file, "a/bot.yaml");
        assert!(origins("a/bot.yaml", b"a: [").is_empty());
        assert!(origins("a/bot.yaml", b"\xff").is_empty());
    }
}
