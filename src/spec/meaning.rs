//! What a shape cannot say: names that have to be known, texts that have to be safe, parts that have to fit.

use super::bot::Bot;
use super::bundle::{Bundle, MAX_FILE_BYTES};
use super::habit;
use super::near::nearest;
use super::patterns::is_name;
use super::problem::{Problem, codes, quote};
use super::reference;
use super::route::{self, PROVIDERS};
use super::template;
use super::text::{Span, Text};
use super::yaml::{Node, Value};
use crate::tokens;

/// What the project offers to its bots: names, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Offer<'p> {
    pub(super) providers: Vec<&'p str>,
    pub(super) sources: Vec<Shared<'p>>,
}

/// A source that several bots share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'p> {
    pub(super) name: &'p str,
    /// Where it stands in `botwright.yaml`.
    pub(super) line: usize,
}

/// The share of the context budget that may be fixed, in percent.
const FIXED_PERCENT: usize = 60;

/// Literals that look like credentials, wherever they stand in the file.
pub(super) fn credentials(text: &Text<'_>, problems: &mut Vec<Problem>) {
    let remedy = if text.path.ends_with(".yaml") {
        "take it out and refer to it by name: `{secret: NAME}`, stored with `botwright secret set NAME`"
    } else {
        "take it out: what stands here is sent to the model, and whoever talks to the bot may hear it"
    };
    for credential in &text.credentials {
        let message = format!("this looks like {}", credential.what);
        problems.push(
            Problem::at(text, credential.span, codes::CREDENTIAL, message)
                .hint(remedy)
                .hint("whoever has seen this file has seen it: replace the key where it was issued"),
        );
    }
}

/// Checks `botwright.yaml`.
pub(super) fn project(text: &Text<'_>, root: &Node, bots: &[&str], problems: &mut Vec<Problem>) {
    for entry in root.get("providers").map(Node::entries).unwrap_or_default() {
        let taken = PROVIDERS.contains(&entry.key.as_str()) || route::LONE.contains(&entry.key.as_str());
        if taken {
            let message = format!("{} is a provider that is built in", quote(&entry.key));
            problems.push(
                Problem::at(text, entry.key_span, codes::DUPLICATE_NAME, message)
                    .hint("give yours another name"),
            );
        } else if !is_name(&entry.key) {
            let message =
                format!("{} is no name: small letters, digits and hyphens, at most 63", quote(&entry.key));
            problems.push(Problem::at(text, entry.key_span, codes::NAME, message));
        }
    }
    for name in root.get("protect").map(Node::items).unwrap_or_default() {
        if let Some(bot) = name.text().filter(|bot| is_name(bot) && !bots.contains(bot)) {
            let message = format!("`protect` names {}, and there is no such bot here", quote(bot));
            let problem = Problem::at(text, name.span, codes::UNKNOWN_NAME, message);
            problems.push(problem.suggest(nearest(bot, bots.iter().copied())).warning());
        }
    }
    moves(text, root, bots, problems);
    unique(text, root.get("sources"), problems);
}

/// A rename leads from a bot that is gone to one that is there.
fn moves(text: &Text<'_>, root: &Node, bots: &[&str], problems: &mut Vec<Problem>) {
    let moves = root.get("moves").map(Node::items).unwrap_or_default();
    let sides = |key: &'static str| moves.iter().filter_map(move |entry| entry.get(key));
    let names = |key: &'static str| sides(key).filter_map(|node| Some((node.text()?, node.span)));
    for (from, span) in names("from").filter(|(from, _)| bots.contains(from)) {
        let message = format!("`moves` renames {}, and that bot is still here", quote(from));
        problems.push(
            Problem::at(text, span, codes::DUPLICATE_NAME, message)
                .hint(
                    "`from` is the name that the folder had before: rename the folder, or take the entry out",
                )
                .warning(),
        );
    }
    // A bot may have been renamed twice: the end of the way has to be there.
    let ahead = |to: &str| bots.contains(&to) || names("from").any(|(from, _)| from == to);
    for (to, span) in names("to").filter(|(to, _)| is_name(to) && !ahead(to)) {
        let message = format!("`moves` leads to {}, and there is no such bot here", quote(to));
        problems.push(
            Problem::at(text, span, codes::UNKNOWN_NAME, message)
                .suggest(nearest(to, bots.iter().copied()))
                .hint("`to` is the name of its folder now; take the entry out if that bot is gone too"),
        );
    }
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for (name, span) in names("from") {
        match seen.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => problems.push(twice(text, name, span, *first)),
            None => seen.push((name, span)),
        }
    }
}

