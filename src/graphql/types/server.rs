//! The server itself.

use async_graphql::SimpleObject;

/// What this server is. Anybody may ask.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ServerInfo {
    /// Of Botwright: `0.1.0`.
    version: &'static str,
    /// Apps of an older version than this must be updated before they can talk to this server.
    min_client_version: &'static str,
    /// What this server can do, beyond what every version can. Clients must pass over words that they do not know.
    features: Vec<&'static str>,
}

impl ServerInfo {
    pub(in crate::graphql) fn of_this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            min_client_version: "0.1.0",
            features: vec![
                "graphql-transport-ws",
                "turn-events",
                "conversation-events",
                "changes",
                "search",
                "recall",
                "bots-as-code",
            ],
        }
    }
}
