//! Projects that nobody would write: the repository's bots and the wrong projects, crossed, mutated, swollen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use botwright::spec::Bundle;
use botwright::sync::folder;

use crate::harness::dice::Dice;

/// What YAML and our format are made of, so that chance finds its way deep into both.
const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n      ",
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
    "<<: *a\n",
    "!t ",
    "!!binary ",
    "|\n",
    "|+9\n",
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
    "%TAG ! x\n",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "\u{0}",
    "~",
    "null",
    "true",
    "no",
    "0x1f",
    "-1",
    "1e999",
    "1e9",
    ".nan",
    "-.inf",
    "99999999999999999999",
    "0.1e-400",
    "{{",
    "}}",
    "{{person.name}}",
    "\\",
    "\\x00",
    "\"\\ud800\"",
    "їжак",
    "🦔",
    "e\u{301}",
    "\u{202e}",
    "://u:p@h",
    "-----BEGIN RSA PRIVATE KEY-----",
    " sk-proj-Ab3dEf6hIj9kLmNoPq2sTu ",
    "{file: persona.md}",
    "{file: ../../x}",
    "{secret: NAME}",
    "{secret: 1}",
    "0 4 * * *",
    "Europe/Kiyv",
    "${HOME}",
    "token: ",
    "password is ",
    "auto",
    "openai/x",
    "opnai/x",
    "botwright/v1",
    "use:auto",
    "persona.md",
];

/// The keys of both formats.
const KEYS: &[&str] = &[
    "apiVersion",
    "kind",
    "displayName",
    "description",
    "labels",
    "persona",
    "greeting",
    "language",
    "rules",
    "lore",
    "model",
    "use",
    "temperature",
    "maxOutputTokens",
    "fallback",
    "contextBudget",
    "memory",
    "scope",
    "window",
    "hours",
    "messages",
    "midTerm",
    "summarize",
    "everyTurns",
    "words",
    "digest",
    "cron",
    "timezone",
    "facts",
    "recall",
    "budget",
    "when",
    "sources",
    "name",
    "file",
    "text",
    "url",
    "notion",
    "pin",
    "for",
    "modules",
    "channels",
    "telegram",
    "token",
    "access",
    "limits",
    "per",
    "retention",
    "delegated",
    "source",
    "protect",
    "moves",
    "from",
    "to",
    "providers",
    "secret",
    "keys",
    "category",
    "priority",
    "tools",
    "prompt",
    "spec",
    "env",
    "apiKey",
];

/// As large as a text becomes: more than any file may hold.
const HUGE: usize = 10 * 1024 * 1024;

pub(super) struct Breeder {
    projects: Vec<BTreeMap<String, String>>,
    /// Every text of every project.
    texts: Vec<String>,
}

impl Breeder {
    pub(super) fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let own = folder::read(&root.join("bots")).unwrap().files;
        let own = own.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect();
        let mut projects: Vec<BTreeMap<String, String>> = vec![own];
        let mut cases: Vec<_> = fs::read_dir(root.join("tests/wrong-projects"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        cases.sort();
        for case in cases {
            let case = fs::read_to_string(case).unwrap();
            let files = case.split("==> bots/").skip(1).filter_map(|file| file.split_once('\n'));
            let mut project: BTreeMap<String, String> = files
                .map(|(header, body)| (header.split(" (").next().unwrap().to_owned(), body.to_owned()))
                .collect();
            let root = "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n";
            project.entry("botwright.yaml".into()).or_insert_with(|| root.into());
            projects.push(project);
        }
        let texts = projects.iter().flat_map(|project| project.values().cloned()).collect();
        Self { projects, texts }
    }

    /// The repository's own bots.
    pub(super) fn ancestor(&self) -> Bundle {
        bundle(self.projects[0].clone())
    }

    /// The project of a number.
    pub(super) fn project(&self, number: u64) -> Bundle {
        let mut dice = Dice::new(number);
        let mut files = dice.pick(&self.projects).clone();
        if dice.once_in(40) {
            self.multiply(&mut files, &mut dice);
        }
        for _ in 0..1 + dice.below(4) {
            let paths: Vec<String> = files.keys().cloned().collect();
            let path = dice.pick(&paths).clone();
            if dice.once_in(20) {
                let text = files.remove(&path).unwrap_or_default();
                files.insert(self.path(&mut dice), text);
            } else if let Some(text) = files.get_mut(&path) {
                for _ in 0..1 + dice.below(6) {
                    self.mutate(text, &mut dice);
                }
            }
        }
        let mut bundle = bundle(files);
        if dice.once_in(4) {
            self.spoil(&mut bundle, &mut dice);
        }
        bundle
    }

    /// Many bots of a kind.
    fn multiply(&self, files: &mut BTreeMap<String, String>, dice: &mut Dice) {
        let text = dice.pick(&self.texts).clone();
        for number in 0..dice.size(300) {
            files.insert(format!("bot-{number}/bot.yaml"), text.clone());
        }
    }

    fn path(&self, dice: &mut Dice) -> String {
        let paths = [
            "a/bot.yaml",
            "bot.yaml",
            "a/b/bot.yaml",
            "A b/bot.yaml",
            "a/bot.yml",
            "botwright.yml",
            "їжак/bot.yaml",
            "",
        ];
        dice.word(&paths).to_owned()
    }

    /// Bytes that are no text, files that could not be read, names without files.
    fn spoil(&self, bundle: &mut Bundle, dice: &mut Dice) {
        let paths: Vec<String> = bundle.files.keys().cloned().collect();
        let path = dice.pick(&paths).clone();
        match dice.below(4) {
            0 => {
                let bytes = bundle.files.get_mut(&path).unwrap();
                for _ in 0..dice.size(64) {
                    let at = dice.below(bytes.len());
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = u8::try_from(dice.below(256)).unwrap();
                    }
                }
            }
            1 => {
                let size = dice.size(4096);
                bundle
                    .files
                    .insert(path, (0..size).map(|_| u8::try_from(dice.below(256)).unwrap()).collect());
            }
            2 => {
                bundle.files.remove(&path);
                bundle.unread.insert(path, "cannot be read: permission denied".into());
            }
            _ => {
                bundle.files.remove(&path);
                bundle.others.insert(path);
            }
        }
    }

