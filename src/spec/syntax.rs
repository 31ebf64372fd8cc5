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
        ErrorKind::UnexpectedCharacter { character: '\0' } => (
            span,
            "a NUL character stands here".into(),
            "it is invisible: take it out, or save the file anew as text",
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
        other => match unbalanced(other) {
            Some((message, hint)) => (span, message.into(), hint),
            None => (span, other.to_string(), ""),
        },
    };
    let problem = Problem::at(text, span, codes::SYNTAX, format!("this is not YAML: {message}"));
    if let (ErrorKind::MappingValueNotAllowed, Some(quoted)) = (error.kind(), in_quotes(text, span)) {
        return problem.hint(format!("a text that holds `: ` has to be in quotes: `{quoted}`"));
    }
    if hint.is_empty() { problem } else { problem.hint(hint) }
}

pub(super) fn too_deep(text: &Text<'_>, span: Span) -> Problem {
    let message = format!("lists and mappings stand in each other more than {MAX_DEPTH} deep");
    Problem::at(text, span, codes::BUDGET, message)
}

/// Quotes and brackets that do not pair up: what is wrong, and what to do.
fn unbalanced(kind: &ErrorKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        ErrorKind::InvalidTrailingSingleQuotedScalar => (
            "a text in quotes ends here, and the line goes on",
            "an apostrophe ends a text in single quotes: use double quotes, or write `''`",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "a text in quotes ends here, and the line goes on",
            r#"a quote inside of double quotes is written `\"`"#,
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "there is no such escape in double quotes",
            r"a backslash is written `\\`; in single quotes it stands for itself",
        ),
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::UnexpectedEofFlowMapping => {
            ("a `,` or a `}` is missing before this", "is a `{` in a line before this one not closed?")
        }
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => {
            ("a `,` or a `]` is missing before this", "is a `[` in a line before this one not closed?")
        }
        ErrorKind::MisplacedFlowCollectionEnd | ErrorKind::MismatchedFlowCollectionEnd { .. } => {
            ("a bracket closes here that was not opened", "a text with brackets has to be in quotes")
        }
        _ => return None,
    })
}

/// The line of `span` with its value in quotes, where a second colon in it is what is wrong.
fn in_quotes(text: &Text<'_>, span: Span) -> Option<String> {
    const LONGEST: usize = 100;
    let start = text.raw.get(..span.start)?.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let end = text.raw.get(span.start..)?.find(['\n', '\r']).map_or(text.raw.len(), |at| span.start + at);
    let line = text.shown(Span::new(start, end));
    let (key, value) = line.split_once(": ").filter(|(key, _)| start + key.len() < span.start)?;
    let plain = !value.contains(['"', '\\']) && !value.starts_with(['[', '{', '\'', '|', '>', '&', '*', '!']);
    (plain && line.len() <= LONGEST).then(|| format!("{}: \"{}\"", key.trim_start(), value.trim_end()))
}

/// The tab that is meant: the parser may already stand behind it.
fn tab(text: &Text<'_>, span: Span) -> Span {
    let before = text.raw.get(..span.start).unwrap_or("");
    if before.ends_with('\t') { Span::at(before.trim_end_matches('\t').len()) } else { span }
}
