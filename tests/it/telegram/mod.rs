//! Bots on Telegram, with the emulator of `harness/telegram` in place of the service.

mod emulator;
mod fake;
mod judged;
mod processes;
mod render;
mod stories;
