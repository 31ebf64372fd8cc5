//! Which files are taken, and whether one is what it says.

use serde::de::IgnoredAny;

use super::pictures;
use crate::dialog::PictureKind;
use crate::error::{Error, Result};

/// Texts that are taken, beside pictures.
const TEXTS: [&str; 5] = ["text/plain", "text/markdown", "text/csv", "application/json", "text/html"];

/// How well-known files that are no text begin, and what they are.
const OTHERS: [(&[u8], &str); 9] = [
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WebP image, a sound or a film"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// The type without its parameters, in small letters.
///
/// # Errors
/// `Invalid`, with the list of what is taken, for any other; and for text that is not in UTF-8.
pub(super) fn checked_type(declared: &str) -> Result<String> {
    let mut parts = declared.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    if let Some(picture) = PictureKind::of_type(&kind) {
        return Ok(picture.media_type().to_owned());
    }
    if !TEXTS.contains(&kind.as_str()) {
        let shown: String = kind.chars().take(60).collect();
        let pictures = PictureKind::ALL.map(PictureKind::media_type).join(", ");
        let texts = TEXTS.join(", ");
        return Err(Error::invalid(format!(
            "`{shown}` is not taken: send {texts}, or a picture ({pictures})"
        )));
    }
    for part in parts {
        let charset = part.to_ascii_lowercase();
        let charset = charset.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned());
        if charset.is_some_and(|name| !matches!(name.as_str(), "utf-8" | "utf8" | "us-ascii")) {
            return Err(Error::invalid("text is taken in UTF-8 only: convert the file"));
        }
    }
    Ok(kind)
}

/// Whether the content is what `kind` says.
///
/// # Errors
/// `Invalid`, with what is wrong and where.
pub(super) fn check_content(kind: &str, content: &[u8]) -> Result<()> {
    if let Some(picture) = PictureKind::of_type(kind) {
        return pictures::check(picture, content);
    }
    if let Some((_, what)) = OTHERS.iter().find(|(start, _)| content.starts_with(start)) {
        return Err(Error::invalid(format!("the file is announced as {kind}, and it is {what}")));
    }
    if let Some(at) = content.iter().position(|byte| *byte == 0) {
        return Err(Error::invalid(format!("the file holds a NUL at byte {at}, so it is no text")));
    }
    if let Err(error) = std::str::from_utf8(content) {
        let at = error.valid_up_to();
        return Err(Error::invalid(format!("the file is no UTF-8 text: byte {at} makes no character")));
    }
    if kind == "application/json"
        && let Err(error) = serde_json::from_slice::<IgnoredAny>(without_mark(content))
    {
        return Err(Error::invalid(format!("the file is no JSON: {error}")));
    }
    Ok(())
}

/// The content without the mark that some editors put before UTF-8.
fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_taken_with_their_parameters_and_others_are_refused_with_the_list() {
        for (declared, kind) in [
            ("text/plain", "text/plain"),
            ("Text/Markdown; charset=UTF-8", "text/markdown"),
            ("text/csv;header=present", "text/csv"),
            ("Image/PNG", "image/png"),
            ("image/jpg", "image/jpeg"),
        ] {
            assert_eq!(checked_type(declared).unwrap(), kind);
        }
        for declared in [
            "image/tiff",
            "image/svg+xml",
            "",
            "application/pdf",
            "text/plain2",
            "text/plain; charset=koi8-u",
        ] {
            let error = checked_type(declared).unwrap_err();
            assert!(
                error.message().contains("text/plain, text/markdown")
                    && error.message().contains("image/jpeg, image/png, image/webp, image/gif")
                    || declared.contains("koi8"),
                "{error}"
            );
        }
    }

    #[test]
    fn content_that_is_something_else_is_found_out() {
        let table: [(&str, &[u8], &str); 10] = [
            ("text/plain", b"%PDF-1.7", "a PDF"),
            ("text/csv", b"PK\x03\x04rest", "office document"),
            ("text/plain", b"\xff\xfeh\0i\0", "UTF-16"),
            ("text/plain", b"a\0b", "NUL at byte 1"),
            ("text/html", b"ok \xd0", "byte 3"),
            ("application/json", b"{\"a\": }", "no JSON"),
            ("application/json", b"", "no JSON"),
            ("text/markdown", b"\x89PNG\r\n", "PNG"),
            ("text/plain", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "WebP"),
            ("image/png", b"Hello", "no image/png"),
        ];
        for (kind, content, expected) in table {
            let error = check_content(kind, content).unwrap_err();
            assert!(error.message().contains(expected), "{error}");
        }
        for (kind, content) in [
            ("text/plain", "Привіт 🌍".as_bytes()),
            ("application/json", b"\xef\xbb\xbf{\"a\": [1, 2]}"),
            ("text/html", b"<p>Hi</p>"),
        ] {
            check_content(kind, content).unwrap();
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        check_content("application/json", deep.as_bytes()).unwrap();
    }
}
