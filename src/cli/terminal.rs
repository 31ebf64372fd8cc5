//! Where words go: data to stdout, talk to stderr, each in one place.
//!
//! A reader that has left (`botwright validate | head -1`) is no failure: the rest of the output is dropped and
//! the command ends as it would have. Colour is used where somebody looks and `NO_COLOR` does not forbid it.

use std::io::{self, IsTerminal as _, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::MultiProgress;

/// The program's three streams. Cheap to clone.
#[derive(Clone)]
pub(super) struct Terminal(Arc<Inner>);

struct Inner {
    out: Mutex<Sink>,
    err: Mutex<Sink>,
    /// Spinners, which must step aside while anything else is written.
    bars: MultiProgress,
    /// Whether somebody types, whether somebody reads the data, whether somebody reads the talk.
    typed: bool,
    watched: bool,
    heard: bool,
}

struct Sink {
    to: Box<dyn Write + Send>,
    style: Style,
    /// Whoever read it has left.
    left: bool,
}

impl Terminal {
    /// This process's own streams.
    pub(super) fn standard() -> Self {
        let sink =
            |to: Box<dyn Write + Send>, colour| Mutex::new(Sink { to, style: Style(colour), left: false });
        Self(Arc::new(Inner {
            out: sink(Box::new(io::stdout()), console::colors_enabled()),
            err: sink(Box::new(io::stderr()), console::colors_enabled_stderr()),
            bars: MultiProgress::new(),
            typed: io::stdin().is_terminal(),
            watched: io::stdout().is_terminal(),
            heard: io::stderr().is_terminal(),
        }))
    }

    /// Whether a person sits at both ends: types, and sees what is answered.
    pub(super) fn is_interactive(&self) -> bool {
        self.0.typed && self.0.watched
    }

    /// Whether a person types what is read.
    pub(super) fn is_typed(&self) -> bool {
        self.0.typed
    }

    /// Whether a person sees the talk.
    pub(super) fn is_heard(&self) -> bool {
        self.0.heard
    }

    /// How data is coloured.
    pub(super) fn style(&self) -> Style {
        lock(&self.0.out).style
    }

    /// How talk is coloured.
    pub(super) fn talk_style(&self) -> Style {
        lock(&self.0.err).style
    }

    /// Writes data as it is, at once.
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        self.0.bars.suspend(|| lock(&self.0.out).put(text.as_bytes()))
    }

    /// Writes a line of data.
    pub(super) fn line(&self, text: impl AsRef<str>) -> io::Result<()> {
        self.write(&format!("{}\n", text.as_ref()))
    }

    /// Writes one JSON document, for people and for programs.
    pub(super) fn json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        self.line(serde_json::to_string_pretty(value)?)
    }

    /// Says a line. Nothing depends on whether it is heard.
    pub(super) fn talk(&self, text: impl AsRef<str>) {
        let line = format!("{}\n", text.as_ref());
        let _ = self.0.bars.suspend(|| lock(&self.0.err).put(line.as_bytes()));
    }

    /// Says the beginning of a line, which whoever answers will end.
    pub(super) fn ask(&self, text: &str) {
        let _ = self.0.bars.suspend(|| lock(&self.0.err).put(text.as_bytes()));
    }

    pub(super) fn bars(&self) -> &MultiProgress {
        &self.0.bars
    }
}

impl Sink {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.left {
            return Ok(());
        }
        match self.to.write_all(bytes).and_then(|()| self.to.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.left = true;
                Ok(())
            }
            other => other,
        }
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style(bool);

impl Style {
    pub(super) fn is_coloured(self) -> bool {
        self.0
    }
    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
    pub(super) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
    pub(super) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }
    pub(super) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }
    pub(super) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }
    pub(super) fn cyan(self, text: &str) -> String {
        self.paint("36", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Left(usize);
    impl Write for Left {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            assert_eq!(self.0, 1, "nothing is written to a reader that has left");
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_failure_and_a_full_disk_is_one() {
        let mut sink = Sink { to: Box::new(Left(0)), style: Style(false), left: false };
        assert!(sink.put(b"one").is_ok() && sink.put(b"two").is_ok());
        let mut sink = Sink { to: Box::new(Full), style: Style(false), left: false };
        assert!(sink.put(b"one").is_err());
    }

    #[test]
    fn colour_is_there_or_not() {
        assert_eq!(Style(true).red("no"), "\u{1b}[1;31mno\u{1b}[0m");
        assert_eq!(Style(false).red("no"), "no");
    }
}
