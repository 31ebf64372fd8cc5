//! Files that mean harm, and files that mean nothing: refused quickly, in bounded space, without a panic.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{HEAD, PROJECT, bundle, one};
use crate::spec::{MAX_FILE_BYTES, Parsed, codes, parse, references, render};

/// Parses and says that it did not take long. Debug builds are some ten times slower than what ships.
fn quickly(what: &str, body: &str) -> Parsed {
    let start = Instant::now();
    let parsed = one(body);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "{what} took {took:?}");
    let shown: usize = parsed.problems.iter().map(|problem| render(problem, "bots").len()).sum();
    assert!(shown < 2 * 1024 * 1024, "{what} is answered with {shown} bytes");
    parsed
}

fn codes_of(parsed: &Parsed) -> Vec<&'static str> {
    let mut codes: Vec<_> = parsed.problems.iter().map(|problem| problem.code).collect();
    codes.dedup();
    codes
}

#[test]
fn bombs_are_refused() {
    let mut laughs = String::from("labels: &a0 {x: lol}\n");
    for level in 1..20 {
        let refs = vec![format!("*a{}", level - 1); 9].join(", ");
        laughs += &format!("l{level}: &a{level} [{refs}]\n");
    }
    assert!(codes_of(&quickly("laughs", &laughs)).contains(&codes::BUDGET));
    let big = format!("description: &d {}\nrules: [{}]\n", "x".repeat(60_000), "*d,".repeat(5000));
    assert_eq!(codes_of(&quickly("a big alias", &big)), [codes::BUDGET]);
    assert_eq!(codes_of(&quickly("itself", "rules: &r [*r]\n")), [codes::UNSUPPORTED]);
    assert_eq!(
        codes_of(&quickly("a huge text", &format!("persona: {}\n", "x".repeat(70_000)))),
        [codes::BUDGET]
    );
    assert_eq!(codes_of(&quickly("a huge file", &"# x\n".repeat(MAX_FILE_BYTES / 4))), [codes::BUDGET]);
}

#[test]
fn depth_is_refused_where_it_gets_too_deep() {
    for (open, what) in [("[", "lists"), ("{a: ", "mappings"), ("- ", "dashes"), ("? ", "questions")] {
        let parsed = quickly(what, &format!("rules: \n  {}\n", open.repeat(50_000 / open.len())));
        assert!(parsed.has_errors(), "{what}");
        assert!(parsed.problems.len() < 5, "{what}");
    }
    let nested: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(codes_of(&quickly("block mappings", &nested)), [codes::BUDGET]);
}

#[test]
fn much_of_anything_is_answered_in_time() {
    let n = 12_000;
    for (what, body) in [
        ("unknown keys", (0..n).map(|i| format!("k{i}: 1\n")).collect::<String>()),
        (
            "unknown keys on one line",
            format!("labels: {{{}}}\n", (0..n).map(|i| format!("k{i}: 1, ")).collect::<String>()),
        ),
        ("the same key", "labels: {a: b}\n".repeat(n)),
        ("rules", format!("rules: [{}]\n", "a, ".repeat(n))),
        ("braces", format!("greeting: \"{}\"\n", "{{x}}".repeat(n))),
        ("open braces", format!("greeting: \"{}\"\n", "{{".repeat(2 * n))),
        ("anchors", (0..n).map(|i| format!("k{i}: &a{i} x\n")).collect()),
        ("quotes", format!("greeting: {}\n", "''".repeat(n))),
        ("blank lines", format!("greeting: \"{}\"\n", "\n".repeat(50_000))),
        ("lone returns", "\r".repeat(50_000)),
        ("colons", ": ".repeat(50_000)),
        ("exclamations", "!".repeat(50_000)),
        ("percent", "%".repeat(50_000)),
        ("documents", "---\n".repeat(n)),
        ("secrets", format!("greeting: {}\n", "token: ".repeat(n))),
        ("secrets of mappings", format!("greeting: {}\n", "token: {".repeat(n))),
        ("private keys", "-----BEGIN A PRIVATE KEY----- ".repeat(4000)),
        ("words", format!("greeting: {}\n", "sk-".repeat(50_000))),
        ("colons in a word", format!("greeting: {}\n", "1:".repeat(50_000))),
        ("assignments", format!("greeting: {}\n", "a=".repeat(50_000))),
        ("files", format!("rules: [{}]\n", "{file: a}, ".repeat(n / 2))),
        ("bars", "a: |\n".repeat(n)),
        ("a long line", format!("# {}", "sk-proj-Ab3dEf6hIj9kLmNoPq2s ".repeat(5000))),
    ] {
        quickly(what, &body);
    }
}

