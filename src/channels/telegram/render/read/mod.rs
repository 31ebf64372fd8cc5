//! Reads Markdown into text with looks.
//!
//! What Telegram does not know becomes something that a person understands: headings are bold, lists get signs,
//! tables are set in letters of one width, quotations do not nest but say how deep they are.

mod blocks;
mod inline;

use std::borrow::Cow;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::rich::{Look, Rich};
use super::table::Table;
use blocks::List;
use inline::{Depths, Link};

/// Reads a text. Costs time by its length, however deep it nests.
pub(super) fn read(markdown: &str) -> Rich {
    let markdown = without_nul(markdown);
    let known = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let mut reader = Reader::default();
    for event in Parser::new_ext(&markdown, known) {
        reader.take(event);
    }
    reader.rich
}

fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// What was read so far, and where in the tree we are.
#[derive(Default)]
struct Reader {
    rich: Rich,
    /// Line breaks that come before what comes next, if anything does.
    breaks: usize,
    /// The look of those breaks.
    between: Look,
    /// What stands before the first words of a list's entry or a footnote.
    sign: String,
    lists: Vec<List>,
    /// How deep quotations nest, and which of the text this is.
    quotes: usize,
    quote: u32,
    depths: Depths,
    link: Option<Link>,
    /// The language and the text of a block of code.
    code: Option<(String, String)>,
    table: Option<Table>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => self.inline_code(&text),
            // Shown as it is written; what it holds is no Markdown.
            Event::InlineMath(text) => self.text(&format!("${text}$")),
            Event::DisplayMath(text) => self.text(&format!("$${text}$$")),
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::SoftBreak | Event::HardBreak => self.break_lines(1),
            Event::Rule => {
                self.begin_block();
                self.text("———");
                self.end_block();
            }
            Event::TaskListMarker(done) => self.task(done),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.begin_block(),
            Tag::Heading { .. } => {
                self.begin_block();
                self.depths.bold += 1;
            }
            Tag::BlockQuote(_) => self.begin_quote(),
            Tag::CodeBlock(kind) => {
                self.begin_block();
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => language(info),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => self.begin_list(first),
            Tag::Item => self.begin_item(),
            Tag::FootnoteDefinition(name) => {
                self.begin_block();
                self.sign.push_str(&format!("[{name}] "));
            }
            Tag::Table(alignments) => {
                self.begin_block();
                self.table = Some(Table::new(alignments));
            }
            Tag::TableHead | Tag::TableRow => self.table.iter_mut().for_each(Table::begin_row),
            Tag::TableCell => self.table.iter_mut().for_each(Table::begin_cell),
            Tag::Emphasis => self.depths.italic += 1,
            Tag::Strong => self.depths.bold += 1,
            Tag::Strikethrough => self.depths.strike += 1,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => self.begin_link(&dest_url),
            // Not among those that are asked for.
            Tag::Superscript
            | Tag::Subscript
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::FootnoteDefinition => self.end_block(),
            TagEnd::Heading(_) => {
                self.depths.bold -= 1;
                self.end_block();
                self.between.keep = true;
            }
            TagEnd::BlockQuote(_) => self.end_quote(),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.end_block();
            }
            TagEnd::Item => self.end_item(),
            TagEnd::Table => self.end_table(),
            TagEnd::Emphasis => self.depths.italic -= 1,
            TagEnd::Strong => self.depths.bold -= 1,
            TagEnd::Strikethrough => self.depths.strike -= 1,
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::MetadataBlock(_) => {}
        }
    }
}

/// The language of a block of code, as far as it is a name: `rust` of `rust,ignore`.
fn language(info: &str) -> String {
    let part_of_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.');
    info.chars().take_while(part_of_name).take(32).collect()
}
