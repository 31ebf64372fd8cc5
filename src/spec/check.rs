//! A tree against a shape: every unknown key, wrong type, missing key and bad value, none of which hides
//! another.

use super::habit;
use super::near::nearest;
use super::problem::{Problem, codes, quote};
use super::shape::{Field, Format, Shape};
use super::text::{Span, Text};
use super::yaml::{Entry, Node, Value};

/// Checks the tree of one file against its format.
pub(super) fn check(text: &Text<'_>, root: &Node, format: &Format, problems: &mut Vec<Problem>) {
    let mut checker = Checker { text, format, problems };
    if root.value == Value::Null {
        let required = fields(&format.root).iter().filter(|field| field.required);
        let lines = required
            .map(|field| format!("`{}: {}`", field.name, field.example.as_deref().unwrap_or("…")))
            .collect::<Vec<_>>();
        checker.problems.push(
            Problem::at(text, Span::at(0), codes::MISSING_KEY, "the file is empty")
                .hint(format!("begin with {}, each on a line of its own", lines.join(", "))),
        );
        return;
    }
    checker.check(root, &format.root, &Here { path: "", key: None, example: None });
}

/// Where in the file we are.
#[derive(Clone, Copy)]
struct Here<'h> {
    /// The keys that led here: `memory.recall`, `rules[]`; empty for the top level.
    path: &'h str,
    /// The key whose value this is.
    key: Option<&'h Entry>,
    /// A right value for that key.
    example: Option<&'h str>,
}

struct Checker<'c> {
    text: &'c Text<'c>,
    format: &'c Format,
    problems: &'c mut Vec<Problem>,
}

