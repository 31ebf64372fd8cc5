//! Reading a request's body within bounds of size and time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::error::Error;

/// The most that a JSON body may hold.
pub const JSON_BYTES: usize = 1024 * 1024;
/// For how long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is still read of a body that is too large, and for how long, so that its sender gets to hear why it
/// was refused instead of a broken connection.
const DISCARDED_BYTES: usize = 32 * 1024 * 1024;
const DISCARDING: Duration = Duration::from_secs(5);

/// The body, if it is no larger than `limit` bytes and arrives in time.
///
/// Never keeps more than `limit`.
pub async fn read_body(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refused> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit && headers.contains_key(EXPECT)) {
        // The client asks before it sends: the answer is no.
        return Err(Refused::TooLarge { limit });
    }
    match timeout(PATIENCE, collect(body, limit, announced.unwrap_or(0))).await {
        Ok(collected) => collected,
        Err(_) => Err(Refused::TooSlow),
    }
}

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    TooLarge { limit: usize },
    TooSlow,
    BrokeOff,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooLarge { limit } => {
                Self::invalid(format!("the body is larger than {} KiB, the most that is taken", limit / 1024))
            }
            Refused::TooSlow => Self::unavailable("the body took too long to arrive; try again"),
            Refused::BrokeOff => Self::invalid("the body broke off before its end"),
        }
    }
}

async fn collect(body: Body, limit: usize, announced: usize) -> Result<Bytes, Refused> {
    let mut chunks = body.into_data_stream();
    let mut collected = Vec::with_capacity(announced.min(limit));
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refused::BrokeOff)?;
        if collected.len() + chunk.len() > limit {
            drop(collected);
            let discard = async {
                let mut discarded = 0;
                while let Some(Ok(chunk)) = chunks.next().await {
                    discarded += chunk.len();
                    if discarded > DISCARDED_BYTES {
                        return;
                    }
                }
            };
            let _ = timeout(DISCARDING, discard).await;
            return Err(Refused::TooLarge { limit });
        }
        collected.extend_from_slice(&chunk);
    }
    Ok(collected.into())
}
