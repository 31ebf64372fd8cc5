//! Pictures, as a model is shown them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The kinds of pictures that are taken: what most models that see can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PictureKind {
    Jpeg,
    Png,
    Webp,
    Gif,
}

impl PictureKind {
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Webp, Self::Gif];

    /// `image/png`
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }

    /// The kind that a media type in small letters names.
    pub fn of_type(media_type: &str) -> Option<Self> {
        // Not registered, and yet often seen.
        let media_type = if media_type == "image/jpg" { "image/jpeg" } else { media_type };
        Self::ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }

    /// The kind of a content, by how it begins.
    pub fn of_content(content: &[u8]) -> Option<Self> {
        match content {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// A name for a picture that came without one.
    pub fn default_name(self) -> &'static str {
        match self {
            Self::Jpeg => "photo.jpg",
            Self::Png => "picture.png",
            Self::Webp => "picture.webp",
            Self::Gif => "picture.gif",
        }
    }
}

/// A picture. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Picture {
    pub kind: PictureKind,
    pub content: Bytes,
}

impl Picture {
    /// What a picture counts as, in tokens. Models count by its size, each its own way, and the same picture takes
    /// less with most: this is about the most that Claude counts at its usual resolution
    /// (<https://platform.claude.com/docs/en/build-with-claude/vision>). With GPT-4o a square of 1,024 pixels takes 765
    /// (<https://platform.openai.com/docs/guides/images-vision>), with Gemini a picture takes 258 to 1,120
    /// (<https://docs.cloud.google.com/vertex-ai/docs/generative-ai/image/image-captioning>).
    pub const TOKENS: usize = 1_600;

    /// The content in base64, as providers want it.
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.content)
    }
}

/// Without its content, which nobody can read.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}, {} bytes)", self.kind.media_type(), self.content.len())
    }
}

/// A picture as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    media_type: String,
    data: String,
}

impl From<Picture> for Written {
    fn from(picture: Picture) -> Self {
        Self { media_type: picture.kind.media_type().into(), data: picture.base64() }
    }
}

impl TryFrom<Written> for Picture {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let kind = PictureKind::of_type(&written.media_type);
        let kind = kind.ok_or_else(|| format!("`{}` is no picture", written.media_type))?;
        let content = STANDARD.decode(written.data).map_err(|error| error.to_string())?;
        Ok(Self { kind, content: content.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_how_a_content_begins_and_by_nothing_else() {
        let table: [(&[u8], Option<PictureKind>); 9] = [
            (b"\xff\xd8\xff\xe0rest", Some(PictureKind::Jpeg)),
            (b"\x89PNG\r\n\x1a\nrest", Some(PictureKind::Png)),
            (b"RIFF\x10\x00\x00\x00WEBPVP8 ", Some(PictureKind::Webp)),
            (b"GIF89arest", Some(PictureKind::Gif)),
            (b"RIFF\x10\x00\x00\x00WAVEfmt ", None),
            (b"\x89PNG", None),
            (b"GIF88a", None),
            (b"%PDF-1.7", None),
            (b"", None),
        ];
        for (content, kind) in table {
            assert_eq!(PictureKind::of_content(content), kind, "{content:?}");
        }
        for kind in PictureKind::ALL {
            assert_eq!(PictureKind::of_type(kind.media_type()), Some(kind));
        }
        assert_eq!(PictureKind::of_type("image/svg+xml"), None);
    }

    #[test]
    fn a_picture_is_written_and_read_again_and_its_content_is_not_shown() {
        let picture = Picture { kind: PictureKind::Png, content: Bytes::from_static(b"\x00\xff\x01") };
        let written = serde_json::to_value(&picture).unwrap();
        assert_eq!(written, serde_json::json!({ "mediaType": "image/png", "data": "AP8B" }));
        assert_eq!(serde_json::from_value::<Picture>(written).unwrap(), picture);
        assert_eq!(format!("{picture:?}"), "Picture(image/png, 3 bytes)");
        let odd = serde_json::json!({ "mediaType": "text/plain", "data": "AP8B" });
        assert!(serde_json::from_value::<Picture>(odd).is_err());
    }
}