fn twice(text: &Text<'_>, name: &str, span: Span, first: Span) -> Problem {
    Problem::at(text, span, codes::DUPLICATE_NAME, format!("the name {} stands here twice", quote(name)))
        .hint(format!("the first one is in line {}", text.place(first).line))
}

/// Checks what a `bot.yaml` says by itself.
pub(super) fn bot(text: &Text<'_>, root: &Node, offer: &Offer<'_>, problems: &mut Vec<Problem>) {
    for node in model_names(root) {
        models(text, node, offer, problems);
    }
    for name in root.get("sources").map(Node::items).unwrap_or_default() {
        let known = |name: &str| offer.sources.iter().find(|source| source.name == name);
        if let Some(shared) = name.text().filter(|name| is_name(name) && known(name).is_none()) {
            let message = format!("no source of the project is called {}", quote(shared));
            problems.push(
                Problem::at(text, name.span, codes::UNKNOWN_NAME, message)
                    .suggest(nearest(shared, offer.sources.iter().map(|source| source.name)))
                    .allow(offer.sources.iter().map(|source| source.name))
                    .hint("shared sources stand under `sources` in `botwright.yaml`"),
            );
        }
        // A citation of one would be taken for the other.
        let own = name.get("name").and_then(|node| Some((node.span, known(node.text()?)?)));
        if let Some((span, Shared { name, line })) = own {
            let message = format!("a source of the project is called {} too", quote(name));
            problems.push(
                Problem::at(text, span, codes::DUPLICATE_NAME, message)
                    .hint(format!("the other one: `botwright.yaml`, line {line}"))
                    .hint(format!("to use that one, write `- {name}`; else give yours another name")),
            );
        }
    }
    unique(text, root.get("sources"), problems);
    unique(text, root.get("modules"), problems);
    recall_budget(text, root, problems);
    for node in prose(root) {
        if let Value::Text(_) = node.value {
            let raw = text.raw.get(node.span.start..node.span.end).unwrap_or("");
            variables(text, node.span.start, raw, problems);
        }
    }
}

/// Checks the files that a bot's prose refers to; `path` is the bot's own file.
pub(super) fn prose_files(path: &str, root: &Node, bundle: &Bundle, problems: &mut Vec<Problem>) {
    let fill_in: Vec<String> = prose(root)
        .into_iter()
        .filter_map(|node| reference::resolve(path, node.get("file")?.text()?))
        .collect();
    reference::each(root, &mut |_, written| {
        let Some(file) = reference::resolve(path, written) else { return };
        // One that is too large was refused for that.
        let bytes = bundle.files.get(&file).filter(|bytes| bytes.len() <= MAX_FILE_BYTES);
        let Some(raw) = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()) else { return };
        let text = Text::new(&file, raw);
        credentials(&text, problems);
        if fill_in.contains(&file) {
            variables(&text, 0, raw, problems);
        }
    });
}

/// The fixed part of the prompt has to leave room for the conversation.
pub(super) fn fixed_part(text: &Text<'_>, root: &Node, bot: &Bot, problems: &mut Vec<Problem>) {
    let budget = usize::try_from(bot.model.context_budget).unwrap_or(usize::MAX);
    let bound = budget.saturating_mul(FIXED_PERCENT) / 100;
    let rules = || bot.rules.iter().map(|rule| rule.text.as_str());
    let pinned = || bot.sources.iter().filter(|source| source.pin).map(|source| source.text.as_str());
    let bytes: usize = rules().chain(pinned()).map(str::len).sum::<usize>() + bot.persona.len();
    // A token is at least a byte: most bots need no counting.
    if bytes <= bound {
        return;
    }
    let persona = tokens::count(&bot.persona);
    let rules: usize = rules().map(tokens::count).sum();
    let pinned: usize = pinned().map(tokens::count).sum();
    let total = persona + rules + pinned;
    if total <= bound {
        return;
    }
    let key = if pinned > persona.max(rules) {
        "sources"
    } else if rules > persona {
        "rules"
    } else {
        "persona"
    };
    let span = root.entry(key).map_or(Span::at(0), |entry| entry.key_span);
    let message = format!("the fixed part of the prompt takes {total} tokens, {} too many", total - bound);
    problems.push(
        Problem::at(text, span, codes::FIXED_PART, message)
            .hint(format!("persona {persona}, rules {rules}, pinned sources {pinned}"))
            .hint(format!("{FIXED_PERCENT} % of `contextBudget` ({budget}) is {bound}: shorten them, unpin a source, or raise the budget")),
    );
}

