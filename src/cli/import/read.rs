//! Reading the files of an import: all of them, before anything is written.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::rows::{self, Row, Said};
use crate::chat::Past;
use crate::error::{Error, Result};
use crate::memory::PastSummary;

/// What the files hold.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) past: Vec<Past>,
    /// Oldest first.
    pub(super) summaries: Vec<PastSummary>,
    /// How many entries said nothing, and how many were of the system or of tools.
    pub(super) empty: usize,
    pub(super) system: usize,
    /// Where each id stands.
    ids: HashMap<String, usize>,
    places: Vec<String>,
}

/// Reads all of them.
///
/// # Errors
/// `Invalid`, with the file and the line, for what cannot be read.
pub(super) fn files(paths: &[PathBuf], timezone: Tz) -> Result<Read> {
    let mut read = Read::default();
    for path in paths {
        let wrong =
            |error: std::io::Error| Error::invalid(format!("{}: {error}", path.display())).with_source(error);
        let text = fs::read_to_string(path).map_err(wrong)?;
        read.file(path, &text, timezone)?;
    }
    // Those without a date come first, in the order of their file.
    read.summaries.sort_by_key(|summary| summary.at);
    read.summaries.dedup();
    Ok(read)
}

impl Read {
    fn file(&mut self, path: &Path, text: &str, timezone: Tz) -> Result<()> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let at = |line: usize| format!("{}:{line}", path.display());
        let mut twins: HashMap<Past, u32> = HashMap::new();
        for piece in rows::pieces(text)
            .map_err(|fault| Error::invalid(format!("{}: {}", at(fault.line), fault.what)))?
        {
            let row = Row::read(piece.text, timezone).map_err(|fault| {
                Error::invalid(format!("{}: {}", at(piece.line + fault.line - 1), fault.what))
            })?;
            match row.said {
                Said::Message(past) => {
                    let twin = twins.entry(past.clone()).or_default();
                    self.message(Past { twin: *twin, ..past }, at(piece.line))?;
                    *twin += 1;
                }
                Said::Summary(summary) => self.summaries.push(summary),
                Said::Nothing => self.empty += 1,
                Said::System => self.system += 1,
            }
        }
        Ok(())
    }

    /// Takes in a message, whose id nothing else may have.
    fn message(&mut self, past: Past, place: String) -> Result<()> {
        if let Some(id) = &past.id {
            if let Some(index) = self.ids.get(id) {
                let first = &self.past[*index];
                if (first.at, &first.text, first.by_bot) != (past.at, &past.text, past.by_bot) {
                    return Err(Error::invalid(format!(
                        "{place}: the id `{id}` is that of another message at {}",
                        self.places[*index]
                    )));
                }
            } else {
                self.ids.insert(id.clone(), self.past.len());
            }
        }
        self.past.push(past);
        self.places.push(place);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> Result<Read> {
        let mut read = Read::default();
        for (name, text) in files {
            read.file(Path::new(name), text, Tz::UTC)?;
        }
        Ok(read)
    }

    fn refusal(text: &str) -> String {
        read(&[("past", text)]).unwrap_err().to_string()
    }

    #[test]
    fn both_forms_are_read() {
        let lines = "{\"id\":\"a\",\"at\":\"2024-05-01T10:00:00+03:00\",\"speaker\":\"Olena\",\"role\":\"person\",\"text\":\"Hi\"}\n\n\
                     {\"at\":1714546800,\"role\":\"assistant\",\"text\":\"Hello\"}\n";
        let list = "[{\"role\":\"user\",\"content\":\"Hi\",\"timestamp\":\"2024-05-01T07:00:00.5\"},\n\
                     {\"role\":\"system\",\"content\":\"Obey\",\"timestamp\":\"2024-05-01 07:00:00\"},\n\
                     {\"role\":\"user\",\"content\":\" \",\"timestamp\":\"2024-05-01 07:00:00\"}]";
        let summaries =
            "[{\"summary\":\"They met.\"},{\"summary\":\"They talked.\",\"timestamp\":\"2024-05-02\"}]";
        let read = read(&[("a.jsonl", lines), ("b.json", list), ("c.json", summaries)]).unwrap();
        let said: Vec<_> = read
            .past
            .iter()
            .map(|past| (past.at.timestamp(), past.by_bot, past.speaker.as_deref(), past.text.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                (1_714_546_800, false, Some("Olena"), "Hi"),
                (1_714_546_800, true, None, "Hello"),
                (1_714_546_800, false, None, "Hi"),
            ]
        );
        assert_eq!((read.system, read.empty, read.summaries.len()), (1, 1, 2));
    }

    #[test]
    fn equal_messages_are_told_apart_by_their_number_in_each_file() {
        let twice = "{\"at\":1,\"text\":\"Hi\"}\n{\"at\":1,\"text\":\"Hi\"}\n";
        let read = read(&[("short", twice), ("whole", twice)]).unwrap();
        assert_eq!(read.past.iter().map(|past| past.twin).collect::<Vec<_>>(), [0, 1, 0, 1]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file_and_line() {
        assert_eq!(refusal("{\"at\":1,\"text\":\"Hi\"}\n{\"at\":1}"), "past:2: `text` is missing");
        assert_eq!(refusal("{\"text\":\"Hi\"}"), "past:1: `at` is missing: when was it said?");
        assert!(refusal("\n{\"at\":\"soon\",\"text\":\"Hi\"}").starts_with("past:2: `soon` is no date"));
        assert!(
            refusal("{\"at\":1,\"role\":\"cat\",\"text\":\"Hi\"}").starts_with("past:1: `cat` is no role")
        );
        assert!(refusal("[{\"role\":\"user\",\n\"timestamp\":1,\n\"content\":2}]").starts_with("past:3: "));
        assert!(refusal("[{\"role\":\"user\"},\n oops]").starts_with("past:2: "));
        assert!(refusal("words").starts_with("past:1: "));
        assert!(refusal("{\"at\":1,\"text\":\"a\\\"}").starts_with("past:1: "));
        let again = "{\"id\":1,\"at\":1,\"text\":\"Hi\"}\n{\"id\":\"1\",\"at\":1,\"text\":\"Ho\"}";
        assert_eq!(refusal(again), "past:2: the id `1` is that of another message at past:1");
    }
}
