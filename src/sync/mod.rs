//! bots/ → Postgres: read the folder, plan, apply in one transaction.
//!
//! Knows: what a bot file says, what is active. Never: a change outside its own source, a half-applied
//! config, a secret's value.

pub mod folder;

mod apply;
mod desired;
mod edit;
mod history;
mod once;
mod past;
mod plan;
mod ready;
mod rollback;
mod stale;

pub use apply::{Applied, Options, apply, plan_now};
pub use desired::{DASHBOARD, Desired, Target, source_of};
pub use edit::{Edit, Edited, Set, create_bot, update_bot};
pub use history::{
    Entry, Exported, Shown, ShownBot, Spoken, drift, entry, export, history, only_one, only_source, show,
    show_bot, spoken,
};
pub use once::{Once, apply_once};
pub use plan::{
    Action, Attention, AttentionKind, Base, BaseRevision, Change, Current, CurrentBot, Delegated,
    FORMAT_VERSION, Field, Hashed, Held, Missing, Op, Plan, Policy, Summary, TextChange, Words, plan,
};
pub use ready::{Readiness, readiness, wait_until_ready};
pub use rollback::{Back, plan_rollback, resume, rollback};
