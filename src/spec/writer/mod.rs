//! Bot files as they are written: formatted, exported, changed in one place.
//!
//! `source` reads a file with its comments and gives each of them to the value that it is about; `print` writes
//! such pieces in canonical form, with `scalar` for the texts and `fresh` for what was never written. `edit`
//! changes a file in place, member by member (`places`, `flow`, `align`), and takes care of anchors
//! (`shared`). Whatever comes out was read back and says what it should.

mod align;
mod edit;
mod export;
mod flow;
mod format;
mod fresh;
mod places;
mod print;
mod scalar;
mod set;
mod shared;
mod source;

#[cfg(test)]
mod tests;

pub use export::export;
pub use format::{SCHEMA_LINE, format, untidy};
pub use set::set;
