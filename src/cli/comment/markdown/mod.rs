//! A plan as the comment that a reviewer reads: what stands in the way, what needs attention, then bot by bot.
//! The same plan gives the same text, so that a second run changes nothing.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::comment::escape::{code, fenced, inline, prose, value};
use crate::cli::comment::plan::{Change, Delegated, Field, Op, Origin, Plan, Text, Words, name};

/// GitHub takes 65,536 characters; some are left for what it counts otherwise.
const LONGEST: usize = 60_000;
/// Unchanged words are shown so far around a change, in characters.
const AROUND: usize = 80;

/// Where the files are that a plan speaks of.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// `https://github.com/acme/bots`
    pub(super) repository: Option<String>,
    pub(super) commit: Option<String>,
    /// The project's folder in the repository: `bots`.
    pub(super) dir: String,
}

/// The line by which the comment is found again: one for each project of a repository.
pub(super) fn marker(plan: &Plan, site: &Site) -> String {
    let plain = |text: &str| text.replace("--", "-").replace(['<', '>', '\n'], "");
    format!("<!-- botwright plan: {} in {} -->", plain(&plan.source), plain(&site.dir))
}

/// The whole comment. `document` is the plan as it was read.
pub(super) fn comment(plan: &Plan, document: &Value, site: &Site) -> String {
    let mut text = format!("{}\n### Botwright: {}\n", marker(plan, site), headline(plan));
    let commit = site.commit.as_deref().map(|commit| commit.get(..12).unwrap_or(commit));
    let of = commit.map(|commit| format!(", at {}", code(commit))).unwrap_or_default();
    let _ = writeln!(text, "\n{} after generation {}{of}", code(&plan.source), plan.base.generation);
    refusals(&mut text, plan);
    attention(&mut text, plan, site);
    for change in &plan.changes {
        bot(&mut text, change, site);
    }
    if !plan.settings.is_empty() {
        text.push_str("\n#### The project changes\n");
        fields(&mut text, &plan.settings, site);
    }
    rest(&mut text, plan);
    let mut full = cut(text);
    let json = json(document);
    if full.len() + json.len() < LONGEST {
        full.push_str(&json);
    } else {
        full.push_str("\nThe plan as JSON is too long for a comment; it is in the job's files.\n");
    }
    full
}

/// `2 bots change, 1 is archived, 3 things need attention`
fn headline(plan: &Plan) -> String {
    let summary = &plan.summary;
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let parts: Vec<String> = [
        count(summary.create, "bot is new", "bots are new"),
        count(summary.update, "bot changes", "bots change"),
        count(summary.rename, "bot is renamed", "bots are renamed"),
        count(summary.restore, "bot comes back", "bots come back"),
        count(summary.archive, "bot is archived", "bots are archived"),
        (!plan.settings.is_empty()).then(|| "the project changes".to_owned()),
        count(summary.attention, "thing needs attention", "things need attention"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        format!("no changes ({} bots stay as they are)", summary.unchanged)
    } else {
        parts.join(", ")
    }
}

/// Why an apply would be refused.
fn refusals(text: &mut String, plan: &Plan) {
    let held = plan
        .held
        .iter()
        .map(|held| format!("held by {} since a rollback: {}", inline(&held.by), inline(&held.reason)));
    let reasons: Vec<String> =
        plan.conflicts.iter().chain(&plan.blocked).map(|reason| sentence(reason)).collect();
    let reasons: Vec<String> = held.chain(reasons).collect();
    if reasons.is_empty() {
        return;
    }
    text.push_str("\n> [!CAUTION]\n> **An apply would be refused**\n>\n");
    for reason in reasons {
        let _ = writeln!(text, "> - {reason}");
    }
}

/// A sentence of ours: what stands in backticks in it is code.
fn sentence(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { code(part) } else { inline(part) }).collect()
}

fn attention(text: &mut String, plan: &Plan, site: &Site) {
    if plan.changes.iter().all(|change| change.attention.is_empty()) {
        return;
    }
    text.push_str("\n> [!IMPORTANT]\n> **Look at this first**\n>\n");
    for change in &plan.changes {
        for attention in &change.attention {
            let place = change.fields.iter().find(|field| field.path == attention.path);
            let link = place.and_then(|field| field.origin.as_ref()).map(|origin| link(origin, site));
            let link = link.map(|link| format!(" ({link})")).unwrap_or_default();
            let _ =
                writeln!(text, "> - {}: {}{link}", code(name(&change.address)), sentence(&attention.message));
        }
    }
}

