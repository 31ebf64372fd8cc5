//! Taking drafts into a memory: doubles update, corrections supersede, what is too much is forgotten.

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::FactId;
use crate::memory::facts::{Draft, LONGEST, Origin, Place, Shape};
use crate::store::{Fact, FactAction, FactAuthor, FactState, Tenant};

/// What became of one draft.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::memory) enum Done {
    Added(Fact),
    /// It was known in other words, or mattered less.
    Updated(Fact),
    /// It was known.
    Known(Fact),
    /// This one took another's place.
    Superseded(Fact),
    Retracted(Fact),
}

/// Takes `drafts` in, in order, and says what became of each; one that says nothing, or that is about a fact that
/// is not there any more, comes to nothing. The conversation must be locked.
pub(in crate::memory) async fn keep(
    tx: &mut Tenant,
    place: &Place,
    drafts: Vec<Draft>,
    by: FactAuthor,
    now: DateTime<Utc>,
) -> Result<Vec<Done>> {
    if drafts.is_empty() || place.rules.max == 0 {
        return Ok(Vec::new());
    }
    let all = place.list_all(tx).await?;
    let (known, gone) =
        all.into_iter().map(Entry::of).partition(|entry| entry.fact.state == FactState::Active);
    let mut book = Book { known, gone, tx, place, by, now };
    let mut done = Vec::new();
    for draft in drafts {
        done.extend(match draft {
            Draft::New { text, about, importance, origin } => {
                book.take_in(&text, &about, rated(importance), &origin).await?
            }
            Draft::Correction { fact, text, origin } => book.correct(fact, &text, &origin).await?,
            Draft::Retraction { fact } => book.retract(fact).await?,
        });
    }
    book.forget_the_least().await?;
    Ok(done)
}

/// A fact and its shape.
struct Entry {
    fact: Fact,
    shape: Shape,
}

impl Entry {
    fn of(fact: Fact) -> Self {
        Self { shape: Shape::of(&fact.text), fact }
    }
}

/// The facts of a place, while they change.
struct Book<'a> {
    /// The active ones.
    known: Vec<Entry>,
    /// Those that were forgotten, taken back or corrected.
    gone: Vec<Entry>,
    tx: &'a mut Tenant,
    place: &'a Place,
    by: FactAuthor,
    now: DateTime<Utc>,
}

