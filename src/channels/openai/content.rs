//! What a message holds: words, as a string or as a list of parts, and a person's pictures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::fields::Fields;
use super::refusal::Refusal;
use crate::chat::picture_of;
use crate::dialog::Picture;

/// The content of one message.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) pictures: Vec<Picture>,
    /// Where the first of them stands.
    pub(super) pictured: Option<String>,
}

/// A string, or a list of parts that are text.
pub(super) fn text_of(message: Fields<'_, '_>, name: &str) -> Result<Option<String>, Refusal> {
    Ok(read(message, name, false)?.map(|content| content.text))
}

/// A string, or a list of parts that are text or pictures.
pub(super) fn of_person(message: Fields<'_, '_>) -> Result<Content, Refusal> {
    let content = read(message, "content", true)?;
    content.ok_or_else(|| message.wrong("content", "a string or a list of parts"))
}

fn read(message: Fields<'_, '_>, name: &str, may_show: bool) -> Result<Option<Content>, Refusal> {
    let parts = match message.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => {
            return Ok(Some(Content { text: text.clone(), ..Content::default() }));
        }
        Some(Value::Array(parts)) => parts,
        Some(_) => return Err(message.wrong(name, "a string or a list of parts")),
    };
    let mut texts = Vec::with_capacity(parts.len());
    let mut content = Content::default();
    for (index, value) in parts.iter().enumerate() {
        let place = message.place(&format!("{name}[{index}]"));
        let part = Fields::at(&place, value)?;
        match part.needed_text("type")? {
            "text" | "input_text" | "output_text" => {
                let text = part.text("text")?;
                texts.push(text.ok_or_else(|| part.wrong("text", "a string"))?);
            }
            "refusal" => texts.extend(part.text("refusal")?),
            "image_url" if may_show => {
                content.pictures.push(picture(part)?);
                content.pictured.get_or_insert(place);
            }
            kind => {
                let which = if may_show { "text and `image_url`" } else { "text, in messages of this role," };
                let message =
                    format!("parts of the type `{kind}` are not taken: bots take {which} only so far");
                return Err(Refusal::unsupported(part.place("type"), message));
            }
        }
    }
    content.text = texts.join("\n");
    Ok(Some(content))
}

/// A picture that is brought along: `data:image/png;base64,…`. Nothing is fetched from anywhere.
fn picture(part: Fields<'_, '_>) -> Result<Picture, Refusal> {
    let place = part.place("image_url");
    let source = part.get("image_url").ok_or_else(|| part.wrong("image_url", "an object"))?;
    let source = Fields::at(&place, source)?;
    let url = source.needed_text("url")?;
    let place = source.place("url");
    let Some(data) = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(url.get(5..))
    else {
        let message = format!("`{place}` must be a `data:` URI: nothing is fetched from other addresses");
        return Err(Refusal::unsupported(place, message));
    };
    let (head, data) = data.split_once(',').unwrap_or((data, ""));
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Err(source.wrong("url", "in base64: `data:image/png;base64,…`"));
    };
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let content = STANDARD.decode(data.trim());
    let content = content.map_err(|error| source.wrong("url", &format!("right base64 ({error})")))?;
    picture_of(media_type, content).map_err(|error| {
        Refusal::invalid(place.clone(), format!("`{place}` cannot be taken: {}", error.message()))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(parts: Value) -> Result<Content, Value> {
        let message = json!({ "role": "user", "content": parts });
        let content = of_person(Fields::at("messages[0]", &message).unwrap());
        content.map_err(|refusal| refusal.body()["error"].take())
    }

    fn shown(url: &str) -> Value {
        json!([{ "type": "text", "text": "Look" }, { "type": "image_url", "image_url": { "url": url, "detail": "low" } }])
    }

    #[test]
    fn pictures_come_as_data_and_in_no_other_way() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
        for head in ["data:image/png;base64", "DATA:Image/PNG;charset=x;base64"] {
            let content = read(shown(&format!("{head},{png}"))).unwrap();
            assert_eq!((content.text.as_str(), content.pictures.len()), ("Look", 1));
            assert_eq!(content.pictures[0].content, b"\x89PNG\r\n\x1a\nrest".as_slice());
            assert_eq!(content.pictured.as_deref(), Some("messages[0].content[1]"));
        }
        for (url, words) in [
            ("https://e.org/cat.png".to_owned(), "nothing is fetched"),
            ("http://127.0.0.1/cat.png".to_owned(), "nothing is fetched"),
            ("cat".to_owned(), "nothing is fetched"),
            ("data:image/png,abc".to_owned(), "base64"),
            ("data:image/png;base64,?".to_owned(), "base64"),
            (format!("data:image/jpeg;base64,{png}"), "it is image/png"),
            (format!("data:image/tiff;base64,{png}"), "image/jpeg, image/png, image/webp, image/gif"),
            ("data:image/png;base64,".to_owned(), "no image/png"),
            ("data:".to_owned(), "base64"),
            ("ї".to_owned(), "nothing is fetched"),
        ] {
            let error = read(shown(&url)).unwrap_err();
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(words), "{url}: {message}");
            assert_eq!(error["param"], "messages[0].content[1].image_url.url", "{url}");
        }
        let error = read(json!([{ "type": "image_url", "image_url": "https://e.org" }])).unwrap_err();
        assert_eq!(error["param"], "messages[0].content[0].image_url");
        let error = read(json!([{ "type": "input_audio" }])).unwrap_err();
        assert_eq!(error["code"], "unsupported_parameter");
    }
}
