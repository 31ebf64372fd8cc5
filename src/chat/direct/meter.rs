//! What one answer takes: reserved before each call, settled after it, and noted once at the end, also when
//! nobody waits for the end.

use std::sync::Arc;

use crate::chat::direct::Unanswered;
use crate::chat::engine::Engine;
use crate::dialog::{Request, Reservation, Spend, Usage};
use crate::id::UsageId;
use crate::providers::{Route, estimate};
use crate::store::UsageEvent;

pub(super) struct Meter {
    engine: Arc<Engine>,
    spend: Spend,
    /// `provider/model` that answered, or that most likely would have.
    model: String,
    /// Of all calls that ended.
    total: Usage,
    /// The call that is under way.
    open: Option<Call>,
    is_answered: bool,
}

struct Call {
    reservation: Reservation,
    request: Arc<Request>,
    said: String,
}

impl Meter {
    pub(super) fn new(engine: Arc<Engine>, spend: Spend, routes: &[Route]) -> Self {
        let expected = routes.iter().find(|route| route.is_usable()).map(Route::name).unwrap_or_default();
        Self { engine, spend, model: expected, total: Usage::default(), open: None, is_answered: false }
    }

    /// Before a call.
    pub(super) async fn begin(&mut self, request: &Arc<Request>) -> Result<(), Unanswered> {
        let reserved = self.engine.budget.reserve(self.spend, Engine::expected(request)).await;
        let reservation = reserved.map_err(|denied| Unanswered::Denied(denied.message))?;
        self.open = Some(Call { reservation, request: request.clone(), said: String::new() });
        Ok(())
    }

    /// The call has said more.
    pub(super) fn said(&mut self, more: &str) {
        if let Some(call) = &mut self.open {
            call.said.push_str(more);
        }
    }

    /// The call has ended well.
    pub(super) async fn end(&mut self, usage: &Usage, model: String) {
        self.model = model;
        self.is_answered = true;
        self.total = self.total.plus(usage);
        if let Some(call) = self.open.take() {
            self.engine.budget.settle(call.reservation, usage).await;
        }
    }

    /// What all calls took.
    pub(super) fn total(&self) -> Usage {
        self.total.clone()
    }

    fn note(&mut self) {
        if !self.is_answered && self.total == Usage::default() {
            return;
        }
        let tokens = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        self.engine.ledger.note(UsageEvent {
            account_id: self.spend.account,
            id: UsageId::new(),
            bot_id: self.spend.bot,
            conversation_id: None,
            turn_id: None,
            person_id: self.spend.person,
            purpose: "request".into(),
            model: std::mem::take(&mut self.model),
            input_tokens: tokens(self.total.input_tokens),
            cached_tokens: tokens(self.total.cached_tokens),
            output_tokens: tokens(self.total.output_tokens),
            cost_usd: None,
            at: self.engine.clock.now(),
        });
    }
}

impl Drop for Meter {
    /// A call that was broken off after its first words is charged by the provider; we count it ourselves.
    fn drop(&mut self) {
        if let Some(Call { reservation, request, said }) = self.open.take() {
            let used = if said.is_empty() { Usage::default() } else { estimate(&request, &said) };
            self.total = self.total.plus(&used);
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                let budget = self.engine.budget.clone();
                runtime.spawn(async move { budget.settle(reservation, &used).await });
            }
        }
        self.note();
    }
}
