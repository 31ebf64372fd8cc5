//! Telegram, as bots and people meet it.

pub(crate) mod html;
pub(crate) mod text;
