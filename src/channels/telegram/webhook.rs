//! Updates that the service brings. It proves itself by a header that only it was told; the answer is 200 only once
//! what it brought is durable.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use super::{Door, take};
use crate::error::Kind;
use crate::id::ConnectionId;

/// The header that holds the proof.
const PROOF: &str = "x-telegram-bot-api-secret-token";

pub(super) fn router(door: Arc<Door>) -> Router {
    Router::new().route("/telegram/{connection}", post(bring)).with_state(door)
}

async fn bring(
    State(door): State<Arc<Door>>,
    Path(connection): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    // Whoever proves nothing learns nothing, not even whether there is such a connection.
    let Ok(id) = connection.parse::<ConnectionId>() else { return StatusCode::UNAUTHORIZED };
    let line = match door.lines().find_anywhere(id).await {
        Ok(Some(line)) => line,
        Ok(None) => return StatusCode::UNAUTHORIZED,
        Err(error) => {
            tracing::warn!(error = error.chain(), "an update cannot be taken in");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    let proof = headers.get(PROOF).and_then(|proof| proof.to_str().ok()).unwrap_or_default();
    if !door.lines().is_proof(&line, proof) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(update) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    match take::one(&door, &line, &update).await {
        Ok(()) => StatusCode::OK,
        Err(error) if error.kind() == Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
