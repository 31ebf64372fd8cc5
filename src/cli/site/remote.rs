//! A server, over its API.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::{Done, Which, Wish};
use crate::cli::server::{Address, Api};
use crate::error::{Error, Kind, Result};
use crate::id::RequestId;
use crate::spec;
use crate::sync::{self, Back, Entry, Exported, Missing, Plan, Readiness, Shown, Spoken};

/// How often the replicas are asked after.
const LOOK: Duration = Duration::from_millis(500);
/// The most generations on a page.
const PAGE: i64 = 100;
/// How often an apply is sent again when the line breaks; its key makes it one apply all the same.
const ATTEMPTS: u32 = 3;

pub(in crate::cli) struct Remote {
    api: Api,
    /// What was uploaded last: its hash, and what the server calls it.
    uploaded: Mutex<Option<(String, String)>>,
}

impl Remote {
    pub(super) fn new(address: Address) -> Result<Self> {
        Ok(Self { api: Api::new(address)?, uploaded: Mutex::default() })
    }

    pub(super) async fn plan(&self, wish: &Wish<'_>) -> Result<Plan> {
        let variables = json!({
            "bundle": self.upload(wish).await?,
            "prune": wish.policy.missing == Missing::Prune,
            "pruneLimit": wish.policy.prune_limit,
            "keep": wish.policy.missing == Missing::Keep,
            "pastHold": wish.policy.past_hold,
        });
        let gone = || Error::unavailable("the server does not keep these files any more; try again");
        let plan = plan_in(present(self.api.ask(PLAN, variables).await?, "plan", gone)?, "/plan")?;
        Ok(Plan { provenance: wish.provenance.clone(), ..plan })
    }

    pub(super) async fn apply(&self, wish: &Wish<'_>, planned: &Plan, allow_rewind: bool) -> Result<Done> {
        let bundle = self.upload(wish).await?;
        let planned = self.api.upload("/config/plans", planned).await?;
        let planned = id_in(&planned)?;
        let input = json!({
            "idempotencyKey": RequestId::new(),
            "bundleId": bundle,
            "plannedId": planned,
            "prune": wish.policy.missing == Missing::Prune,
            "pruneLimit": wish.policy.prune_limit,
            "keep": wish.policy.missing == Missing::Keep,
            "pastHold": wish.policy.past_hold,
            "allowRewind": allow_rewind,
            "provenance": wish.provenance,
        });
        let mut attempt = 1;
        let answer = loop {
            match self.api.ask(APPLY, json!({ "input": input })).await {
                Err(error) if error.kind() == Kind::Unavailable && attempt < ATTEMPTS => attempt += 1,
                answered => break answered?,
            }
            sleep(LOOK).await;
        };
        done(answer, "/applyPlan")
    }

    pub(super) async fn wait(&self, version: i64, patience: Duration) -> Result<Readiness> {
        let since = Instant::now();
        loop {
            let asked = self.api.ask(READINESS, json!({ "version": version })).await;
            let over = since.elapsed() >= patience;
            match asked {
                Ok(mut answer) => {
                    let found: Readiness = taken(&mut answer, "/configReadiness")?;
                    if found.waiting.is_empty() || !found.problems.is_empty() || over {
                        return Ok(found);
                    }
                }
                // A server that restarts with what was applied is away for a moment.
                Err(error) if error.kind() == Kind::Unavailable && !over => {}
                Err(error) => return Err(error),
            }
            sleep(LOOK).await;
        }
    }

