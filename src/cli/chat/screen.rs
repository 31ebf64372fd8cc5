//! A reply as it appears on a terminal.

use crate::cli::terminal::{Style, Terminal};

/// Writes a reply piece by piece, and remembers whether the line is finished.
pub(super) struct Screen<'t> {
    terminal: &'t Terminal,
    style: Style,
    /// Whether something stands on the present line.
    open: bool,
}

impl<'t> Screen<'t> {
    pub(super) fn new(terminal: &'t Terminal) -> Self {
        Self { terminal, style: terminal.style(), open: false }
    }

    /// More of the reply.
    pub(super) fn text(&mut self, text: &str) -> std::io::Result<()> {
        let text = harmless(text);
        if let Some(last) = text.chars().last() {
            self.open = last != '\n';
        }
        self.terminal.write(&text)
    }

    /// A line about the reply.
    pub(super) fn note(&mut self, text: &str) -> std::io::Result<()> {
        self.end()?;
        self.terminal.line(self.style.dim(&harmless(text)))
    }

    /// A line about what went wrong.
    pub(super) fn trouble(&mut self, text: &str) -> std::io::Result<()> {
        self.end()?;
        self.terminal.line(format!("{} {}", self.style.red("error:"), harmless(text)))
    }

    /// Finishes the present line.
    pub(super) fn end(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.open) { self.terminal.write("\n") } else { Ok(()) }
    }
}

/// Text without what would command the terminal: a model may say anything.
pub(in crate::cli) fn harmless(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_model_cannot_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\tc\nd\r\u{7}é\u{9b}1m"), "a[2Jb\tc\ndé1m");
    }
}
