//! The offline model: no network, no guessing. It answers from the evidence that recall has found, word for
//! word, with who said it and when, and says so where nothing fits.

mod answer;
mod question;
mod summary;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use super::{Error, Event, EventStream, Provider, Route, manner};
use crate::dialog::{Request, Usage};

pub use summary::{Line, summarize};

/// Answers from evidence. It costs nothing, so its usage is nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offline;

#[async_trait]
impl Provider for Offline {
    async fn stream(&self, route: &Route, request: &Arc<Request>) -> Result<EventStream, Error> {
        let text = answer::answer(request, &route.notice);
        let (text, finish) = manner::within(&text, request);
        let words: Vec<_> =
            text.split_inclusive(char::is_whitespace).map(|word| Ok(Event::Text(word.to_owned()))).collect();
        let done = Event::Done { finish, usage: Usage::default(), model: route.name() };
        Ok(stream::iter(words.into_iter().chain([Ok(done)])).boxed())
    }
}
