//! `botwright token`: makes, lists and revokes the tokens of the API.

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::accounts::{Actor, NewToken, Scopes};
use crate::app::Base;
use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::table::table;
use crate::store::ApiToken;

/// Make, list and revoke tokens for the API
#[derive(Debug, Parser)]
#[command(
    after_help = "Example:\n  TOKEN=$(botwright token create --scopes chat,read)\n  botwright token list"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token and print it, alone, on stdout; it is not shown again
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright token create --scopes chat,read\n  \
                        botwright token create --scopes chat --person anna --name phone --expires 30d\n\n\
                        Scopes: chat (talk to bots), read (read what the account holds), config:plan, \
                        config:apply, admin (everything)")]
struct Create {
    /// What it allows, with commas: chat, read, config:plan, config:apply, admin
    #[arg(long, value_parser = parse_scopes)]
    scopes: Scopes,
    /// The account that it opens
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    /// As whom it speaks: a name, or a handle such as telegram:12345; you, if left out
    #[arg(long)]
    person: Option<String>,
    /// By which it is listed and revoked
    #[arg(long, default_value = "cli")]
    name: String,
    /// After which time it ends: 12h, 30d, 1y; never, if left out
    #[arg(long, value_parser = parse_duration)]
    expires: Option<TimeDelta>,
}

/// List tokens; their values are not kept and cannot be shown
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright token list --output json")]
struct List {
    /// The account that they open
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
    #[command(flatten)]
    output: Output,
}

/// End the tokens of a name, or the one of an id
#[derive(Debug, Parser)]
#[command(after_help = "Example:\n  botwright token revoke phone")]
struct Revoke {
    /// The name or the id, as `botwright token list` shows it
    token: String,
    /// The account that it opens
    #[arg(long, default_value = crate::accounts::OPERATORS_ACCOUNT)]
    account: String,
}

impl Args {
    pub(super) fn is_json(&self) -> bool {
        matches!(&self.command, Command::List(list) if list.output.is_json())
    }
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let base = here.base().await?;
    let done = match args.command {
        Command::Create(create) => make(create, here, &base).await,
        Command::List(which) => list(&which, here, &base).await,
        Command::Revoke(which) => revoke(&which, here, &base).await,
    };
    base.close().await?;
    done
}

async fn make(create: Create, here: &Here, base: &Base) -> Outcome {
    let Create { scopes, account, person, name, expires } = create;
    let actor = base.accounts.operator(&account).await?;
    let new = NewToken { name, scopes, person, expires_in: expires };
    let token = base.accounts.create_token(&actor, new).await?;
    here.terminal.line(token.expose_secret())?;
    Ok(Exit::Ok)
}

async fn list(which: &List, here: &Here, base: &Base) -> Outcome {
    let actor = base.accounts.operator(&which.account).await?;
    let tokens = base.accounts.list_tokens(&actor).await?;
    let now = base.clock.now();
    if which.output.is_json() {
        let tokens: Vec<_> = tokens.iter().map(|token| as_json(token, now)).collect();
        here.terminal.json(&json!({ "tokens": tokens }))?;
        return Ok(Exit::Ok);
    }
    if tokens.is_empty() {
        here.terminal.talk("no tokens yet: `botwright token create --scopes chat,read` makes one");
        return Ok(Exit::Ok);
    }
    let rows = tokens.iter().map(|token| {
        let person =
            if token.person_id == actor.person { "you".to_owned() } else { token.person_id.to_string() };
        let made = token.created_at.format("%Y-%m-%d").to_string();
        [token.name.clone(), token.scopes.join(","), state(token, now), person, made, token.id.to_string()]
    });
    here.terminal.write(&table(["NAME", "SCOPES", "STATE", "SPEAKS AS", "MADE", "ID"], rows))?;
    Ok(Exit::Ok)
}

async fn revoke(which: &Revoke, here: &Here, base: &Base) -> Outcome {
    let actor: Actor = base.accounts.operator(&which.account).await?;
    let count = base.accounts.revoke_token(&actor, &which.token).await.map_err(Failure::from)?;
    let tokens = if count == 1 { "token" } else { "tokens" };
    here.terminal.talk(format!("revoked {count} {tokens}; a running server refuses it within two seconds"));
    Ok(Exit::Ok)
}

fn state(token: &ApiToken, now: DateTime<Utc>) -> String {
    match (token.revoked_at, token.expires_at) {
        (Some(_), _) => "revoked".into(),
        (None, Some(end)) if end <= now => "expired".into(),
        (None, Some(end)) => format!("until {}", end.format("%Y-%m-%d")),
        (None, None) => "live".into(),
    }
}

fn as_json(token: &ApiToken, now: DateTime<Utc>) -> serde_json::Value {
    let ApiToken { account_id: _, id, name, hash: _, scopes, person_id, created_at, expires_at, revoked_at } =
        token;
    let live = revoked_at.is_none() && expires_at.is_none_or(|end| end > now);
    json!({
        "id": id, "name": name, "scopes": scopes, "personId": person_id, "live": live,
        "createdAt": created_at, "expiresAt": expires_at, "revokedAt": revoked_at,
    })
}

fn parse_scopes(text: &str) -> Result<Scopes, String> {
    text.parse::<Scopes>().map_err(|error| error.message().to_owned())
}

/// `45m`, `12h`, `30d`, `2w`, `1y`.
fn parse_duration(text: &str) -> Result<TimeDelta, String> {
    let wrong =
        || format!("`{text}` is no length of time: write a number and a unit, such as 12h, 30d or 1y");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u32 = text.strip_suffix(unit).and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        'y' => 365 * 24 * 60,
        _ => return Err(wrong()),
    };
    if number == 0 {
        return Err("a token cannot end before it is made".into());
    }
    TimeDelta::try_minutes(i64::from(number) * minutes).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_a_number_and_a_unit() {
        assert_eq!(parse_duration("30d"), Ok(TimeDelta::days(30)));
        assert_eq!(parse_duration("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(parse_duration("1y"), Ok(TimeDelta::days(365)));
        for wrong in ["", "30", "d", "-1d", "1.5h", "30 d", "1день", "0d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
