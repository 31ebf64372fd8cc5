//! Where a command does its work: on a server, or on this machine's database.

use crate::accounts::{Actor, OPERATORS_ACCOUNT};
use crate::app::App;
use crate::cli::Here;
use crate::cli::server::Server;
use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(super) struct Place {
    #[command(flatten)]
    pub(super) server: Server,
    /// The account that it is about, on this machine
    #[arg(long, default_value = OPERATORS_ACCOUNT, conflicts_with = "url")]
    account: String,
}

impl Place {
    /// Does something as the account's operator, beside whatever serves from the same database.
    pub(super) async fn on_this_machine<T>(
        &self,
        here: &Here,
        what: impl AsyncFnOnce(&App, Actor) -> Result<T>,
    ) -> Result<T> {
        let app = App::start(&here.config, here.options()).await?;
        let done = async {
            let actor = app.accounts().operator(&self.account).await?;
            what(&app, actor).await
        }
        .await;
        app.end().await?;
        done
    }
}
