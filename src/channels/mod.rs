//! Where people and programs talk to bots without knowing Botwright: every door speaks the words of those who
//! come by it.
//!
//! Never: a rule of the rooms below, SQL.

pub mod openai;
pub mod telegram;
