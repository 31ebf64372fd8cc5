//! A conversation with a program: every line is a message, every reply is written whole to stdout.

use futures_util::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

use super::{Line, Piece};
use crate::cli::Here;
use crate::cli::exit::{Exit, Outcome};
use crate::error::Error;

/// Reads until the end of input. A message that gets no reply is reported, the rest are still said, and the
/// end is a failure.
pub(super) async fn talk(line: &mut dyn Line, here: &Here) -> Outcome {
    line.open().await?;
    let mut input = BufReader::new(stdin());
    let mut exit = Exit::Ok;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes).await? == 0 {
            return Ok(exit);
        }
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.trim(),
            Err(_) => return Err(Error::invalid("the input is not text in UTF-8").into()),
        };
        if text.is_empty() {
            continue;
        }
        if !answer(line, here, text).await? {
            exit = Exit::Failure;
        }
    }
}

/// Says one message and writes the reply; whether there was one.
async fn answer(line: &mut dyn Line, here: &Here, text: &str) -> Result<bool, crate::cli::exit::Failure> {
    let mut pieces = match line.say(text).await {
        Ok(pieces) => pieces,
        Err(error) => {
            here.terminal.talk(crate::cli::report::error_lines(&here.terminal, &error));
            return Ok(false);
        }
    };
    // Whole, because what was said before a restart does not count.
    let mut reply = String::new();
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Text(more) => reply.push_str(&more),
            Piece::Restarted => reply.clear(),
            Piece::Tool(_) => {}
            Piece::Completed => {
                here.terminal.line(reply)?;
                return Ok(true);
            }
            Piece::Failed { message, .. } => {
                here.terminal.talk(format!("{} {message}", here.terminal.talk_style().red("error:")));
                return Ok(false);
            }
            Piece::Cancelled => {
                here.terminal.talk("the reply was cancelled");
                return Ok(false);
            }
        }
    }
    Err(Error::unavailable("the reply broke off").into())
}
