//! `graphql-transport-ws` over a WebSocket: who may open one, and with what bounds.

mod connection;
mod messages;

use std::sync::Arc;

use async_graphql::Executor;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{OriginalUri, State};
use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::graphql::transport::Transport;
use crate::graphql::transport::slot::{self, Slot};
use crate::http::bearer;
use connection::Connection;

/// The one subprotocol that is spoken; the older `graphql-ws` is not.
const PROTOCOL: &str = "graphql-transport-ws";
/// Allocated for every socket, twice. Messages are small and sockets are many; a larger one makes more room.
const BUFFER: usize = 1024;

/// Opens a socket.
pub(super) async fn upgrade<E: Executor>(
    State(transport): State<Arc<Transport<E>>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return Error::invalid("this address is a WebSocket's: connect to it with `graphql-transport-ws`")
            .into_response();
    };
    let authority = uri.authority().map(ToString::to_string);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned).or(authority);
    if !may_open(&headers, host.as_deref(), &transport.settings.origins) {
        return Error::forbidden("pages of this origin may not open a socket here").into_response();
    }
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        let message = "the subprotocol must be `graphql-transport-ws`: send it in `Sec-WebSocket-Protocol`";
        return Error::invalid(message).into_response();
    }
    let Some(slot) = Slot::take(&transport) else {
        return slot::full().into_response();
    };
    // Clients other than browsers may introduce themselves with a header instead of the first message.
    let bearer = bearer(&headers).ok().flatten();
    let most = transport.settings.message_bytes;
    upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(most)
        .max_frame_size(most)
        .on_upgrade(async move |socket| {
            let hold = transport.drain.hold();
            Connection::new(transport, socket, slot.number).run(bearer).await;
            drop((slot, hold));
        })
}

/// Whether the page that opens the socket, if a page does, is ours or a friend's.
fn may_open(headers: &HeaderMap, host: Option<&str>, friends: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_friend = |friend: &String| {
        let found =
            friend.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or(rest)));
        found.is_some_and(|(s, a)| s.eq_ignore_ascii_case(scheme) && a.eq_ignore_ascii_case(authority))
    };
    if friends.iter().any(is_friend) {
        return true;
    }
    let default_port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let bare =
        |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    host.is_some_and(|host| bare(host) == bare(authority))
}
