//! bots/ → Postgres: read the folder, plan, apply in one transaction.
//!
//! Knows: what a bot file says, what is active. Never: a change outside its own source, a half-applied
//! config, a secret's value.

pub mod folder;

mod apply;
mod plan;

pub use apply::{Applied, Options, apply, current, plan_now};
pub use plan::{Action, Change, Current, CurrentBot, Field, Missing, Plan, desired_hash, plan, source_of};
