//! Which of the two JSON media types the answer has.

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};

/// How an answer is labelled, and with it how failures are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status tells whether the request was executed.
    GraphQl,
    /// `application/json`, for older clients: what is wrong with a document is told with status 200.
    Json,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// What the caller would rather have; `None` if it accepts neither. A caller that does not say gets the
/// older type.
pub(super) fn negotiate(headers: &HeaderMap) -> Option<Media> {
    let ranges = ranges(headers);
    if ranges.is_empty() {
        return Some(Media::Json);
    }
    let wish = |subtype: &str| wish_for(&ranges, "application", subtype);
    match (wish("graphql-response+json"), wish("json")) {
        (graphql, json) if graphql.quality.max(json.quality) == 0 => None,
        (graphql, json) if graphql.quality > json.quality => Some(Media::GraphQl),
        // Both alike: the newer one for whoever knows its name.
        (graphql, json) if graphql.quality == json.quality && graphql.named => Some(Media::GraphQl),
        _ => Some(Media::Json),
    }
}

/// Whether a person looks: a browser asks for `text/html` by name.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    let html = wish_for(&ranges, "text", "html").by_name();
    let json = ["json", "graphql-response+json"]
        .into_iter()
        .map(|subtype| wish_for(&ranges, "application", subtype).by_name())
        .max();
    html > json.unwrap_or(0)
}

/// Whether the caller reads server-sent events.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    let ranges = ranges(headers);
    ranges.is_empty() || wish_for(&ranges, "text", "event-stream").quality > 0
}

/// Whether the body is JSON in UTF-8, by its label.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(label) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = label.split(';').map(str::trim);
    let json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = value.trim().trim_matches('"');
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    })
}

/// One range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
}

/// How much a type is wanted: not at all by default.
#[derive(Default)]
struct Wish {
    /// In thousandths.
    quality: u16,
    /// By its own name, not by a wildcard.
    named: bool,
}

impl Wish {
    fn by_name(&self) -> u16 {
        if self.named { self.quality } else { 0 }
    }
}

fn ranges(headers: &HeaderMap) -> Vec<Range<'_>> {
    let lines = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(range).collect()
}

fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let quality = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(1000, |(_, value)| thousandths(value.trim()));
    Some(Range { kind, subtype, quality })
}

fn thousandths(quality: &str) -> u16 {
    let (whole, rest) = quality.split_once('.').unwrap_or((quality, ""));
    let digits: u16 = rest
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .map(|byte| u16::from(byte.saturating_sub(b'0').min(9)))
        .fold(0, |sum, digit| sum * 10 + digit);
    if whole.trim() == "0" { digits } else { 1000 }
}

/// The most specific range decides.
fn wish_for(ranges: &[Range<'_>], kind: &str, subtype: &str) -> Wish {
    let specificity = |range: &Range<'_>| {
        let same = |ours: &str, theirs: &str| theirs.eq_ignore_ascii_case(ours);
        match (range.kind, range.subtype) {
            (theirs, sub) if same(kind, theirs) && same(subtype, sub) => Some(2),
            (theirs, "*") if same(kind, theirs) => Some(1),
            ("*", "*") => Some(0),
            _ => None,
        }
    };
    ranges
        .iter()
        .filter_map(|range| Some((specificity(range)?, range.quality)))
        .max()
        .map(|(specificity, quality)| Wish { quality, named: specificity == 2 })
        .unwrap_or_default()
}
