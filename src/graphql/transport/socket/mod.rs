//! `graphql-transport-ws` over a WebSocket: who may open one, and with what bounds.

mod connection;
mod messages;
mod operations;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::Executor;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{OriginalUri, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::error::Error;
use crate::graphql::transport::Transport;
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
        let full = Error::unavailable("this server has as many sockets as it takes; try again in a moment");
        return (StatusCode::SERVICE_UNAVAILABLE, full).into_response();
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

/// One of the sockets that may be open at once.
struct Slot<E> {
    transport: Arc<Transport<E>>,
    number: usize,
}

impl<E> Slot<E> {
    fn take(transport: &Arc<Transport<E>>) -> Option<Self> {
        let number = transport.open_sockets.fetch_add(1, Ordering::Relaxed);
        let slot = Self { transport: transport.clone(), number };
        slot.tell();
        (number < transport.settings.sockets).then_some(slot)
    }
    fn count(&self) -> &AtomicUsize {
        &self.transport.open_sockets
    }
    fn tell(&self) {
        let open = u32::try_from(self.count().load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        metrics::gauge!("botwright_sockets_open").set(f64::from(open));
    }
}

impl<E> Drop for Slot<E> {
    fn drop(&mut self) {
        self.count().fetch_sub(1, Ordering::Relaxed);
        self.tell();
    }
}
