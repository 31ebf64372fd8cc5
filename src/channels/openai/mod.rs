//! The OpenAI-compatible door: bots are models, API tokens are keys, and whatever speaks OpenAI's chat
//! completions talks to bots unchanged.
//!
//! Without `user` a request is the whole history and nothing is remembered; with it the conversation lasts.
//! What is not supported is refused by name, never silently left out.
//!
//! Knows: what the protocol looks like. Never: how an answer is thought of, or remembered; that is `chat`.

mod answer;
mod complete;
mod content;
mod fields;
mod lasting;
mod messages;
mod models;
mod refusal;
mod request;
mod stream;
mod tools;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::routing::{get, post};

use crate::accounts::Accounts;
use crate::chat::Chat;
use crate::clock::SharedClock;
use crate::http::Drain;
use refusal::Refusal;

/// What the door is built from.
pub struct Parts {
    pub accounts: Accounts,
    pub chat: Chat,
    pub clock: SharedClock,
    pub drain: Drain,
}

/// `/v1/models`, `/v1/models/{id}`, `/v1/chat/completions`; everything else below `/v1` is refused in
/// OpenAI's words.
pub fn router(parts: Parts) -> Router {
    Router::new()
        .route("/v1/models", get(models::list).fallback(wrong_method))
        .route("/v1/models/{id}", get(models::find).fallback(wrong_method))
        .route("/v1/chat/completions", post(complete::complete).fallback(wrong_method))
        .route("/v1/{*rest}", axum::routing::any(nothing_here))
        .with_state(Arc::new(parts))
}

async fn nothing_here(method: Method, uri: Uri) -> Refusal {
    Refusal::unknown_url(format!(
        "{method} {} is not served here: there are GET /v1/models and POST /v1/chat/completions",
        uri.path()
    ))
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    Refusal::wrong_method(format!("{} does not take {method}", uri.path()))
}
