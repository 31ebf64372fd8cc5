//! The providers that are known by name, and where and with which key each is reached.

use std::collections::BTreeMap;
use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// OpenAI's chat completions, which most providers and local servers understand.
    OpenAi,
    Anthropic,
    Gemini,
    /// Built in: answers from memory.
    Offline,
    /// Built in: says prepared lines.
    Scripted,
}

/// A provider that is known by name.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    pub name: &'static str,
    pub kind: Kind,
    /// With its version.
    pub base_url: &'static str,
    /// What `auto`, or the provider's name alone, means.
    pub model: &'static str,
}

/// The providers in the order in which `auto` looks for one that is configured. Names without a version
/// are the provider's own word for its newest small model.
pub const BUILT_IN: [BuiltIn; 9] = [
    built_in("openai", Kind::OpenAi, "https://api.openai.com/v1", "gpt-5-mini"),
    built_in("anthropic", Kind::Anthropic, "https://api.anthropic.com/v1", "claude-haiku-4-5"),
    built_in(
        "gemini",
        Kind::Gemini,
        "https://generativelanguage.googleapis.com/v1beta",
        "gemini-flash-latest",
    ),
    built_in("xai", Kind::OpenAi, "https://api.x.ai/v1", "grok-4.3"),
    built_in("deepseek", Kind::OpenAi, "https://api.deepseek.com/v1", "deepseek-v4-flash"),
    built_in("openrouter", Kind::OpenAi, "https://openrouter.ai/api/v1", "openrouter/auto"),
    built_in("groq", Kind::OpenAi, "https://api.groq.com/openai/v1", "openai/gpt-oss-20b"),
    built_in("mistral", Kind::OpenAi, "https://api.mistral.ai/v1", "mistral-small-latest"),
    built_in("ollama", Kind::OpenAi, "http://127.0.0.1:11434/v1", "llama3.2"),
];

const fn built_in(name: &'static str, kind: Kind, base_url: &'static str, model: &'static str) -> BuiltIn {
    BuiltIn { name, kind, base_url, model }
}

pub(super) fn built_in_named(name: &str) -> Option<&'static BuiltIn> {
    BUILT_IN.iter().find(|built_in| built_in.name == name)
}

/// Where one provider is reached, and with which key.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// As bot files write it: one of [`BUILT_IN`], or a name of the project's own `providers:`, which speak
    /// OpenAI's chat completions.
    pub provider: String,
    pub key: Option<SecretString>,
    /// With its version (`https://host/v1`). `None` means the provider's own.
    pub base_url: Option<String>,
}

impl Endpoint {
    pub(super) fn kind(&self) -> Kind {
        built_in_named(&self.provider).map_or(Kind::OpenAi, |built_in| built_in.kind)
    }

    /// The key without the blanks and line ends that come along when it is pasted.
    pub(super) fn usable_key(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty())
    }

    /// Whether it says enough to be used: a key, or an address that may do without one.
    pub(super) fn is_configured(&self) -> bool {
        self.usable_key().is_some() || self.base_url.is_some()
    }

    /// The base URL, ending in `/`. One without a path gets the version that the provider's own has, so
    /// that `http://127.0.0.1:11434` works for Ollama.
    pub(super) fn url(&self) -> Result<Url, String> {
        let built_in = built_in_named(&self.provider);
        let own = built_in.map(|built_in| built_in.base_url);
        let base = self.base_url.as_deref().or(own).ok_or("has no `url`")?;
        let mut url =
            Url::parse(base.trim()).map_err(|error| format!("has a `url` that cannot be read: {error}"))?;
        if url.cannot_be_a_base() || url.host_str().is_none() {
            return Err("has a `url` without a host".into());
        }
        if url.path() == "/" {
            url.set_path(if built_in.is_some_and(|built_in| built_in.kind == Kind::Gemini) {
                "v1beta"
            } else {
                "v1"
            });
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(url)
    }
}

/// What an account brings along: its own endpoints, and whether the operator's are its too.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    own: BTreeMap<String, Endpoint>,
    environment: bool,
}

impl Keys {
    /// No endpoints: such an account has `offline`, `scripted` and what is added.
    pub fn none() -> Self {
        Self::default()
    }

    /// The operator's own account, which may use the keys in the environment.
    pub fn of_operator() -> Self {
        Self { own: BTreeMap::new(), environment: true }
    }

    /// Adds an endpoint of the account's: a sealed key, or an entry of `providers:`. An address that it names
    /// is only ever asked through the guarded client, and never with a key of the operator's. A key without
    /// an address goes where the operator says that this provider is.
    pub fn insert(&mut self, endpoint: Endpoint) {
        self.own.insert(endpoint.provider.clone(), endpoint);
    }

    pub(super) fn own(&self, provider: &str) -> Option<&Endpoint> {
        self.own.get(provider).filter(|endpoint| endpoint.is_configured())
    }
    pub(super) fn all(&self) -> impl Iterator<Item = &Endpoint> {
        self.own.values().filter(|endpoint| endpoint.is_configured())
    }
    pub(super) fn may_use_environment(&self) -> bool {
        self.environment
    }
}

/// Who chose an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The environment.
    Operator,
    /// The account's secrets or its project file.
    Account,
}

/// Why a route cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The provider is known, but has no key here. Holds the variable to set.
    Key(String),
    /// Nobody by that name.
    Provider,
    /// Its entry is wrong; the words complete "the provider …".
    Entry(String),
}

/// Completes "the provider …".
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(variable) => write!(f, "has no key: set {variable}"),
            Self::Provider => f.write_str("is not known"),
            Self::Entry(problem) => f.write_str(problem),
        }
    }
}

impl Missing {
    /// A built-in provider that is not configured, and the variable that does it.
    pub(super) fn key_of(provider: &str) -> Self {
        Self::Key(match provider {
            "ollama" => "OLLAMA_HOST".into(),
            name => format!("{}_API_KEY", name.to_uppercase()),
        })
    }
}

/// What an offline answer adds about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Notice {
    /// Nothing: the bot is meant to be offline.
    #[default]
    None,
    /// No provider is configured, and how to add one. Said in the first reply of a conversation.
    NoProvider,
    /// The provider of this name was asked first and failed.
    Instead(String),
}

/// One model at one provider, ready to be asked.
#[derive(Debug, Clone)]
pub struct Route {
    pub provider: String,
    /// As the provider calls it. Empty for `offline` and `scripted`.
    pub model: String,
    pub kind: Kind,
    pub origin: Origin,
    /// Whether it is shown pictures.
    pub(super) sees: bool,
    /// `Some` when it cannot be taken; it is skipped then.
    pub missing: Option<Missing>,
    pub(super) endpoint: Option<Endpoint>,
    /// Whether the account chose the address: it is asked through the guarded client then.
    pub(super) guarded: bool,
    pub(super) notice: Notice,
}

impl Route {
    /// `provider/model`, as bot files write it.
    pub fn name(&self) -> String {
        if self.model.is_empty() {
            self.provider.clone()
        } else {
            format!("{}/{}", self.provider, self.model)
        }
    }
    pub fn is_usable(&self) -> bool {
        self.missing.is_none()
    }
    pub(super) fn key(&self) -> Option<&SecretString> {
        self.endpoint.as_ref().and_then(|endpoint| endpoint.key.as_ref())
    }
}
