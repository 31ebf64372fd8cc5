//! A small server: a schema with a field for every way that things go, and a gate that knows a few tokens.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::{Context, ID, Object, Schema, Subscription};
use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::graphql::transport::{Gate, Phases, Settings, Visitor, router};
use crate::http::{Check, Drain, Parts, Ready, serve};

/// What resolvers did.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) bumps: AtomicU32,
    /// Streams that are alive.
    pub(super) streams: AtomicUsize,
}

#[derive(Clone)]
pub(super) struct Caller(String);

pub(super) struct Query;

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }
    async fn me(&self, context: &Context<'_>) -> async_graphql::Result<String> {
        Ok(context.data::<Caller>()?.0.clone())
    }
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn thing(&self, id: ID) -> async_graphql::Result<Option<String>> {
        Err(Error::not_found(format!("there is no thing `{}`", id.as_str())).into())
    }
    async fn broken(&self) -> async_graphql::Result<String> {
        Err(Error::internal("password authentication failed for user postgres").into())
    }
    async fn foreign(&self) -> async_graphql::Result<Option<String>> {
        Err(std::io::Error::other("/var/lib/secret is missing").into())
    }
    async fn away(&self) -> async_graphql::Result<Option<String>> {
        Err(Error::unavailable("the database is away").into())
    }
    async fn panics(&self, #[graphql(default)] really: Option<bool>) -> bool {
        really.expect("the password is swordfish")
    }
    async fn slow(&self, milliseconds: u64) -> bool {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        true
    }
    /// A box in a box: what fails in it, and how.
    async fn holder(&self) -> Holder {
        Holder
    }
    async fn perhaps(&self) -> Option<Holder> {
        Some(Holder)
    }
    async fn several(&self) -> Vec<Option<Holder>> {
        vec![Some(Holder), Some(Holder)]
    }
}

struct Holder;

#[Object]
impl Holder {
    async fn name(&self) -> &str {
        tokio::time::sleep(Duration::from_millis(5)).await;
        "holder"
    }
    async fn must(&self) -> async_graphql::Result<u32> {
        Err(Error::unavailable("must is away").into())
    }
    async fn may(&self) -> async_graphql::Result<Option<u32>> {
        Err(Error::unavailable("may is away").into())
    }
    async fn within(&self) -> Self {
        Self
    }
}

pub(super) struct Mutation;

#[Object]
impl Mutation {
    async fn bump(&self, context: &Context<'_>) -> u32 {
        context.data_unchecked::<Arc<Journal>>().bumps.fetch_add(1, Ordering::SeqCst) + 1
    }
}

pub(super) struct Subscription;

/// Counts a stream for as long as it lives.
struct Alive(Arc<Journal>);

impl Alive {
    fn new(context: &Context<'_>) -> Self {
        let journal = context.data_unchecked::<Arc<Journal>>().clone();
        journal.streams.fetch_add(1, Ordering::SeqCst);
        Self(journal)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::SeqCst);
    }
}

#[Subscription]
impl Subscription {
    /// 1, 2, … `to`, as fast as they are taken.
    async fn count(&self, context: &Context<'_>, to: u32) -> impl Stream<Item = u32> + use<> {
        let alive = Alive::new(context);
        stream::iter(1..=to).map(move |number| {
            let _ = &alive;
            number
        })
    }
    /// Says nothing, ever.
    async fn silence(&self, context: &Context<'_>) -> impl Stream<Item = u32> + use<> {
        let alive = Alive::new(context);
        stream::pending().map(move |number: u32| {
            let _ = &alive;
            number
        })
    }
    async fn refused(&self) -> async_graphql::Result<stream::Empty<u32>> {
        Err(Error::forbidden("this is not yours").into())
    }
    /// 1, then the source fails.
    async fn fails(&self) -> impl Stream<Item = Result<u32, Arc<Error>>> + use<> {
        stream::iter([Ok(1), Err(Arc::new(Error::unavailable("the database is away")))])
    }
    /// A megabyte at a time, for ever.
    async fn flood(&self, context: &Context<'_>) -> impl Stream<Item = String> + use<> {
        let alive = Alive::new(context);
        stream::repeat_with(move || {
            let _ = &alive;
            "x".repeat(1024 * 1024)
        })
    }
    async fn panics(&self) -> impl Stream<Item = u32> + use<> {
        stream::iter(1..=2).map(|number| if number == 2 { panic!("at two") } else { number })
    }
}

/// Knows `ann`; `brief`, who may stay for half a second; `revoked`, who was let in once; and `away`, about
/// whom it cannot say anything; and `hasty`, who may ask once.
#[derive(Default)]
pub(super) struct Porter {
    revoked_came: AtomicU32,
    hasty_asked: AtomicU32,
    brief_until: OnceLock<Instant>,
}

#[async_trait]
impl Gate for Porter {
    async fn admit(&self, bearer: &SecretString) -> Result<Visitor> {
        let name = bearer.expose_secret();
        let until = || *self.brief_until.get_or_init(|| Instant::now() + Duration::from_millis(500));
        let ends_in = (name == "brief").then(|| until().saturating_duration_since(Instant::now()));
        match name {
            "revoked" if self.revoked_came.fetch_add(1, Ordering::SeqCst) > 0 => {
                Err(Error::unauthenticated("this token was revoked"))
            }
            "hasty" => {
                let too_soon = self.hasty_asked.fetch_add(1, Ordering::SeqCst) > 0;
                Ok(Visitor::new(Caller(name.to_owned()), None).counted(move || match too_soon {
                    true => {
                        Err(Error::rate_limited("too fast").with_retry_after(Duration::from_millis(2500)))
                    }
                    false => Ok(()),
                }))
            }
            "ann" | "brief" | "revoked" => Ok(Visitor::new(Caller(name.to_owned()), ends_in)),
            "away" => Err(Error::unavailable("the database is away")),
            _ => {
                Err(Error::unauthenticated(format!("this token is not known here{}", ", really".repeat(30))))
            }
        }
    }
}

/// A server that runs until it is dropped.
pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) journal: Arc<Journal>,
    pub(super) stop: CancellationToken,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { public: &["hello", "echo"], ..Settings::default() };
        settings.deadline = Duration::from_millis(500);
        change(&mut settings);
        let journal = Arc::new(Journal::default());
        let schema = Schema::build(Query, Mutation, Subscription)
            .extension(Phases)
            .data(journal.clone())
            .limit_recursive_depth(80)
            .finish();
        let stop = CancellationToken::new();
        let drain = Drain::new(stop.clone());
        let door = router(schema, Arc::new(Porter::default()), settings, drain.clone(), "<h1>explorer</h1>");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ready = Ready::from_checks(vec![Check {
            name: "test",
            ok: true,
            optional: false,
            detail: String::new(),
        }]);
        let hall = crate::http::router(Parts {
            readiness: Arc::new(move || {
                let ready = ready.clone();
                Box::pin(async move { ready })
            }),
            metrics: Box::new(String::new),
            strangers: crate::http::Strangers::default(),
            origins: Vec::new(),
            doors: vec![door],
        });
        tokio::spawn(async move { serve(listener, hall, &drain).await });
        Self { address, journal, stop }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn alive(&self) -> usize {
        self.journal.streams.load(Ordering::SeqCst)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
