//! What a reviewer should look at first: what a change lets a bot do, reach, spend or forget.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::document::{Attention, AttentionKind};

/// Looks at two authored bots. A new bot is compared with nothing.
pub(super) fn attention(before: Option<&Value>, after: &Value) -> Vec<Attention> {
    let (old_providers, providers) = (before.and_then(|bot| bot.get("providers")), after.get("providers"));
    let nothing = Value::Null;
    let (before, after) = (before.and_then(|bot| bot.get("bot")), after.get("bot").unwrap_or(&nothing));
    let mut found = Vec::new();
    let mut say = |kind, path: &str, message: String| {
        found.push(Attention { kind, message, path: path.to_owned() });
    };
    for (key, kind, what) in
        [("modules", AttentionKind::NewModule, "module"), ("sources", AttentionKind::NewSource, "source")]
    {
        let old = names(before.and_then(|bot| bot.get(key)));
        for name in names(after.get(key)).difference(&old) {
            say(kind, &format!("/{key}/{name}"), format!("the {what} `{name}` is new"));
        }
    }
    for (old, new, place) in [(before, Some(after), ""), (old_providers, providers, "/providers")] {
        let old = old.map(secrets).unwrap_or_default();
        for (name, path) in new.map(secrets).unwrap_or_default() {
            if !old.contains_key(&name) {
                let message = format!("it reads the secret `{name}`");
                say(AttentionKind::NewSecret, &format!("{place}{path}"), message);
            }
        }
    }
    for (name, provider) in providers.and_then(Value::as_object).into_iter().flatten() {
        let url = |provider: &Value| provider.get("url").map(|url| url.to_string().replace('"', "`"));
        let old = old_providers.and_then(|old| old.get(name)).and_then(url);
        if let (Some(old), Some(new)) = (old, url(provider))
            && old != new
        {
            let message = format!("the provider `{name}` moves from {old} to {new}");
            say(AttentionKind::ModelChange, &format!("/providers/{name}/url"), message);
        }
    }
    wider(before, after, &mut say);
    if let Some(before) = before {
        for rule in rules(before).difference(&rules(after)) {
            say(AttentionKind::RuleRemoved, "/rules", format!("a rule is gone: {}", short(rule)));
        }
        for (path, what, none) in
            [("/model", "model", "`auto`"), ("/memory/model", "model of the memory", "the bot's own")]
        {
            let (old, new) = (models(before.pointer(path), none), models(after.pointer(path), none));
            if old != new {
                let message = format!("the {what} changes from {old} to {new}");
                say(AttentionKind::ModelChange, path, message);
            }
        }
        costs(before, after, &mut say);
    }
    found.sort_by(|a, b| (a.kind, &a.path, &a.message).cmp(&(b.kind, &b.path, &b.message)));
    found
}

/// The names in a list of entries with names, or of names.
fn names(list: Option<&Value>) -> BTreeSet<&str> {
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.get("name").unwrap_or(item).as_str()).collect()
}

/// Every secret that is referred to, and one of its places.
fn secrets(bot: &Value) -> BTreeMap<String, String> {
    fn walk(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    let path = format!("{path}/{}", super::difference::escaped(key));
                    match member.as_str().filter(|_| key == "secret") {
                        Some(name) => {
                            found.entry(name.to_owned()).or_insert(path);
                        }
                        None => walk(member, &path, found),
                    }
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}/{at}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    walk(bot, "", &mut found);
    found
}

/// Who gets in, from few to many.
const ACCESS: [(&str, &[&str]); 4] = [
    ("/channels/telegram/access/default", &["closed", "pairing", "open"]),
    ("/channels/telegram/groups", &["never", "mention", "always"]),
    ("/memory/scope", &["conversation", "person", "bot"]),
    ("/channels/telegram/observe", &["false", "true"]),
];

fn wider(before: Option<&Value>, after: &Value, say: &mut impl FnMut(AttentionKind, &str, String)) {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for (path, order) in ACCESS {
        let Some(new) = after.pointer(path).map(word) else { continue };
        let old = before.and_then(|bot| bot.pointer(path)).map(word);
        let rank = |word: &str| order.iter().position(|known| *known == word);
        // What was not written was the default, which is never the widest.
        if old.as_deref().map_or(Some(0), rank) < rank(&new)
            && (old.is_some() || rank(&new) == Some(order.len() - 1))
        {
            let from = old.map_or(String::new(), |old| format!(" from `{old}`"));
            say(AttentionKind::WiderAccess, path, format!("`{}` widens{from} to `{new}`", last(path)));
        }
    }
    for (path, what) in
        [("/channels/telegram/access/allow", "lets in"), ("/delegated", "lets the dashboard change")]
    {
        let old = names(before.and_then(|bot| bot.pointer(path)));
        for name in names(after.pointer(path)).difference(&old) {
            say(AttentionKind::WiderAccess, path, format!("it {what} `{name}`"));
        }
    }
}

/// What a bot may spend: (pointer, whether none means without limit).
const COSTS: [(&str, bool); 5] = [
    ("/model/maxOutputTokens", false),
    ("/model/contextBudget", false),
    ("/limits/tokensPerDay", true),
    ("/limits/costPerDayUsd", true),
    ("/limits/messagesPerMinute", true),
];

fn costs(before: &Value, after: &Value, say: &mut impl FnMut(AttentionKind, &str, String)) {
    for (path, unlimited) in COSTS {
        let (old, new) = (before.pointer(path), after.pointer(path));
        let grows = match (old.and_then(Value::as_f64), new.and_then(Value::as_f64)) {
            (Some(old), Some(new)) => new > old,
            (Some(_), None) => unlimited,
            (None, Some(_)) => !unlimited,
            (None, None) => false,
        };
        if grows {
            let shown = |value: Option<&Value>, none: &str| value.map_or(none.to_owned(), Value::to_string);
            let none = if unlimited { "no limit" } else { "the default" };
            let message = format!("`{}` rises from {} to {}", last(path), shown(old, none), shown(new, none));
            say(AttentionKind::CostChange, path, message);
        }
    }
}

/// The texts of the rules; a rule in a file goes by its file.
fn rules(bot: &Value) -> BTreeSet<&str> {
    let items = bot.get("rules").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items
        .iter()
        .filter_map(|rule| rule.get("text").or_else(|| rule.get("file")).unwrap_or(rule).as_str())
        .collect()
}

/// The models in the order in which they are tried.
fn models(model: Option<&Value>, none: &str) -> String {
    let Some(model) = model else { return none.into() };
    let used = model.as_str().or_else(|| model.get("use").and_then(Value::as_str)).unwrap_or("auto");
    let fallback = model.get("fallback").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let all = std::iter::once(used).chain(fallback.iter().filter_map(Value::as_str));
    all.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", then ")
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= 80 {
        format!("`{line}`")
    } else {
        format!("`{}…`", line.chars().take(79).collect::<String>())
    }
}