impl Book<'_> {
    async fn take_in(
        &mut self,
        text: &str,
        about: &str,
        importance: i32,
        origin: &Origin,
    ) -> Result<Option<Done>> {
        let Some(text) = sentence(text) else { return Ok(None) };
        let shape = Shape::of(&text);
        let like = |entry: &Entry| entry.shape.likeness(&shape);
        let nearest =
            (0..self.known.len()).max_by(|a, b| like(&self.known[*a]).total_cmp(&like(&self.known[*b])));
        let double = nearest.filter(|at| like(&self.known[*at]) >= self.place.rules.similarity);
        let Some(at) = double else {
            // Messages are read again when summaries are made anew: what somebody had forgotten since stays so. Asked
            // for by name it is kept all the same.
            let is_gone = |entry: &Entry| {
                like(entry) >= self.place.rules.similarity && entry.fact.updated_at >= origin.at
            };
            if self.by == FactAuthor::Summary && self.gone.iter().any(is_gone) {
                return Ok(None);
            }
            let fact = self.fact(text, about, importance, origin);
            Fact::insert(self.tx, &fact, &origin.messages, self.by).await?;
            self.known.push(Entry::of(fact.clone()));
            return Ok(Some(Done::Added(fact)));
        };
        let old = self.known[at].fact.clone();
        Fact::add_sources(self.tx, old.id, &origin.messages).await?;
        // What is said later is what holds, in whatever order it is read.
        let is_newer = origin.at >= old.said_at;
        let text = if is_newer { text } else { old.text.clone() };
        let importance = old.importance.max(importance);
        if text == old.text && importance == old.importance {
            return Ok(Some(Done::Known(old)));
        }
        let new = Fact { text, importance, said_at: old.said_at.max(origin.at), ..old };
        Ok(self.revise(at, new, FactAction::Updated).await?.map(Done::Updated))
    }

    async fn correct(&mut self, id: FactId, text: &str, origin: &Origin) -> Result<Option<Done>> {
        let (Some(text), Some(at)) = (sentence(text), self.find(id)) else { return Ok(None) };
        let old = self.known[at].fact.clone();
        if old.text == text {
            return Ok(None);
        }
        let new = self.fact(text, &old.about, old.importance, origin);
        Fact::insert(self.tx, &new, &origin.messages, self.by).await?;
        let superseded = Fact { state: FactState::Superseded, superseded_by: Some(new.id), ..old };
        let old = self.revise(at, superseded, FactAction::Superseded).await?;
        self.known.push(Entry::of(new.clone()));
        Ok(old.map(|_| Done::Superseded(new)))
    }

    async fn retract(&mut self, id: FactId) -> Result<Option<Done>> {
        let Some(at) = self.find(id) else { return Ok(None) };
        let gone = Fact { state: FactState::Retracted, ..self.known[at].fact.clone() };
        Ok(self.revise(at, gone, FactAction::Retracted).await?.map(Done::Retracted))
    }

    /// Keeps to the most that the bot's file allows: the least important go first, the oldest of them.
    async fn forget_the_least(&mut self) -> Result<()> {
        let most = usize::try_from(self.place.rules.max).unwrap_or(usize::MAX);
        while self.known.len() > most {
            let rank = |entry: &Entry| (entry.fact.importance, entry.fact.said_at, entry.fact.id);
            let Some(at) = (0..self.known.len()).min_by_key(|at| rank(&self.known[*at])) else { break };
            let forgotten = Fact { state: FactState::Forgotten, ..self.known[at].fact.clone() };
            self.by = FactAuthor::Limit;
            self.revise(at, forgotten, FactAction::Forgotten).await?;
        }
        Ok(())
    }

    fn find(&self, id: FactId) -> Option<usize> {
        self.known.iter().position(|entry| entry.fact.id == id)
    }

    /// Writes down how the fact at `at` stands now. None if somebody changed it meanwhile: then theirs holds.
    async fn revise(&mut self, at: usize, fact: Fact, action: FactAction) -> Result<Option<Fact>> {
        let revised = Fact::revise(self.tx, &fact, action, self.by, self.now).await?;
        match &revised {
            Some(fact) if fact.state == FactState::Active => self.known[at] = Entry::of(fact.clone()),
            _ => _ = self.known.swap_remove(at),
        }
        Ok(revised)
    }

    fn fact(&self, text: String, about: &str, importance: i32, origin: &Origin) -> Fact {
        let Place { account, bot, conversation, person, .. } = self.place;
        Fact {
            account_id: *account,
            id: FactId::new(),
            bot_id: *bot,
            conversation_id: *conversation,
            person_id: *person,
            about: clean(about, 100),
            text,
            importance,
            state: FactState::Active,
            superseded_by: None,
            said_at: origin.at,
            use_count: 0,
            last_used_at: None,
            last_used_in: None,
            last_used_ordinal: None,
            version: 1,
            created_at: self.now,
            updated_at: self.now,
        }
    }
}

/// One line of at most [`LONGEST`] characters; `None` for one without a word, or too long to be a sentence.
fn sentence(text: &str) -> Option<String> {
    let text = clean(text, LONGEST + 1);
    let is_one = text.chars().any(char::is_alphanumeric) && text.chars().count() <= LONGEST;
    is_one.then_some(text)
}

/// On one line, without what Postgres cannot hold, at most so many characters.
fn clean(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('\0', "").chars().take(most).collect()
}

fn rated(importance: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "it is between 1 and 10")]
    let rated = importance.clamp(1.0, 10.0).round() as i32;
    rated
}
