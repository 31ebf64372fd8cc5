//! What the model hears: a pure function from everything that was loaded to the request and its report.
//!
//! The order is most stable first, so that providers' prompt caches hit. The budget is filled by priority:
//! frame, persona, rules and pinned sources; the new messages with their pictures and their time, and passages of long
//! ones; the last few of the window; evidence up to its own budget; the summary; lore; then the rest of the window,
//! newest first, and what was sent with it.

mod direct;
mod documents;
mod evidence;
mod files;
mod lore;
mod now;
mod pictures;
mod remembered;
mod spoken;

use std::collections::HashSet;

use crate::chat::report::{Draft, Report, Section};
use crate::dialog::{Evidence, Message, Request, ToolSpec, Wishes};
use crate::id::UploadId;
use crate::memory::Found;
use crate::spec;
use crate::store;
use crate::tokens::count;
pub(super) use direct::{Direct, assemble_direct};
pub use direct::{Fixed, NoRoom};
pub use documents::Reading;
pub(super) use documents::in_short;
use documents::take_documents;
pub(super) use evidence::evidence_that_fits;
use evidence::{Recollection, best_first, take_evidence};
pub use files::File;
use lore::{mentions, take_lore};
use now::take_now;
pub(super) use pictures::EARLIER;
pub use pictures::Picture;
use remembered::{take_known, take_summary};
use spoken::{message_tokens, spoken};

/// Everything that was loaded for one answer.
pub struct Input<'a> {
    pub bot: &'a spec::Bot,
    /// Whom the bot talks with, as they are called.
    pub person: &'a str,
    /// In a group every line says who spoke.
    pub is_group: bool,
    pub summary: Option<&'a store::Summary>,
    /// What is known of the people who talk, the most important first.
    pub known: &'a [store::Fact],
    /// What recall found, best first.
    pub found: &'a [Found],
    pub recall_complete: bool,
    /// Files of the messages below.
    pub files: &'a [File],
    /// Pictures of the messages below, each message's in their order.
    pub pictures: &'a [Picture],
    /// Whether a model of the bot's is shown pictures.
    pub sees: bool,
    /// Passages of pinned sources and window messages that may answer, for models that cannot read a prompt.
    pub evidence: Vec<Evidence>,
    /// Earlier messages, oldest first.
    pub window: &'a [store::Message],
    /// What is to be answered, oldest first. What is too long to be read at once is told in short, here and in the
    /// window.
    pub inbound: &'a [store::Message],
    /// How the new messages are read that are too long.
    pub readings: &'a [Reading],
    pub tools: Vec<ToolSpec>,
    /// How the client wants to be answered.
    pub wishes: Option<&'a Wishes>,
    /// Tokens of what will follow the new messages.
    pub reserved: usize,
    /// What a provider's token is to one of ours.
    pub ratio: f32,
}

impl Input<'_> {
    /// What a client's wishes and what follows the new messages take, with the tools that are offered.
    pub fn wanted(&self, wishes: &Wishes, following: &[Message]) -> usize {
        tools_tokens(self.tools.iter().cloned()) + count(&wishes.instructions) + following_tokens(following)
    }
}

/// What messages take that follow the new ones.
pub(super) fn following_tokens(following: &[Message]) -> usize {
    following.iter().map(direct::message_tokens).sum()
}

/// What tools take that are offered.
pub(super) fn tools_tokens(tools: impl Iterator<Item = ToolSpec>) -> usize {
    tools.map(|tool| tool_tokens(&tool)).sum()
}

/// What is sent, and the account of it.
pub struct Assembled {
    pub request: Request,
    pub report: Report,
}

/// Tokens that a message takes besides its text, whatever the provider's format.
const MESSAGE_OVERHEAD: usize = 4;
/// Messages of the window that come before evidence.
const WINDOW_FLOOR: usize = 6;

/// The tokens that every prompt of this bot takes before anything is said.
pub fn fixed_tokens(bot: &spec::Bot) -> usize {
    fixed_parts(bot, "").iter().map(|part| count(&part.text)).sum::<usize>() + MESSAGE_OVERHEAD
}

