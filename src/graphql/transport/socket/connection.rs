//! One socket from its introduction to its end.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Executor;
use axum::extract::ws::{Message, WebSocket};
use secrecy::SecretString;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Error, Kind};
use crate::graphql::transport::admitted::{Admitted, ended, heartbeat, spread};
use crate::graphql::transport::faults::{Code, mend};
use crate::graphql::transport::operations::{Event, Operations, is_over};
use crate::graphql::transport::params::Params;
use crate::graphql::transport::run::Body;
use crate::graphql::transport::socket::messages::{Close, Incoming, Outgoing};
use crate::graphql::transport::{Transport, Visitor};
use crate::http::{RequestName, bearer_in};

/// After this many signs of life that did not come, the client counts as gone.
const MISSED: u32 = 2;
/// So many messages may leave between two flushes.
const BATCH: usize = 16;
/// How long the client may take to answer our close.
const FAREWELL: Duration = Duration::from_secs(2);

pub(super) struct Connection<E> {
    transport: Arc<Transport<E>>,
    socket: WebSocket,
    /// Counts the sockets of this process; spreads what would otherwise happen to all at once.
    number: usize,
    operations: Operations,
}

/// Why a socket stops being served.
enum Stop {
    /// We close it.
    Close(Close),
    /// The client closed it, or it broke.
    Gone,
}

impl From<Close> for Stop {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl<E: Executor> Connection<E> {
    pub(super) fn new(transport: Arc<Transport<E>>, socket: WebSocket, number: usize) -> Self {
        Self { transport, socket, number, operations: Operations::default() }
    }

    /// Serves the socket to its end. `header` is the token that stood in the upgrade's headers.
    pub(super) async fn run(mut self, header: Option<SecretString>) {
        // What happens once, or seldom, is in boxes of its own: most of the time a socket only waits.
        let stop = match Box::pin(self.introduce(header)).await {
            Ok(admitted) => match self.serve(admitted).await {
                Ok(never) => match never {},
                Err(stop) => stop,
            },
            Err(stop) => stop,
        };
        self.operations = Operations::default();
        if let Stop::Close(close) = stop {
            Box::pin(self.say_farewell(close)).await;
        }
    }

    /// Waits for `connection_init` and lets the client in.
    async fn introduce(&mut self, header: Option<SecretString>) -> Result<Admitted, Stop> {
        let deadline = Instant::now() + self.transport.settings.introduction;
        let stop = self.transport.drain.stop().clone();
        let init = async {
            loop {
                let frame = self.socket.recv().await;
                match self.read(frame)? {
                    Some(Incoming::Init(payload)) => return Ok(payload),
                    Some(Incoming::Ping) => self.send(Outgoing::Pong.into()).await?,
                    Some(Incoming::Subscribe { .. }) => {
                        let early = Close::new(Close::UNAUTHORIZED, "`connection_init` comes first");
                        return Err(Stop::Close(early));
                    }
                    Some(Incoming::Pong | Incoming::Complete { .. }) | None => {}
                }
            }
        };
        let payload = tokio::select! {
            payload = timeout_at(deadline, init) => match payload {
                Ok(payload) => payload?,
                Err(_) => return Err(Close::new(Close::TOO_LATE, "no `connection_init` came in time").into()),
            },
            () = stop.cancelled() => return Err(restarting().into()),
        };
        let said = payload.iter().find(|(key, _)| key.eq_ignore_ascii_case("authorization"));
        let bearer = match said.map(|(_, value)| value) {
            Some(value) => {
                bearer_in(value.as_str().unwrap_or_default()).map_err(|error| forbidden(&error))?
            }
            None => header.ok_or_else(|| {
                let reason = "no token: send {\"authorization\": \"Bearer …\"} with `connection_init`";
                Close::new(Close::FORBIDDEN, reason)
            })?,
        };
        let visitor = self.transport.gate.admit(&bearer).await.map_err(|error| forbidden(&error))?;
        self.send(Outgoing::ConnectionAck.into()).await?;
        Ok(Admitted::new(bearer, visitor))
    }

    /// Serves an introduced client until something ends it.
    async fn serve(&mut self, mut admitted: Admitted) -> Result<std::convert::Infallible, Stop> {
        let mut heartbeat = heartbeat(self.transport.settings.heartbeat);
        let mut missed = 0;
        let stop = self.transport.drain.stop().clone();
        loop {
            let until = admitted.until;
            tokio::select! {
                frame = self.socket.recv() => {
                    missed = 0;
                    if let Some(message) = self.read(frame)? {
                        Box::pin(self.obey(message, &admitted.visitor)).await?;
                    }
                }
                (id, event) = self.operations.next() => Box::pin(self.tell_events(id, event)).await?,
                _ = heartbeat.tick() => {
                    if missed >= MISSED {
                        return Err(Close::new(Close::AWAY, "no sign of life").into());
                    }
                    missed += 1;
                    self.send(Message::Ping(Default::default())).await?;
                    let gate = self.transport.gate.as_ref();
                    Box::pin(admitted.look_again(gate)).await.map_err(|error| forbidden(&error))?;
                }
                () = ended(until) => {
                    return Err(Close::new(Close::FORBIDDEN, "the token expired").into());
                }
                () = stop.cancelled() => {
                    spread(self.number).await;
                    return Err(restarting().into());
                }
            }
        }
    }

