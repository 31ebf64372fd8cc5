//! Pictures among files: whether one is what it says, and what is kept of it.

use bytes::Bytes;

use crate::dialog::{Picture, PictureKind};
use crate::error::{Error, Result};

/// The largest picture that is taken, in bytes: no provider takes larger ones.
pub const PICTURE_BYTES: usize = 5 << 20;

/// The picture that a content is which is told to be of that type.
///
/// # Errors
/// `Invalid`, with what is wrong: no picture that is taken, another one, too large, or one that moves.
pub fn picture_of(media_type: &str, content: Vec<u8>) -> Result<Picture> {
    let kind = PictureKind::of_type(&media_type.to_ascii_lowercase()).ok_or_else(|| {
        let shown: String = media_type.chars().take(60).collect();
        let kinds = PictureKind::ALL.map(PictureKind::media_type).join(", ");
        Error::invalid(format!("`{shown}` is no picture that is taken: send {kinds}"))
    })?;
    check(kind, &content)?;
    Ok(Picture { kind, content: Bytes::from(content) })
}

/// Whether the content is a picture of that kind, and a still one. It is not drawn: what is broken within is for the
/// model to say.
///
/// # Errors
/// `Invalid`, with what is wrong.
pub(super) fn check(kind: PictureKind, content: &[u8]) -> Result<()> {
    let announced = kind.media_type();
    match PictureKind::of_content(content) {
        Some(found) if found == kind => {}
        Some(found) => {
            let found = found.media_type();
            return Err(Error::invalid(format!("the file is announced as {announced}, and it is {found}")));
        }
        None => return Err(Error::invalid(format!("the file is no {announced}: it begins like none"))),
    }
    if content.len() > PICTURE_BYTES {
        return Err(too_large(content.len()));
    }
    if moves(kind, content) {
        return Err(Error::invalid("the picture moves: send a still one"));
    }
    Ok(())
}

/// What is said of a picture of so many bytes.
pub(super) fn too_large(bytes: usize) -> Error {
    let most = PICTURE_BYTES >> 20;
    Error::invalid(format!("a picture has at most {PICTURE_BYTES} bytes ({most} MiB), not {bytes}"))
}

/// Whether there is more than one image in it, which no model sees.
fn moves(kind: PictureKind, content: &[u8]) -> bool {
    match kind {
        PictureKind::Jpeg | PictureKind::Png => false,
        // The second bit of the flags of an extended file says so.
        PictureKind::Webp => {
            content.get(12..16) == Some(b"VP8X") && content.get(20).is_some_and(|flags| flags & 2 != 0)
        }
        PictureKind::Gif => images_of_gif(content) > 1,
    }
}

/// How many images a GIF holds: 0, 1, or 2 for more.
fn images_of_gif(content: &[u8]) -> usize {
    // A table of colours, where the flags before it say that there is one.
    let colours = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let mut at = 13 + content.get(10).map_or(0, |flags| colours(*flags));
    let mut images = 0;
    while images < 2 {
        match content.get(at) {
            // An extension: its label, then blocks.
            Some(0x21) => at = after_blocks(content, at + 2),
            // An image: its place and flags, its colours, the size of its codes, then blocks.
            Some(0x2c) => {
                images += 1;
                let flags = content.get(at + 9).copied().unwrap_or_default();
                at = after_blocks(content, at + 11 + colours(flags));
            }
            _ => break,
        }
    }
    images
}

/// The place after blocks that each begin with their length, the last with none.
fn after_blocks(content: &[u8], mut at: usize) -> usize {
    while let Some(length) = content.get(at) {
        at += 1 + usize::from(*length);
        if *length == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GIF of so many images of one pixel.
    fn gif(images: usize) -> Vec<u8> {
        let mut gif = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00".to_vec();
        for _ in 0..images {
            gif.extend(b"\x21\xf9\x04\x00\x0a\x00\x00\x00");
            gif.extend(b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00");
        }
        gif.push(0x3b);
        gif
    }

    #[test]
    fn still_pictures_are_taken_and_moving_ones_are_not() {
        assert_eq!([0, 1, 2, 3].map(|images| images_of_gif(&gif(images))), [0, 1, 2, 2]);
        check(PictureKind::Gif, &gif(1)).unwrap();
        assert!(check(PictureKind::Gif, &gif(2)).unwrap_err().message().contains("moves"));
        let webp =
            |flags: u8| [b"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00".as_slice(), &[flags]].concat();
        check(PictureKind::Webp, &webp(0x10)).unwrap();
        assert!(check(PictureKind::Webp, &webp(0x12)).is_err());
        // Cut anywhere, it is only ever one or the other.
        for end in 0..gif(3).len() {
            let _ = images_of_gif(&gif(3)[..end]);
        }
    }

    #[test]
    fn what_is_another_picture_or_none_or_too_large_is_refused() {
        let png = b"\x89PNG\r\n\x1a\nrest";
        check(PictureKind::Png, png).unwrap();
        assert!(check(PictureKind::Jpeg, png).unwrap_err().message().contains("it is image/png"));
        assert!(check(PictureKind::Png, b"Hello").unwrap_err().message().contains("no image/png"));
        let mut large = png.to_vec();
        large.resize(PICTURE_BYTES, 0);
        check(PictureKind::Png, &large).unwrap();
        large.push(0);
        assert!(check(PictureKind::Png, &large).unwrap_err().message().contains("5 MiB"));
    }
}
