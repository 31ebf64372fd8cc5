//! The explorer that a browser finds at `/graphql`: GraphiQL, with a field for the token, served from the
//! binary. Nothing is loaded from anywhere else; `assets/LICENSES.txt` says whose work it is.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::Error;

/// The page itself.
pub(super) const PAGE: &str = include_str!("assets/page.html");

/// Scripts and requests from and to this server only. GraphiQL sets styles from its script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Name, type and content of what the page refers to.
const ASSETS: [(&str, &str, &str); 8] = [
    ("react.js", SCRIPT, include_str!("assets/react.js")),
    ("react-dom.js", SCRIPT, include_str!("assets/react-dom.js")),
    ("graphql-ws.js", SCRIPT, include_str!("assets/graphql-ws.js")),
    ("graphiql.js", SCRIPT, include_str!("assets/graphiql.js")),
    ("graphiql.css", STYLE, include_str!("assets/graphiql.css")),
    ("page.js", SCRIPT, include_str!("assets/page.js")),
    ("page.css", STYLE, include_str!("assets/page.css")),
    ("LICENSES.txt", TEXT, include_str!("assets/LICENSES.txt")),
];

/// The headers of the page.
pub(super) fn page_headers() -> [(HeaderName, &'static str); 2] {
    [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-cache")]
}

/// What the page refers to.
pub(super) fn router() -> Router {
    Router::new().route("/graphql/explorer/{asset}", get(asset))
}

/// Browsers keep a file and ask whether it is still the same: after an update nobody sees the old one.
async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some((_, label, content)) = ASSETS.iter().find(|(known, _, _)| *known == name) else {
        return Error::not_found("there is no such file").into_response();
    };
    let tag = format!("\"{}\"", &blake3::hash(content.as_bytes()).to_hex()[..16]);
    let kept = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let caching =
        [(ETAG, HeaderValue::from_str(&tag)), (CACHE_CONTROL, Ok(HeaderValue::from_static("no-cache")))];
    let mut response = if kept {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, *label)], *content).into_response()
    };
    for (name, value) in caching {
        if let Ok(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_refers_to_what_is_served_and_to_nothing_else() {
        let referred: Vec<_> =
            PAGE.split(['"']).filter_map(|text| text.strip_prefix("/graphql/explorer/")).collect();
        assert_eq!(referred.len(), ASSETS.len());
        assert!(ASSETS.iter().all(|(name, _, _)| referred.contains(name)));
        assert!(!PAGE.contains("//") && !PAGE.contains("<script>"), "something is inline or from elsewhere");
        let bytes: usize = ASSETS.iter().map(|(_, _, content)| content.len()).sum();
        assert!(bytes < 3 * 1024 * 1024, "{bytes} bytes");
    }

    #[tokio::test]
    async fn a_file_that_is_kept_is_not_sent_again() {
        let ask = async |tag: Option<HeaderValue>| {
            let headers = tag.map(|tag| (IF_NONE_MATCH, tag)).into_iter().collect();
            asset(Path("page.js".into()), headers).await
        };
        let first = ask(None).await;
        assert_eq!(
            (first.status(), first.headers()[CONTENT_TYPE].to_str().unwrap()),
            (StatusCode::OK, SCRIPT)
        );
        assert_eq!(ask(Some(first.headers()[ETAG].clone())).await.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(ask(Some(HeaderValue::from_static("\"old\""))).await.status(), StatusCode::OK);
        assert_eq!(asset(Path("../mod.rs".into()), HeaderMap::new()).await.status(), StatusCode::NOT_FOUND);
    }
}