    /// What a frame says; `None` for one that says nothing.
    fn read(&self, frame: Option<Result<Message, axum::Error>>) -> Result<Option<Incoming>, Stop> {
        match frame {
            Some(Ok(Message::Text(text))) => Ok(Some(Incoming::read(&text)?)),
            Some(Ok(Message::Binary(_))) => Err(Close::new(4400, "messages are text").into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_))) | None => Err(Stop::Gone),
            Some(Err(error)) => Err(self.broken(&error)),
        }
    }

    /// What to answer to a frame that could not be read.
    fn broken(&self, error: &axum::Error) -> Stop {
        let text = error.to_string();
        if text.contains("too long") {
            let most = self.transport.settings.message_bytes / 1024;
            return Close::new(Close::TOO_LARGE, format!("a message holds at most {most} KiB")).into();
        }
        if text.contains("UTF-8") || text.contains("utf-8") {
            return Close::new(Close::NOT_UTF8, "the message is no UTF-8").into();
        }
        Stop::Gone
    }

    async fn obey(&mut self, message: Incoming, visitor: &Visitor) -> Result<(), Stop> {
        match message {
            Incoming::Init(_) => Err(Close::new(Close::TOO_MANY, "`connection_init` comes once").into()),
            Incoming::Ping => self.send(Outgoing::Pong.into()).await,
            Incoming::Pong => Ok(()),
            Incoming::Complete { id } => {
                self.operations.remove(&id);
                Ok(())
            }
            Incoming::Subscribe { id, .. } if self.operations.contains(&id) => {
                Err(Close::new(Close::DUPLICATE, format!("an operation `{id}` is under way already")).into())
            }
            Incoming::Subscribe { .. } if self.operations.len() >= self.transport.settings.operations => {
                let most = self.transport.settings.operations;
                Err(Close::new(Close::TOO_MANY, format!("a socket has at most {most} operations at once"))
                    .into())
            }
            Incoming::Subscribe { id, params } => self.begin(id, params, visitor).await,
        }
    }

    async fn begin(&mut self, id: String, params: Params, visitor: &Visitor) -> Result<(), Stop> {
        let name = RequestName::fresh();
        let prepared = self
            .transport
            .check(&params)
            .and_then(|checked| self.transport.prepare(params, checked, Some(visitor)));
        match prepared {
            Ok(prepared) => {
                self.operations.insert(self.transport.begin(id, name, prepared));
                Ok(())
            }
            Err(mut refusal) => {
                mend(&mut refusal.errors, Code::ValidationFailed, &name);
                self.send(Outgoing::Error { id: &id, payload: &refusal.errors }.into()).await
            }
        }
    }

    /// Passes on an event and those that are ready behind it, then flushes.
    async fn tell_events(&mut self, id: String, event: Event) -> Result<(), Stop> {
        let mut next = Some((id, event));
        let mut told = 0;
        while let Some((id, event)) = next.take() {
            if let Some(message) = self.message_of(&id, event) {
                self.send(message).await?;
            }
            told += 1;
            if told < BATCH {
                next = self.operations.next_now();
            }
        }
        Ok(())
    }

    /// How an event is told; `None` if its operation is gone. One that ends its operation removes it.
    fn message_of(&mut self, id: &str, event: Event) -> Option<Message> {
        let operation = self.operations.get(id)?;
        let Some(response) = operation.told(event) else {
            self.operations.remove(id);
            return Some(Outgoing::Complete { id }.into());
        };
        if is_over(&response) {
            self.operations.remove(id);
            return Some(Outgoing::Error { id, payload: &response.errors }.into());
        }
        Some(Outgoing::Next { id, payload: Body::of(&response) }.into())
    }

    /// Sends within the limit of our patience: a client that does not read is dropped.
    async fn send(&mut self, message: Message) -> Result<(), Stop> {
        let patience = self.transport.settings.patience;
        match timeout(patience, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Stop::Gone),
        }
    }

    /// Closes in order: our frame, then the client's, so that ours is not lost with the connection.
    async fn say_farewell(&mut self, close: Close) {
        tracing::debug!(?close, "closing a socket");
        if self.send(Message::Close(Some(close.into()))).await.is_ok() {
            let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = self.socket.recv().await {} }).await;
        }
    }
}

fn restarting() -> Close {
    Close::new(Close::RESTART, "the server is restarting")
}

fn forbidden(error: &Error) -> Close {
    if error.kind() == Kind::Unauthenticated {
        return Close::new(Close::FORBIDDEN, error.message());
    }
    // Not the client's fault: it may come back.
    tracing::warn!(error = error.chain(), "a socket's token could not be looked up");
    Close::new(1013, "the token cannot be looked up now; try again")
}
