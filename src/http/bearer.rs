//! Who is asking: the token in the `Authorization` header.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use secrecy::SecretString;

use crate::accounts::{Accounts, Actor};
use crate::error::{Error, Result};

/// Whoever holds the token of the request, which is counted.
///
/// `RateLimited` if it came too soon; `Unauthenticated` without a token, or with one that is unknown, revoked or expired.
pub async fn authenticate(headers: &HeaderMap, accounts: &Accounts) -> Result<Actor> {
    match bearer(headers)? {
        Some(token) => {
            let actor = accounts.authenticate(&token).await?;
            accounts.count(&actor)?;
            Ok(actor)
        }
        None => Err(Error::unauthenticated(
            "this needs a token: send `Authorization: Bearer …`; make one with `botwright token create`",
        )),
    }
}

/// The token of the request; `None` where the header is missing, `Unauthenticated` where it is no bearer's.
pub fn bearer(headers: &HeaderMap) -> Result<Option<SecretString>> {
    headers.get(AUTHORIZATION).map(|value| bearer_in(value.to_str().unwrap_or_default())).transpose()
}

/// The token in `Bearer …`, as it stands in a header or in the first message of a socket.
pub fn bearer_in(value: &str) -> Result<SecretString> {
    let token = match value.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    };
    if token.is_empty() {
        return Err(Error::unauthenticated("the authorization must read `Bearer ` and then a token"));
    }
    Ok(SecretString::from(token))
}