    fn mutate(&self, text: &mut String, dice: &mut Dice) {
        match dice.below(16) {
            0..=3 => insert(text, dice.word(PIECES), dice),
            4 => insert(text, &format!("\n{}: {}", dice.word(KEYS), dice.word(PIECES)), dice),
            5 => insert(text, &format!("\n  {}: [{}]", dice.word(KEYS), dice.word(PIECES)), dice),
            6 => {
                let from = dice.pick(&self.texts);
                let (start, end) = range(from, dice);
                let piece = from[start..end].to_owned();
                insert(text, &piece, dice);
            }
            7 => {
                let (start, end) = range(text, dice);
                text.replace_range(start..end, "");
            }
            8 => {
                let key = dice.word(KEYS);
                *text = text.replacen(key, dice.word(KEYS), 1 + dice.below(3));
            }
            9 => lines(text, dice),
            10 => *text = text.replace('\n', dice.word(&["\r\n", "\r", "\n\n", "\n ", "\n\t", " "])),
            11 => {
                let (start, end) = range(text, dice);
                let piece = text[start..end].to_owned();
                swell(text, &piece, dice);
            }
            12 => {
                let piece = dice.word(PIECES);
                swell(text, piece, dice);
            }
            13 => {
                let open = dice.word(&["[", "{a: ", "- ", "? ", "{? ", "[{a: [", "\n- - "]);
                let deep = open.repeat(dice.size(60_000));
                insert(text, &deep, dice);
            }
            14 => text.push_str(&bomb(dice)),
            _ => {
                let character =
                    char::from_u32(u32::try_from(dice.below(0x11_0000)).unwrap()).unwrap_or('\u{fffd}');
                insert(text, character.encode_utf8(&mut [0; 4]), dice);
            }
        }
    }
}

fn bundle(files: BTreeMap<String, String>) -> Bundle {
    let files = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    Bundle { files, ..Bundle::default() }
}

/// A place between two characters.
fn place(text: &str, dice: &mut Dice) -> usize {
    let mut at = dice.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A stretch of a text, mostly short.
fn range(text: &str, dice: &mut Dice) -> (usize, usize) {
    let start = place(text, dice);
    let mut end = (start + dice.size(4096)).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (start, end.max(start))
}

fn insert(text: &mut String, piece: &str, dice: &mut Dice) {
    let at = place(text, dice);
    text.insert_str(at, piece);
}

/// One line is dropped, doubled, moved or shifted.
fn lines(text: &mut String, dice: &mut Dice) {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let at = dice.below(lines.len());
    match dice.below(4) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let line = lines.remove(at);
            lines.insert(dice.below(lines.len() + 1), line);
        }
        _ => lines[at].insert_str(0, dice.word(&[" ", "  ", "\t", "- ", "    "])),
    }
    *text = lines.join("\n");
}

/// A piece many times over: mostly as much as a file may hold, seldom far more.
fn swell(text: &mut String, piece: &str, dice: &mut Dice) {
    let most = if dice.once_in(30) { HUGE } else { 200 * 1024 };
    let times = dice.size(most / piece.len().max(1));
    insert(text, &piece.repeat(times), dice);
}

/// Aliases of aliases, or one large text many times.
fn bomb(dice: &mut Dice) -> String {
    if dice.once_in(2) {
        let big = "x".repeat(dice.size(64 * 1024));
        return format!("\ndescription: &d {big}\nrules: [{}]\n", "*d,".repeat(dice.size(5000)));
    }
    let mut bomb = String::from("\nlabels: &a0 {x: y}\n");
    let width = 1 + dice.below(12);
    for level in 1..1 + dice.below(30) {
        let below = vec![format!("*a{}", level - 1); width].join(", ");
        bomb += &format!("l{level}: &a{level} [{below}]\n");
    }
    bomb
}
