//! What the format has and the house has not yet. This is the one list: a feature that is built deletes its
//! line here.

use super::problem::{Problem, codes};
use super::text::{Span, Text};
use super::yaml::{Node, Value};

/// A part of the format whose feature is not built yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    /// The keys that lead to it; `*` is every entry of a list.
    path: &'static [&'static str],
    when: When,
}

/// What there makes it pending.
#[derive(Debug, Clone, Copy)]
enum When {
    /// The key stands there.
    Present,
    /// The key has this value.
    Is(&'static str),
    /// The value of this key is not `true`; the words say what that would be.
    Not(&'static str, &'static str),
}

/// In `bot.yaml`.
pub(super) const BOT: &[Pending] = &[
    Pending { path: &["modules"], when: When::Present },
    Pending { path: &["channels", "telegram", "streaming"], when: When::Is("draft") },
    Pending { path: &["limits", "tokensPerDay"], when: When::Present },
    Pending { path: &["limits", "costPerDayUsd"], when: When::Present },
    Pending { path: &["memory", "scope"], when: When::Is("bot") },
    Pending { path: &["sources", "*", "url"], when: When::Present },
    Pending { path: &["sources", "*", "notion"], when: When::Present },
    Pending { path: &["sources", "*", "for"], when: When::Present },
    Pending { path: &["sources", "*"], when: When::Not("pin", UNPINNED) },
];

/// In `botwright.yaml`.
pub(super) const PROJECT: &[Pending] = &[
    Pending { path: &["sources", "*", "url"], when: When::Present },
    Pending { path: &["sources", "*", "notion"], when: When::Present },
    Pending { path: &["sources", "*", "for"], when: When::Present },
    Pending { path: &["sources", "*"], when: When::Not("pin", UNPINNED) },
];

const UNPINNED: &str = "a source that is recalled by relevance";

impl Pending {
    /// What a schema says of the key; nothing for what depends on the value.
    pub(super) fn path(&self) -> Option<&'static [&'static str]> {
        matches!(self.when, When::Present).then_some(self.path)
    }
}

impl Pending {
    /// What it is, for the reference page.
    pub(super) fn words(&self) -> String {
        let path = self.path.join(".").replace(".*", "[]");
        match self.when {
            When::Present => format!("`{path}`"),
            When::Is(value) => format!("`{path}: {value}`"),
            When::Not(flag, what) => format!("`{path}` without `{flag}: true`: {what}"),
        }
    }
}

/// Refuses what is not built, in those words.
pub(super) fn check(text: &Text<'_>, root: &Node, pending: &[Pending], problems: &mut Vec<Problem>) {
    for rule in pending {
        visit(root, None, rule.path, &mut |node, key| {
            let (span, what) = match rule.when {
                When::Present => (
                    key.map_or(node.span, |key| key.1),
                    key.map_or(String::new(), |key| format!("`{}`", key.0)),
                ),
                When::Is(value) if node.text() == Some(value) => {
                    (node.span, format!("`{}: {value}`", key.map_or("", |key| key.0)))
                }
                // A source by name is the project's business; one of another kind is refused for that.
                When::Not(flag, what) if matches!(node.value, Value::Map(_)) && unset(node, flag) => {
                    (node.get("name").map_or(Span::at(node.span.start), |name| name.span), what.to_owned())
                }
                When::Is(_) | When::Not(..) => return,
            };
            let mut problem = Problem::at(text, span, codes::NOT_BUILT, format!("{what} is not built yet"));
            problem = match rule.when {
                When::Not(flag, _) => {
                    problem.hint(format!("for now only `{flag}: true` works: it is always in the prompt"))
                }
                When::Present | When::Is(_) => {
                    problem.hint("it is refused, not ignored: leave it out until a release has it")
                }
            };
            problems.push(problem);
        });
    }
}

/// Whether the flag is missing or off, on a source that is otherwise built.
fn unset(node: &Node, flag: &str) -> bool {
    let local = node.get("file").is_some() || node.get("text").is_some();
    // A flag that is no flag is reported as that.
    local && matches!(node.get(flag).map(|node| &node.value), None | Some(Value::Flag(false)))
}

/// Calls `found` for every node that `path` leads to, with the last key and its place.
fn visit<'n>(
    node: &'n Node,
    key: Option<(&'n str, Span)>,
    path: &[&str],
    found: &mut impl FnMut(&'n Node, Option<(&'n str, Span)>),
) {
    match path.split_first() {
        None => found(node, key),
        Some((&"*", rest)) => node.items().iter().for_each(|item| visit(item, key, rest, found)),
        Some((name, rest)) => {
            if let Some(entry) = node.entry(name) {
                visit(&entry.node, Some((&entry.key, entry.key_span)), rest, found);
            }
        }
    }
}
