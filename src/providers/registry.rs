//! [`Providers`]: which providers there are, which of them an account can use, and the way to ask one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};

use super::circuit::Circuits;
use super::endpoint::built_in_named;
use super::flow::Flow;
use super::offline::Offline;
use super::openai::OpenAi;
use super::sight;
use super::via_genai::ViaGenai;
use super::{
    BUILT_IN, Endpoint, Error, EventStream, Keys, Kind, Missing, Notice, Origin, Provider, Route, Scripted,
};
use crate::dialog::Request;
use crate::id::AccountId;
use crate::net::{Guarded, Redirects, guarded_client, operator_client};

/// What the process decides about providers.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// From the environment. Entries without a key and a base URL are ignored.
    pub env: Vec<Endpoint>,
    /// The lines that `scripted` says; see [`super::scripted`].
    pub scripted_file: Option<PathBuf>,
    pub timeouts: Timeouts,
    pub retry: Retry,
    /// Whether addresses that accounts choose may be private ones.
    pub allow_private: bool,
}

/// How long a provider may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until the head of the answer, connecting included. Local models read the whole prompt in this time.
    pub header: Duration,
    /// Between two pieces of the answer; a sign of life counts as one.
    pub chunk: Duration,
    /// For everything: retries, waits and fallbacks included.
    pub overall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(60),
            chunk: Duration::from_secs(60),
            overall: Duration::from_secs(600),
        }
    }
}

/// How often and when a failed call is repeated, before any text was shown.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Attempts at one route, the first included.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles with each, and half of it is left to chance.
    pub first_wait: Duration,
    /// The longest wait, also when a provider's `Retry-After` wants more: then the next route is tried.
    pub longest_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(20) }
    }
}

/// A provider that an account can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    pub provider: String,
    pub origin: Origin,
    /// What `auto` and the provider's name alone mean; `None` for the project's own providers.
    pub model: Option<&'static str>,
    pub has_key: bool,
}

/// All providers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Providers(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    environment: BTreeMap<String, Endpoint>,
    openai: OpenAi,
    via_genai: ViaGenai,
    offline: Offline,
    scripted: Scripted,
    pub(super) circuits: Circuits,
    pub(super) timeouts: Timeouts,
    pub(super) retry: Retry,
}

impl Providers {
    /// Reads the scripted lines and prepares the HTTP clients; asks nobody.
    ///
    /// # Errors
    /// `Invalid` when the scripted file cannot be read; the message names the line.
    pub fn new(settings: Settings) -> crate::error::Result<Self> {
        let Settings { env, scripted_file, timeouts, retry, allow_private } = settings;
        let scripted = match scripted_file {
            Some(path) => Scripted::from_file(&path, timeouts)?,
            None => Scripted::new(timeouts),
        };
        let clients = Clients::new(allow_private);
        let environment = env
            .into_iter()
            .filter(Endpoint::is_configured)
            .map(|endpoint| (endpoint.provider.clone(), endpoint))
            .collect();
        Ok(Self(Arc::new(Inner {
            environment,
            openai: OpenAi::new(clients.clone(), timeouts),
            via_genai: ViaGenai::new(clients, timeouts),
            offline: Offline,
            scripted,
            circuits: Circuits::default(),
            timeouts,
            retry,
        })))
    }

    /// What a bot's `model.use` and `model.fallback` mean for an account, in the order in which they are
    /// asked. Routes that cannot be taken are in it too and say why ([`Route::missing`]).
    ///
    /// `auto` is the first of [`BUILT_IN`] that is configured, else `offline`. `provider` alone means its
    /// model in that table; `provider/model` is split at the first slash.
    pub fn resolve(&self, model_use: &str, fallback: &[String], keys: &Keys) -> Vec<Route> {
        let wanted = std::iter::once(model_use).chain(fallback.iter().map(String::as_str));
        wanted.map(|name| self.route(name.trim(), keys)).collect()
    }

    /// What an account can use besides `offline` and `scripted`: its own first, then the environment's.
    pub fn configured(&self, keys: &Keys) -> Vec<Configured> {
        let own = keys.all().map(|endpoint| (endpoint, Origin::Account));
        let shared = self.0.environment.values().filter(|_| keys.may_use_environment());
        let shared = shared.filter(|endpoint| keys.own(&endpoint.provider).is_none());
        let mut all: Vec<Configured> = own
            .chain(shared.map(|endpoint| (endpoint, Origin::Operator)))
            .map(|(endpoint, origin)| Configured {
                provider: endpoint.provider.clone(),
                origin,
                model: built_in_named(&endpoint.provider).map(|built_in| built_in.model),
                has_key: endpoint.usable_key().is_some(),
            })
            .collect();
        let rank = |provider: &str| {
            BUILT_IN.iter().position(|built_in| built_in.name == provider).unwrap_or(BUILT_IN.len())
        };
        all.sort_by_key(|configured| rank(&configured.provider));
        all
    }

    /// Asks the routes in order until one answers; see the promises of [`super`]. Routes that cannot be taken
    /// are skipped. Dropping the stream cancels the call.
    pub fn stream(&self, routes: Vec<Route>, request: Arc<Request>, account: AccountId) -> EventStream {
        Flow::new(self.clone(), routes, request, account).into_stream()
    }

