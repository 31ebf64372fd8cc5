//! Every integration test, in one binary: each further one would link the library again.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected shall stop and say where")]
#![expect(clippy::print_stderr, reason = "what a failed test was told is part of its report")]

mod accounts;
mod architecture;
mod commands;
mod clients;
mod comment;
mod crowd;
mod damaged;
mod documents;
mod embedded;
mod erase;
mod feed;
mod first_ten_minutes;
mod fuzz;
mod graphql;
mod harness;
mod hostile;
mod import;
mod init;
mod isolation;
mod jobs;
mod kills;
mod memory;
mod months;
mod openai;
mod outbox;
mod resume;
mod retention;
mod served;
mod sync;
mod telegram;
mod turns;
mod walls;
mod wrong_projects;
