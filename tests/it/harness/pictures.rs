//! What models are shown.

use botwright::dialog::{Part, Request};

/// The pictures of a request, in order.
pub(crate) fn shown(request: &Request) -> Vec<Vec<u8>> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let pictures = parts.filter_map(|part| match part {
        Part::Picture(picture) => Some(picture.content.to_vec()),
        _ => None,
    });
    pictures.collect()
}
