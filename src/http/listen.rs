//! The listener: binding, serving within time limits, and ending without cutting anybody off.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::Service;

use crate::error::{Error, Result};

/// How long a client may take to send the head of a request, and a kept connection may rest.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// The most that a head may hold, and what is read at once.
const HEAD_BYTES: usize = 64 * 1024;
/// How long the end waits for requests and sockets that are still open.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// What outlives a single request: it is told to stop, and waited for.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    stop: CancellationToken,
    open: TaskTracker,
}

/// The end waits until this is dropped, within limits.
pub struct Hold(#[expect(dead_code, reason = "it acts by being dropped")] TaskTrackerToken);

impl Drain {
    /// Everything ends when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        Self { stop, open: TaskTracker::new() }
    }
    /// Cancelled when it is time to end.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }
    /// Whoever holds this is waited for.
    pub fn hold(&self) -> Hold {
        Hold(self.open.token())
    }
}

/// Takes the address. `Conflict` if somebody else has it, `Invalid` if it is not this machine's to take.
pub async fn bind(address: IpAddr, port: u16) -> Result<TcpListener> {
    TcpListener::bind((address, port)).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Error::conflict(format!(
            "port {port} on {address} is taken: stop what listens there, or choose another with `PORT`"
        )),
        io::ErrorKind::PermissionDenied => Error::invalid(format!(
            "port {port} may not be taken by this user: choose one above 1023 with `PORT`"
        )),
        _ => Error::invalid(format!("cannot listen on {address} port {port}: {error}")),
    })
}

/// Serves until the end is called, then waits for what is open; returns when all of it is closed.
pub async fn serve(listener: TcpListener, router: Router, drain: &Drain) {
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = drain.stop.cancelled() => break,
        };
        let _ = stream.set_nodelay(true);
        drain.open.spawn(connection(stream, peer, router.clone(), drain.stop.clone()));
    }
    drop(listener);
    drain.open.close();
    if timeout(DRAIN_WITHIN, drain.open.wait()).await.is_err() {
        tracing::warn!(open = drain.open.len(), "ending although connections are still open");
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                let of_that_client = matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionRefused
                        | io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                );
                if !of_that_client {
                    // Out of file descriptors, most likely: some will be free again.
                    tracing::error!(error = %error, "cannot accept connections");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_BYTES);
    let service = TowerToHyperService::new(FromPeer { router, peer });
    let mut serving = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, peer = %peer, "a connection ended badly");
    }
}

/// The router of one connection: every request tells who sent it.
#[derive(Clone)]
struct FromPeer {
    router: Router,
    peer: SocketAddr,
}

impl<B> Service<Request<B>> for FromPeer
where
    Router: Service<Request<B>>,
{
    type Response = <Router as Service<Request<B>>>::Response;
    type Error = <Router as Service<Request<B>>>::Error;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request<B>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.call(request)
    }
}