#[test]
fn a_thousand_bots() {
    let persona = "You are a helpful assistant who answers plainly. ".repeat(30);
    let bot = format!(
        "{HEAD}persona: {{file: persona.md}}\nrules: [a, {{text: b, priority: 2}}]\nmodel: {{use: openai/gpt-5-mini, temperature: 0.4}}\nmemory: {{window: {{hours: 6, messages: 40}}}}\nsources: [{{name: s, file: s.md, pin: true}}]\n"
    );
    let mut files = bundle(&[("botwright.yaml", PROJECT)]);
    for i in 0..1000 {
        files.files.insert(format!("bot-{i}/bot.yaml"), bot.clone().into_bytes());
        files.files.insert(format!("bot-{i}/persona.md"), persona.clone().into_bytes());
        files.files.insert(format!("bot-{i}/s.md"), persona.clone().into_bytes());
    }
    let parsed = parse(&files);
    assert_eq!(parsed.problems, []);
    assert_eq!(parsed.project.unwrap().bots.len(), 1000);
}

/// What YAML and our format are made of, so that chance finds its way deep into both.
const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    ": ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "&a ",
    "*a",
    "<<",
    "!t ",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "#",
    "---\n",
    "...\n",
    "\t",
    "\r\n",
    "\r",
    "%YAML 1.2\n",
    "\u{feff}",
    "~",
    "null",
    "true",
    "0x1f",
    "-1",
    "1e9",
    ".nan",
    "persona",
    "rules",
    "model",
    "use",
    "memory",
    "sources",
    "name",
    "file",
    "text",
    "pin",
    "labels",
    "lore",
    "keys",
    "auto",
    "openai/x",
    "{{",
    "}}",
    "person.name",
    "\\",
    "їжак",
    "🦔",
    "\u{0}",
    "secret",
    "token",
    " sk-proj-Ab3dEf6hIj9kLmNoPq2s ",
    "://u:p@h",
    "-----BEGIN RSA PRIVATE KEY-----",
    "apiVersion: botwright/v1\n",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![prop::sample::select(PIECES).prop_map(str::to_owned), "[a-z]{1,8}: ", "\\PC{0,6}",]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut files = bundle(&[("botwright.yaml", PROJECT)]);
        files.files.insert("a/bot.yaml".into(), bytes.clone());
        files.files.insert("a/p.md".into(), bytes.clone());
        files.files.insert("b/bot.yaml".into(), format!("{HEAD}persona: {{file: ../a/p.md}}").into_bytes());
        let _ = references("a/bot.yaml", &bytes);
        for problem in parse(&files).problems {
            render(&problem, "bots");
        }
    }

    #[test]
    fn any_yaml_gets_an_answer(pieces in prop::collection::vec(piece(), 0..60), headed in any::<bool>()) {
        let body = pieces.concat();
        let body = if headed { format!("{HEAD}{body}") } else { body };
        let mut files = bundle(&[("botwright.yaml", &body), ("a/bot.yaml", &body)]);
        files.files.insert("a/p.md".into(), body.clone().into_bytes());
        let parsed = parse(&files);
        prop_assert_eq!(parsed.project.is_none(), parsed.has_errors());
        for problem in &parsed.problems {
            let shown = render(problem, "bots");
            prop_assert!(!shown.contains("Ab3dEf6hIj9kLmNoPq2s"), "{}", shown);
            prop_assert!(problem.line <= body.lines().count() + body.matches('\r').count() + 2);
        }
    }
}
