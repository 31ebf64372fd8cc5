//! What is wrong with a project's files, as data.

use async_graphql::{Enum, SimpleObject};

use crate::spec::{self, Problem};

/// How bad a problem is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "spec::Severity")]
pub(in crate::graphql) enum ProblemSeverity {
    /// The files are not valid.
    Error,
    /// The files are valid; somebody should look.
    Warning,
}

/// One thing that is wrong in one place.
#[derive(SimpleObject, Debug)]
pub(in crate::graphql) struct ConfigProblem {
    /// Stable: `BW1002`.
    code: &'static str,
    /// How bad it is.
    severity: ProblemSeverity,
    /// Relative to the project's folder.
    file: String,
    /// From 1; 0 where the file as a whole is meant.
    line: usize,
    /// From 1, in characters; 0 where the file as a whole is meant.
    column: usize,
    /// How much of the line is meant, in characters.
    length: usize,
    /// One sentence.
    message: String,
    /// What was probably meant.
    suggestion: Option<String>,
    /// What may stand here.
    allowed: Vec<String>,
    /// What to do, an example, the other place.
    hints: Vec<String>,
    /// The line that is meant; long ones are cut, credentials masked.
    source_line: Option<String>,
}

impl From<&Problem> for ConfigProblem {
    fn from(problem: &Problem) -> Self {
        let Problem {
            code,
            severity,
            file,
            line,
            column,
            length,
            message,
            source,
            caret: _,
            suggestion,
            allowed,
            hints,
        } = problem.clone();
        Self {
            code,
            severity: severity.into(),
            file,
            line,
            column,
            length,
            message,
            suggestion,
            allowed,
            hints,
            source_line: source,
        }
    }
}
