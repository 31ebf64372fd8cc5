//! Files as people write them: any style that YAML has, with comments in all places.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::spec::writer::scalar;

/// Decides everything that a writer may decide, from random bytes.
pub(super) struct Messy {
    choices: Vec<u8>,
    next: usize,
    out: String,
    step: usize,
    pub(super) comments: usize,
    /// Values that have an anchor, by its number.
    anchors: Vec<(usize, Value)>,
    named: usize,
}

impl Messy {
    /// A mapping as a file. Every comment is `#N` once, or `#N@POINTER` where it belongs to a key.
    pub(super) fn write(value: &Value, choices: Vec<u8>) -> String {
        let mut messy = Self {
            choices,
            next: 0,
            out: String::new(),
            step: 2,
            comments: 0,
            anchors: Vec::new(),
            named: 0,
        };
        messy.step = 1 + messy.choose(4);
        let (crlf, mark) = (messy.choose(6) == 0, messy.choose(6) == 0);
        if messy.choose(6) == 0 {
            messy.out.push_str("---\n");
        }
        messy.lines(0, "");
        messy.block(value, 0, "");
        messy.lines(0, "");
        let mut text = std::mem::take(&mut messy.out);
        if messy.choose(6) == 0 {
            text.truncate(text.trim_end_matches('\n').len());
        }
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        if mark { format!("\u{feff}{text}") } else { text }
    }

    fn choose(&mut self, among: usize) -> usize {
        let byte = self.choices.get(self.next % self.choices.len().max(1)).copied().unwrap_or(1);
        self.next += 1;
        usize::from(byte) % among
    }

    fn pick(&mut self, among: &[&'static str]) -> &'static str {
        among[self.choose(among.len())]
    }

    fn comment(&mut self, owner: &str) {
        let owner = if owner.is_empty() || owner.contains(['\n', '\r']) {
            String::new()
        } else {
            format!("@{owner}")
        };
        self.out.push_str(&format!("#{}{owner} ", self.comments));
        let picked = self.pick(&["", "it's", "a: b", "- x", "\"", "| >", "&a *b"]);
        self.out.push_str(picked);
        self.comments += 1;
    }

    /// Comments and empty lines above something.
    fn lines(&mut self, indent: usize, owner: &str) {
        for _ in 0..[0, 0, 0, 1, 2][self.choose(5)] {
            if self.choose(3) == 0 {
                self.out.push('\n');
            } else {
                self.out.push_str(&" ".repeat(indent));
                self.comment(owner);
                self.out.push('\n');
            }
        }
    }

    fn beside(&mut self, owner: &str) {
        if self.choose(4) == 0 {
            let picked = self.pick(&["  ", " ", "\t"]);
            self.out.push_str(picked);
            self.comment(owner);
        }
        self.out.push('\n');
    }

    /// The members of a list or a mapping that is not empty, on lines of their own.
    fn block(&mut self, value: &Value, indent: usize, pointer: &str) {
        match value {
            Value::Object(members) => {
                for (at, (key, member)) in members.iter().enumerate() {
                    let pointer = format!("{pointer}/{}", crate::spec::origins::token(key));
                    if at > 0 || !self.out.ends_with("- ") {
                        self.lines(indent, &pointer);
                        self.out.push_str(&" ".repeat(indent));
                    }
                    self.key(key);
                    self.value(member, indent, &pointer, false);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 || !self.out.ends_with("- ") {
                        self.lines(indent, "");
                        self.out.push_str(&" ".repeat(indent));
                    }
                    self.out.push('-');
                    self.value(item, indent, &format!("{pointer}/{at}"), true);
                }
            }
            _ => {}
        }
        if self.choose(8) == 0 {
            self.out.push_str(&" ".repeat(indent));
            self.comment("");
            self.out.push('\n');
        }
    }

    fn key(&mut self, key: &str) {
        let quoted = scalar::double(key);
        let written = if self.choose(3) == 0 { quoted } else { scalar::line(key, true) };
        self.out.push_str(&written);
        let picked = self.pick(&[":", ":", " :"]);
        self.out.push_str(picked);
    }

    fn value(&mut self, value: &Value, indent: usize, pointer: &str, in_list: bool) {
        if let Some(name) = self.anchors.iter().find(|(_, other)| other == value).map(|(name, _)| *name)
            && self.choose(2) == 0
        {
            self.out.push_str(&format!(" *a{name}"));
            return self.beside(pointer);
        }
        let anchored = self.choose(6) == 0;
        let name = self.named + 1;
        if anchored {
            self.named += 1;
            self.out.push_str(&format!(" &a{}", self.named));
        }
        let is_spread = match value {
            Value::Object(members) => !members.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        if is_spread && self.choose(3) > 0 {
            let deeper = match value {
                Value::Array(_) if !in_list && self.choose(3) == 0 => indent,
                _ => indent + self.step.max(usize::from(in_list) * 2),
            };
            if in_list && !anchored && self.choose(3) > 0 {
                self.out.push(' ');
                self.block(value, indent + 2, pointer);
            } else {
                self.beside(if in_list { "" } else { pointer });
                self.block(value, deeper, pointer);
            }
        } else if let (Value::String(text), true) = (value, self.choose(2) == 0)
            && text.contains('\n')
        {
            self.literal(text, indent, pointer);
        } else {
            self.out.push(' ');
            self.flow(value, indent + 1);
            self.beside(pointer);
        }
        if anchored {
            self.anchors.push((name, value.clone()));
        }
    }

    /// A text as a literal block, if the printer would write it so.
    fn literal(&mut self, text: &str, indent: usize, pointer: &str) {
        let written = scalar::text(text, 0, 0);
        self.out.push(' ');
        let margin = if written.head.contains('2') { 2 } else { self.step };
        self.out.push_str(&written.head);
        self.beside(pointer);
        for line in &written.lines {
            if !line.is_empty() {
                self.out.push_str(&" ".repeat(indent + margin));
            }
            self.out.push_str(line);
            self.out.push('\n');
        }
        if written.lines.is_empty() {
            self.out.push('\n');
        }
    }

    fn gap(&mut self, indent: usize) {
        match self.choose(8) {
            0 => {
                self.out.push(' ');
                self.comment("");
                self.out.push('\n');
                self.out.push_str(&" ".repeat(indent));
            }
            1 => {
                self.out.push('\n');
                self.out.push_str(&" ".repeat(indent));
            }
            2 => {}
            _ => self.out.push(' '),
        }
    }

    fn flow(&mut self, value: &Value, indent: usize) {
        match value {
            Value::Object(members) => {
                self.out.push('{');
                for (at, (key, member)) in members.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.gap(indent);
                    self.out.push_str(&scalar::line(key, true));
                    self.out.push_str(": ");
                    self.flow(member, indent);
                }
                self.close("}", !members.is_empty(), indent);
            }
            Value::Array(items) => {
                self.out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.gap(indent);
                    self.flow(item, indent);
                }
                self.close("]", !items.is_empty(), indent);
            }
            Value::String(text) => {
                let single = !text.contains(|c: char| {
                    c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}')
                });
                let written = match self.choose(3) {
                    0 if single => format!("'{}'", text.replace('\'', "''")),
                    1 => scalar::line(text, true),
                    _ => scalar::double(text),
                };
                self.out.push_str(&written);
            }
            other => self.out.push_str(&other.to_string()),
        }
    }