impl Checker<'_> {
    fn check(&mut self, node: &Node, shape: &Shape, here: &Here<'_>) {
        match (shape, &node.value) {
            (Shape::Either(choices), _) => match choices.iter().find(|choice| choice.takes(&node.value)) {
                Some(choice) if !is_slip(node, choices) => self.check(node, choice, here),
                _ => self.wrong_type(node, shape, here),
            },
            (Shape::Text { .. }, Value::Text(value)) => self.value(node, value, shape, here),
            (Shape::Number { whole, least, most }, Value::Number(value)) => {
                if *whole && !value.is_i64() {
                    self.wrong_type(node, shape, here);
                } else if value.as_f64().is_none_or(|value| value < *least || value > *most) {
                    let range = format!("{} to {}", figure(*least), figure(*most));
                    let message = format!("{}{value} is out of range: {range}", named(here));
                    let problem = Problem::at(self.text, node.span, codes::RANGE, message);
                    self.problems.push(for_example(problem, here));
                }
            }
            (Shape::Flag, Value::Flag(_)) => {}
            (Shape::List { item, shortest, longest }, Value::List(items)) => {
                self.count(node, items.len(), *shortest, *longest, "entries", here);
                let path = format!("{}[]", here.path);
                for entry in items {
                    self.check(entry, item, &Here { path: &path, ..*here });
                }
            }
            (Shape::Table { value }, Value::Map(entries)) => {
                let path = format!("{}.*", here.path);
                for entry in entries {
                    self.check(&entry.node, value, &Here { path: &path, key: Some(entry), example: None });
                }
            }
            (Shape::Map { fields, exactly_one }, Value::Map(entries)) => {
                self.map(node, fields, exactly_one, entries, here);
            }
            _ => self.wrong_type(node, shape, here),
        }
    }

    fn map(
        &mut self,
        node: &Node,
        fields: &[Field],
        exactly_one: &[String],
        entries: &[Entry],
        here: &Here<'_>,
    ) {
        for entry in entries {
            match fields.iter().find(|field| field.name == entry.key) {
                Some(field) => {
                    let path = if here.path.is_empty() {
                        entry.key.clone()
                    } else {
                        format!("{}.{}", here.path, entry.key)
                    };
                    let below = Here { path: &path, key: Some(entry), example: field.example.as_deref() };
                    self.check(&entry.node, &field.shape, &below);
                }
                // These two were reported while the file was read.
                None if entry.key == "<<" || entry.key.starts_with('\0') => {}
                None => self.unknown_key(entry, fields, here),
            }
        }
        let holder = here.key.map_or(Span::at(node.span.start), |key| key.key_span);
        // In a list there is no key of its own to point at: the entry itself is meant.
        let holder = if here.path.ends_with("[]") { Span::at(node.span.start) } else { holder };
        for field in fields.iter().filter(|field| field.required && !has(entries, &field.name)) {
            let example = field.example.as_deref().unwrap_or("…");
            let message = format!("`{}` is missing{}", field.name, place(here.path));
            self.problems.push(
                Problem::at(self.text, holder, codes::MISSING_KEY, message)
                    .hint(format!("for example: `{}: {example}`", field.name)),
            );
        }
        self.exactly_one(exactly_one, entries, holder, here);
    }

    fn exactly_one(&mut self, names: &[String], entries: &[Entry], holder: Span, here: &Here<'_>) {
        let mut present = entries.iter().filter(|entry| names.contains(&entry.key));
        if names.is_empty() {
            return;
        }
        let listed = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let Some(first) = present.next() else {
            let message = format!("one of {listed} is missing{}", place(here.path));
            self.problems.push(Problem::at(self.text, holder, codes::MISSING_KEY, message));
            return;
        };
        for second in present {
            let message = format!("`{}` cannot stand beside `{}`", second.key, first.key);
            self.problems.push(
                Problem::at(self.text, second.key_span, codes::EXCLUSIVE, message)
                    .hint(format!("exactly one of {listed} may stand here")),
            );
        }
    }

    fn unknown_key(&mut self, entry: &Entry, fields: &[Field], here: &Here<'_>) {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        let message = format!("unknown key {}{}", quote(&entry.key), place(here.path));
        let mut problem =
            Problem::at(self.text, entry.key_span, codes::UNKNOWN_KEY, message).allow(names.iter().copied());
        if let Some(hint) = habit::key(&entry.key, here.path) {
            problem = problem.hint(hint);
        } else if let Some(homes) = self.format.homes.get(&entry.key) {
            let homes: Vec<String> = homes.iter().take(3).map(|home| home_name(home)).collect();
            problem = problem.hint(format!("`{}` belongs {}", entry.key, homes.join(" or ")));
        } else if let Some(near) = nearest(&entry.key, names.iter().copied()) {
            problem = problem.suggest(Some(near));
        } else if here.path.is_empty() && self.format.other().any(|key| key == entry.key) {
            problem = problem.hint(format!("`{}` belongs into {}", entry.key, self.format.other_file));
        }
        self.problems.push(problem);
    }

    fn wrong_type(&mut self, node: &Node, shape: &Shape, here: &Here<'_>) {
        if shape.is_secret() && matches!(node.value, Value::Text(_) | Value::Number(_)) {
            if self.text.credentials.iter().any(|credential| credential.span.start == node.span.start) {
                return; // It was recognised for what it is.
            }
            let example = here.example.unwrap_or("{secret: NAME}");
            let key = here.key.map_or("token", |entry| entry.key.as_str());
            let problem = Problem::at(
                self.text,
                node.span,
                codes::CREDENTIAL,
                "a secret stands in a file by its name, never by its value",
            )
            .hint(format!("write `{key}: {example}` and store the value with `botwright secret set NAME`"));
            self.problems.push(problem);
            return;
        }
        // Of nothing there is nothing to point at but the key.
        let span = match (&node.value, here.key) {
            (Value::Null, Some(entry)) if node.span.start == node.span.end => entry.key_span,
            _ => node.span,
        };
        let message = format!("{}expected {}, found {}", named(here), shape.what(), found(self.text, node));
        let mut problem = Problem::at(self.text, span, codes::TYPE, message);
        match remedy(node, shape) {
            Some(hint) => problem = problem.hint(hint),
            None => problem = for_example(problem, here),
        }
        self.problems.push(problem);
    }

    fn value(&mut self, node: &Node, value: &str, shape: &Shape, here: &Here<'_>) {
        let Shape::Text { shortest, longest, pattern, choices } = shape else { return };
        if value.contains('\0') {
            let message = format!("{}a text cannot hold the NUL character", named(here));
            self.problems.push(Problem::at(self.text, node.span, codes::SHAPE, message));
        } else if !choices.is_empty() {
            if !choices.iter().any(|choice| choice == value) {
                self.not_a_choice(node, value, choices, here);
            }
        } else if let Some(pattern) = pattern.filter(|pattern| !(pattern.fits)(value)) {
            let quoted = if pattern.secret { String::new() } else { format!(", found {}", quote(value)) };
            let message = format!("{}expected {}{quoted}", named(here), pattern.what);
            let mut problem = Problem::at(self.text, node.span, codes::SHAPE, message);
            if pattern.secret {
                problem = problem
                    .hint("the value itself never stands in a file: `botwright secret set NAME` stores it");
            } else {
                // What is made of a credential would give it away.
                let shown = super::credential::mask(value) == value;
                problem = problem.suggest((pattern.near)(value).filter(|_| shown));
            }
            if let Some(hint) = habit::value(value) {
                problem = problem.hint(hint);
            }
            self.problems.push(for_example(problem, here));
        } else {
            let length = if *longest == usize::MAX {
                usize::from(!value.trim().is_empty())
            } else {
                value.chars().count()
            };
            self.count(node, length, *shortest, *longest, "characters", here);
        }
    }

    fn not_a_choice(&mut self, node: &Node, value: &str, choices: &[String], here: &Here<'_>) {
        let what = here.key.map_or("value".into(), |entry| format!("`{}`", entry.key));
        let mut problem =
            Problem::at(self.text, node.span, codes::CHOICE, format!("unknown {what}: {}", quote(value)))
                .suggest(nearest(value, choices.iter().map(String::as_str)))
                .allow(choices);
        if value.starts_with("botwright/") {
            problem = problem.hint("a newer Botwright may read this file; this one does not");
        } else if matches!(value, "Bot" | "Project") {
            problem = problem.hint("`botwright.yaml` is the `Project`, every `bot.yaml` is a `Bot`");
        } else if let Some(hint) = habit::value(value) {
            problem = problem.hint(hint);
        }
        self.problems.push(problem);
    }

    fn count(
        &mut self,
        node: &Node,
        count: usize,
        shortest: usize,
        longest: usize,
        unit: &str,
        here: &Here<'_>,
    ) {
        let message = if count > longest {
            format!("{count} {unit} are too many: at most {longest}")
        } else if count < shortest && count == 0 {
            "nothing stands here".into()
        } else if count < shortest {
            format!("{count} {unit} are too few: at least {shortest}")
        } else {
            return;
        };
        let message = format!("{}{message}", named(here));
        self.problems.push(for_example(Problem::at(self.text, node.span, codes::RANGE, message), here));
    }
}