/// How large a new message may be, in tokens as we count them.
pub fn room_for_message(bot: &spec::Bot, ratio: f32) -> usize {
    budget_in_our_tokens(bot, ratio).saturating_sub(fixed_tokens(bot) + 2 * MESSAGE_OVERHEAD)
}

/// Assembles the request. Never exceeds the budget: what does not fit is left out and reported.
pub fn assemble(input: Input<'_>) -> Assembled {
    let budget = budget_in_our_tokens(input.bot, input.ratio);
    let mut room = Room { left: budget.saturating_sub(MESSAGE_OVERHEAD + input.reserved) };
    let mut prompt = Prompt::default();

    let fixed = fixed_parts(input.bot, input.person);
    let fixed_sections = take_fixed(&fixed, &mut room, &mut prompt.fixed);
    let instructions = take_instructions(&input, &mut room, &mut prompt.instructions);
    let tools = take_tools(&input.tools, &mut room);
    let inbound = take_inbound(&input, &mut room, &mut prompt.inbound);
    let mut shown = HashSet::new();
    let new_pictures = pictures::take_new(&input, &mut room, &mut shown);
    let now = take_now(&input, &mut room, &mut prompt.now);
    let mut files = Vec::new();
    let new_files = files::take_new(&input, &mut room, &mut files);
    let mut passages = Vec::new();
    let documents = take_documents(&input, &mut room, &mut passages);
    let (mut kept, mut window) = take_window(&input, &mut room, WINDOW_FLOOR, Vec::new());
    let known = take_known(&input, budget, &mut room, &mut prompt.known);
    let before_evidence = room.left;
    let is_headed = !passages.is_empty();
    let (mut recalled, mut evidence) = take_evidence(&input, &kept, is_headed, &mut room);
    let evidence_tokens = before_evidence - room.left;
    let summary = take_summary(&input, budget, &mut room, &mut prompt.summary);
    let lore = take_lore(&input, &mut room, &mut prompt.lore);
    if kept.len() == WINDOW_FLOOR.min(input.window.len()) {
        (kept, window) = take_window(&input, &mut room, usize::MAX, kept);
        // Again, without what the wider window says now: nothing is said twice.
        room.left += evidence_tokens;
        (recalled, evidence) = take_evidence(&input, &kept, is_headed, &mut room);
    }
    let Recollection { memory, passages: more } = recalled;
    prompt.evidence = memory;
    prompt.documents = documents::text(&passages, &more);

    let old_pictures = pictures::take_earlier(&input, &kept, &mut room, &mut shown);
    let old_files = files::take_earlier(&input, &kept, &mut room, &mut files);
    prompt.files = files::text(&input, &files);
    let rest = [
        tools,
        instructions,
        lore,
        summary,
        known,
        now,
        evidence,
        documents,
        new_pictures,
        new_files,
        old_pictures,
        old_files,
        window,
        inbound,
    ];
    let sections: Vec<Section> =
        fixed_sections.into_iter().chain(rest.into_iter().flat_map(Draft::finish)).collect();
    let report = report(&input, sections);
    let request = request(input, &kept, &prompt, &shown);
    Assembled { request, report }
}

fn report(input: &Input<'_>, sections: Vec<Section>) -> Report {
    Report {
        budget: input.bot.model.context_budget,
        total: sections.iter().map(|section| section.tokens).fold(0, u32::saturating_add),
        ratio: input.ratio,
        recall_complete: input.recall_complete,
        sections,
    }
}

