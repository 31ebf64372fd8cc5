//! The full-text index: what was said, findable in a millisecond. A copy of what Postgres holds, which can
//! be thrown away and rebuilt at any time.
//!
//! One index holds all accounts, one process writes it, any may read it. [`Index`] opens and searches,
//! [`Writer`] takes the changes that the caller read from Postgres, and commits them with the caller's
//! cursor. [`terms`] is what texts and questions are compared by.
//!
//! Knows: nothing but ground. Never: Postgres, a text in a log, a hit from outside the [`Scope`] asked for.

mod analyse;
mod bearing;
mod columns;
mod contents;
mod dates;
mod disk;
mod fault;
mod find;
mod folder;
mod index;
mod layout;
mod postings;
mod rank;
mod recall;
mod scope;
mod score;
#[cfg(test)]
mod tests;
mod writer;

pub use analyse::{coverage, terms};
pub use index::{Index, Mode};
pub use layout::{Document, Kind};
pub use recall::{Before, Group, Hit, Query};
pub use scope::Scope;
pub use writer::{Change, Writer};
