//! `--server` and `--token`: a command that acts on a server instead of on this machine, through its API.

mod api;
mod socket;

use clap::Args;
use secrecy::SecretString;

use crate::config::Config;
use crate::error::{Error, Result};

pub(super) use api::Api;

/// Which server, if any.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The server to act on, such as https://bots.example.com; without it, the database of this machine
    #[arg(long = "server", value_name = "URL")]
    url: Option<String>,
    /// A token of that server; or set BOTWRIGHT_TOKEN, which no list of processes shows
    #[arg(long, value_name = "TOKEN", requires = "url")]
    token: Option<SecretString>,
}

/// Where a server is, and what opens it.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// With its scheme and without a slash at the end.
    pub(super) url: String,
    pub(super) token: SecretString,
}

impl Server {
    /// The server that is meant; `None` for this machine.
    pub(super) fn address(&self, config: &Config) -> Result<Option<Address>> {
        let Some(url) = &self.url else { return Ok(None) };
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Error::invalid(format!("`{url}` is no address: it begins with https:// or http://")));
        }
        let token = self.token.clone().or_else(|| config.token.clone()).ok_or_else(|| {
            Error::unauthenticated(
                "a server asks for a token: give --token, or set BOTWRIGHT_TOKEN; on the server, `botwright token \
                 create` makes one",
            )
        })?;
        Ok(Some(Address { url, token }))
    }
}
