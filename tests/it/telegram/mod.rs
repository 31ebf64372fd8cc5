//! Bots on Telegram, with the emulator of `harness/telegram` in place of the service.

mod crowd;
mod emulator;
mod fifty;
mod guide;
mod hostile;
mod judged;
mod pictures;
mod processes;
mod render;
mod stage;
mod stories;
