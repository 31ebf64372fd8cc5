//! A conversation with a person: a prompt, a reply that streams, commands.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use indicatif::{ProgressBar, ProgressStyle};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::task::spawn_blocking;

use super::screen::{Screen, harmless};
use super::{Answered, Line, Opening, Piece, Said};
use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::report::error_lines;
use crate::error::{Error, Result};

/// What the terminal itself understands, beside the commands of every chat.
const HELP: &str = "/quit — end (so does Ctrl+D)\nCtrl+C — stop a reply that streams\n//… — say a line that begins with a slash";

/// What a line that was typed means.
enum Typed {
    Say(String),
    /// A command of every chat, with its slash.
    Command(String),
    Quit,
    Nothing,
}

pub(super) async fn talk(line: &mut dyn Line, here: &Here) -> Outcome {
    let waiting = spinner(here);
    let opening = line.open().await;
    waiting.finish_and_clear();
    let opening = opening?;
    show(here, &opening)?;
    let mut keyboard = Keyboard::new(here)?;
    let mut interrupted = false;
    loop {
        let typed = match keyboard.read().await? {
            Ok(text) => read(&text),
            // Twice in a row, in case the first was meant for a reply that had just ended.
            Err(ReadlineError::Interrupted) if interrupted => return Ok(Exit::Ok),
            Err(ReadlineError::Interrupted) => {
                interrupted = true;
                here.terminal.talk("Ctrl+C again, Ctrl+D or /quit ends");
                continue;
            }
            Err(ReadlineError::Eof) => return Ok(Exit::Ok),
            Err(error) => {
                return Err(Error::unavailable(format!("the keyboard cannot be read: {error}")).into());
            }
        };
        interrupted = false;
        match typed {
            Typed::Nothing => {}
            Typed::Quit => return Ok(Exit::Ok),
            Typed::Command(command) => match line.command(&command).await {
                Ok(answered) => show_answer(here, &command, answered)?,
                Err(error) => here.terminal.talk(error_lines(&here.terminal, &error)),
            },
            Typed::Say(text) => match line.say(&text).await {
                Ok(pieces) => hear(line, pieces, here).await?,
                Err(error) => here.terminal.talk(error_lines(&here.terminal, &error)),
            },
        }
    }
}

fn read(text: &str) -> Typed {
    let text = text.trim();
    match text.strip_prefix('/') {
        None if text.is_empty() => Typed::Nothing,
        None => Typed::Say(text.to_owned()),
        Some(said) if said.starts_with('/') => Typed::Say(said.to_owned()),
        Some("?") => Typed::Command("/help".to_owned()),
        Some("quit" | "exit" | "q") => Typed::Quit,
        // There is nothing to stop while somebody can type.
        Some("cancel") => Typed::Nothing,
        Some(_) => Typed::Command(text.to_owned()),
    }
}

/// Shows what a command answered. What is to be a file becomes one, beside where the person is.
fn show_answer(here: &Here, command: &str, answered: Answered) -> Result<(), Failure> {
    let Answered { text, export } = answered;
    here.terminal.line(harmless(&text))?;
    if command == "/help" {
        here.terminal.line(HELP)?;
    }
    if let Some(lines) = export {
        let path = new_file(&lines)
            .map_err(|error| Error::unavailable(format!("a file cannot be written here: {error}")))?;
        here.terminal.line(path.display().to_string())?;
    }
    Ok(())
}

