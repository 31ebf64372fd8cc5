//! Where a text is cut into messages.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::html::{self, Added};
use super::rich::{Kind, Look, Rich};

/// How much a message may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// UTF-16 units of what can be seen.
    pub(super) units: usize,
    /// Bytes of HTML. Telegram refuses more than 32,768.
    pub(super) bytes: usize,
    /// Formatted stretches. Telegram forgets those after the hundredth.
    pub(super) tags: usize,
}

pub(super) const MESSAGE: Limits = Limits { units: super::MESSAGE_UNITS, bytes: 32_000, tags: 100 };

impl Limits {
    pub(super) fn of(units: usize) -> Self {
        Self { units, ..MESSAGE }
    }
}

/// Places to cut at, from the best to the worst.
#[derive(Clone, Copy)]
enum Place {
    Paragraph,
    Line,
    Sentence,
    Word,
}

/// Cuts a text into ranges that fit, and that show something. `limits` are asked for each part by its number.
pub(super) fn split(rich: &Rich, limits: impl Fn(usize) -> Limits) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = skip(rich, 0, false);
    while start < rich.text.len() {
        let end = cut(rich, start, limits(parts.len()));
        let shown = start..start + rich.text[start..end].trim_end().len();
        if !blank(&rich.text[shown.clone()]) {
            parts.push(shown);
        }
        start = skip(rich, end, true);
    }
    parts
}

/// Whether Telegram would say that there is no text.
pub(super) fn blank(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{2064}')
            || matches!(c, '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{fffc}' | '\u{fe00}'..='\u{fe0f}')
            || matches!(c, '\u{e0000}'..='\u{e007f}' | '\u{33f}' | '\u{333}' | '\u{30a}' | '\u{34f}' | '\u{ad}')
    })
}

/// Where the next part begins: white space at a cut is dropped, but the indentation of code is not.
fn skip(rich: &Rich, from: usize, after_cut: bool) -> usize {
    let mut at = from;
    for (text, look) in rich.stretches(from..rich.text.len()) {
        let code = matches!(look.kind, Kind::Pre(_) | Kind::Code);
        for c in text.chars() {
            let droppable = if code { after_cut && at == from && c == '\n' } else { c.is_whitespace() };
            if !droppable {
                return at;
            }
            at += c.len_utf8();
        }
    }
    at
}

/// The end of the part that begins at `start`; always beyond it.
fn cut(rich: &Rich, start: usize, limits: Limits) -> usize {
    let mut walk = Walk::new(rich, start);
    // For each kind of place, the last one that fits.
    let mut places = [start; 4];
    let mut before = "";
    // No UTF-16 unit takes more than three bytes of UTF-8: the cut lies in there.
    let window = rich.text.floor_char_boundary(start + 3 * limits.units + 16);
    for (offset, cluster) in rich.text[start..window].grapheme_indices(true) {
        let at = start + offset;
        if at > start
            && let Some(place) = walk.place(before, at, cluster)
        {
            places[place as usize] = at;
        }
        if !walk.take(cluster, limits) {
            return best(places, start, at, || first_fitting(rich, start, limits));
        }
        before = cluster;
    }
    rich.text.len()
}

/// The best of the places that leave the part at least half as long as it could be; a word's end wherever it is.
fn best(places: [usize; 4], start: usize, end: usize, first: impl Fn() -> usize) -> usize {
    let half = start + (end - start) / 2;
    let good = places.into_iter().find(|place| *place > half);
    let word = Some(places[Place::Word as usize]).filter(|word| *word > start + (end - start) / 4);
    match good.or(word) {
        Some(place) => place,
        None if end > start => end,
        None => first(),
    }
}

/// As many characters of a cluster as fit, where it does not as a whole; at least one.
fn first_fitting(rich: &Rich, start: usize, limits: Limits) -> usize {
    let mut walk = Walk::new(rich, start);
    let mut end = start;
    for c in rich.text[start..].chars() {
        let next = end + c.len_utf8();
        if !walk.take(&rich.text[end..next], limits) && end > start {
            return end;
        }
        end = next;
    }
    end
}

/// Goes through a text and counts what a message of it would hold.
struct Walk<'a> {
    rich: &'a Rich,
    at: usize,
    /// The run in which the next character stands.
    run: usize,
    /// The look of the last character.
    look: Option<&'a Look>,
    units: usize,
    bytes: usize,
    tags: usize,
}

impl<'a> Walk<'a> {
    fn new(rich: &'a Rich, start: usize) -> Self {
        let run = rich.runs.partition_point(|run| run.end <= start);
        Self { rich, at: start, run, look: None, units: 0, bytes: 0, tags: 0 }
    }

    /// Goes on by some text; whether everything so far fits.
    fn take(&mut self, text: &str, limits: Limits) -> bool {
        for c in text.chars() {
            while self.rich.runs.get(self.run).is_some_and(|run| run.end <= self.at) {
                self.run += 1;
            }
            let look = self.rich.runs.get(self.run).map(|run| &run.look);
            if let Some(next) = look
                && self.look != look
            {
                let Added { bytes, tags } = html::added(self.look, next);
                self.bytes += bytes;
                self.tags += tags;
                self.look = look;
            }
            self.units += c.len_utf16();
            self.bytes += html::bytes(c);
            self.at += c.len_utf8();
        }
        self.units <= limits.units && self.bytes <= limits.bytes && self.tags <= limits.tags
    }

    /// What kind of place it is before the cluster at `at`, which is the next to be taken.
    fn place(&self, before: &str, at: usize, cluster: &str) -> Option<Place> {
        let run = self.rich.runs[self.run..].iter().find(|run| run.end > at)?;
        let code = matches!(run.look.kind, Kind::Pre(_) | Kind::Code);
        if cluster.starts_with(['\n', '\r']) {
            let wide = !code && !run.look.keep && self.rich.text[at + cluster.len()..].starts_with('\n');
            return Some(if wide { Place::Paragraph } else { Place::Line });
        }
        let space = cluster.starts_with(char::is_whitespace);
        let ends = |marks: &[char]| before.starts_with(marks);
        match (code, space) {
            (false, true) if ends(&['.', '!', '?', '…', ';', ':']) => Some(Place::Sentence),
            (false, false) if ends(&['。', '！', '？', '；']) => Some(Place::Sentence),
            (_, true) => Some(Place::Word),
            _ => None,
        }
    }
}
