//! What a turn is made of: messages and their parts, pictures, tools and calls, evidence, usage.
//!
//! Knows: nothing but ground. Never: a provider's wire format, a database row.

mod budget;
mod manner;
mod message;
mod picture;
mod tool;

pub use budget::{Budget, Denied, NoLimits, Reservation, Spend};
pub use manner::{Form, Manner, Schema, ToolChoice, Wishes};
pub use message::{Evidence, EvidenceKind, Message, Part, Request, Role, Usage};
pub use picture::{Picture, PictureKind};
pub use tool::{Call, Effect, Returned, Tool, ToolContext, ToolError, ToolSpec};
