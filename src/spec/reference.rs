//! `{file: …}`: which files a YAML file refers to, and where they are in the bundle.

use super::bundle::Bundle;
use super::meaning;
use super::near::nearest;
use super::problem::{Problem, codes, quote};
use super::text::{Span, Text};
use super::yaml::{self, Node};

/// How many files are named where none is near.
const MOST_NAMED: usize = 8;

/// Where a reference in the file `from` leads: a path relative to the project. Nothing, if it leaves the
/// project or is no relative path.
pub fn resolve(from: &str, reference: &str) -> Option<String> {
    if reference.is_empty() || reference.starts_with('/') || reference.contains(['\\', '\0', ':']) {
        return None;
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The paths that the YAML file `path` with these contents refers to, for whoever gathers a bundle. A file
/// with mistakes in it yields what can be told.
pub fn references(path: &str, contents: &[u8]) -> Vec<String> {
    let small = Some(contents).filter(|contents| contents.len() <= super::MAX_FILE_BYTES);
    let Some(raw) = small.and_then(|contents| std::str::from_utf8(contents).ok()) else { return Vec::new() };
    let text = Text::hidden(path, raw.trim_start_matches('\u{feff}'));
    let Some(root) = yaml::read(&text, &mut Vec::new()) else { return Vec::new() };
    let mut paths: Vec<String> = Vec::new();
    each(&root, &mut |_, reference| paths.extend(resolve(path, reference)));
    paths.sort();
    paths.dedup();
    paths
}

/// The text that a reference leads to: line ends as `\n`, no trailing ones.
pub(super) fn body(bundle: &Bundle, path: &str) -> Option<String> {
    std::str::from_utf8(bundle.files.get(path)?).ok().map(normal)
}

/// A text as it counts: line ends as `\n`, no trailing ones.
pub(super) fn normal(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n").trim_end().to_owned()
}

/// Checks every reference of one file.
pub(super) fn check(text: &Text<'_>, root: &Node, bundle: &Bundle, problems: &mut Vec<Problem>) {
    each(root, &mut |span, reference| problems.extend(wrong(text, span, reference, bundle)));
    for node in meaning::prose(root) {
        problems.extend(node.text().and_then(|value| bare(text, node.span, value)));
    }
}

/// A text that is only the name of a file: its contents were meant.
fn bare(text: &Text<'_>, span: Span, value: &str) -> Option<Problem> {
    let named = (value.ends_with(".md") || value.ends_with(".txt")) && !value.contains(char::is_whitespace);
    let quoted = quote(value);
    named.then(|| {
        Problem::at(text, span, codes::BARE_FILE, format!("{quoted} would be taken for the text itself"))
            .hint(format!("to take the text from the file, write {}", quote(&format!("{{file: {value}}}"))))
    })
}

/// Calls `found` for every `file: …` of a file; labels may be called what they like.
pub(super) fn each(root: &Node, found: &mut impl FnMut(Span, &str)) {
    for entry in root.entries().iter().filter(|entry| entry.key != "labels") {
        entry.node.walk(Some(entry), &mut |key, node| {
            if let (Some(key), Some(reference)) = (key, node.text())
                && key.key == "file"
            {
                found(node.span, reference);
            }
        });
    }
}

fn wrong(text: &Text<'_>, span: Span, reference: &str, bundle: &Bundle) -> Option<Problem> {
    let quoted = quote(reference);
    let Some(path) = resolve(text.path, reference) else {
        return Some(
            Problem::at(text, span, codes::OUTSIDE, format!("{quoted} is no path inside of the project"))
                .hint("a path is relative to this file, has `/` between its parts and stays in the project's folder"),
        );
    };
    if let Some(reason) = bundle.unread.get(&path) {
        return Some(Problem::at(text, span, codes::UNREADABLE, format!("the file {quoted} {reason}")));
    }
    let Some(bytes) = bundle.files.get(&path) else {
        let folder = text.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let all = || bundle.files.keys().chain(&bundle.others);
        let beside = || all().filter_map(|path| path.strip_prefix(&prefix)).filter(|path| is_prose(path));
        let problem =
            Problem::at(text, span, codes::NO_FILE, format!("there is no file {quoted} beside this one"));
        // The right name in another place, else a near name in this one.
        let name = path.rsplit('/').next().unwrap_or(&path);
        let moved =
            all().find(|other| other.rsplit('/').next() == Some(name)).map(|other| way(folder, other));
        let near = moved.or_else(|| nearest(reference, beside()).map(str::to_owned));
        let problem = if near.is_none() { problem.allow(beside().take(MOST_NAMED)) } else { problem };
        return Some(problem.suggest(near));
    };
    let reason = match std::str::from_utf8(bytes) {
        _ if bytes.len() > super::MAX_FILE_BYTES => "is larger than 256 KiB".to_owned(),
        Err(error) => {
            let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
            format!("is not UTF-8 in line {line}: save it as UTF-8")
        }
        Ok(body) if body.contains('\0') => "holds a NUL character".to_owned(),
        Ok(body) if body.trim().is_empty() => "is empty".to_owned(),
        Ok(_) => return None,
    };
    Some(Problem::at(text, span, codes::UNREADABLE, format!("the file {quoted} {reason}")))
}

/// Whether a file may hold prose: everything but our own YAML.
fn is_prose(path: &str) -> bool {
    !path.ends_with(".yaml") && !path.ends_with(".json")
}

/// The way from a folder to a path, both relative to the project: `../shared/tone.md`.
fn way(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(shared).map(|_| "..");
    up.chain(to.into_iter().skip(shared)).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::{references, resolve};

    #[test]
    fn paths_stay_inside() {
        assert_eq!(resolve("a/bot.yaml", "persona.md").as_deref(), Some("a/persona.md"));
        assert_eq!(resolve("a/bot.yaml", "./x/../../shared/r.md").as_deref(), Some("shared/r.md"));
        for outside in ["../../etc/passwd", "/etc/passwd", "..", "", r"..\x", "C:/x", "x\0"] {
            assert_eq!(resolve("a/bot.yaml", outside), None, "{outside}");
        }
    }

    #[test]
    fn finds_references_in_a_file_with_mistakes() {
        let yaml = b"persona: {file: p.md}\nnonsense: 1\nrules:\n  - file: ../r.md\n  - {file: p.md}\n";
        assert_eq!(references("a/bot.yaml", yaml), ["a/p.md", "r.md"]);
        assert!(references("a/bot.yaml", b"a: [").is_empty());
    }
}
