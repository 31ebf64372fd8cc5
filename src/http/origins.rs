//! Whose pages may call this server from another origin. Nothing here goes by cookies, so this only decides
//! what a browser lets a page read.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// For how long a browser need not ask again.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// Answers browsers for the pages of these origins: `https://app.example`.
pub(super) fn layer(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let request_id = HeaderName::from_static("x-request-id");
    let idempotency_key = HeaderName::from_static("idempotency-key");
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, request_id.clone(), idempotency_key])
        .expose_headers([request_id, RETRY_AFTER])
        .max_age(REMEMBERED)
}
