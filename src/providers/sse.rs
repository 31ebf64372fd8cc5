//! Server-sent events: from bytes to the data of each event, with a cap on what is kept.

/// The longest event that is accepted, in bytes.
const LONGEST_EVENT: usize = 1 << 20;

/// Cuts a byte stream into events. Comments, names and ids are dropped: what we read says it in its data.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    line: Vec<u8>,
    data: String,
    /// The last byte was a carriage return, so a line feed that follows belongs to it.
    after_return: bool,
}

impl Decoder {
    /// The data of every event that `bytes` completes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, &'static str> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_line = match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.after_return = byte == b'\r';
            if ends_line {
                events.extend(self.end_line()?);
            } else {
                self.line.push(byte);
                if self.line.len() > LONGEST_EVENT {
                    return Err("an endless line");
                }
            }
        }
        Ok(events)
    }

    /// What is left at the end: an event whose closing empty line never came.
    pub(super) fn finish(mut self) -> Option<String> {
        if !self.line.is_empty() {
            self.end_line().ok()?;
        }
        (!self.data.is_empty()).then_some(self.data)
    }

    fn end_line(&mut self) -> Result<Option<String>, &'static str> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return Ok((!data.is_empty()).then_some(data));
        }
        let line = std::str::from_utf8(&line).map_err(|_| "bytes that are not UTF-8")?;
        if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            if self.data.len() > LONGEST_EVENT {
                return Err("an endless event");
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_and_every_cut_gives_the_same_events() {
        let expected = vec!["{\"a\":\"ї\"}".to_owned(), "one\ntwo".to_owned(), "[DONE]".to_owned()];
        let text =
            ": ping\n\ndata: {\"a\":\"ї\"}\n\nevent: x\ndata:one\ndata: two\nid: 1\n\n\ndata: [DONE]\n\n";
        for line_end in ["\n", "\r\n", "\r"] {
            let bytes = text.replace('\n', line_end).into_bytes();
            for size in 1..=bytes.len() {
                let mut decoder = Decoder::default();
                let events: Vec<String> =
                    bytes.chunks(size).flat_map(|chunk| decoder.push(chunk).unwrap()).collect();
                assert_eq!(events, expected, "{line_end:?} {size}");
                assert_eq!(decoder.finish(), None);
            }
        }
    }

    #[test]
    fn keeps_what_is_unfinished_and_refuses_what_is_endless() {
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"data: [DONE]").unwrap().is_empty());
        assert_eq!(decoder.finish().as_deref(), Some("[DONE]"));
        let mut decoder = Decoder::default();
        assert!(decoder.push(b"data: [DONE]\n").unwrap().is_empty());
        assert_eq!(decoder.finish().as_deref(), Some("[DONE]"));
        assert!(Decoder::default().push(&[b'x'; LONGEST_EVENT + 1]).is_err());
        assert!(Decoder::default().push(b"data: \xff\n").is_err());
        let mut lines = Decoder::default();
        assert!((0..3000).any(|_| lines.push(format!("data: {}\n", "x".repeat(500)).as_bytes()).is_err()));
    }
}