fn recall_budget(text: &Text<'_>, root: &Node, problems: &mut Vec<Problem>) {
    let whole = |node: Option<&Node>| match node.map(|node| &node.value) {
        Some(Value::Number(number)) => number.as_u64(),
        _ => None,
    };
    let budget = whole(root.get("model").and_then(|model| model.get("contextBudget")));
    let budget = budget.unwrap_or_else(|| u64::from(super::Model::default().context_budget));
    let recall =
        root.get("memory").and_then(|memory| memory.get("recall")).and_then(|recall| recall.get("budget"));
    if let (Some(node), Some(wanted)) = (recall, whole(recall))
        && wanted > budget
    {
        let message = format!("recall may take {wanted} tokens of a prompt of {budget}");
        problems.push(
            Problem::at(text, node.span, codes::RECALL_BUDGET, message)
                .hint("lower `memory.recall.budget` or raise `model.contextBudget`"),
        );
    }
}

/// Every place where a model is named.
pub(super) fn model_names(root: &Node) -> Vec<&Node> {
    let Some(model) = root.get("model") else {
        return root.get("memory").and_then(|memory| memory.get("model")).into_iter().collect();
    };
    let mut names = vec![model];
    names.extend(model.get("use"));
    names.extend(model.get("fallback").map(Node::items).unwrap_or_default());
    names.extend(root.get("memory").and_then(|memory| memory.get("model")));
    names
}

fn models(text: &Text<'_>, node: &Node, offer: &Offer<'_>, problems: &mut Vec<Problem>) {
    let Some(wrong) =
        // `use:auto` was told that it lacks a space.
        node.text()
            .filter(|name| !name.is_empty() && !name.starts_with("use:"))
            .and_then(|name| route::judge(name, &offer.providers))
    else {
        return;
    };
    let known = route::LONE.iter().take(2).chain(&PROVIDERS).chain(&offer.providers);
    let mut problem =
        Problem::at(text, node.span, codes::MODEL, wrong.message).suggest(wrong.suggestion).allow(
            known.map(
                |name| if route::LONE.contains(name) { (*name).to_owned() } else { format!("{name}/…") },
            ),
        );
    if let Some(hint) = wrong.hint {
        problem = problem.hint(hint);
    }
    if let Some(hint) = node.text().and_then(habit::value) {
        problem = problem.hint(hint);
    }
    problems.push(problem);
}

/// Everything in which variables are filled in: texts, and mappings that refer to a file.
pub(super) fn prose(root: &Node) -> Vec<&Node> {
    let mut nodes: Vec<&Node> = ["persona", "greeting"].iter().filter_map(|key| root.get(key)).collect();
    for entry in ["rules", "lore"].iter().filter_map(|key| root.get(key)).flat_map(Node::items) {
        nodes.push(entry);
        nodes.extend(entry.get("text"));
    }
    nodes
}

fn variables(text: &Text<'_>, offset: usize, raw: &str, problems: &mut Vec<Problem>) {
    for hole in template::holes(raw) {
        let Some(name) = hole.name.filter(|name| !template::VARIABLES.contains(name)) else { continue };
        let span = Span::new(offset + hole.start, offset + hole.end);
        problems.push(
            Problem::at(text, span, codes::VARIABLE, format!("unknown variable {}", quote(name)))
                .suggest(nearest(name, template::VARIABLES).map(|near| format!("{{{{{near}}}}}")))
                .allow(template::VARIABLES)
                .hint(r"for literal braces write `\{{`"),
        );
    }
}

/// The entries of a list have names of their own.
fn unique(text: &Text<'_>, list: Option<&Node>, problems: &mut Vec<Problem>) {
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for item in list.map(Node::items).unwrap_or_default() {
        let Some((name, span)) =
            item.get("name").or(Some(item)).and_then(|node| Some((node.text()?, node.span)))
        else {
            continue;
        };
        match seen.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => problems.push(twice(text, name, span, *first)),
            None => seen.push((name, span)),
        }
    }
}