/// Writes a file of a name that none has yet.
fn new_file(lines: &str) -> std::io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let path = PathBuf::from(format!("botwright-export-{number}.jsonl"));
        match std::fs::File::create_new(&path) {
            Ok(mut file) => return file.write_all(lines.as_bytes()).map(|()| path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// What was said before, so that nobody has to remember where they were.
fn show(here: &Here, opening: &Opening) -> Result<(), Failure> {
    let style = here.terminal.style();
    let Opening { name, earlier, more } = opening;
    here.terminal.line(format!("{}  {}", style.bold(&harmless(name)), style.dim("/help, /quit")))?;
    if *more {
        here.terminal.line(style.dim("…"))?;
    }
    for Said { by_bot, text, at } in earlier {
        let at = style.dim(&at.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M").to_string());
        let who = if *by_bot { style.cyan(&harmless(name)) } else { style.bold("you") };
        here.terminal.line(format!("{at} {who}: {}", harmless(text)))?;
    }
    Ok(())
}

/// Shows a reply while it comes in. Ctrl+C stops it.
async fn hear(
    line: &mut dyn Line,
    mut pieces: BoxStream<'static, Result<Piece>>,
    here: &Here,
) -> Result<(), Failure> {
    let mut screen = Screen::new(&here.terminal);
    let waiting = spinner(here);
    let mut stopping = false;
    loop {
        let piece = tokio::select! {
            piece = pieces.next() => piece,
            _ = tokio::signal::ctrl_c() => {
                if stopping {
                    waiting.finish_and_clear();
                    screen.note("left; the reply goes on without us")?;
                    return Ok(());
                }
                stopping = true;
                if let Err(error) = line.cancel().await {
                    screen.trouble(error.message())?;
                }
                continue;
            }
        };
        waiting.finish_and_clear();
        match piece {
            Some(Ok(Piece::Text(text))) => screen.text(&text)?,
            Some(Ok(Piece::Tool(name))) => screen.note(&format!("· {name}"))?,
            Some(Ok(Piece::Restarted)) => screen.note("— from the beginning —")?,
            Some(Ok(Piece::Completed)) => return Ok(screen.end()?),
            Some(Ok(Piece::Cancelled)) => return Ok(screen.note("— stopped —")?),
            Some(Ok(Piece::Failed { message, retryable })) => {
                screen.trouble(&message)?;
                if retryable {
                    screen.note("say it again in a moment")?;
                }
                return Ok(());
            }
            Some(Err(error)) => {
                screen.end()?;
                here.terminal.talk(error_lines(&here.terminal, &error));
                return Ok(());
            }
            None => return Ok(screen.trouble("the reply broke off")?),
        }
    }
}

/// Turns until it is cleared.
fn spinner(here: &Here) -> ProgressBar {
    let bar = here.terminal.bars().add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The keyboard, with a history that outlives the conversation.
struct Keyboard {
    editor: Option<DefaultEditor>,
    history: PathBuf,
}

impl Keyboard {
    fn new(here: &Here) -> Result<Self> {
        let mut editor = DefaultEditor::new()
            .map_err(|error| Error::unavailable(format!("the keyboard cannot be read: {error}")))?;
        let history = here.config.data_dir.join("chat_history");
        // There is none the first time.
        let _ = editor.load_history(&history);
        Ok(Self { editor: Some(editor), history })
    }

    /// The next line. Blocks a thread of its own, not the runtime.
    async fn read(&mut self) -> Result<std::result::Result<String, ReadlineError>> {
        let Some(mut editor) = self.editor.take() else {
            return Err(Error::internal("the keyboard was lost"));
        };
        let history = self.history.clone();
        let (editor, line) = spawn_blocking(move || {
            let line = editor.readline("> ");
            if let Ok(text) = &line
                && !text.trim().is_empty()
            {
                // A history that cannot be kept is no reason not to talk.
                let _ = editor.add_history_entry(text.as_str());
                let _ = editor.append_history(&history);
            }
            (editor, line)
        })
        .await
        .map_err(Error::internal)?;
        self.editor = Some(editor);
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_say_one() {
        assert!(matches!(read(" hello "), Typed::Say(text) if text == "hello"));
        assert!(matches!(read("//etc is a folder"), Typed::Say(text) if text == "/etc is a folder"));
        assert!(matches!(read("/quit"), Typed::Quit));
        assert!(matches!(read("/?"), Typed::Command(command) if command == "/help"));
        assert!(matches!(read(" /memory fix 3 x"), Typed::Command(command) if command == "/memory fix 3 x"));
        assert!(matches!(read("   "), Typed::Nothing));
    }
}
