//! Running one turn: load, think, finish; begin anew when somebody joins, stop when asked to.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join;
use serde_json::json;
use tokio::time::sleep;

use crate::chat::engine::Engine;
use crate::chat::finish::{Ending, Finished, earlier_answers};
use crate::chat::keys::keys_for;
use crate::chat::log::TurnLog;
use crate::chat::outbound::Company;
use crate::chat::think::{Mind, Thought, Unfinished};
use crate::chat::{Report, assemble};
use crate::dialog::{Spend, Tool, ToolContext, ToolSpec, Wishes};
use crate::error::{Error, Kind, Result};
use crate::id::AccountId;
use crate::phrases::{self, Language};
use crate::providers::Route;
use crate::spec;
use crate::store::{Conversation, Hint, Message, Questions, Tenant, Turn, TurnEvent, TurnState};
use crate::tokens;

/// A turn that was claimed this often kills whoever runs it. Generous: a server that is killed again and again
/// for other reasons must still answer in the end.
const MAX_ATTEMPTS: i32 = 40;
/// How often an answer that breaks off after its first words is begun again.
const MAX_RESTARTS: u32 = 2;
/// How long the model is left alone before that; longer each time.
const RESTART_PAUSE: Duration = Duration::from_millis(400);
/// How often a run may stumble over something that waiting does not mend: it would ask the model for ever.
const MAX_STUMBLES: u32 = 10;
/// The slow poll beside the wake-ups.
const POLL: Duration = Duration::from_secs(5);

/// How one run of a turn ended.
enum Run {
    /// It is finished, or somebody else's now.
    Over,
    /// Somebody joined before anything was seen: answer to all of it.
    Joined,
    /// The answer broke off: begin again, in the open if somebody saw a part of it.
    BrokeOff,
}