    pub(super) async fn history(&self, source: Option<&str>, limit: i64) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut after = Value::Null;
        loop {
            let left = limit - i64::try_from(entries.len()).unwrap_or(i64::MAX);
            if left <= 0 {
                return Ok(entries);
            }
            let variables = json!({ "source": source, "first": left.min(PAGE), "after": after });
            let mut answer = self.api.ask(HISTORY, variables).await?;
            let nodes: Vec<Document<Entry>> = taken(&mut answer, "/generations/nodes")?;
            entries.extend(nodes.into_iter().map(|node| node.document));
            if answer.pointer("/generations/pageInfo/hasNextPage") != Some(&Value::Bool(true)) {
                return Ok(entries);
            }
            after = taken(&mut answer, "/generations/pageInfo/endCursor")?;
        }
    }

    pub(super) async fn only_source(&self) -> Result<String> {
        let mut answer = self.api.ask("{ configSources { source } }", json!({})).await?;
        let found: Vec<Value> = taken(&mut answer, "/configSources")?;
        let sources: Vec<String> =
            found.iter().filter_map(|found| found.get("source")?.as_str().map(str::to_owned)).collect();
        sync::only_one(&sources)
    }

    pub(super) async fn show(&self, source: &str, number: i32) -> Result<Shown> {
        let mut answer = self.api.ask(SHOW, json!({ "source": source, "number": number })).await?;
        answer = present(answer, "generation", || no_generation(source, number))?;
        taken(&mut answer, "/generation/document")
    }

    pub(super) async fn spoken(&self, which: Which) -> Result<Spoken> {
        let variables = match which {
            Which::Message(id) => json!({ "message": id }),
            Which::Bot { name, revision } => json!({ "bot": name, "number": revision }),
        };
        let missing = || Error::not_found("there is no such bot, revision or message on that server");
        let mut answer = present(self.api.ask(SPOKEN, variables).await?, "writtenRevision", missing)?;
        taken(&mut answer, "/writtenRevision/document")
    }

    pub(super) async fn drift(&self, source: &str) -> Result<Plan> {
        let missing = || Error::not_found(format!("`{source}` was never applied on that server"));
        let answer = self.api.ask(DRIFT, json!({ "source": source })).await?;
        plan_in(present(answer, "drift", missing)?, "/drift")
    }

    pub(super) async fn export(&self, source: Option<&str>, names: &[String]) -> Result<Vec<Exported>> {
        let variables = json!({ "source": source, "names": names });
        let missing = || {
            Error::not_found(format!(
                "not all of these are in service on that server: `{}`",
                names.join("`, `")
            ))
        };
        taken(&mut present(self.api.ask(EXPORT, variables).await?, "exportBots", missing)?, "/exportBots")
    }

    pub(super) async fn plan_rollback(&self, source: &str, number: i32) -> Result<Plan> {
        let variables = json!({ "source": source, "number": number });
        let answer = self.api.ask(PLAN_ROLLBACK, variables).await?;
        plan_in(present(answer, "rollbackPlan", || no_generation(source, number))?, "/rollbackPlan")
    }

    pub(super) async fn rollback(&self, back: Back) -> Result<Done> {
        // Who it is, the server knows by the token.
        let Back { source, number, reason, actor: _, provenance } = back;
        let provenance = if provenance.is_object() { provenance } else { Value::Null };
        let input = json!({
            "source": source, "number": number, "reason": reason, "provenance": provenance,
        });
        done(self.api.ask(ROLLBACK, json!({ "input": input })).await?, "/rollback")
    }

    pub(super) async fn resume(&self, source: &str) -> Result<bool> {
        let mut answer = self.api.ask(RESUME, json!({ "input": { "source": source } })).await?;
        refused(&answer, "/resumeSource")?;
        taken(&mut answer, "/resumeSource/wasHeld")
    }

    /// What the server calls the files of the wish, after it has them.
    async fn upload(&self, wish: &Wish<'_>) -> Result<String> {
        let hash = spec::content_hash(&serde_json::to_value(wish.bundle).map_err(Error::internal)?);
        let mut uploaded = self.uploaded.lock().await;
        if let Some((_, id)) = uploaded.as_ref().filter(|(known, _)| *known == hash) {
            return Ok(id.clone());
        }
        let answer = self.api.upload("/config/bundles", wish.bundle).await?;
        let id = id_in(&answer)?;
        *uploaded = Some((hash, id.clone()));
        Ok(id)
    }
}

#[derive(serde::Deserialize)]
struct Document<T> {
    document: T,
}

/// Takes what stands at `pointer` out of an answer.
fn taken<T: DeserializeOwned>(answer: &mut Value, pointer: &str) -> Result<T> {
    let part = answer.pointer_mut(pointer).map(Value::take).unwrap_or_default();
    serde_json::from_value(part).map_err(|error| {
        Error::unavailable("the server's answer is not understood: is it of another version?")
            .with_source(error)
    })
}

/// The answer, if it holds what was asked for; the server says null to what there is not.
fn present(answer: Value, field: &str, missing: impl FnOnce() -> Error) -> Result<Value> {
    if answer.get(field).is_none_or(Value::is_null) { Err(missing()) } else { Ok(answer) }
}

fn no_generation(source: &str, number: i32) -> Error {
    Error::not_found(format!("`{source}` has no generation {number}: `botwright history` lists them"))
}

fn id_in(answer: &Value) -> Result<String> {
    taken(&mut answer.clone(), "/id")
}

/// The plan at `pointer`; `Invalid`, with every problem, if the server finds the files wrong.
fn plan_in(mut answer: Value, pointer: &str) -> Result<Plan> {
    let valid = answer.pointer(&format!("{pointer}/isValid"));
    if valid == Some(&Value::Bool(false)) {
        let problems: Vec<Value> = taken(&mut answer, &format!("{pointer}/problems"))?;
        return Err(Error::invalid(told("the server finds the files wrong", &problems)));
    }
    taken(&mut answer, &format!("{pointer}/document"))
}

