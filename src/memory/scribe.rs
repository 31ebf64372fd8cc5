//! Asking the model that keeps a bot's memory, within the account's budget.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;

use crate::dialog::{self, Budget, Manner, Request, Role, Spend, Usage};
use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::jobs::Failure;
use crate::providers::{Event, Finish, Keys, Kind, Providers, Route};
use crate::spec;
use crate::tokens;

/// Hands out the keys that a bot's models are asked with. Implemented by `chat`, handed in by `app`.
#[async_trait]
pub trait Keyring: Send + Sync {
    /// The keys that `model_uses` (`auto`, `provider/model`, …) of this bot may need.
    async fn keys(&self, account: AccountId, bot: &spec::Bot, model_uses: &[&str]) -> Result<Keys>;
}

/// Asks models for what a memory keeps. Cheap to clone.
#[derive(Clone)]
pub(super) struct Scribe {
    providers: Providers,
    keyring: Arc<dyn Keyring>,
    budget: Arc<dyn Budget>,
}

/// What a model wrote.
pub(super) struct Written {
    pub(super) text: String,
    /// `provider/model`.
    pub(super) model: String,
    pub(super) usage: Usage,
}

impl Scribe {
    pub(super) fn new(providers: Providers, keyring: Arc<dyn Keyring>, budget: Arc<dyn Budget>) -> Self {
        Self { providers, keyring, budget }
    }

    /// Whom to ask: the memory's own model, else the bot's. Empty where no model is at hand. A script is for
    /// replies, so it is only asked if it is named.
    pub(super) async fn routes(&self, account: AccountId, bot: &spec::Bot) -> Result<Vec<Route>> {
        let own: Vec<&str> = match &bot.memory.model {
            Some(model) => vec![model],
            None => bot.model.routes().filter(|name| !name.starts_with("scripted")).collect(),
        };
        let Some((first, rest)) = own.split_first() else { return Ok(Vec::new()) };
        let keys = self.keyring.keys(account, bot, &own).await?;
        let rest: Vec<String> = rest.iter().map(|name| (*name).to_owned()).collect();
        let mut routes = self.providers.resolve(first, &rest, &keys);
        routes.retain(|route| route.is_usable() && route.kind != Kind::Offline);
        Ok(routes)
    }

    /// Asks the first of `routes` that answers, for at most `most` tokens.
    ///
    /// # Errors
    /// `Retry` while the provider is away or the budget is used up; `Fail` where its filter refuses.
    pub(super) async fn ask(
        &self,
        spend: Spend,
        routes: Vec<Route>,
        system: String,
        body: String,
        most: u32,
    ) -> Result<Written, Failure> {
        let needed = count(&system).saturating_add(count(&body)).saturating_add(most);
        let reservation = self
            .budget
            .reserve(spend, needed)
            .await
            .map_err(|denied| Failure::Retry(Error::rate_limited(denied.message)))?;
        let request = Request {
            system,
            messages: vec![dialog::Message::text(Role::Person, body)],
            tools: Vec::new(),
            temperature: None,
            max_output_tokens: Some(most),
            manner: Manner::default(),
            evidence: Vec::new(),
            question: String::new(),
        };
        let written = self.read(spend.account, routes, request).await;
        let used = written.as_ref().map(|written| written.usage.clone()).unwrap_or_default();
        self.budget.settle(reservation, &used).await;
        written
    }

    async fn read(
        &self,
        account: AccountId,
        routes: Vec<Route>,
        request: Request,
    ) -> Result<Written, Failure> {
        let mut events = self.providers.stream(routes, Arc::new(request), account);
        let mut text = String::new();
        while let Some(event) = events.next().await {
            match event.map_err(|error| Failure::from(Error::from(error)))? {
                Event::Text(more) => text.push_str(&more),
                Event::ToolCall(_) => {}
                Event::Done { finish: Finish::Filtered, .. } => {
                    return Err(Failure::Fail(Error::invalid("the provider's filter refused the summary")));
                }
                Event::Done { usage, model, .. } if !text.trim().is_empty() => {
                    return Ok(Written { text: text.trim().to_owned(), model, usage });
                }
                Event::Done { .. } => break,
            }
        }
        Err(Failure::Retry(Error::unavailable("the model said nothing")))
    }
}

fn count(text: &str) -> u32 {
    u32::try_from(tokens::count(text)).unwrap_or(u32::MAX)
}
