//! What is wrong, and where: one `Problem` per finding, ready to be shown in any form.

use std::cmp::Ordering;

use serde::Serialize;

use super::text::{Span, Text};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The project is not valid.
    Error,
    /// The project is valid; somebody should look.
    Warning,
}

/// One thing that is wrong in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable: `BW1002`. See [`codes`].
    pub code: &'static str,
    pub severity: Severity,
    /// Relative to the project's folder.
    pub file: String,
    /// From 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// From 1, in characters; 0 where the file as a whole is meant.
    pub column: usize,
    /// How much of the line is meant, in characters.
    pub length: usize,
    /// One sentence: lower case, no full stop, values in backticks.
    pub message: String,
    /// The line that is meant, long lines cut, credentials masked.
    pub source: Option<String>,
    /// Where the caret goes under `source`: an offset in characters.
    pub caret: usize,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// What may stand here.
    pub allowed: Vec<String>,
    /// What to do, an example, the other place.
    pub hints: Vec<String>,
}

impl Problem {
    /// An error at `span` of `text`.
    pub(super) fn at(text: &Text<'_>, span: Span, code: &'static str, message: impl Into<String>) -> Self {
        let place = text.place(span);
        let (source, caret) = text.excerpt(place);
        Self {
            line: place.line,
            column: place.column,
            length: place.length,
            source: Some(source),
            caret,
            ..Self::whole(text.path, code, message)
        }
    }

    /// An error about a file as a whole.
    pub(super) fn whole(file: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            file: file.into(),
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
            source: None,
            caret: 0,
            suggestion: None,
            allowed: Vec::new(),
            hints: Vec::new(),
        }
    }

    pub(super) fn suggest(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    pub(super) fn allow<S: Into<String>>(mut self, allowed: impl IntoIterator<Item = S>) -> Self {
        self.allowed = allowed.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// By file, line and column.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        (&self.file, self.line, self.column, self.code).cmp(&(
            &other.file,
            other.line,
            other.column,
            other.code,
        ))
    }
}

/// `value` in backticks, on one line, masked and cut.
pub(super) fn quote(value: &str) -> String {
    const LONGEST: usize = 60;
    let masked = super::credential::mask(value);
    let line = masked.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("`{}…`", line.get(..cut).unwrap_or("")),
        None => format!("`{line}`"),
    }
}

/// Every code and what it stands for. They are never reused.
pub mod codes {
    /// The file is not UTF-8.
    pub const ENCODING: &str = "BW1000";
    /// The file is not YAML.
    pub const SYNTAX: &str = "BW1001";
    /// A key that is not known here.
    pub const UNKNOWN_KEY: &str = "BW1002";
    /// A value of the wrong type.
    pub const TYPE: &str = "BW1003";
    /// A key that has to be there.
    pub const MISSING_KEY: &str = "BW1004";
    /// A value that is not one of a few.
    pub const CHOICE: &str = "BW1005";
    /// A number, a text or a list that is too small or too large.
    pub const RANGE: &str = "BW1006";
    /// The same key twice.
    pub const DUPLICATE_KEY: &str = "BW1007";
    /// More than one document in a file.
    pub const DOCUMENTS: &str = "BW1008";
    /// A part of YAML that is not read: merge keys, tags, keys that are no text.
    pub const UNSUPPORTED: &str = "BW1009";
    /// Too large, too deep or too much.
    pub const BUDGET: &str = "BW1010";
    /// A text that is not of the shape it has to be.
    pub const SHAPE: &str = "BW1011";
    /// Two keys of which only one may stand.
    pub const EXCLUSIVE: &str = "BW1012";
    /// A file that is not there.
    pub const NO_FILE: &str = "BW1201";
    /// A path that leaves the project.
    pub const OUTSIDE: &str = "BW1202";
    /// A file that is there and cannot be used.
    pub const UNREADABLE: &str = "BW1203";
    /// A file that is named or placed so that it is not read.
    pub const MISPLACED_FILE: &str = "BW1204";
    /// A text that is the name of a file.
    pub const BARE_FILE: &str = "BW1205";
    /// A name that is not known.
    pub const UNKNOWN_NAME: &str = "BW1301";
    /// The same name twice.
    pub const DUPLICATE_NAME: &str = "BW1302";
    /// A name that is not of the shape it has to be.
    pub const NAME: &str = "BW1303";
    /// A model that cannot be meant.
    pub const MODEL: &str = "BW1304";
    /// A variable in a text that is not known.
    pub const VARIABLE: &str = "BW1305";
    /// The fixed part does not fit.
    pub const FIXED_PART: &str = "BW1401";
    /// A budget inside another one that is larger than it.
    pub const RECALL_BUDGET: &str = "BW1402";
    /// A file that is not in canonical form.
    pub const UNTIDY: &str = "BW1500";
    /// A feature that is not built yet.
    pub const NOT_BUILT: &str = "BW1900";
    /// A literal that looks like a credential.
    pub const CREDENTIAL: &str = "BW3001";
}
