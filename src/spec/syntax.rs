//! What the YAML parser complains of, in words for people.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::problem::{Problem, codes};
use super::text::{Span, Text};
use super::yaml::MAX_DEPTH;

/// The parser's complaint as a problem, with what to do where that can be told.
pub(super) fn explain(text: &Text<'_>, error: &ScanError) -> Problem {
    let span = Span::at(error.marker().byte_offset().unwrap_or(0).min(text.raw.len()));
    let (span, message, hint) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return too_deep(text, span),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            (tab(text, span), "a tab where YAML allows only spaces".into(), "indent with spaces")
        }
        ErrorKind::UnclosedQuotedScalar => (span, "the quotes are not closed".into(), ""),
        ErrorKind::InvalidQuotedScalarIndent => (
            span,
            "a text in quotes goes on here without being indented".into(),
            "is a quote missing at the end of a line before this one?",
        ),
        ErrorKind::UnclosedFlowCollection { open } => (span, format!("this `{open}` is not closed"), ""),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            span,
            "a `:` where no value can follow".into(),
            "a text that holds `: ` has to be in quotes, keys have to line up, and `[` and `{` have to be closed",
        ),
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("a text cannot begin with `{}`", character.escape_default());
            (span, message, "put the text in quotes")
        }
        ErrorKind::InvalidSimpleKey | ErrorKind::SimpleKeyExpected => (
            span,
            "a `:` is missing after this key".into(),
            "a key is followed by a colon and a space: `key: value`",
        ),
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => (
            span,
            "this line does not line up with the ones before it".into(),
            "keys of one mapping start in the same column",
        ),
        other => (span, other.to_string(), ""),
    };
    let problem = Problem::at(text, span, codes::SYNTAX, format!("this is not YAML: {message}"));
    if hint.is_empty() { problem } else { problem.hint(hint) }
}

pub(super) fn too_deep(text: &Text<'_>, span: Span) -> Problem {
    let message = format!("lists and mappings stand in each other more than {MAX_DEPTH} deep");
    Problem::at(text, span, codes::BUDGET, message)
}

/// The tab that is meant: the parser may already stand behind it.
fn tab(text: &Text<'_>, span: Span) -> Span {
    let before = text.raw.get(..span.start).unwrap_or("");
    if before.ends_with('\t') { Span::at(before.trim_end_matches('\t').len()) } else { span }
}