impl Engine {
    /// Runs a turn to its end. Its events begin at `next`.
    pub(super) async fn run_turn(self: &Arc<Self>, mut turn: Turn, mut next: i32) {
        let mut pause = Duration::from_millis(100);
        let mut restarts = 0;
        let mut stumbles = 0;
        let company = Company::none();
        loop {
            let log = self.logs.open(turn.clone(), next);
            let run = if turn.attempt > MAX_ATTEMPTS || stumbles >= MAX_STUMBLES {
                self.end(&turn, &log, gave_up()).await
            } else {
                self.run_once(&turn, &log, &company, restarts < MAX_RESTARTS).await
            };
            if matches!(run, Ok(Run::BrokeOff)) {
                // What is on its way to the database is waited for: it decides whether somebody saw the words.
                log.close().await;
            }
            let shown = log.is_shown();
            self.logs.remove(&log);
            match run {
                Ok(Run::Over) => return,
                Ok(Run::Joined) => {}
                Ok(Run::BrokeOff) => {
                    restarts += 1;
                    sleep(RESTART_PAUSE * restarts).await;
                }
                Err(error) => {
                    // The database is away, most likely. The turn stays ours until somebody takes it over.
                    tracing::warn!(error = error.chain(), turn = %turn.id, "a turn stumbled");
                    stumbles += u32::from(error.kind() != Kind::Unavailable);
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
            match self.look_again(&turn, shown).await {
                Some((now, first)) => (turn, next) = (now, first),
                None => return,
            }
        }
    }

    /// The turn as it stands now, if it is still this runner's.
    async fn look_again(&self, turn: &Turn, shown: bool) -> Option<(Turn, i32)> {
        for pause in [0, 200, 500, 1_000, 2_000, 4_000] {
            sleep(Duration::from_millis(pause)).await;
            let seen = async {
                let mut tx = self.store.tenant(turn.account_id).await?;
                let now = Turn::find(&mut tx, turn.id).await?;
                let last = TurnEvent::last_seq(&mut tx, turn.id).await?;
                tx.commit().await?;
                Ok::<_, crate::error::Error>((now, last))
            };
            match seen.await {
                Ok((Some(now), last)) => {
                    let ours = now.state == TurnState::Running
                        && now.attempt == turn.attempt
                        && now.leased_by == Some(self.replica);
                    if ours && (shown || now.shown) {
                        // What was seen cannot be unsaid silently.
                        return self.begin_again(&now).await.ok().flatten();
                    }
                    return ours.then_some((now, last + 1));
                }
                Ok((None, _)) => return None,
                Err(error) => tracing::warn!(error = error.chain(), turn = %turn.id, "cannot look at a turn"),
            }
        }
        None
    }

    /// Tells everybody that the answer begins anew.
    async fn begin_again(&self, turn: &Turn) -> Result<Option<(Turn, i32)>> {
        let mut tx = self.store.system().await?;
        let Some(again) = Turn::begin_again(&mut tx, turn.account_id, turn.id, turn.attempt).await? else {
            return Ok(None);
        };
        let seq = TurnEvent::append_restart(&mut tx, again.account_id, again.id, again.attempt).await?;
        tx.commit().await?;
        Ok(Some((again, seq + 1)))
    }

    async fn run_once(
        self: &Arc<Self>,
        turn: &Turn,
        log: &Arc<TurnLog>,
        company: &Company,
        may_restart: bool,
    ) -> Result<Run> {
        if turn.cancel_requested {
            return self.end(turn, log, Ending::Cancelled).await;
        }
        // The waiter is made before the turn is read, so nobody who joins from here on is missed.
        let mut interrupts = self.store.wake().waiter(Hint::Interrupt(turn.id));
        let answer = self.answer(turn, log, company, may_restart);
        tokio::pin!(answer);
        loop {
            tokio::select! {
                ending = &mut answer => {
                    return match ending? {
                        Some(ending) => self.end(turn, log, ending).await,
                        None if log.is_lost() => Ok(Run::Joined),
                        None => Ok(Run::BrokeOff),
                    };
                }
                () = interrupts.wait(POLL) => {
                    let mut tx = self.store.tenant(turn.account_id).await?;
                    let now = Turn::find(&mut tx, turn.id).await?;
                    tx.commit().await?;
                    let Some(now) = now else { return Ok(Run::Over) };
                    if now.state != TurnState::Running || now.attempt != turn.attempt {
                        return Ok(Run::Over);
                    }
                    if now.cancel_requested {
                        return self.end(turn, log, Ending::Cancelled).await;
                    }
                    if now.inputs != turn.inputs && !now.shown {
                        return Ok(Run::Joined);
                    }
                }
            }
        }
    }

    async fn end(self: &Arc<Self>, turn: &Turn, log: &TurnLog, ending: Ending) -> Result<Run> {
        Ok(match self.finish(turn, log, ending).await? {
            Finished::Done => Run::Over,
            Finished::Joined => Run::Joined,
        })
    }

    /// Thinks of an answer. `None`: this run came to nothing and its log was lost, or it broke off.
    async fn answer(
        &self,
        turn: &Turn,
        log: &Arc<TurnLog>,
        company: &Company,
        may_restart: bool,
    ) -> Result<Option<Ending>> {
        let (mut tx, (inbound, conversation)) = self.store.asking(turn.account_id, &Asked(turn)).await?;
        let conversation = conversation.ok_or_else(|| Error::internal("a turn without its conversation"))?;
        company.begin(&self.store, &self.channels, turn, &conversation.channel);
        let unsaid = earlier_answers(&mut tx, turn).await?;
        let live = self.bots.at_revision(&mut tx, turn.bot_id, turn.revision_id).await?;
        let wishes: Option<Wishes> =
            turn.wishes.clone().map(serde_json::from_value).transpose().map_err(Error::internal)?;
        let beside = wishes.as_ref().map_or(0, |wishes| tokens::count(&wishes.instructions));
        let mut loaded = self.load(tx, live.clone(), conversation, inbound, &unsaid, beside).await?;
        let (routes, tools) = self.mind_of(turn.account_id, &live.spec).await?;
        self.look_at(&mut loaded, &routes).await?;
        let specs: Vec<ToolSpec> = tools.iter().map(|tool| tool.spec()).collect();
        let mut input = loaded.input(specs, self.ratio_of(&routes));
        input.wishes = wishes.as_ref();
        let assembled = assemble(input);
        let report = assembled.report;
        let forgets = loaded.forgets(&report);
        let language = Language::of(&assembled.request.question);
        let mind = Mind {
            notice: loaded.notice(language),
            routes,
            tools: &tools,
            spend: Spend { account: turn.account_id, bot: turn.bot_id, person: loaded.person },
            context: ToolContext {
                account: turn.account_id,
                bot: turn.bot_id,
                conversation: Some(turn.conversation_id),
                person: loaded.person,
                turn: turn.id,
                ordinal: 0,
            },
        };
        let thought = self.think(assembled.request, mind, log).await;
        let restart = may_restart && log.has_begun();
        Ok(self.ending(turn, thought, report, forgets, language, restart))
    }

    fn ending(
        &self,
        turn: &Turn,
        thought: Result<Thought, Unfinished>,
        report: Report,
        forgets: bool,
        language: Language,
        may_restart: bool,
    ) -> Option<Ending> {
        match thought {
            Ok(thought) if thought.text.trim().is_empty() => {
                Some(Ending::failed("EMPTY_ANSWER", phrases::empty_answer(language), true))
            }
            Ok(thought) => {
                if !report.has_pictures() {
                    self.learn_ratio(&thought.model, thought.usage.input_tokens, report.total);
                }
                Some(Ending::Completed { thought, report, forgets })
            }
            Err(Unfinished::Lost) => None,
            Err(Unfinished::Denied(message)) => Some(Ending::failed("BUDGET", message, false)),
            Err(Unfinished::TooManyRounds) => {
                Some(Ending::failed("TOO_MANY_TOOL_CALLS", phrases::too_many_calls(language), true))
            }
            Err(Unfinished::Tool(error)) => {
                tracing::error!(error = error.chain(), turn = %turn.id, "a tool failed");
                Some(Ending::failed("TOOL_FAILED", phrases::tool_failed(language), true))
            }
            Err(Unfinished::Model(error)) => {
                tracing::warn!(%error, turn = %turn.id, "the model failed");
                if may_restart && error.is_retryable() {
                    return None;
                }
                let passing = error.is_passing();
                let message = phrases::model_failed(language, passing);
                let code = if passing { "MODEL_UNAVAILABLE" } else { "MODEL_REFUSED" };
                let failure = json!({ "code": code, "message": message, "retryable": passing, "reason": error.to_string() });
                Some(Ending::Failed { failure, report: Some(report) })
            }
        }
    }

    /// The models that a bot is answered by, in order, and the tools that they are offered.
    pub(super) async fn mind_of(
        &self,
        account: AccountId,
        bot: &spec::Bot,
    ) -> Result<(Vec<Route>, Vec<Arc<dyn Tool>>)> {
        let uses: Vec<&str> = bot.model.routes().collect();
        let keys = keys_for(&self.secrets, account, account == self.operator, bot, &uses).await?;
        let routes = self.providers.resolve(&bot.model.use_, &bot.model.fallback, &keys);
        let routes = routes.into_iter().map(|route| route.with_vision(bot.model.vision)).collect();
        let tools = self.tools.iter().cloned().chain(self.memory.tools(bot)).collect();
        Ok((routes, tools))
    }

    /// What a token of the model that will most likely answer is to one of ours.
    pub(super) fn ratio_of(&self, routes: &[Route]) -> f32 {
        let expected = routes.iter().find(|route| route.is_usable());
        expected.map_or(1.0, |route| self.ratio(&route.name()))
    }
}

/// What a turn answers, and where.
struct Asked<'a>(&'a Turn);

impl Questions for Asked<'_> {
    type Answers = (Vec<Message>, Option<Conversation>);
    async fn ask(&self, tx: &Tenant) -> Result<Self::Answers> {
        let Self(turn) = self;
        try_join(Message::list_inbound_of(tx, turn.id), Conversation::find(tx, turn.conversation_id)).await
    }
}

fn gave_up() -> Ending {
    Ending::failed("GAVE_UP", phrases::gave_up(Language::default()), false)
}
