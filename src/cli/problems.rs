//! Reading a folder of bots, and saying what is wrong with it in the form that was asked for.

use std::io;
use std::path::Path;

use crate::cli::output::CiFormat;
use crate::cli::terminal::{Style, Terminal};
use crate::error::Result;
use crate::spec::{self, Bundle, Parsed, Problem};
use crate::sync::folder;

pub(super) use crate::spec::Project;

/// A folder that was read.
pub(super) struct Found {
    /// There if nothing is wrong but for warnings.
    pub(super) project: Option<Project>,
    pub(super) problems: Vec<Problem>,
    /// What was read.
    pub(super) bundle: Bundle,
    /// What stands before the paths of problems.
    root: String,
}

/// Reads the folder. An error only if it cannot be read at all.
pub(super) fn read(dir: &Path) -> Result<Found> {
    let bundle = folder::read(dir)?;
    let Parsed { project, problems } = spec::parse(&bundle);
    Ok(Found { project, problems, bundle, root: dir.display().to_string() })
}

impl Found {
    /// Writes every problem: to people on stderr, to programs on stdout.
    pub(super) fn write(&self, terminal: &Terminal, format: CiFormat) -> io::Result<()> {
        match format {
            CiFormat::Human => talk(terminal, &self.problems, &self.root),
            CiFormat::Json => terminal.json(&spec::to_json(&self.problems, &self.root))?,
            CiFormat::Github => {
                for problem in &self.problems {
                    terminal.write(&spec::github(problem, &self.root))?;
                }
            }
        }
        Ok(())
    }

    /// Says warnings of a folder that is valid; stdout is kept for what the command is about.
    pub(super) fn warn(&self, terminal: &Terminal, format: CiFormat) -> io::Result<()> {
        match format {
            CiFormat::Github => self.write(terminal, format),
            CiFormat::Human | CiFormat::Json => {
                talk(terminal, &self.problems, &self.root);
                Ok(())
            }
        }
    }
}

/// Says every problem, and how many there are.
pub(super) fn talk(terminal: &Terminal, problems: &[Problem], root: &str) {
    if problems.is_empty() {
        return;
    }
    for problem in problems {
        terminal.talk(coloured(terminal.talk_style(), &spec::render(problem, root), problem.is_error()));
    }
    terminal.talk(spec::summary(problems));
}

/// The first line in the colour of its weight, the carets too.
fn coloured(style: Style, text: &str, is_error: bool) -> String {
    let paint = |line: &str| if is_error { style.red(line) } else { style.yellow(line) };
    let line = |(index, line): (usize, &str)| {
        let marks = line.trim_start_matches([' ', '|']);
        if index == 0 {
            match line.split_once(": ") {
                Some((label, rest)) => format!("{} {}\n", paint(&format!("{label}:")), style.bold(rest)),
                None => format!("{line}\n"),
            }
        } else if marks.starts_with('^') {
            format!("{}{}\n", &line[..line.len() - marks.len()], paint(marks))
        } else {
            format!("{line}\n")
        }
    };
    text.lines().enumerate().map(line).collect()
}
