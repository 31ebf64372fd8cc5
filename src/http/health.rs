//! Is it alive, is it ready, and its numbers.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::BoxFuture;
use serde::Serialize;

/// Looks whether this process can serve.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Ready> + Send + Sync>;

/// What was found when somebody looked.
#[derive(Debug, Clone, Serialize)]
pub struct Ready {
    /// Whether every check that counts is met.
    pub ready: bool,
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// `database`, `migrations`, `apply`, `index`.
    pub name: &'static str,
    pub ok: bool,
    /// Whether the process counts as ready without it.
    #[serde(skip)]
    pub optional: bool,
    /// In words: what is awaited, or how far behind it is.
    pub detail: String,
}

impl Ready {
    /// Ready if every check that is not optional is met.
    pub fn from_checks(checks: Vec<Check>) -> Self {
        Self { ready: checks.iter().all(|check| check.ok || check.optional), checks }
    }
}

pub(super) fn router(readiness: Readiness, metrics: Box<dyn Fn() -> String + Send + Sync>) -> Router {
    let metrics: Arc<dyn Fn() -> String + Send + Sync> = metrics.into();
    Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(move || readyz(readiness.clone())))
        .route(
            "/metrics",
            get(async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics())),
        )
}

async fn readyz(readiness: Readiness) -> Response {
    let found = readiness().await;
    let status = if found.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(found)).into_response()
}
