//! One entry of a file of the past, in either form.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::chat::{MOST_BYTES, Past};
use crate::memory::PastSummary;

/// What is wrong, and in which line from 1.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) what: String,
}

/// The JSON of one entry, and the line that it begins in.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
}

/// What an entry says.
#[derive(Debug)]
pub(super) enum Said {
    Message(Past),
    Summary(PastSummary),
    /// A message without words.
    Nothing,
    /// What was never said: instructions, calls of tools.
    System,
}

pub(super) struct Row {
    pub(super) said: Said,
}

/// As it stands in the file: the names of both forms.
#[derive(Deserialize)]
struct Written {
    id: Option<Value>,
    #[serde(alias = "timestamp")]
    at: Option<Value>,
    speaker: Option<String>,
    role: Option<String>,
    #[serde(alias = "content")]
    text: Option<String>,
    summary: Option<String>,
}

/// The entries of a file: of a list, or a line each.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Fault> {
    if !text.trim_start().starts_with('[') {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        return Ok(lines.map(|(line, text)| Piece { line, text }).collect());
    }
    serde_json::from_str::<Vec<IgnoredAny>>(text).map_err(|error| fault(&error))?;
    Ok(entries(text))
}

/// The entries of a list that is known to be JSON.
fn entries(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut depth, mut line) = (0_usize, 1);
    let (mut in_string, mut escaped) = (false, false);
    let mut begin: Option<(usize, usize)> = None;
    for (at, byte) in text.bytes().enumerate() {
        line += usize::from(byte == b'\n');
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        let is_end = depth == 1 && matches!(byte, b',' | b']');
        if let Some((from, line)) = begin.filter(|_| is_end) {
            found.push(Piece { line, text: &text[from..at] });
            begin = None;
        } else if depth == 1 && begin.is_none() && !is_end && !byte.is_ascii_whitespace() {
            begin = Some((at, line));
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

fn fault(error: &serde_json::Error) -> Fault {
    let what = error.to_string();
    // The place is told by us, counted in the file.
    let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
    Fault { line: error.line().max(1), what: what.to_owned() }
}

impl Row {
    /// Reads one entry; dates without a timezone are of `timezone`.
    pub(super) fn read(text: &str, timezone: Tz) -> Result<Self, Fault> {
        let written: Written = serde_json::from_str(text).map_err(|error| fault(&error))?;
        let said = written.said(timezone).map_err(|what| Fault { line: 1, what })?;
        Ok(Self { said })
    }
}

impl Written {
    fn said(self, timezone: Tz) -> Result<Said, String> {
        let at = self.at.filter(|at| !at.is_null()).map(|at| time(&at, timezone)).transpose()?;
        if let Some(summary) = self.summary {
            let text = clean(&summary);
            return Ok(if text.trim().is_empty() {
                Said::Nothing
            } else {
                Said::Summary(PastSummary { at, text })
            });
        }
        let text = clean(&self.text.ok_or("`text` is missing")?);
        let at = at.ok_or("`at` is missing: when was it said?")?;
        let by_bot = match self.role.as_deref().unwrap_or("person") {
            "person" | "user" | "human" => false,
            "bot" | "assistant" | "ai" | "model" => true,
            "system" | "developer" | "tool" | "function" => return Ok(Said::System),
            other => {
                return Err(format!(
                    "`{other}` is no role: person (or user), bot (or assistant), system, tool"
                ));
            }
        };
        if text.trim().is_empty() {
            return Ok(Said::Nothing);
        }
        if text.len() > MOST_BYTES {
            return Err(format!(
                "the message is {} kB large, and {} kB is the most: cut it into several",
                text.len().div_ceil(1_000),
                MOST_BYTES / 1_000
            ));
        }
        let speaker = self.speaker.map(|name| clean(name.trim())).filter(|name| !name.is_empty());
        Ok(Said::Message(Past { id: id(self.id)?, at, by_bot, speaker, text, twin: 0 }))
    }
}

/// Postgres holds no NUL in text.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn id(id: Option<Value>) -> Result<Option<String>, String> {
    match id {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(Value::String(id)) if (1..=500).contains(&id.len()) => Ok(Some(clean(&id))),
        Some(other) => Err(format!("`{other}` is no id: a text of 1 to 500 bytes, or a number")),
    }
}

/// `2024-05-01T10:00:00+03:00`, without a timezone, with a blank in its middle, a date alone, or seconds
/// since 1970.
fn time(written: &Value, timezone: Tz) -> Result<DateTime<Utc>, String> {
    let known = match written {
        Value::Number(seconds) => seconds.as_f64().and_then(since_1970),
        Value::String(text) => spelled(text.trim(), timezone),
        _ => None,
    };
    let shown = written.as_str().map_or_else(|| written.to_string(), str::to_owned);
    known.ok_or_else(|| {
        format!("`{shown}` is no date: 2024-05-01T10:00:00+03:00, 2024-05-01 10:00 or seconds since 1970")
    })
}

fn since_1970(seconds: f64) -> Option<DateTime<Utc>> {
    // Beyond the year 5138 it can only be milliseconds.
    let seconds = if seconds.abs() >= 1e11 { seconds / 1_000.0 } else { seconds };
    #[expect(clippy::cast_possible_truncation, reason = "below 1e11 seconds, microseconds fit into 64 bits")]
    let micros = (seconds * 1e6) as i64;
    DateTime::from_timestamp_micros(micros).filter(|_| seconds.is_finite() && seconds.abs() < 1e11)
}

fn spelled(text: &str, timezone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let mut plain = forms.iter().filter_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let plain = plain.next().or_else(date)?;
    // An hour that the clocks skipped or repeated: the earlier reading, or the same hour in UTC.
    let at = timezone.from_local_datetime(&plain).earliest();
    Some(at.map_or_else(|| plain.and_utc(), |at| at.with_timezone(&Utc)))
}
