//! Logs, metrics and redaction.
//!
//! Logs go to standard error, since standard output belongs to what a command answers; the caller writes them
//! there, since it may show something else at the same time. Every line passes [`redact`] on its way out.
//!
//! Knows: `config`. Never: the text of a message, a prompt or a secret; log ids, counts and durations.

mod metrics;
mod redact;

use std::io::{self, Write};
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Config, LogFormat};
use crate::error::{Error, Result};

pub use metrics::Metrics;
pub use redact::redact;

/// Where log lines go, each whole.
pub type Lines = Arc<dyn Fn(&str) + Send + Sync>;

/// Sends the logs of this process to `lines`, as `config` wants them. Once per process: a second call changes
/// nothing.
///
/// # Errors
/// `Invalid` if the filter cannot be read, which a [`Config`] that was read does not let happen.
pub fn start_logs(config: &Config, coloured: bool, lines: Lines) -> Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .map_err(|error| Error::invalid(format!("RUST_LOG cannot be used: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Redacting(lines));
    let started = match config.log_format {
        LogFormat::Human => builder.compact().with_ansi(coloured).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_ansi(false).try_init(),
    };
    drop(started); // the error says only that another call was first
    Ok(())
}

/// Every line redacted.
struct Redacting(Lines);

impl<'a> MakeWriter<'a> for Redacting {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}

/// One line on its way out.
struct Line<'a>(&'a Lines);

impl Write for Line<'_> {
    /// Takes a whole line at once, which is how the formatter writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        (self.0)(&redact(&String::from_utf8_lossy(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
