//! The types of the schema: each a newtype over the row that it shows.

mod audit;
mod bot;
mod change;
mod channel;
mod context_report;
mod conversation;
mod delivery;
mod events;
mod fact;
mod generation;
mod message;
mod node;
mod person;
mod plan;
mod problem;
mod recall;
mod search;
mod server;
mod status;
mod sync;
mod turn;
mod usage;
mod upload;

pub(super) use audit::AuditEntry;
pub(super) use bot::{Bot, BotRevision};
pub(super) use change::{ChangeAction, PlannedChange};
pub(super) use channel::{AccessRequest, ChannelConnection, ChannelMode};
pub(super) use conversation::Conversation;
pub(super) use delivery::Delivery;
pub(super) use events::{ConversationEvent, TurnEvent, conversation_event, turn_event};
pub(super) use fact::{Fact, FactState, Summary, summaries_of};
pub(super) use generation::{
    ConfigReadiness, ConfigSource, ExportedBot, Generation, GenerationDetails, WrittenRevision,
};
pub(super) use message::{Message, Opinion};
pub(super) use node::{Node, find_delivery, find_message, find_node, find_turn};
pub(super) use person::{Account, Person, Viewer};
pub(super) use plan::{ConfigHold, ConfigPlan};
pub(super) use problem::ConfigProblem;
pub(super) use recall::Recollection;
pub(super) use search::{SearchHit, SearchPage};
pub(super) use server::ServerInfo;
pub(super) use status::{RecentError, ReplicaStatus, Status};
pub(super) use sync::{ChangeConnection, ChangeType, ChangesAvailable};
pub(super) use turn::Turn;
pub(super) use upload::{Attachment, Upload};
pub(super) use usage::{UsageGroup, UsageReport};
