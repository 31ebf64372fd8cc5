//! What is written reads as what was meant, and as little as possible changes.

mod edited;
mod formatted;
mod messy;
mod properties;
