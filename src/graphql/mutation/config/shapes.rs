//! What the changes of the configuration take and return.

use async_graphql::{ID, InputObject, SimpleObject};

use crate::graphql::mutation::config_error::{
    ApplyPlanError, CreateBotError, ResumeSourceError, RollbackError, UpdateBotError,
};
use crate::graphql::scalars::Json;
use crate::graphql::types::{Bot, ConfigPlan, ConfigSource, Generation};

/// A plan to apply.
#[derive(InputObject)]
pub(super) struct ApplyPlanInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    pub(super) idempotency_key: ID,
    /// The files: what `POST /config/bundles` answered.
    pub(super) bundle_id: ID,
    /// What `plan { document }` said of them. Either this or `plannedId`.
    pub(super) planned: Option<Json>,
    /// The same, for a plan that a request has no room for: what `POST /config/plans` answered.
    pub(super) planned_id: Option<ID>,
    /// As it was planned: archive bots whose files are gone.
    #[graphql(default)]
    pub(super) prune: bool,
    /// As it was planned: archive at most so many.
    pub(super) prune_limit: Option<u32>,
    /// As it was planned: leave bots whose files are gone as they are.
    #[graphql(default)]
    pub(super) keep: bool,
    /// As it was planned: the source may be held.
    #[graphql(default)]
    pub(super) past_hold: bool,
    /// Apply even if another commit is active than the one that was planned on.
    #[graphql(default)]
    pub(super) allow_rewind: bool,
    /// Why, for the history; at most 500 characters.
    pub(super) message: Option<String>,
    /// Where the files come from, for the history: an object of at most 16 KiB, such as
    /// `{"git": {"commit": "…", "branch": "main"}}`.
    pub(super) provenance: Option<Json>,
}

/// What `applyPlan` did.
#[derive(SimpleObject)]
pub(super) struct ApplyPlanPayload {
    /// What is active now; null if there are `userErrors`.
    pub(super) generation: Option<Generation>,
    /// What was done; null if there are `userErrors`.
    pub(super) plan: Option<ConfigPlan>,
    /// What replicas should run now: `configReadiness` takes it.
    pub(super) config_version: Option<i64>,
    /// Whether this is the answer to an earlier request with the same key.
    pub(super) replayed: bool,
    /// What is to be mended.
    pub(super) user_errors: Vec<ApplyPlanError>,
}

/// A generation to go back to.
#[derive(InputObject)]
pub(super) struct RollbackInput {
    /// Whose: `git:<source id>` or `dashboard`.
    pub(super) source: String,
    /// The generation whose bots are to be active again.
    pub(super) number: i32,
    /// Why, for the history and for whoever finds the source held; at most 500 characters.
    pub(super) reason: String,
    /// What the history says beside that: an object of at most 16 KiB.
    pub(super) provenance: Option<Json>,
}

/// What `rollback` did.
#[derive(SimpleObject)]
pub(super) struct RollbackPayload {
    /// What is active now; null if there are `userErrors`.
    pub(super) generation: Option<Generation>,
    /// What was done; null if there are `userErrors`.
    pub(super) plan: Option<ConfigPlan>,
    /// What replicas should run now: `configReadiness` takes it.
    pub(super) config_version: Option<i64>,
    /// What is to be mended.
    pub(super) user_errors: Vec<RollbackError>,
}

/// A source to let go on.
#[derive(InputObject)]
pub(super) struct ResumeSourceInput {
    /// `git:<source id>` or `dashboard`.
    pub(super) source: String,
}

/// What `resumeSource` did.
#[derive(SimpleObject)]
pub(super) struct ResumeSourcePayload {
    /// The source as it stands; null if there are `userErrors`.
    pub(super) source: Option<ConfigSource>,
    /// Whether it was held.
    pub(super) was_held: bool,
    /// What is to be mended.
    pub(super) user_errors: Vec<ResumeSourceError>,
}

/// A bot to make.
#[derive(InputObject)]
pub(super) struct CreateBotInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    pub(super) idempotency_key: ID,
    /// Unique in the account: letters a to z, digits and hyphens.
    pub(super) name: String,
    /// What its `bot.yaml` would say; `apiVersion` and `kind` may be left out.
    pub(super) config: Json,
}

/// What `createBot` did.
#[derive(SimpleObject)]
pub(super) struct CreateBotPayload {
    /// The new bot; null if there are `userErrors`.
    pub(super) bot: Option<Bot>,
    /// The generation that it began with.
    pub(super) generation: Option<Generation>,
    /// What replicas should run now: `configReadiness` takes it.
    pub(super) config_version: Option<i64>,
    /// Whether this is the answer to an earlier request with the same key.
    pub(super) replayed: bool,
    /// What is to be mended.
    pub(super) user_errors: Vec<CreateBotError>,
}

/// A field to set, or to take out.
#[derive(InputObject)]
pub(super) struct SetFieldInput {
    /// A JSON pointer into the bot's file, such as `/model/temperature`.
    pub(super) path: String,
    /// What it shall be; null takes the field out, and the default counts.
    pub(super) value: Option<Json>,
}

/// Fields of a bot to change.
#[derive(InputObject)]
pub(super) struct UpdateBotInput {
    /// The bot's name.
    pub(super) name: String,
    /// The number of the revision that was looked at: a newer one is not overwritten.
    pub(super) expected_version: i32,
    /// All of them, or none.
    pub(super) set: Vec<SetFieldInput>,
}

/// What `updateBot` did.
#[derive(SimpleObject)]
pub(super) struct UpdateBotPayload {
    /// The bot as it stands; null if there are `userErrors`.
    pub(super) bot: Option<Bot>,
    /// The generation that the change made.
    pub(super) generation: Option<Generation>,
    /// What replicas should run now: `configReadiness` takes it.
    pub(super) config_version: Option<i64>,
    /// What is to be mended.
    pub(super) user_errors: Vec<UpdateBotError>,
}