    /// How often in a row a provider failed an account, and for how long it is still left alone; as far as this
    /// process knows.
    pub fn trouble(&self, account: AccountId, provider: &str) -> (u32, Option<Duration>) {
        self.0.circuits.trouble(account, provider)
    }

    /// The scripted model: its lines, and what it heard.
    pub fn scripted(&self) -> &Scripted {
        &self.0.scripted
    }

    pub(super) async fn ask(&self, route: &Route, request: &Arc<Request>) -> Result<EventStream, Error> {
        let provider: &dyn Provider = match route.kind {
            Kind::OpenAi => &self.0.openai,
            Kind::Anthropic | Kind::Gemini => &self.0.via_genai,
            Kind::Offline => &self.0.offline,
            Kind::Scripted => &self.0.scripted,
        };
        provider.stream(route, request).await
    }

    fn route(&self, name: &str, keys: &Keys) -> Route {
        let (provider, model) = name.split_once('/').unwrap_or((name, ""));
        match provider {
            "auto" => self.automatic(keys),
            "offline" => built_in_route(Kind::Offline, provider, ""),
            "scripted" => built_in_route(Kind::Scripted, provider, model),
            _ => self.remote(provider, model, keys),
        }
    }

    fn automatic(&self, keys: &Keys) -> Route {
        let mut all = BUILT_IN.iter().map(|built_in| self.remote(built_in.name, built_in.model, keys));
        all.find(Route::is_usable).unwrap_or_else(|| Route {
            notice: Notice::NoProvider,
            ..built_in_route(Kind::Offline, "offline", "")
        })
    }

    fn remote(&self, provider: &str, model: &str, keys: &Keys) -> Route {
        let built_in = built_in_named(provider);
        let shared = self.0.environment.get(provider);
        let own = keys.own(provider).map(|own| {
            let address = shared.and_then(|shared| shared.base_url.clone());
            (Endpoint { base_url: own.base_url.clone().or(address), ..own.clone() }, Origin::Account)
        });
        let found = own.or_else(|| {
            let shared = shared.filter(|_| keys.may_use_environment())?;
            Some((shared.clone(), Origin::Operator))
        });
        let guarded = keys.own(provider).is_some_and(|own| own.base_url.is_some());
        let model = match (model, built_in) {
            ("", Some(built_in)) => built_in.model,
            (model, _) => model,
        };
        let (endpoint, origin) = found.unzip();
        let kind = built_in.map_or(Kind::OpenAi, |built_in| built_in.kind);
        Route {
            provider: provider.to_owned(),
            model: model.to_owned(),
            kind,
            sees: sight::by_name(kind, model),
            origin: origin.unwrap_or(Origin::Operator),
            missing: missing(provider, endpoint.as_ref(), guarded, model),
            endpoint,
            guarded,
            notice: Notice::None,
        }
    }
}

fn built_in_route(kind: Kind, provider: &str, model: &str) -> Route {
    Route {
        provider: provider.to_owned(),
        model: model.to_owned(),
        kind,
        sees: false,
        origin: Origin::Operator,
        missing: None,
        endpoint: None,
        guarded: false,
        notice: Notice::None,
    }
}

fn missing(provider: &str, endpoint: Option<&Endpoint>, guarded: bool, model: &str) -> Option<Missing> {
    let Some(endpoint) = endpoint else {
        return Some(built_in_named(provider).map_or(Missing::Provider, |_| Missing::key_of(provider)));
    };
    if let Err(problem) = endpoint.url() {
        return Some(Missing::Entry(problem));
    }
    // genai reads lines of any length into memory, so it is not pointed at addresses that accounts choose.
    if guarded && endpoint.kind() != Kind::OpenAi {
        return Some(Missing::Entry(
            "cannot have a `url` of its own; only those that speak OpenAI's protocol can".into(),
        ));
    }
    if model.is_empty() {
        return Some(Missing::Entry("needs a model: `provider/model`".into()));
    }
    None
}

/// The HTTP clients. A machine without root certificates still runs `offline`; the others say what is wrong.
#[derive(Debug, Clone)]
pub(super) struct Clients(Result<(Client, Guarded), String>);

impl Clients {
    fn new(allow_private: bool) -> Self {
        let both =
            operator_client().and_then(|open| Ok((open, guarded_client(allow_private, Redirects::Never)?)));
        Self(both.map_err(|error| error.chain()))
    }

    /// The client for a call to `url`: the guarded one when an account chose the address.
    pub(super) fn for_url(&self, route: &Route, url: &Url) -> Result<&Client, Error> {
        let (open, guarded) =
            self.0.as_ref().map_err(|problem| Error::unavailable(&route.provider, problem.clone()))?;
        if route.guarded {
            return guarded.for_url(url).map_err(|error| Error::refused(&route.provider, error.message()));
        }
        Ok(open)
    }

    /// The client for addresses that we or the operator chose.
    pub(super) fn open(&self) -> Result<&Client, &str> {
        self.0.as_ref().map(|(open, _)| open).map_err(String::as_str)
    }
}
