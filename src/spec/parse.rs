//! A bundle into a project: every problem of every file in one run, and the project only if there is no
//! error among them.

use super::authored;
use super::bot::Bot;
use super::bundle::{Bundle, MAX_FILE_BYTES};
use super::check;
use super::file::ProjectFile;
use super::meaning::{self, Offer, Shared};
use super::patterns::{is_name, to_name};
use super::pending;
use super::problem::{Problem, codes, quote};
use super::project::{Project, Written};
use super::reference;
use super::shape;
use super::text::{Span, Text};
use super::yaml::{self, Node};
use serde::Deserialize;

/// What became of a bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// There if and only if no problem is an error.
    pub project: Option<Project>,
    /// By file and line.
    pub problems: Vec<Problem>,
}

impl Parsed {
    /// Whether any problem is an error.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }
}

/// The project's own file.
const PROJECT: &str = "botwright.yaml";
/// Past so many problems of one file, the rest are only counted.
const MAX_PROBLEMS: usize = 500;

/// Reads a whole bundle.
pub fn parse(bundle: &Bundle) -> Parsed {
    let mut problems = misplaced(bundle);
    let bots: Vec<(&str, &str)> =
        bundle.files.keys().filter_map(|path| Some((bot_name(path)?, path.as_str()))).collect();
    let names: Vec<&str> = bots.iter().map(|(name, _)| *name).collect();
    let file = read_project(bundle, &names, &mut problems);
    // A file that is refused is not looked into again.
    let raw = file.as_ref().and_then(|_| std::str::from_utf8(bundle.files.get(PROJECT)?).ok()).unwrap_or("");
    let text = Text::hidden(PROJECT, raw.trim_start_matches('\u{feff}'));
    let offer = file.as_ref().map(|root| offer(&text, root)).unwrap_or_default();
    let written: Vec<Option<Written>> = bots
        .iter()
        .map(|(name, path)| {
            let mut found = Vec::new();
            let written = read_bot(name, path, bundle, &offer, file.as_ref(), &mut found);
            cap(path, &mut found);
            problems.extend(found);
            written
        })
        .collect();
    problems.sort_by(Problem::order);
    problems.dedup();
    let failed = problems.iter().any(Problem::is_error);
    let project = if failed { None } else { file.and_then(|root| assemble(&root, written)) };
    Parsed { project, problems }
}

fn assemble(root: &Node, written: Vec<Option<Written>>) -> Option<Project> {
    let ProjectFile { api_version: _, kind: _, source, protect, moves, providers: _, sources: _ } =
        ProjectFile::deserialize(root.to_json()).ok()?;
    Some(Project { source, protect, moves, bots: written.into_iter().collect::<Option<_>>()? })
}

/// What one YAML file says, as JSON; null where it cannot be read.
pub fn parse_file(path: &str, text: &str) -> serde_json::Value {
    let text = Text::hidden(path, text.trim_start_matches('\u{feff}'));
    yaml::read(&text, &mut Vec::new()).map(|root| root.to_json()).unwrap_or_default()
}

/// The name of the bot whose file this is: `support/bot.yaml` is `support`.
fn bot_name(path: &str) -> Option<&str> {
    path.strip_suffix("/bot.yaml").filter(|name| !name.contains('/'))
}

fn offer<'p>(text: &Text<'_>, root: &'p Node) -> Offer<'p> {
    Offer {
        providers: root
            .get("providers")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| entry.key.as_str())
            .collect(),
        sources: root
            .get("sources")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| item.get("name"))
            .filter_map(|node| Some(Shared { name: node.text()?, line: text.place(node.span).line }))
            .collect(),
    }
}

fn read_project(bundle: &Bundle, bots: &[&str], problems: &mut Vec<Problem>) -> Option<Node> {
    let Some(contents) = bundle.files.get(PROJECT) else {
        if !bundle.unread.contains_key(PROJECT) {
            problems.push(
                Problem::whole(PROJECT, codes::NO_FILE, "a project begins with a `botwright.yaml`, and there is none")
                    .hint("for example: `apiVersion: botwright/v1`, `kind: Project`, `source: acme/bots`, each on a line of its own"),
            );
        }
        return None;
    };
    let mut found = Vec::new();
    let root = decode(PROJECT, contents, &mut found, |text, root, found| {
        check::check(text, root, shape::project(), found);
        pending::check(text, root, pending::PROJECT, found);
        reference::check(text, root, bundle, found);
        meaning::project(text, root, bots, found);
        meaning::prose_files(PROJECT, root, bundle, found);
    });
    cap(PROJECT, &mut found);
    problems.extend(found);
    root
}

fn read_bot(
    name: &str,
    path: &str,
    bundle: &Bundle,
    offer: &Offer<'_>,
    project: Option<&Node>,
    problems: &mut Vec<Problem>,
) -> Option<Written> {
    if !is_name(name) {
        let message =
            format!("{} cannot name a bot: small letters, digits and hyphens, at most 63", quote(name));
        let near = Some(to_name(name)).filter(|near| !near.is_empty());
        problems.push(
            Problem::whole(path, codes::NAME, message).suggest(near).hint("a bot is named by its folder"),
        );
    }
    let mut written = None;
    let contents = bundle.files.get(path)?;
    decode(path, contents, problems, |text, root, problems| {
        check::check(text, root, shape::bot(), problems);
        pending::check(text, root, pending::BOT, problems);
        reference::check(text, root, bundle, problems);
        meaning::bot(text, root, offer, problems);
        meaning::prose_files(path, root, bundle, problems);
        if !problems.iter().any(Problem::is_error) {
            written = write(name, text, root, project, bundle, problems);
        }
    });
    written
}

