//! Loading everything that one answer needs, and letting go of the connection before anybody thinks.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::future::try_join5;

use crate::chat::Report;
use crate::chat::bots::LiveBot;
use crate::chat::context::{File, Input, Picture, Reading, question};
use crate::chat::engine::Engine;
use crate::chat::long::Stored;
use crate::chat::uploads::{Sent, sent};
use crate::dialog::{self, Evidence, EvidenceKind, Part, Role, ToolSpec};
use crate::error::Result;
use crate::id::{MessageId, PersonId};
use crate::memory::{Ask, Memory, Recalled};
use crate::phrases::{self, Language};
use crate::spec::{self, RecallWhen};
use crate::store::{Conversation, Fact, Message, MessageRole, Passage, Person, Setting, Summary, Tenant};

/// Everything that one answer needs.
pub(super) struct Loaded {
    pub(super) live: Arc<LiveBot>,
    pub(super) conversation: Conversation,
    /// Who is answered, and how they are called.
    pub(super) person: Option<PersonId>,
    pub(super) name: String,
    pub(super) summary: Option<Summary>,
    pub(super) known: Vec<Fact>,
    pub(super) window: Vec<Message>,
    pub(super) inbound: Vec<Message>,
    /// Of the new messages that are too long; what stands for them is how they begin and end.
    pub(super) readings: Vec<Reading>,
    /// The messages of the window that are told in short.
    short: HashSet<MessageId>,
    /// Of the window and of what is to be answered.
    pub(super) files: Vec<File>,
    /// Of the same. They are loaded once it is known that a model will see them: see [`Engine::look_at`].
    pub(super) pictures: Vec<Picture>,
    /// Whether one will.
    pub(super) sees: bool,
    pub(super) recalled: Recalled,
}

/// However old they are, this many messages stay in the window.
pub(super) const WINDOW_ALWAYS: usize = 4;
/// How many memories recall is asked for; the budget decides how many are shown.
const RECALL_LIMIT: usize = 60;
/// At most so many passages of a long text are pointed out.
const MOST_PASSAGES: usize = 8;
/// Passages and window messages that answer less of the question than this are not worth a thought.
const COVERAGE_FLOOR: f32 = 0.15;

impl Engine {
    /// Loads what an answer to `inbound` needs, and ends the transaction before anybody is waited for.
    /// `unsaid` are earlier answers to the same words: the new one is given as if they had never been. So many tokens
    /// will stand `beside` the words, which the bot's own words and tools are not among.
    pub(super) async fn load(
        &self,
        mut tx: Tenant,
        live: Arc<LiveBot>,
        conversation: Conversation,
        mut inbound: Vec<Message>,
        unsaid: &[Message],
        beside: usize,
    ) -> Result<Loaded> {
        let memory = &live.spec.memory;
        let more = i64::try_from(inbound.len() + unsaid.len()).unwrap_or(0);
        let most = i64::from(memory.window.messages) + more;
        let before = unsaid.first().map_or(i32::MAX, |message| message.ordinal);
        let person = inbound.iter().rev().find_map(|message| message.person_id).or(conversation.person_id);
        let name = async {
            match person {
                Some(id) => Ok(Person::find(&tx, id).await?.map(|person| person.name)),
                None => Ok(None),
            }
        };
        let recalls = memory.recall.when != RecallWhen::Tool && memory.recall.budget > 0;
        let setting = async { if recalls { Setting::find(&tx, conversation.id).await } else { Ok(None) } };
        let (newest, summary, name, known, setting) = try_join5(
            Message::list_newest(&tx, conversation.id, conversation.window_from, i32::MAX, most),
            self.memory.latest_summary(&tx, conversation.id, before),
            name,
            self.memory.profile(&tx, &live.spec, &conversation),
            setting,
        )
        .await?;
        let Sent { files, pictures } = sent(&mut tx, &inbound, &newest, &live.spec).await?;
        let long = Stored::load(&mut tx, &inbound, &newest, !files.is_empty()).await?;
        tx.commit().await?;

        let told = summary.as_ref().map_or(0, |summary| summary.to_ordinal);
        let hours = conversation.window_hours(memory.window.hours);
        let mut window = self.window(newest, &inbound, unsaid, hours, told);
        let short = long.shorten(&mut window);
        let readings = self.read(&live.spec, &conversation, &mut inbound, long, beside).await?;
        let name = name.unwrap_or_else(|| "somebody".into());
        let question = question(&inbound, &readings);
        let mut recalled = match recalls {
            true => self.recall(&live, &conversation, setting.as_ref(), &question, &name, &inbound).await,
            false => Recalled { found: Vec::new(), complete: true },
        };
        recalled.found.retain(|found| !unsaid.iter().any(|message| message.id.0 == found.id));
        Ok(Loaded {
            live,
            conversation,
            person,
            name,
            summary,
            known,
            window,
            inbound,
            readings,
            short,
            files,
            pictures,
            sees: false,
            recalled,
        })
    }

    /// What bears on the question. A memory that cannot be searched costs the answer its memory, not the person their
    /// answer.
    async fn recall(
        &self,
        live: &LiveBot,
        conversation: &Conversation,
        setting: Option<&Setting>,
        question: &str,
        name: &str,
        inbound: &[Message],
    ) -> Recalled {
        let memory = &live.spec.memory;
        let first = inbound.first().map_or(i32::MAX, |message| message.ordinal);
        let ask = Ask {
            bot: live.bot.id,
            conversation: conversation.id,
            person: conversation.person_id,
            scope: memory.scope,
            setting,
            text: question,
            asker: Some(name),
            limit: RECALL_LIMIT,
            cooldown: Some((first, memory.facts.cooldown_turns)),
        };
        match self.memory.recall(conversation.account_id, &ask).await {
            Ok(recalled) => recalled,
            Err(error) => {
                tracing::warn!(error = error.chain(), conversation = %ask.conversation, "recall failed");
                Recalled { found: Vec::new(), complete: false }
            }
        }
    }

