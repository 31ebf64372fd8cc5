//! `botwright serve`: one process of many in production.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Parser;
use tokio::sync::Notify;

use crate::app::{App, Hold, Options, Roles};
use crate::cli::Here;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::progress::Progress;
use crate::cli::serving;
use crate::config;
use crate::error::Error;

/// Serve in production: any number of processes on one PostgreSQL
#[derive(Debug, Parser)]
#[command(after_help = format!("Example:\n  DATABASE_URL=postgres://… BOTWRIGHT_MASTER_KEY=… botwright serve --roles web,worker\n\n{}", config::help()))]
pub(super) struct Args {
    /// What this process does, with commas: web, worker, scheduler; everything, if left out
    #[arg(long, value_name = "ROLES", value_parser = parse_roles, default_value = "web,telegram,worker,scheduler")]
    roles: Roles,
    /// Apply this folder of bots at the start; BOTS_DIR, else none, if left out
    #[arg(long, value_name = "DIR")]
    bots: Option<PathBuf>,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    require(here)?;
    let stop = serving::stop_on_signals(&here.terminal)?;
    let progress = Progress::new(&here.terminal);
    let dir = args.bots.or_else(|| here.config.bots_dir.clone());
    let first = Arc::new(Notify::new());
    let address = here.config.bind.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let options = Options {
        roles: args.roles,
        hold: Hold::IfFree,
        listen: Some((address, here.config.port)),
        bots: dir.map(|dir| serving::folder(here, dir, false, &first)),
        ..Options::quiet(serving::steps(&progress))
    };
    let app = App::start(&here.config, options).await.map_err(|error| {
        progress.stop();
        Failure::from(error)
    })?;
    progress.done();
    if let Some(address) = app.address() {
        here.terminal.talk(format!("serving on {address}"));
    }
    serving::run(app, here, stop).await
}

/// Nothing is made up in production: without these two, another process would not find what this one wrote.
fn require(here: &Here) -> Result<(), Failure> {
    let mut missing = Vec::new();
    if here.config.database_url.is_none() {
        missing.push("DATABASE_URL (postgres://user:password@host/database)");
    }
    if here.config.master_key.is_none() {
        missing.push("BOTWRIGHT_MASTER_KEY (`openssl rand -base64 32` makes one; keep it safe)");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let error = Error::invalid(format!("`serve` needs {}", missing.join(" and ")));
    Err(Failure::from(error).hint("`botwright up` needs neither: it keeps a database and a key of its own"))
}

fn parse_roles(text: &str) -> Result<Roles, String> {
    text.parse()
}

impl FromStr for Roles {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut roles = Self::NONE;
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "web" => roles.web = true,
                "worker" => roles.worker = true,
                "scheduler" => roles.scheduler = true,
                "telegram" => roles.telegram = true,
                other => {
                    return Err(format!(
                        "`{other}` is no role: there are `web`, `telegram`, `worker` and `scheduler`"
                    ));
                }
            }
        }
        if roles == Self::NONE {
            return Err("a process without a role would do nothing".into());
        }
        Ok(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_words_with_commas() {
        assert_eq!("web,telegram,worker,scheduler".parse(), Ok(Roles::ALL));
        assert_eq!(" worker ".parse(), Ok(Roles { worker: true, ..Roles::NONE }));
        assert!("".parse::<Roles>().is_err());
        assert_eq!("telegram".parse(), Ok(Roles { telegram: true, ..Roles::NONE }));
        assert!("wrker".parse::<Roles>().is_err_and(|error| error.contains("`worker`")));
    }
}
