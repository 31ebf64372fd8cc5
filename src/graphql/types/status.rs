//! How an account is doing: what it can ask, what waits, what went wrong.

use async_graphql::{ComplexObject, Context, Enum, Result, SimpleObject};
use uuid::Uuid;

use crate::chat::ProviderState;
use crate::graphql::context::overseer;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{ConfigReadiness, ConfigSource, Delivery, Turn, find_delivery, find_turn};
use crate::id::{DeliveryId, TurnId};
use crate::memory::IndexStatus;
use crate::providers::Origin;
use crate::store::{QueueCounts, ReplicaConfig, Trouble};

/// How an account is doing now. Parts that cannot be told at the moment are null, and `errors` says why.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Status {
    /// When it was looked at.
    pub(in crate::graphql) at: DateTime,
    /// Which AI providers the account's bots can ask.
    pub(in crate::graphql) providers: Vec<ProviderStatus>,
    /// What waits and what runs.
    pub(in crate::graphql) queue: QueueStatus,
    /// The search index of the process that answers.
    pub(in crate::graphql) index: SearchIndexStatus,
    /// Whose bots there are, and which generation of each is active.
    pub(in crate::graphql) sources: Vec<ConfigSource>,
    /// Whether every replica runs what is active.
    pub(in crate::graphql) config: ConfigReadiness,
    /// The processes that serve.
    pub(in crate::graphql) replicas: Vec<ReplicaStatus>,
    /// What went wrong in the last 24 hours, the newest first, at most 20. Failed jobs are shown to the scope
    /// `admin` only.
    pub(in crate::graphql) recent_errors: Vec<RecentError>,
}

/// Who chose a provider. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum ProviderOrigin {
    /// Whoever runs the server, in its environment.
    Operator,
    /// The account, by a secret or in its files.
    Account,
}

/// One AI provider. Never shows a key.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ProviderStatus {
    /// As bot files write it: `openai`.
    name: String,
    /// Who chose it.
    origin: ProviderOrigin,
    /// The model that its name alone means; null for a provider of the account's own files.
    default_model: Option<&'static str>,
    /// Whether there is a key for it. Some need none.
    has_key: bool,
    /// How often in a row it failed, as far as the process that answers knows.
    failures: i32,
    /// Whether it is left alone for a while because it failed so often; then others are asked.
    is_resting: bool,
    /// In how many seconds it is tried again; null unless it rests.
    retry_in_seconds: Option<i32>,
}

impl From<ProviderState> for ProviderStatus {
    fn from(state: ProviderState) -> Self {
        let ProviderState { name, origin, model, has_key, failures, resting } = state;
        let seconds =
            resting.map(|left| i32::try_from(left.as_secs()).map_or(i32::MAX, |seconds| seconds + 1));
        Self {
            name,
            origin: match origin {
                Origin::Operator => ProviderOrigin::Operator,
                Origin::Account => ProviderOrigin::Account,
            },
            default_model: model,
            has_key,
            failures: i32::try_from(failures).unwrap_or(i32::MAX),
            is_resting: resting.is_some(),
            retry_in_seconds: seconds,
        }
    }
}

/// What waits and what runs, of this account.
#[derive(SimpleObject)]
pub(in crate::graphql) struct QueueStatus {
    /// Turns that wait.
    queued_turns: i32,
    /// Turns that are being answered.
    running_turns: i32,
    /// Since when the turn waits that waits longest; null if none does.
    oldest_queued_since: Option<DateTime>,
    /// Background jobs that are due.
    waiting_jobs: i32,
    /// Background jobs that run.
    running_jobs: i32,
    /// Messages on their way to a channel.
    waiting_deliveries: i32,
}

impl From<QueueCounts> for QueueStatus {
    fn from(counts: QueueCounts) -> Self {
        let QueueCounts {
            queued_turns,
            running_turns,
            oldest_turn,
            waiting_jobs,
            running_jobs,
            waiting_deliveries,
        } = counts;
        let count = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
        Self {
            queued_turns: count(queued_turns),
            running_turns: count(running_turns),
            oldest_queued_since: oldest_turn.map(DateTime),
            waiting_jobs: count(waiting_jobs),
            running_jobs: count(running_jobs),
            waiting_deliveries: count(waiting_deliveries),
        }
    }
}

/// The search index of one process. All accounts share it.
#[derive(SimpleObject)]
pub(in crate::graphql) struct SearchIndexStatus {
    /// Whether it holds everything but what was just said.
    complete: bool,
    /// How many changes wait to be indexed; stops counting at 10,000.
    behind: i32,
    /// Whether it is being built from nothing. Recall works on what is there.
    rebuilding: bool,
}

impl From<IndexStatus> for SearchIndexStatus {
    fn from(status: IndexStatus) -> Self {
        let IndexStatus { lag, rebuilding, documents: _, writer: _, complete } = status;
        Self { complete, behind: i32::try_from(lag).unwrap_or(i32::MAX), rebuilding }
    }
}

/// A process that serves.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ReplicaStatus {
    /// Its name, which it gets when it starts; null until it has looked at the account's configuration.
    name: Option<String>,
    /// Whether it runs what is active.
    is_ready: bool,
    /// What it could not load.
    problem: Option<String>,
}

impl ReplicaStatus {
    /// How a replica stands where `version` is active.
    pub(in crate::graphql) fn of(replica: ReplicaConfig, active: i64) -> Self {
        let ReplicaConfig { replica_id, version, problem } = replica;
        Self {
            name: replica_id.map(|id| id.to_string()),
            is_ready: version >= active && problem.is_none(),
            problem,
        }
    }
}

/// What went wrong. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum RecentErrorKind {
    /// A turn that has no reply.
    Turn,
    /// A background job that was given up.
    Job,
    /// A message that may not have arrived.
    Delivery,
}

/// Something that went wrong.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct RecentError {
    /// What it was.
    kind: RecentErrorKind,
    /// When.
    at: DateTime,
    /// For programs: the code of a turn's failure, the name of a job, `failed` or `ambiguous` for a delivery.
    code: String,
    /// For people.
    message: String,
    #[graphql(skip)]
    id: Uuid,
}

#[ComplexObject]
impl RecentError {
    /// The turn that failed; null for anything else, and for one that the caller may not open.
    async fn turn(&self, context: &Context<'_>) -> Result<Option<Turn>> {
        overseer(context)?;
        match self.kind {
            RecentErrorKind::Turn => find_turn(context, TurnId(self.id)).await,
            RecentErrorKind::Job | RecentErrorKind::Delivery => Ok(None),
        }
    }

    /// What may not have arrived; null for anything else, and without the scope `admin`.
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        match self.kind {
            RecentErrorKind::Delivery => find_delivery(context, DeliveryId(self.id)).await,
            RecentErrorKind::Job | RecentErrorKind::Turn => Ok(None),
        }
    }
}

impl RecentError {
    /// `None` for what this version does not know.
    pub(in crate::graphql) fn of(trouble: Trouble) -> Option<Self> {
        let Trouble { kind, id, at, code, message } = trouble;
        let kind = match kind.as_str() {
            "turn" => RecentErrorKind::Turn,
            "job" => RecentErrorKind::Job,
            "delivery" => RecentErrorKind::Delivery,
            _ => return None,
        };
        Some(Self { kind, at: DateTime(at), code, message, id })
    }
}
