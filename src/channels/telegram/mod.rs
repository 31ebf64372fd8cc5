//! Telegram: bots as people meet them there.

pub mod render;