/// `what`, and a line for each problem.
fn told(what: &str, problems: &[Value]) -> String {
    let line = |problem: &Value| {
        let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| problem.get(name).and_then(Value::as_u64).unwrap_or_default();
        let near = problem.get("suggestion").and_then(Value::as_str);
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!(
            "\n{}:{}:{}: [{}] {}{near}",
            text("file"),
            number("line"),
            number("column"),
            text("code"),
            text("message")
        )
    };
    problems.iter().map(line).fold(what.to_owned(), |told, line| told + &line)
}

/// What a mutation did.
fn done(mut answer: Value, pointer: &str) -> Result<Done> {
    refused(&answer, pointer)?;
    Ok(Done {
        plan: taken(&mut answer, &format!("{pointer}/plan/document"))?,
        generation: taken(&mut answer, &format!("{pointer}/generation/number"))?,
        version: taken(&mut answer, &format!("{pointer}/configVersion"))?,
    })
}

/// The first user error of a mutation as one of ours.
fn refused(answer: &Value, pointer: &str) -> Result<()> {
    let Some(error) = answer.pointer(&format!("{pointer}/userErrors/0")) else { return Ok(()) };
    let kind = match error.get("code").and_then(Value::as_str).unwrap_or_default() {
        "NOT_FOUND" => Kind::NotFound,
        "CONFLICT" | "IDEMPOTENCY_KEY_REUSED" | "FIELD_OWNED_BY_FILES" => Kind::Conflict,
        "LIMIT_REACHED" => Kind::RateLimited,
        "BLOCKED_BY_POLICY" => Kind::Forbidden,
        _ => Kind::Invalid,
    };
    let message = error.get("message").and_then(Value::as_str).unwrap_or("the server refused without a word");
    let problems = error.get("problems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Err(Error::new(kind, told(message, problems)))
}

const PLAN: &str =
    "query Plan($bundle: ID!, $prune: Boolean!, $pruneLimit: Int, $keep: Boolean!, $pastHold: Boolean!) {
    plan(bundleId: $bundle, prune: $prune, pruneLimit: $pruneLimit, keep: $keep, pastHold: $pastHold) {
        isValid document problems { file line column code message suggestion }
    }
}";

const APPLY: &str = "mutation Apply($input: ApplyPlanInput!) {
    applyPlan(input: $input) {
        generation { number } plan { document } configVersion
        userErrors {
            ... on UserError { code message }
            ... on InvalidBotError { problems { file line column code message suggestion } }
        }
    }
}";

const READINESS: &str = "query Readiness($version: Int) {
    configReadiness(version: $version) { ready waiting problems }
}";

const HISTORY: &str = "query History($source: String, $first: Int!, $after: String) {
    generations(source: $source, first: $first, after: $after) {
        nodes { document } pageInfo { hasNextPage endCursor }
    }
}";

const SHOW: &str = "query Show($source: String!, $number: Int!) {
    generation(source: $source, number: $number) { document }
}";

const SPOKEN: &str = "query Spoken($bot: String, $number: Int, $message: ID) {
    writtenRevision(bot: $bot, number: $number, messageId: $message) { document }
}";

const EXPORT: &str = "query Export($source: String, $names: [String!]!) {
    exportBots(source: $source, names: $names) { name source authored protected }
}";

const DRIFT: &str = "query Drift($source: String!) { drift(source: $source) { document } }";

const PLAN_ROLLBACK: &str = "query RollbackPlan($source: String!, $number: Int!) {
    rollbackPlan(source: $source, number: $number) { document }
}";

const ROLLBACK: &str = "mutation Rollback($input: RollbackInput!) {
    rollback(input: $input) {
        generation { number } plan { document } configVersion
        userErrors { ... on UserError { code message } }
    }
}";

const RESUME: &str = "mutation Resume($input: ResumeSourceInput!) {
    resumeSource(input: $input) { wasHeld userErrors { ... on UserError { code message } } }
}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_refuses_keeps_its_kind_and_its_places() {
        let answer = |code: &str| {
            json!({ "applyPlan": { "userErrors": [{ "code": code, "message": "no", "problems": [
                { "file": "a/bot.yaml", "line": 3, "column": 1, "code": "BW1002", "message": "unknown key `modle`",
                  "suggestion": "model" }] }] } })
        };
        for (code, kind) in [
            ("CONFLICT", Kind::Conflict),
            ("BLOCKED_BY_POLICY", Kind::Forbidden),
            ("NOT_FOUND", Kind::NotFound),
            ("INVALID_BOT", Kind::Invalid),
            ("SOMETHING_NEW", Kind::Invalid),
        ] {
            let error = done(answer(code), "/applyPlan").unwrap_err();
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(
                error.message(),
                "no\na/bot.yaml:3:1: [BW1002] unknown key `modle`; did you mean `model`?"
            );
        }
        assert_eq!(done(json!({}), "/applyPlan").unwrap_err().kind(), Kind::Unavailable);
    }
}
