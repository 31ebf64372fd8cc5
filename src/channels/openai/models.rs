//! `GET /v1/models` and `GET /v1/models/{id}`: the bots of the token's account.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::Parts;
use super::refusal::Refusal;
use crate::accounts::Scope;
use crate::chat::LiveBot;
use crate::http::authenticate;

pub(super) async fn list(State(door): State<Arc<Parts>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let actor = authenticate(&headers, &door.accounts).await?;
    actor.require(Scope::Chat)?;
    let bots = door.chat.bots().list(actor.account).await?;
    let models: Vec<Value> = bots.iter().map(|live| model(live, &actor.account_name)).collect();
    Ok(Json(json!({ "object": "list", "data": models })))
}

pub(super) async fn find(
    State(door): State<Arc<Parts>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let actor = authenticate(&headers, &door.accounts).await?;
    actor.require(Scope::Chat)?;
    let live = door.chat.bots().current(actor.account, &name).await?;
    let live = live.ok_or_else(|| Refusal::no_such_model(&name))?;
    Ok(Json(model(&live, &actor.account_name)))
}

/// `name` and `description` are ours; clients that know OpenAI's fields only pass them over.
fn model(live: &LiveBot, account: &str) -> Value {
    json!({
        "id": live.bot.name,
        "object": "model",
        "created": live.bot.created_at.timestamp(),
        "owned_by": account,
        "name": live.spec.display_name,
        "description": live.spec.description,
    })
}