impl Shape {
    /// Whether a value is of the kind that this shape asks for, whatever it holds.
    fn takes(&self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Text { .. }, Value::Text(_))
                | (Self::Number { .. }, Value::Number(_))
                | (Self::Flag, Value::Flag(_))
                | (Self::List { .. }, Value::List(_))
                | (Self::Map { .. } | Self::Table { .. }, Value::Map(_))
        )
    }
}

fn fields(shape: &Shape) -> &[Field] {
    if let Shape::Map { fields, .. } = shape { fields } else { &[] }
}

fn has(entries: &[Entry], key: &str) -> bool {
    entries.iter().any(|entry| entry.key == key)
}

/// ` in `memory.recall`` for messages.
fn place(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" in `{}`", path.replace(".*", "").replace("[]", ""))
    }
}

/// Where a key is at home, in words.
fn home_name(home: &str) -> String {
    if home.is_empty() {
        "at the top level".into()
    } else if let Some(list) = home.strip_suffix("[]") {
        format!("into an entry of `{}`", list.replace("[]", ""))
    } else {
        format!("under `{}`", home.replace(".*", "").replace("[]", ""))
    }
}

/// Whose value is wrong, to begin a sentence with.
fn named(here: &Here<'_>) -> String {
    match here.key {
        Some(entry) if here.path.ends_with("[]") => format!("an entry of {}: ", quote(&entry.key)),
        Some(entry) => format!("{}: ", quote(&entry.key)),
        None => String::new(),
    }
}