    fn close(&mut self, bracket: &str, may_end: bool, indent: usize) {
        if may_end && self.choose(5) == 0 {
            self.out.push(',');
        }
        if may_end {
            self.gap(indent);
        }
        self.out.push_str(bracket);
    }
}

const NASTY: [&str; 44] = [
    "",
    " ",
    "no",
    "y",
    "1e3",
    "0x1f",
    "0o7",
    "1_000",
    "12:30",
    "2020-01-01",
    "-1",
    "+1",
    ".5",
    "~",
    "null",
    "True",
    " lead",
    "trail ",
    "a: b",
    "a:",
    ": a",
    "a # b",
    "#a",
    "- a",
    "-",
    "?",
    "? a",
    "[a",
    "{a}",
    "*a",
    "&a",
    "!a",
    "|",
    ">",
    "'a'",
    "\"a\"",
    "it's \"so\"",
    "@a",
    "%a",
    "---",
    "a\tb",
    "\ta",
    "🙂 Привіт",
    "\\",
];
const LINES: [&str; 18] = [
    "a\nb",
    "a\nb\n",
    "a\n\n\nb\n\n",
    "\na\nb",
    "\n",
    "\n\n",
    " a\nb",
    "a\n b\n",
    "a\n\tb",
    "  \na\nb",
    "a\nb  ",
    "a\n  \nb\n",
    "a\n  ",
    "# a\n# b\n",
    "a: b\n- c\n",
    "a\r\nb",
    "\ta\nb",
    "---\na\n...\n",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}",
        3 => proptest::sample::select(NASTY.as_slice()).prop_map(str::to_owned),
        3 => proptest::sample::select(LINES.as_slice()).prop_map(str::to_owned),
        1 => "\\PC{0,30}",
        1 => "[a\n\t \u{0}-\u{20}\u{7f}-\u{a0}\u{2028}\u{feff}🙂#:-]{0,12}",
        1 => vec("[a-z,.]{1,9}| ", 20..50).prop_map(|words| words.join(" ")),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::sample::select(["model", "use", "rules", "text", "name", "labels", "memory", "recall", "kind", "lore", "keys"].as_slice()).prop_map(str::to_owned),
        2 => "[a-z]{1,3}",
        1 => proptest::sample::select(NASTY.as_slice()).prop_map(str::to_owned),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => (-1e6..1e6_f64).prop_map(Value::from),
        1 => proptest::sample::select([0.4, 1.0, 1e300, -0.5, 1e-7].as_slice()).prop_map(Value::from),
    ]
}

/// Any value.
pub(super) fn any_value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((key(), inner), 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// A mapping with something in it.
pub(super) fn any_file() -> impl Strategy<Value = Value> {
    vec((key(), any_value()), 1..6).prop_map(|members| Value::Object(Map::from_iter(members)))
}