    /// The messages of the last hours that the summary does not tell of (up to the ordinal `told`), and always
    /// the last few; without those that are to be answered and without the system's own.
    fn window(
        &self,
        newest: Vec<Message>,
        inbound: &[Message],
        unsaid: &[Message],
        hours: u32,
        told: i32,
    ) -> Vec<Message> {
        let since = self.clock.now() - TimeDelta::hours(i64::from(hours));
        let mut window: Vec<Message> = newest
            .into_iter()
            .filter(|message| message.role != MessageRole::System && message.erased_at.is_none())
            .filter(|message| !inbound.iter().chain(unsaid).any(|other| other.id == message.id))
            .collect();
        let always = window.len().saturating_sub(WINDOW_ALWAYS);
        let is_wanted = |message: &Message| message.sent_at >= since && message.ordinal > told;
        let first = window.iter().position(is_wanted).unwrap_or(window.len()).min(always);
        window.split_off(first)
    }
}

impl Loaded {
    /// What the context is assembled from.
    pub(super) fn input(&self, tools: Vec<ToolSpec>, ratio: f32) -> Input<'_> {
        Input {
            bot: &self.live.spec,
            person: &self.name,
            is_group: self.conversation.person_id.is_none(),
            summary: self.summary.as_ref(),
            known: &self.known,
            files: &self.files,
            pictures: &self.pictures,
            sees: self.sees,
            found: &self.recalled.found,
            recall_complete: self.recalled.complete,
            evidence: self.typed_evidence(),
            window: &self.window,
            inbound: &self.inbound,
            readings: &self.readings,
            tools,
            wishes: None,
            reserved: 0,
            ratio,
        }
    }

    /// What the person is told of how their words were read; none where they were read whole.
    pub(super) fn notice(&self, language: Language) -> Option<String> {
        let passages: i32 = self.readings.iter().map(|reading| reading.document.passages).sum();
        (passages > 0).then(|| phrases::read_by_passages(language, passages))
    }

    /// Whether a message of the window did not fit into the prompt and no summary tells of it yet.
    pub(super) fn forgets(&self, report: &Report) -> bool {
        let told = self.summary.as_ref().map_or(0, |summary| summary.to_ordinal);
        let untold = self.window.iter().filter(|message| message.ordinal > told);
        untold.map(|message| message.id.to_string()).any(|id| report.left_out_of("window", &id))
    }

    /// Passages of pinned sources and messages of the window that may answer: recall need not find what
    /// stands in the prompt anyway, but a model that cannot read a prompt needs them pointed out.
    fn typed_evidence(&self) -> Vec<Evidence> {
        let question = question(&self.inbound, &self.readings);
        let mut candidates = pinned(&self.live.spec);
        for file in &self.files {
            let texts = Memory::passages(&file.text);
            candidates.extend(texts.into_iter().map(|text| evidence(EvidenceKind::Source, &file.name, text)));
        }
        for Reading { document, passages, asked: _, order } in &self.readings {
            let fitting = order.iter().filter(|(_, share)| *share > 0.0).take(MOST_PASSAGES);
            let texts = fitting.filter_map(|(place, _)| passages.get(*place)).map(Passage::whole);
            candidates.extend(texts.map(|text| evidence(EvidenceKind::Source, &document.title, text)));
        }
        let said = self.window.iter().filter(|message| message.role == MessageRole::Person);
        let said = said.filter(|message| !self.short.contains(&message.id));
        candidates.extend(said.map(|message| Evidence {
            at: Some(message.sent_at),
            ..evidence(EvidenceKind::Message, &message.author, message.text.clone())
        }));
        weighed(candidates, &question)
    }
}

/// The same of a history that a client brought along: its last words of a person are the question.
pub(super) fn quotable(bot: &spec::Bot, messages: &[dialog::Message]) -> Vec<Evidence> {
    let mut said: Vec<&str> = messages
        .iter()
        .filter(|message| message.role == Role::Person)
        .flat_map(|message| &message.parts)
        .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
        .collect();
    let question = said.pop().unwrap_or_default();
    let mut candidates = pinned(bot);
    candidates.extend(said.into_iter().map(|text| evidence(EvidenceKind::Message, "you", text.to_owned())));
    weighed(candidates, question)
}

fn pinned(bot: &spec::Bot) -> Vec<Evidence> {
    let mut passages = Vec::new();
    for source in bot.sources.iter().filter(|source| source.pin) {
        let texts = Memory::passages(&source.text);
        passages.extend(texts.into_iter().map(|text| evidence(EvidenceKind::Source, &source.name, text)));
    }
    passages
}

fn evidence(kind: EvidenceKind, label: &str, text: String) -> Evidence {
    Evidence { kind, label: label.into(), at: None, text, coverage: 0.0, score: 0.0 }
}

/// Those that hold enough of the question.
fn weighed(mut candidates: Vec<Evidence>, question: &str) -> Vec<Evidence> {
    let texts: Vec<&str> = candidates.iter().map(|candidate| candidate.text.as_str()).collect();
    let coverage = Memory::coverage(question, &texts);
    for (candidate, coverage) in candidates.iter_mut().zip(coverage) {
        candidate.coverage = coverage;
    }
    candidates.retain(|candidate| candidate.coverage >= COVERAGE_FLOOR);
    candidates
}