fn for_example(problem: Problem, here: &Here<'_>) -> Problem {
    match (here.key, here.example) {
        (Some(entry), Some(example)) => problem.hint(format!("for example: `{}: {example}`", entry.key)),
        _ => problem,
    }
}

/// Whether a value is of a permitted kind only by a slip: `use:auto` is a text, and `Note: be kind` a mapping.
fn is_slip(node: &Node, choices: &[Shape]) -> bool {
    let text = choices.iter().any(|choice| matches!(choice, Shape::Text { .. }));
    match &node.value {
        Value::Text(value) => choices.iter().any(|choice| habit::glued(value, choice).is_some()),
        Value::Map(entries) => match entries.as_slice() {
            [only] => text && choices.iter().all(|choice| habit::is_sentence(&only.key, fields(choice))),
            _ => false,
        },
        _ => false,
    }
}

fn found(text: &Text<'_>, node: &Node) -> String {
    match &node.value {
        Value::Null => "nothing".into(),
        Value::Flag(flag) => format!("`{flag}`"),
        Value::Number(_) => format!("the number {}", quote(text.shown(node.span))),
        Value::Text(value) => format!("the text {}", quote(value)),
        Value::List(_) => "a list".into(),
        Value::Map(_) => "a mapping".into(),
    }
}

/// What would make the value right, where that can be told from the value.
fn remedy(node: &Node, shape: &Shape) -> Option<String> {
    let wants = |test: fn(&Shape) -> bool| match shape {
        Shape::Either(choices) => choices.iter().any(test),
        other => test(other),
    };
    let text = |shape: &Shape| matches!(shape, Shape::Text { .. });
    let list = |shape: &Shape| matches!(shape, Shape::List { .. });
    match &node.value {
        Value::Null => Some("leave the key out where nothing is meant".into()),
        Value::Number(number) if wants(text) => Some(format!("in quotes it is a text: `\"{number}\"`")),
        Value::Flag(flag) if wants(text) => Some(format!("in quotes it is a text: `\"{flag}\"`")),
        Value::Text(value) if matches!(shape, Shape::Number { .. }) && value.parse::<f64>().is_ok() => {
            Some("without the quotes it is a number".into())
        }
        Value::Text(value) if matches!(shape, Shape::Flag) && is_old_flag(value) => {
            Some("YAML 1.2 knows only `true` and `false`; `yes`, `no`, `on` and `off` are texts".into())
        }
        Value::Text(value) if habit::glued(value, shape).is_some() => habit::glued(value, shape),
        Value::Text(_) | Value::Map(_) if wants(list) => {
            Some("put `- ` before it to make it a list of one".into())
        }
        Value::Map(_) if wants(text) => {
            Some("a text that holds `: ` has to be in quotes: `\"Remember: be kind\"`".into())
        }
        _ => None,
    }
}

fn is_old_flag(value: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n"].iter().any(|flag| value.eq_ignore_ascii_case(flag))
}

/// A bound without a needless fraction, its thousands apart.
pub(super) fn figure(value: f64) -> String {
    let plain = format!("{value}");
    let digits = plain.trim_start_matches('-').len();
    if digits < 5 || !plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return plain;
    }
    let mut spaced = String::new();
    for (index, c) in plain.chars().enumerate() {
        let left = plain.len() - index;
        if left % 3 == 0 && left < digits {
            spaced.push(',');
        }
        spaced.push(c);
    }
    spaced
}