/// What is sent: the prompt, and those messages of the window that are `kept`.
fn request(input: Input<'_>, kept: &[usize], prompt: &Prompt, shown: &HashSet<UploadId>) -> Request {
    let question = question(input.inbound, input.readings);
    let earlier = kept.iter().map(|index| &input.window[*index]);
    let heard = earlier.chain(prompt.inbound.iter().map(|index| &input.inbound[*index]));
    let messages: Vec<Message> = heard.map(|message| spoken(&input, message, shown)).collect();
    let (temperature, limit) =
        input.wishes.map_or((None, None), |wishes| (wishes.temperature, wishes.max_output_tokens));
    Request {
        system: prompt.system(),
        messages,
        temperature: temperature.or(input.bot.model.temperature),
        max_output_tokens: direct::smaller(limit, input.bot.model.max_output_tokens),
        manner: input.wishes.map(|wishes| wishes.manner.clone()).unwrap_or_default(),
        evidence: best_first(input.evidence, input.found),
        question,
        tools: input.tools,
    }
}

/// What is asked: the new messages, of long ones the words that ask.
pub(super) fn question(inbound: &[store::Message], readings: &[Reading]) -> String {
    let asked = |message: &store::Message| {
        let reading = readings.iter().find(|reading| reading.is_of(message));
        reading.map_or_else(|| message.text.clone(), |reading| reading.asked.clone())
    };
    // A picture may come without words.
    inbound.iter().map(asked).filter(|asked| !asked.is_empty()).collect::<Vec<_>>().join("\n")
}

fn budget_in_our_tokens(bot: &spec::Bot, ratio: f32) -> usize {
    // Rounded down: the budget holds in the provider's tokens.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "budgets are small and positive"
    )]
    let tokens = (bot.model.context_budget as f32 / ratio.max(0.1)) as usize;
    tokens
}

/// What is left of the budget, in tokens.
struct Room {
    left: usize,
}

impl Room {
    fn take(&mut self, tokens: usize) -> bool {
        let fits = tokens <= self.left;
        if fits {
            self.left -= tokens;
        }
        fits
    }
}

#[derive(Default)]
struct Prompt {
    fixed: String,
    instructions: String,
    lore: String,
    summary: String,
    known: String,
    now: String,
    evidence: String,
    documents: String,
    files: String,
    /// Which of the new messages fit.
    inbound: Vec<usize>,
}

impl Prompt {
    fn system(&self) -> String {
        let Self { fixed, instructions, lore, summary, known, now, evidence, documents, files, inbound: _ } =
            self;
        let parts = [fixed, instructions, lore, summary, known, now, evidence, documents, files].into_iter();
        parts.filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n\n")
    }
}

struct FixedPart {
    section: &'static str,
    kind: &'static str,
    id: String,
    text: String,
}

fn fixed_parts(bot: &spec::Bot, person: &str) -> Vec<FixedPart> {
    let frame = include_str!("frame.md").replace("{{bot}}", &bot.display_name).replace("{{who}}", person);
    framed_parts(bot, person, &frame)
}

fn framed_parts(bot: &spec::Bot, person: &str, frame: &str) -> Vec<FixedPart> {
    let fill = |text: &str| bot.fill(text, person);
    let part = |section, kind, id: &str, text| FixedPart { section, kind, id: id.into(), text };
    let mut parts = vec![
        part("frame", "frame", "frame", frame.trim_end().to_owned()),
        part("persona", "persona", "persona", format!("# Persona\n\n{}", fill(&bot.persona))),
    ];
    if let Some(language) = &bot.language {
        parts.push(part("rules", "rule", "language", format!("Always answer in the language `{language}`.")));
    }
    for (index, rule) in bot.rules.iter().enumerate() {
        let heading = if index == 0 { "# Rules\n\n" } else { "" };
        let category = rule.category.as_ref().map(|category| format!("{category}: ")).unwrap_or_default();
        let text = format!("{heading}- {category}{}", fill(&rule.text));
        parts.push(part("rules", "rule", &(index + 1).to_string(), text));
    }
    for source in bot.sources.iter().filter(|source| source.pin) {
        let text = format!("# Source: {}\n\n{}", source.name, source.text);
        parts.push(part("sources", "source", &source.name, text));
    }
    parts
}

