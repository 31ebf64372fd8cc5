//! Projects as people break them, and all that is said about each: `tests/wrong-projects`, one file a case.
//!
//! A case opens with what went wrong. Then come the files (`==> bots/support/bot.yaml`, what is special about
//! one in brackets), and last the answer. A `bots/botwright.yaml` that says nothing of interest is left out.
//! `make problems` prints them all; `BOTWRIGHT_RENEW=1 cargo nextest run wrong_projects` writes the answers
//! anew, which are then to be read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use botwright::spec::{self, Parsed};
use botwright::sync::folder;

use crate::harness::scratch::Scratch;

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n";
const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: A\npersona: {file: persona.md}\n";
const ANSWER: &str = "==> botwright validate bots\n";
/// Fewer would mean that some were lost.
const CASES: usize = 75;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong-projects");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// Writes one file of a case into the folder. The header says where, and what is special about it.
fn lay_out(folder: &Path, header: &str, body: &str) {
    if let Some((link, target)) = header.split_once(" -> ") {
        let link = folder.join(link);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
        return;
    }
    let (path, traits) = header.split_once(" (").unwrap_or((header, ""));
    let path = folder.join(path);
    let mut text = format!("{}\n", body.trim_end_matches('\n'));
    let mut bytes = None;
    for special in traits.trim_end_matches(')').split(", ").filter(|special| !special.is_empty()) {
        match special {
            "CRLF" => text = text.replace('\n', "\r\n"),
            "BOM" => text.insert(0, '\u{feff}'),
            "␀ is NUL" => text = text.replace('␀', "\0"),
            "Latin-1" => bytes = Some(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()),
            "UTF-16" => {
                bytes = Some(format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect())
            }
            "absent" => return drop(fs::remove_file(&path)),
            times => {
                let times = times.strip_suffix(" times the last line").unwrap().parse().unwrap();
                let last = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
                text = format!("{}{}", &text[..last], text[last..].repeat(times));
            }
        }
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes.unwrap_or_else(|| text.into_bytes())).unwrap();
}

/// What `botwright validate bots` says in that folder.
fn answer(folder: &Path) -> (Parsed, String) {
    let parsed = spec::parse(&folder::read(&folder.join("bots")).unwrap());
    let mut shown: String =
        parsed.problems.iter().map(|problem| spec::render(problem, "bots") + "\n").collect();
    shown += &spec::summary(&parsed.problems);
    (parsed, shown + "\n")
}

#[test]
fn every_wrong_project_is_answered_as_its_case_says() {
    let renew = std::env::var_os("BOTWRIGHT_RENEW").is_some();
    let mut stale = Vec::new();
    let cases = cases();
    assert!(cases.len() >= CASES, "only {} cases", cases.len());
    for case in cases {
        let text = fs::read_to_string(&case).unwrap();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let (told, _) = text.split_once(ANSWER).unwrap_or_else(|| panic!("{name} has no answer"));
        let scratch = Scratch::new();
        lay_out(scratch.path(), "bots/botwright.yaml", PROJECT);
        for file in told.split("==> ").skip(1) {
            let (header, body) = file.split_once('\n').unwrap();
            lay_out(scratch.path(), header, body);
        }
        let (parsed, shown) = answer(scratch.path());
        assert!(!parsed.problems.is_empty(), "{name} is a right project");
        assert_eq!(parsed.project.is_none(), parsed.has_errors(), "{name}");
        let fresh = format!("{told}{ANSWER}{shown}");
        if fresh != text {
            if renew {
                fs::write(&case, fresh).unwrap();
            }
            stale.push(format!("{name} is answered:\n{shown}"));
        }
    }
    let renewed =
        if renew { "renewed; read them, then run this again without BOTWRIGHT_RENEW" } else { "stale" };
    assert!(stale.is_empty(), "{} {renewed}:\n\n{}", stale.len(), stale.join("\n"));
}

#[test]
fn one_bad_file_among_two_hundred_is_named_and_no_bot_of_them_comes_through() {
    let scratch = Scratch::new();
    lay_out(scratch.path(), "bots/botwright.yaml", PROJECT);
    for number in 0..200 {
        lay_out(scratch.path(), &format!("bots/bot-{number}/bot.yaml"), BOT);
        lay_out(scratch.path(), &format!("bots/bot-{number}/persona.md"), "You are patient.");
    }
    assert_eq!(answer(scratch.path()).0.project.unwrap().bots.len(), 200);

    let bad = BOT.replace("displayName: A", "displyName: A\nmodel: {tempature: 1}");
    lay_out(scratch.path(), "bots/bot-77/bot.yaml", &bad);
    lay_out(scratch.path(), "bots/bot-77/persona.md", "You are {{bot.nmae}}.");
    let (parsed, shown) = answer(scratch.path());
    assert!(parsed.project.is_none());
    assert!(parsed.problems.iter().all(|problem| problem.file.starts_with("bot-77/")), "{shown}");
    assert_eq!(parsed.problems.len(), 4, "{shown}");
}