fn fields(text: &mut String, fields: &[Field], site: &Site) {
    if !fields.is_empty() {
        text.push_str("\n| field | before | after | where |\n| --- | --- | --- | --- |\n");
    }
    for Field { path, before, after, origin } in fields {
        let place = origin.as_ref().map(|origin| link(origin, site)).unwrap_or_default();
        let (before, after) = (value(before.as_ref()), value(after.as_ref()));
        let _ = writeln!(text, "| {} | {before} | {after} | {place} |", code(path));
    }
}

fn bot(text: &mut String, change: &Change, site: &Site) {
    let what = match change.action.as_str() {
        "create" => "is new".to_owned(),
        "update" => "changes".to_owned(),
        "restore" => "comes back, with its history".to_owned(),
        "archive" => "is archived; its history stays".to_owned(),
        "rename" => format!("was {}", code(name(change.renamed_from.as_deref().unwrap_or("?")))),
        other => inline(other),
    };
    let _ = writeln!(text, "\n#### {} {what}", code(name(&change.address)));
    fields(text, &change.fields, site);
    for Text { path, place, words } in &change.texts {
        let place = place.origin().map(|origin| format!(" in {}", link(&origin, site))).unwrap_or_default();
        // A block of HTML: no word of the prose is Markdown in it.
        let _ = writeln!(text, "\n{}{place}\n\n<blockquote>{}</blockquote>", code(path), difference(words));
    }
}

/// Prose with what is gone struck out and what is new underlined.
fn difference(words: &[Words]) -> String {
    let last = words.len().saturating_sub(1);
    words
        .iter()
        .enumerate()
        .map(|(index, Words { op, text })| match op {
            Op::Same => prose(&around(text, index > 0, index < last)),
            Op::Removed => format!("<del>{}</del>", prose(text)),
            Op::Added => format!("<ins>{}</ins>", prose(text)),
        })
        .collect()
}

/// The ends of an unchanged stretch: after the change before it, and before the one after it.
fn around(text: &str, after: bool, before: bool) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (head, tail) = (if after { AROUND } else { 0 }, if before { AROUND } else { 0 });
    if characters.len() <= head + tail + 3 {
        return text.to_owned();
    }
    // Cut between words, where there are any.
    let head: String = characters.iter().take(head).collect();
    let head = head.rsplit_once(' ').map_or(head.as_str(), |(whole, _)| whole);
    let tail: String = characters.iter().skip(characters.len() - tail).collect();
    let tail = tail.split_once(' ').map_or(tail.as_str(), |(_, whole)| whole);
    format!("{head} … {tail}")
}

fn rest(text: &mut String, plan: &Plan) {
    if !plan.delegated.is_empty() {
        text.push_str("\n**Held by the dashboard**, and left alone:\n\n");
        for Delegated { address, path, value: held } in &plan.delegated {
            let _ = writeln!(text, "- {} {} is {}", code(name(address)), code(path), value(Some(held)));
        }
    }
    if !plan.kept.is_empty() {
        let names: Vec<String> = plan.kept.iter().map(|name| code(name)).collect();
        let _ = writeln!(text, "\n**Kept**, though their files are gone: {}", names.join(", "));
    }
    if !plan.warnings.is_empty() {
        text.push_str("\n**Worth a look**:\n\n");
        for warning in &plan.warnings {
            let _ = writeln!(text, "- {}", sentence(warning));
        }
    }
}

/// `[support/bot.yaml:11](…)`, or only its words where it is not known where the files are.
fn link(origin: &Origin, site: &Site) -> String {
    let line = if origin.line > 0 { format!(":{}", origin.line) } else { String::new() };
    let shown = inline(&format!("{}{line}", origin.file));
    let (Some(repository), Some(commit)) = (&site.repository, &site.commit) else { return shown };
    let dir = site.dir.trim_matches('/').trim_start_matches("./");
    let path =
        if dir.is_empty() || dir == "." { origin.file.clone() } else { format!("{dir}/{}", origin.file) };
    let anchor = if origin.line > 0 { format!("#L{}", origin.line) } else { String::new() };
    format!("[{shown}]({repository}/blob/{commit}/{}{anchor})", address(&path))
}

/// A path in an address.
fn address(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn json(document: &Value) -> String {
    let mut shown = document.clone();
    if let Some(members) = shown.as_object_mut() {
        members.remove("bundle");
    }
    let json = serde_json::to_string_pretty(&shown).unwrap_or_default();
    format!("\n<details><summary>The plan as JSON</summary>\n\n{}\n\n</details>\n", fenced(&json, "json"))
}

/// Whole lines, as many as a comment takes.
fn cut(text: String) -> String {
    if text.len() < LONGEST {
        return text;
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = text.get(..end).and_then(|text| text.rfind('\n')).unwrap_or(0);
    format!(
        "{}\n\n**This plan is too long for a comment**; the rest is in the job's log.\n",
        text.get(..kept).unwrap_or("")
    )
}

#[cfg(test)]
mod tests;
