//! Messages as they are told again, in summaries, in the index and to who recalls them: long texts in short, and of
//! pictures, which memory keeps no look of, that they were sent.

use std::collections::HashMap;

use crate::error::Result;
use crate::id::MessageId;
use crate::memory::long;
use crate::store::{Message, MessageRole, Tenant, Upload};

/// Makes of messages what is told of them; says which became documents.
pub async fn retell(tx: &mut Tenant, messages: &mut [Message]) -> Result<Vec<MessageId>> {
    let long = long::shorten(tx, messages.iter_mut()).await?;
    let ids: Vec<MessageId> =
        messages.iter().filter(|message| may_show(message)).map(|message| message.id).collect();
    add_pictures(messages, Upload::list_pictures_of(tx, &ids).await?);
    Ok(long)
}

fn may_show(message: &Message) -> bool {
    message.role == MessageRole::Person && message.erased_at.is_none()
}

/// `pictures`: the names of these messages', and perhaps of others, each message's in their order.
pub(super) fn add_pictures(messages: &mut [Message], pictures: Vec<(MessageId, String)>) {
    let mut names: HashMap<MessageId, Vec<String>> = HashMap::new();
    for (message, name) in pictures {
        names.entry(message).or_default().push(name);
    }
    for message in messages.iter_mut().filter(|message| may_show(message)) {
        if let Some(names) = names.get(&message.id) {
            message.text = with_pictures(&message.text, names);
        }
    }
}

/// `Our flat [a picture: photo.jpg]`
fn with_pictures(text: &str, names: &[String]) -> String {
    let told = names.iter().map(|name| format!("[a picture: {}]", name.replace(['\n', '[', ']'], " ")));
    let words = Some(text.to_owned()).filter(|text| !text.is_empty());
    words.into_iter().chain(told).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::with_pictures;

    #[test]
    fn a_picture_is_a_short_line_beside_its_words() {
        let names = ["flat.jpg".to_owned(), "a]\n[b.png".to_owned()];
        let told = "Our flat [a picture: flat.jpg] [a picture: a   b.png]";
        assert_eq!(with_pictures("Our flat", &names), told);
        assert_eq!(with_pictures("", &names[..1]), "[a picture: flat.jpg]");
    }
}
