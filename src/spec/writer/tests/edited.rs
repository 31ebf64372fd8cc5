//! Files that are changed in place.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::spec::tests::{PROJECT, bundle};
use crate::spec::{export, parse, set};

const COMMENTED: &str = "\
# yaml-language-server: $schema=../bot.schema.json
# About this bot.
apiVersion: botwright/v1
kind: Bot      # always
displayName: 'A'
# who it is for
labels: { team: design, stage: \"1.0\" }   # ours

# The persona.
persona: >-
    You are
    kind.

rules:
# the first
- one     # beside one
- text: two
  # why
  priority: 10   # high
# the third
- three

# The model.
model:
    use: openai/x   # fast
    temperature: 0.40
    # maxOutputTokens: 100
# the end
";

fn changed(pointer: &str, value: Option<Value>) -> String {
    set("a/bot.yaml", COMMENTED, pointer, value.as_ref()).unwrap()
}

#[track_caller]
fn replaces(pointer: &str, value: impl Into<Option<Value>>, old: &str, new: &str) {
    assert!(COMMENTED.contains(old), "{old}");
    assert_eq!(changed(pointer, value.into()), COMMENTED.replacen(old, new, 1));
}

#[test]
fn one_value_is_one_change() {
    replaces("/model/temperature", json!(0.5), "0.40", "0.5");
    replaces("/displayName", json!("B"), "'A'", "B");
    replaces("/displayName", json!("no"), "'A'", "\"no\"");
    replaces("/labels/team", json!("a, b"), "design", "\"a, b\"");
    replaces("/labels/zone", json!("eu"), "\"1.0\" }", "\"1.0\", zone: eu }");
    replaces("/labels/team", None, " team: design, ", " ");
    replaces("/rules/0", json!("1\n2"), "- one     # beside one\n", "- |-     # beside one\n  1\n  2\n");
    replaces("/rules/1/text", json!("second"), "two", "second");
    replaces("/rules/1/category", json!("c"), "- text: two\n", "- text: two\n  category: c\n");
    replaces("/rules/1/priority", None, "  # why\n  priority: 10   # high\n", "");
    replaces("/rules/0", None, "# the first\n- one     # beside one\n", "");
    replaces("/rules/2", None, "# the third\n- three\n", "");
    replaces("/rules/-", json!("four"), "- three\n", "- three\n- four\n");
    replaces("/model/maxOutputTokens", json!(7), "0.40\n", "0.40\n    maxOutputTokens: 7\n");
    replaces("/model/use", None, "    use: openai/x   # fast\n", "");
    replaces(
        "/persona",
        json!({"file": "p.md"}),
        "persona: >-\n    You are\n    kind.\n",
        "persona: {file: p.md}\n",
    );
    replaces("/persona", None, "# The persona.\npersona: >-\n    You are\n    kind.\n\n", "");
    replaces(
        "/memory/recall/budget",
        json!(100),
        "# the end\n",
        "\nmemory:\n  recall: {budget: 100}\n# the end\n",
    );
    replaces("/greeting", json!("Hi"), "    kind.\n", "    kind.\ngreeting: Hi\n");
    replaces(
        "/model",
        json!("auto"),
        "model:\n    use: openai/x   # fast\n    temperature: 0.40\n    # maxOutputTokens: 100\n",
        "model: auto\n",
    );
}

#[test]
fn what_leads_nowhere_is_said() {
    assert!(set("a/bot.yaml", COMMENTED, "/displayName/x", Some(&json!(1))).is_err());
    assert!(set("a/bot.yaml", COMMENTED, "rules", Some(&json!(1))).is_err());
    assert!(set("a/bot.yaml", "a: [", "/a", Some(&json!(1))).is_err());
    assert_eq!(changed("/limits", None), COMMENTED);
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    let windows = format!("\u{feff}{}", COMMENTED.replace('\n', "\r\n"));
    let changed = set("a/bot.yaml", &windows, "/rules/-", Some(&json!("x\ny"))).unwrap();
    assert_eq!(changed, windows.replace("- three\r\n", "- three\r\n- |-\r\n  x\r\n  y\r\n"));
    let open = set("a/bot.yaml", "kind: Bot\nrules:\n  - a", "/rules/-", Some(&json!("b"))).unwrap();
    assert_eq!(open, "kind: Bot\nrules:\n  - a\n  - b");
}

#[test]
fn an_alias_does_not_follow_a_change_that_is_not_its_own() {
    let text = "model: &m\n  use: a\nmemory:\n  x: *m # same\n  y: {z: *m}\n";
    let set = |pointer: &str, value: Value| set("a/bot.yaml", text, pointer, Some(&value)).unwrap();
    assert_eq!(set("/memory/x/use", json!("b")), text.replace("*m # same", "{use: b} # same"));
    assert_eq!(
        set("/model/use", json!("b")),
        "model:\n  use: b\nmemory:\n  x: {use: a} # same\n  y: {z: {use: a}}\n"
    );
    assert_eq!(set("/memory/w", json!(1)), text.replace("{z: *m}\n", "{z: *m}\n  w: 1\n"));
}

fn authored(files: &BTreeMap<String, String>) -> Value {
    let mut all = vec![("botwright.yaml", PROJECT)];
    all.extend(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let parsed = parse(&bundle(&all));
    assert_eq!(parsed.problems, []);
    parsed.project.unwrap().bots.remove(0).authored
}

#[test]
fn a_bot_is_exported_as_a_person_would_write_it() {
    let value = json!({"name": "a", "bot": {
        "kind": "Bot", "model": {"use": "auto"}, "displayName": "A", "apiVersion": "botwright/v1",
        "labels": {"team": "x", "area": "y"}, "persona": {"file": "persona.md"},
        "greeting": "Hi {{person.name}}, this is a text that is so long that nobody would want to read it in one line of a file, is it not?",
        "rules": ["first", {"text": "a\nb\n", "priority": 3}],
        "lore": [{"text": "t", "keys": ["one two", "three"]}],
        "memory": {"recall": {"when": "always", "budget": 700}, "scope": "person"},
    }, "files": {"persona.md": "You are A."}});
    let files = export(&value, None);
    assert_eq!(files["a/persona.md"], "You are A.\n");
    assert_eq!(
        files["a/bot.yaml"],
        "\
# yaml-language-server: $schema=../bot.schema.json
apiVersion: botwright/v1
kind: Bot
displayName: A
labels: {area: \"y\", team: x}

persona: {file: persona.md}
greeting: >-
  Hi {{person.name}}, this is a text that is so long that nobody would want to read it in one line of a file,
  is it not?

rules:
  - first
  - text: |
      a
      b
    priority: 3

lore:
  - keys: [one two, three]
    text: t

model: {use: auto}

memory:
  scope: person
  recall: {budget: 700, when: always}
"
    );
    assert_eq!(authored(&files), value);
}

#[test]
fn the_bots_of_this_repository_come_back_as_they_are() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/bots");
    for name in ["companion", "friend", "lawyer", "ux-advisor"] {
        let read = |path: &str| std::fs::read(format!("{root}/{path}")).unwrap();
        let own = format!("{name}/bot.yaml");
        let mut files = BTreeMap::from([(own.clone(), read(&own))]);
        for path in crate::spec::references(&own, &files[&own]) {
            files.insert(path.clone(), read(&path));
        }
        let texts =
            files.iter().map(|(path, bytes)| (path.clone(), String::from_utf8(bytes.clone()).unwrap()));
        let texts: BTreeMap<String, String> = texts.collect();
        let value = authored(&texts);
        assert_eq!(export(&value, Some(&files)), texts, "{name}: nothing is to be changed");
        let fresh = export(&value, None);
        assert_eq!(crate::spec::content_hash(&authored(&fresh)), crate::spec::content_hash(&value));
        let yaml = &fresh[&own];
        assert_eq!(&crate::spec::format(&own, yaml).unwrap(), yaml);
    }
}

#[test]
fn texts_of_their_own_keep_their_line_ends() {
    let bot = |body: &str| {
        json!({"name": "a", "bot": {"apiVersion": "botwright/v1", "kind": "Bot", "displayName": "A",
            "persona": {"file": "p.md"}, "rules": [{"file": "../shared/r.md"}]},
            "files": {"p.md": body, "../shared/r.md": "r"}})
    };
    let there = BTreeMap::from([("a/p.md".to_owned(), b"one\r\ntwo\r\n\r\n".to_vec())]);
    assert_eq!(export(&bot("one\ntwo"), Some(&there))["a/p.md"], "one\r\ntwo\r\n\r\n");
    assert_eq!(export(&bot("one\nthree"), Some(&there))["a/p.md"], "one\r\nthree\r\n");
    assert_eq!(export(&bot("x"), None)["shared/r.md"], "r\n");
}
