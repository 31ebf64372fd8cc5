//! `provider/model`: which provider, and which of its models.

use super::near::nearest;

/// The providers that are built in, in the order in which `auto` tries them.
pub const PROVIDERS: [&str; 9] =
    ["openai", "anthropic", "gemini", "xai", "deepseek", "openrouter", "groq", "mistral", "ollama"];

/// What stands for a model without a `/`.
pub const LONE: [&str; 3] = ["auto", "offline", "scripted"];

/// What `use`, `fallback` and `memory.model` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'r> {
    /// The first provider that has a key, else offline.
    Auto,
    /// The built-in model that answers from memory.
    Offline,
    /// Lines from a file, for tests and demos; the name says which, where there are several.
    Scripted(Option<&'r str>),
    /// A model of a provider, built in or the project's own.
    Model { provider: &'r str, model: &'r str },
}

impl<'r> Route<'r> {
    /// Reads `provider/model`. Everything after the first `/` is the model, slashes included. Nothing, if it
    /// is neither that nor one of `auto`, `offline` and `scripted`.
    pub fn parse(text: &'r str) -> Option<Self> {
        match text {
            "auto" => return Some(Self::Auto),
            "offline" => return Some(Self::Offline),
            "scripted" => return Some(Self::Scripted(None)),
            _ => {}
        }
        let (provider, model) = text.split_once('/')?;
        if provider.is_empty() || model.is_empty() || text.contains(char::is_whitespace) {
            return None;
        }
        match provider {
            "auto" | "offline" => None,
            "scripted" => Some(Self::Scripted(Some(model))),
            _ => Some(Self::Model { provider, model }),
        }
    }
}

/// What is wrong with a model's name.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) suggestion: Option<String>,
    pub(super) hint: Option<String>,
}

/// Judges a model's name; `own` are the project's providers.
pub(super) fn judge(text: &str, own: &[&str]) -> Option<Wrong> {
    let quoted = super::problem::quote(text);
    let known = || PROVIDERS.iter().copied().chain(own.iter().copied());
    match Route::parse(text) {
        Some(Route::Model { provider, model }) if !known().any(|name| name == provider) => Some(Wrong {
            message: format!("no provider is called {}", super::problem::quote(provider)),
            suggestion: nearest(provider, known().chain(LONE)).map(|near| match near {
                "offline" | "auto" => near.to_owned(),
                near => format!("{near}/{model}"),
            }),
            hint: Some("a provider of your own stands under `providers` in `botwright.yaml`".into()),
        }),
        Some(_) => None,
        None => Some(Wrong {
            message: format!("{quoted} names no model: expected `provider/model`, `auto` or `offline`"),
            suggestion: guess(text, known).or_else(|| nearest(text, LONE).map(str::to_owned)),
            hint: None,
        }),
    }
}

/// The whole name that a part of it probably means.
fn guess<'k, K: Iterator<Item = &'k str>>(text: &str, known: impl Fn() -> K) -> Option<String> {
    let bare = text.trim().trim_matches('/').to_ascii_lowercase();
    if bare.contains(|c: char| c.is_whitespace() || c == '/') {
        return None;
    }
    if known().any(|name| name == bare) {
        return Some(format!("{bare}/MODEL"));
    }
    let families = [
        ("gpt", "openai"),
        ("o1", "openai"),
        ("o3", "openai"),
        ("o4", "openai"),
        ("chatgpt", "openai"),
        ("claude", "anthropic"),
        ("gemini", "gemini"),
        ("grok", "xai"),
        ("deepseek", "deepseek"),
        ("mistral", "mistral"),
        ("ministral", "mistral"),
        ("llama", "ollama"),
        ("qwen", "ollama"),
    ];
    let (_, provider) = families.iter().find(|(start, _)| bare.starts_with(start))?;
    Some(format!("{provider}/{bare}"))
}

#[cfg(test)]
mod tests {
    use super::{Route, judge};

    #[test]
    fn reads_routes() {
        assert_eq!(Route::parse("auto"), Some(Route::Auto));
        assert_eq!(
            Route::parse("openrouter/meta/llama-3"),
            Some(Route::Model { provider: "openrouter", model: "meta/llama-3" })
        );
        assert_eq!(Route::parse("scripted/greet"), Some(Route::Scripted(Some("greet"))));
        for wrong in ["", "gpt", "/x", "openai/", "open ai/x", "offline/x"] {
            assert_eq!(Route::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn suggests_what_was_meant() {
        let suggestion = |text| judge(text, &["local"]).and_then(|wrong| wrong.suggestion);
        assert_eq!(suggestion("gpt-5-mini").as_deref(), Some("openai/gpt-5-mini"));
        assert_eq!(suggestion("opnai/gpt-5").as_deref(), Some("openai/gpt-5"));
        assert_eq!(suggestion("openai").as_deref(), Some("openai/MODEL"));
        assert_eq!(suggestion("oflfine").as_deref(), Some("offline"));
        assert!(judge("local/llama", &["local"]).is_none());
        assert!(judge("nobody/knows-this", &["local"]).is_some());
    }
}
