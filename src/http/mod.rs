//! The hall: the listener that every door stands in, and what all of them share.
//!
//! A request passes here first: it gets an id, a panic becomes a plain 500, answers leave with security
//! headers, and a body is read within a limit. Doors hand in finished routers and take from here who is
//! asking ([`authenticate`]) and how a failure is told ([`Error`](crate::error::Error) into a response).
//!
//! Never: what a door's requests mean.

mod bearer;
mod body;
mod error;
mod health;
mod listen;
mod middleware;
mod origins;
mod strangers;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::error::Error;

pub use bearer::{authenticate, bearer, bearer_in};
pub use body::{JSON_BYTES, Refused, read_body};
pub use error::{retry_after_seconds, status};
pub use health::{Check, Readiness, Ready};
pub use listen::{Drain, Hold, bind, serve};
pub use middleware::RequestName;
pub use strangers::Strangers;

/// What the hall is built from.
pub struct Parts {
    /// Says, when `/readyz` asks, whether this process can serve.
    pub readiness: Readiness,
    /// Renders the process's metrics in Prometheus' text format.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    pub strangers: Strangers,
    /// Whose pages may call from another origin: `https://app.example`.
    pub origins: Vec<String>,
    /// Everything behind the hall, each with its state applied.
    pub doors: Vec<Router>,
}

/// The whole server: `/`, `/healthz`, `/readyz`, `/metrics` and the doors.
pub fn router(parts: Parts) -> Router {
    let Parts { readiness, metrics, strangers, origins, doors } = parts;
    let mut router = Router::new()
        .route("/", get(async || Html(include_str!("index.html"))))
        .merge(health::router(readiness, metrics));
    for door in doors {
        router = router.merge(door);
    }
    let router = router
        .fallback(async || {
            Error::not_found(
                "there is nothing here; the API is at `/graphql`, and at `/v1` for OpenAI's clients",
            )
        })
        .method_not_allowed_fallback(error::method_not_allowed);
    middleware::wrap(router.layer(origins::layer(&origins)), strangers)
}

#[cfg(test)]
mod tests;