fn take_fixed(parts: &[FixedPart], room: &mut Room, text: &mut String) -> Vec<Section> {
    let mut sections: Vec<(&str, Draft)> = Vec::new();
    for part in parts {
        if sections.last().is_none_or(|(name, _)| *name != part.section) {
            sections.push((part.section, Draft::new(part.section)));
        }
        let Some((_, draft)) = sections.last_mut() else { continue };
        let tokens = count(&part.text) + 1;
        if room.take(tokens) {
            draft.included(part.kind, &part.id, tokens, "always", None);
            append(text, part);
        } else {
            // Validation keeps the fixed part below 60 % of the budget; a ratio far above 1 can still do this.
            draft.left_out(part.kind, &part.id, tokens, "no room in the budget", None);
        }
    }
    sections.into_iter().filter_map(|(_, draft)| draft.finish()).collect()
}

/// Rules stand on neighbouring lines, everything else in paragraphs.
fn append(text: &mut String, part: &FixedPart) {
    if !text.is_empty() {
        text.push_str(if part.text.starts_with('-') { "\n" } else { "\n\n" });
    }
    text.push_str(&part.text);
}

fn tool_tokens(tool: &ToolSpec) -> usize {
    count(&tool.name) + count(&tool.description) + count(&tool.parameters.to_string()) + MESSAGE_OVERHEAD
}

fn take_tools(tools: &[ToolSpec], room: &mut Room) -> Draft {
    let mut draft = Draft::new("tools");
    for tool in tools {
        let tokens = tool_tokens(tool);
        room.left = room.left.saturating_sub(tokens);
        draft.included("tool", &tool.name, tokens, "offered to the model", None);
    }
    draft
}

/// What the client itself asks of every answer; it stands after the bot's own words.
fn take_instructions(input: &Input<'_>, room: &mut Room, text: &mut String) -> Draft {
    let mut draft = Draft::new("instructions");
    let Some(wishes) = input.wishes.filter(|wishes| !wishes.instructions.is_empty()) else { return draft };
    let body = format!("{}{}", direct::HEADING, wishes.instructions);
    let tokens = count(&body) + 1;
    if room.take(tokens) {
        draft.included("instructions", "client", tokens, "the client asks for it", None);
        *text = body;
    } else {
        draft.left_out("instructions", "client", tokens, "no room in the budget", None);
    }
    draft
}

/// The newest of the new messages first: they are what must be answered.
fn take_inbound(input: &Input<'_>, room: &mut Room, kept: &mut Vec<usize>) -> Draft {
    let mut draft = Draft::new("new messages");
    for (index, message) in input.inbound.iter().enumerate().rev() {
        let tokens = message_tokens(input, message);
        if room.take(tokens) {
            kept.insert(0, index);
            let is_long = input.readings.iter().any(|reading| reading.is_of(message));
            let why = if is_long { "to be answered: how it begins and ends" } else { "to be answered" };
            draft.included("message", message.id, tokens, why, None);
        } else {
            draft.left_out("message", message.id, tokens, "no room in the budget", None);
        }
    }
    draft
}

/// Takes up to `most` messages of the window, newest first, beyond those already `kept`; never an older one
/// once a newer one did not fit. Returns indices in time order and the whole section.
fn take_window(input: &Input<'_>, room: &mut Room, most: usize, kept: Vec<usize>) -> (Vec<usize>, Draft) {
    let mut draft = Draft::new("window");
    let mut now_kept = kept.clone();
    let mut full = false;
    for (index, message) in input.window.iter().enumerate().rev() {
        let tokens = message_tokens(input, message);
        if kept.contains(&index) {
            draft.included("message", message.id, tokens, "recent", None);
        } else if !full && now_kept.len() < most && room.take(tokens) {
            now_kept.insert(0, index);
            draft.included("message", message.id, tokens, "recent", None);
        } else {
            full = true;
            draft.left_out("message", message.id, tokens, "no room in the budget", None);
        }
    }
    (now_kept, draft)
}

#[cfg(test)]
mod tests;
