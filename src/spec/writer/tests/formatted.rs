//! The canonical form.

use crate::spec::{codes, format, untidy};

#[test]
fn the_bots_of_this_repository_are_canonical() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/bots");
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let file = if path.is_dir() { path.join("bot.yaml") } else { path };
        if file.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&file).unwrap();
            assert_eq!(format(file.to_str().unwrap(), &text).unwrap(), text, "{}", file.display());
        }
    }
}

const UNTIDY: &str = "\u{feff}---\r
kind:   Bot\r
# schema first\r
apiVersion: 'botwright/v1'   # the only one\r
\r
\r
\r
displayName:    \"A\"\r
labels: { team: 'design',version: \"1.0\", \"a: b\": y }\r
rules:\r
# the first\r
- one # beside\r
\r
# the second\r
-   priority: 0x10   # hex\r
    # about the text\r
    text: >\r
        folded\r
        text\r
\r
    # left over\r
- {text: a rather long text in a mapping that was written on one line but does not fit there, category: style, priority: 10} # flow\r
- \"two\\nlines\"\r
- { text: x, # about x\r
    priority: 1 }\r
# after the rules\r
model:\r
    use: &m openai/gpt   \r
    fallback: [ *m , \"offline\" ]\r
    # temperature: 1\r
persona:\r
    'It''s \"quoted\"'\r
...\r
";

const TIDY: &str = "\
# schema first
apiVersion: botwright/v1   # the only one
kind: Bot

displayName: A
labels: {team: design, version: \"1.0\", \"a: b\": \"y\"}
persona: It's \"quoted\"
rules:
  # the first
  - one # beside

  # the second
  # about the text
  - text: >
      folded
      text
    priority: 0x10   # hex

    # left over
  # flow
  - text: a rather long text in a mapping that was written on one line but does not fit there
    category: style
    priority: 10
  - |-
    two
    lines
  - text: x # about x
    priority: 1
# after the rules
model:
  use: &m openai/gpt
  fallback: [*m, offline]
  # temperature: 1
";

#[test]
fn what_is_not_canonical_becomes_so_once() {
    assert_eq!(format("a/bot.yaml", UNTIDY).unwrap(), TIDY);
    assert_eq!(format("a/bot.yaml", TIDY).unwrap(), TIDY);
    let found = untidy("a/bot.yaml", UNTIDY.trim_start_matches('\u{feff}'), TIDY);
    assert_eq!((found.line, found.is_error()), (1, false));
}

#[test]
fn an_alias_keeps_its_anchor_before_it() {
    let text = "model: &m {use: a}\ndisplayName: A\nlabels: *m\n";
    assert_eq!(
        format("a/bot.yaml", text).unwrap(),
        text,
        "in the order of the schema `labels` would come first"
    );
}

#[test]
fn what_is_no_yaml_is_said_and_left_alone() {
    assert_eq!(format("a/bot.yaml", "a: 1\na: 2\n").unwrap_err()[0].code, codes::DUPLICATE_KEY);
    assert_eq!(format("a/bot.yaml", "a: [").unwrap_err()[0].code, codes::SYNTAX);
    assert_eq!(format("a/bot.yaml", "# nothing\n").unwrap(), "# nothing\n");
}