/// The bot of a file without a mistake.
fn write(
    name: &str,
    text: &Text<'_>,
    root: &Node,
    project: Option<&Node>,
    bundle: &Bundle,
    problems: &mut Vec<Problem>,
) -> Option<Written> {
    let authored = authored::write(name, text.path, root, project, bundle);
    match Bot::from_authored(&authored) {
        Ok(bot) => {
            meaning::fixed_part(text, root, &bot, problems);
            Some(Written { hash: authored::content_hash(&authored), authored, bot })
        }
        Err(error) => {
            // The schema let through what the types do not hold: a fault of ours, and still not a bot. Where a
            // shared source is wrong, `botwright.yaml` says so itself.
            let known = project.is_none() || error.message().contains("lacks");
            if !known {
                problems.push(Problem::at(text, Span::at(0), codes::TYPE, error.chain()));
            }
            None
        }
    }
}

/// Reads one YAML file and hands its tree to `inspect`.
fn decode(
    path: &str,
    contents: &[u8],
    problems: &mut Vec<Problem>,
    inspect: impl FnOnce(&Text<'_>, &Node, &mut Vec<Problem>),
) -> Option<Node> {
    if contents.len() > MAX_FILE_BYTES {
        let message = format!("the file is larger than {} KiB", MAX_FILE_BYTES / 1024);
        problems.push(
            Problem::whole(path, codes::BUDGET, message).hint("long prose belongs into a file of its own"),
        );
        return None;
    }
    let raw = match std::str::from_utf8(contents) {
        Ok(raw) => raw.strip_prefix('\u{feff}').unwrap_or(raw),
        Err(error) => {
            problems.push(not_text(path, contents, error.valid_up_to()));
            return None;
        }
    };
    let text = Text::new(path, raw);
    meaning::credentials(&text, problems);
    let root = yaml::read(&text, problems)?;
    inspect(&text, &root, problems);
    Some(root)
}

fn not_text(path: &str, contents: &[u8], valid: usize) -> Problem {
    let start = contents.get(..valid).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("");
    let text = Text::new(path, start);
    let byte = contents.get(valid).copied().unwrap_or_default();
    let message = format!("this is not UTF-8: the byte 0x{byte:02x} at offset {valid} is no character");
    let problem = Problem::at(&text, Span::at(valid), codes::ENCODING, message);
    let utf16 = contents.starts_with(&[0xff, 0xfe]) || contents.starts_with(&[0xfe, 0xff]);
    problem.hint(if utf16 {
        "it looks like UTF-16: save the file as UTF-8"
    } else {
        "save the file as UTF-8"
    })
}

/// Files that were not read, and files that would have been under another name.
fn misplaced(bundle: &Bundle) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, reason) in &bundle.unread {
        // What is missing at the top could be a bot, and a missing bot could be taken for a deleted one.
        if path == PROJECT || bot_name(path).is_some() || is_name(path) {
            problems.push(Problem::whole(path, codes::UNREADABLE, format!("{} {reason}", quote(path))));
        }
    }
    for path in &bundle.others {
        let file = path.rsplit('/').next().unwrap_or(path);
        let depth = path.matches('/').count();
        let problem = match file {
            "bot.yml" | "Bot.yaml" if depth == 1 => {
                Problem::whole(path, codes::MISPLACED_FILE, "a bot's file is called `bot.yaml`")
                    .hint("rename it: as it is, it is not read")
            }
            "botwright.yml" | "Botwright.yaml" if depth == 0 => {
                Problem::whole(path, codes::MISPLACED_FILE, "the project's file is called `botwright.yaml`")
                    .hint("rename it: as it is, it is not read")
            }
            "bot.yaml" if depth == 0 => {
                Problem::whole(path, codes::MISPLACED_FILE, "a bot has a folder of its own, which names it")
                    .hint("move it: `NAME/bot.yaml`")
            }
            "bot.yaml" => Problem::whole(
                path,
                codes::MISPLACED_FILE,
                "bots are looked for one folder deep: this one is not read",
            )
            .hint("move its folder up, beside `botwright.yaml`")
            .warning(),
            _ => continue,
        };
        problems.push(problem);
    }
    problems
}

/// Keeps the answer readable where a file is nothing but mistakes.
fn cap(path: &str, problems: &mut Vec<Problem>) {
    if problems.len() > MAX_PROBLEMS {
        problems.sort_by(Problem::order);
        let more = problems.len() - MAX_PROBLEMS;
        problems.truncate(MAX_PROBLEMS);
        let last = problems.last().map_or(0, |problem| problem.line);
        let mut rest = Problem::whole(path, codes::BUDGET, format!("and {more} more problems in this file"));
        rest.line = last + 1;
        problems.push(rest);
    }
}
