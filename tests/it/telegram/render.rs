//! Markdown becomes messages that the service takes, and nothing of it is lost, whatever somebody writes.

use botwright::channels::telegram::render::{
    CAPTION_UNITS, MESSAGE_UNITS, Part, render, render_caption, render_unfinished,
};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser};

use crate::harness::telegram::html;
use crate::harness::telegram::text::{Formatted, is_empty, units};

/// What the service would show of a part; fails if it would refuse it.
fn shown(part: &Part, most: usize) -> Formatted {
    let parsed = html::parse(&part.html).unwrap_or_else(|error| panic!("{error}: {:?}", part.html));
    html::unnested(&parsed).unwrap_or_else(|error| panic!("{error}: {:?}", part.html));
    assert!(part.html.len() <= 32_768, "{} bytes of HTML", part.html.len());
    assert!(units(&parsed.text) <= most, "{} units: {:?}", units(&parsed.text), part.html);
    assert!(parsed.entities.len() <= 100, "{} entities", parsed.entities.len());
    assert!(units(&part.plain) <= MESSAGE_UNITS && !is_empty(&part.plain), "{:?}", part.plain);
    let kept = parsed.kept();
    assert!(!is_empty(&kept.text), "nothing to see: {:?}", part.html);
    kept
}

fn whole(parts: &[Part]) -> String {
    parts.iter().map(|part| visible(&shown(part, MESSAGE_UNITS).text)).collect()
}

/// Without white space and whatever else cannot be seen.
pub(super) fn visible(text: &str) -> String {
    let seen = |c: &char| !c.is_whitespace() && !is_empty(c.encode_utf8(&mut [0; 4])) && !unseen(*c);
    text.chars().filter(seen).collect()
}

/// What the service takes out, or we do where nothing else stands around it.
fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{333}' | '\u{33f}' | '\u{30a}')
        || matches!(c, '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{34f}' | '\u{ad}')
}

/// The words of a text, as a reader of its own finds them.
pub(super) fn words(markdown: &str) -> String {
    let known = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let markdown = markdown.replace('\0', "\u{fffd}");
    let text = |event| match event {
        Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) | Event::Code(text) => Some(text),
        Event::InlineMath(text) | Event::DisplayMath(text) => Some(text),
        _ => None,
    };
    Parser::new_ext(&markdown, known).filter_map(text).map(|text| visible(&text)).collect()
}

/// Everything that is asked of a rendering.
fn check(markdown: &str) {
    let parts = render(markdown);
    let all = whole(&parts);
    // Marks of spoilers are taken out; where a bar is a bar, this overlooks it.
    let mut rest = all.chars().filter(|c| *c != '|');
    for c in words(markdown).chars().filter(|c| *c != '|') {
        assert!(rest.any(|found| found == c), "{c:?} is missing in {all:?} of {markdown:?}");
    }
    let captioned = render_caption(markdown);
    if let Some(first) = captioned.first() {
        shown(first, CAPTION_UNITS);
    }
    assert_eq!(whole(&captioned), all, "cut elsewhere, it says the same: {markdown:?}");
    for part in render_unfinished(markdown) {
        shown(&part, MESSAGE_UNITS);
    }
}

fn html_of(markdown: &str) -> String {
    let parts = render(markdown);
    check(markdown);
    parts.iter().map(|part| part.html.as_str()).collect::<Vec<_>>().join("\n<<>>\n")
}

const PIECES: [&str; 78] = [
    "word",
    "два слова",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\n\n\n",
    "*",
    "**",
    "***",
    "_",
    "__",
    "~~",
    "||",
    "`",
    "``",
    "```",
    "\n```rust\n",
    "\n```\n",
    "\n~~~\n",
    "~~~~",
    "> ",
    "\n> ",
    "\n>> ",
    "- ",
    "\n- ",
    "\n  - ",
    "\n    - ",
    "1. ",
    "\n7) ",
    "- [ ] ",
    "\n- [x] ",
    "# ",
    "\n## ",
    "\n---\n",
    "\n===\n",
    "[",
    "](",
    "](https://a.b/c)",
    "](x)",
    "![",
    ")",
    "<https://a.b>",
    "<b>",
    "</b>",
    "<!--",
    "-->",
    "<div>\n",
    "&amp;",
    "&#0;",
    "&lt;",
    "&",
    "<",
    ">",
    "\"",
    "\\",
    "|",
    "\n| a | b |\n|:-:|--:|\n| c |",
    "[^1]",
    "\n[^1]: ",
    "$",
    "$$",
    "👩‍👩‍👧‍👦",
    "e\u{301}\u{302}",
    "\u{202e}",
    "\u{200b}",
    "\u{200f}",
    "שלום",
    "\u{feff}",
    "\0",
    "\t",
    "🇺🇦",
    "𝒳",
    "。",
    ".",
    "https://example.org/a_b_c",
    "\r\n",
    "    ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_of_random_markdown(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..120)) {
        check(&pieces.concat());
    }

    #[test]
    fn property_of_long_markdown(
        pieces in prop::collection::vec((prop::sample::select(&PIECES[..]), 1..400_usize), 0..40)
    ) {
        check(&pieces.into_iter().map(|(piece, times)| piece.repeat(times)).collect::<String>());
    }

    #[test]
    fn property_of_any_text(text in "\\PC{0,200}") {
        check(&text);
    }
}

#[test]
fn what_people_write_looks_as_they_meant_it() {
    assert_eq!(
        html_of(
            "# Plan *A*\n\nBuy **milk _now_**, `a<b`, ~~tea~~ and ||cake||; see [the *list*](https://a.b/?x=1&y=2)."
        ),
        "<b>Plan <i>A</i></b>\n\nBuy <b>milk <i>now</i></b>, <code>a&lt;b</code>, <s>tea</s> and \
         <tg-spoiler>cake</tg-spoiler>; see <a href=\"https://a.b/?x=1&amp;y=2\">the <i>list</i></a>."
    );
    assert_eq!(
        html_of("1. one\n2. two\n   - in\n     more\n   - [x] done\n\n3. three\n\nafter"),
        "1. one\n2. two\n  • in\n    more\n  ☑ done\n3. three\n\nafter".replace('•', "◦")
    );
    assert_eq!(html_of("> a\n>> b\n\nc"), "<blockquote>a\n\n&gt; b</blockquote>\n\nc");
    assert_eq!(
        html_of("| a | n |\n|---|--:|\n| `long` | 7 |\n| б | 10 |"),
        "<pre>a    │  n\n─────┼───\nlong │  7\nб    │ 10</pre>"
    );
    assert_eq!(
        html_of(
            "```py\nif a < b:\n    c\n```\n<b>x</b> &amp; [f](file:///a) [m](mailto:a@b.c) ![pic](http://a.b/c.png)"
        ),
        "<pre><code class=\"language-py\">if a &lt; b:\n    c</code></pre>\n\n&lt;b&gt;x&lt;/b&gt; &amp; \
         f (file:///a) m (a@b.c) <a href=\"http://a.b/c.png\">pic</a>"
    );
    assert_eq!(html_of("a[^n] $x_1$ $$y_2$$\n\n---\n\n[^n]: note"), "a[n] $x_1$ $$y_2$$\n\n———\n\n[n] note");
    assert_eq!(html_of("a || b || c ||d"), "a || b || c ||d");
    let plain = &render("**see** [here](https://a.b)")[0].plain;
    assert_eq!(plain, "see here (https://a.b)");
}

#[test]
fn nothing_to_see_is_no_message() {
    for text in
        ["", " ", "\n\n", "\u{200b}", "\u{202e}", "&nbsp;", "```\n```", "**", "[](   )", "\u{feff}\u{200d}"]
    {
        check(text);
    }
    for text in ["", " \n ", "\u{200b}\u{200d}", "\u{202e}", "&nbsp;", "```\n\n```", "\u{feff}", "\u{2800}"] {
        assert_eq!(render(text), [], "{text:?}");
    }
    assert_eq!(html_of("\0"), "\u{fffd}");
}

#[test]
fn long_texts_are_cut_where_it_hurts_least() {
    let paragraph = "One sentence of some words. Another one, a little longer than that. ".repeat(20);
    let parts = render(&format!("{paragraph}\n\n").repeat(8));
    assert_eq!(parts.len(), 3, "three paragraphs each");
    assert!(parts.iter().all(|part| part.plain.ends_with("than that.")));

    let parts = render(&paragraph.repeat(8));
    assert!(parts.iter().all(|part| part.plain.ends_with('.')), "sentences stay whole");
    let parts = render(&"word ".repeat(3000));
    assert!(parts.iter().all(|part| part.plain.ends_with("word") && part.plain.starts_with("word")));

    let heading = format!("{}\n\n## Next\n\n{}", "a ".repeat(1900), "b ".repeat(1900));
    assert!(render(&heading)[1].html.starts_with("<b>Next</b>"), "a heading goes with what it heads");
    check(&heading);
}

#[test]
fn code_goes_on_as_code_in_the_next_part() {
    let code: String = (0..400).map(|line| format!("    let line_{line} = \"some text\";\n")).collect();
    let text = format!("Look:\n\n```rust\n{code}```\n\nThat was it.");
    check(&text);
    let parts = render(&text);
    assert!(parts.len() > 3);
    for part in &parts[..parts.len() - 1] {
        assert!(part.html.ends_with(";</code></pre>".replace(';', "&quot;;").as_str()), "{}", part.html);
    }
    for part in &parts[1..] {
        assert!(part.html.starts_with("<pre><code class=\"language-rust\">    let "), "{}", part.html);
    }
    let read: Vec<Formatted> = parts.iter().map(|part| shown(part, MESSAGE_UNITS)).collect();
    let lines: usize = read.iter().map(|part| part.text.matches("    let line_").count()).sum();
    assert_eq!(lines, 400, "the indentation is kept");
    assert!(read.iter().all(|part| part.entities[0].argument.as_deref() == Some("rust")));
}

#[test]
fn quotations_lists_and_marks_go_on_in_the_next_part() {
    let long = "some words of it ".repeat(600);
    for (text, tag) in [
        (format!("> {long}"), "blockquote"),
        (format!("**{long}**"), "b"),
        (format!("[{long}](https://a.b)"), "a"),
        (format!("||{}||", long.trim()), "tg-spoiler"),
    ] {
        check(&text.replace(" **", "**"));
        for part in render(&text.replace(" **", "**")) {
            assert!(
                part.html.starts_with(&format!("<{tag}")) && part.html.ends_with(&format!("</{tag}>")),
                "{tag}"
            );
        }
    }
    check(&"- an entry of some words\n  1. and one within\n".repeat(300));
}

#[test]
fn the_limit_is_met_to_the_unit() {
    for (unit, times) in [("a", 4096), ("я", 4096), ("漢", 4096), ("&", 4096), ("𝒳", 2048), ("é", 4096)]
    {
        check(&unit.repeat(times + 1));
        assert_eq!(render(&unit.repeat(times)).len(), 1, "{unit}");
        assert_eq!(render(&unit.repeat(times + 1)).len(), 2, "{unit}");
    }
    let family = "👩‍👩‍👧‍👦";
    let parts = render(&family.repeat(1000));
    assert!(parts.iter().all(|part| part.plain.chars().count() % 7 == 0), "no family is torn apart");
    let flags = render(&"🇺🇦".repeat(2000));
    assert!(flags.iter().all(|part| part.plain.chars().count() % 2 == 0));
    check(&format!("a{}", "\u{301}".repeat(10_000)));
    check(&format!("{}x", "\u{200b}".repeat(9_000)));
    check(&"[a](https://example.org/?q=".to_owned().repeat(2));
    check(&format!("[a](https://example.org/{}) ", "long".repeat(300)).repeat(150));
    check(&format!("[a](https://example.org/{})", "long".repeat(3000)));
    check(&"**a**`b`".repeat(2000));
}

#[test]
fn nesting_without_end_is_read_in_the_time_of_its_length() {
    const DEEP: usize = 10_000;
    for piece in [
        ">", "> ", "*", "**", "_", "[", "![", "]", "(", "`", "~", "- ", "1. ", "* ", "\\", "<", "&", "|",
        "||a", "$", "#", "[a](", "[^1]", "*a _b ", "**a", "~~a", "`a``", "<a ", "<!--", "a|", "\n>", "\n-",
        "\n  >", "[a]: b\n", "||a||",
    ] {
        let text = piece.repeat(DEEP);
        check(&text);
        check(&format!("{text}x\n\ny"));
    }
    let lists: String = (0..500).map(|depth| format!("{}- {depth}\n", "  ".repeat(depth))).collect();
    check(&lists);
    let quotes: String = (0..500).map(|depth| format!("{} {depth}\n", ">".repeat(depth))).collect();
    check(&quotes);
    let wide = format!("{}\n{}\n{}", "a|".repeat(500), "-|".repeat(500), "|\n".repeat(500));
    check(&wide);
}

#[test]
fn what_still_grows_is_shown_as_it_will_look() {
    let html = |text: &str| render_unfinished(text).iter().map(|part| part.html.clone()).collect::<String>();
    for (text, expected) in [
        ("Some **bo", "Some <b>bo</b>"),
        ("Some **bold*", "Some <b>bold</b>"),
        ("Some **", "Some"),
        ("Some *it **both", "Some <i>it </i><b><i>both</i></b>"),
        ("Some `co", "Some <code>co</code>"),
        ("Some ``", "Some"),
        ("See [the li", "See the li"),
        ("See [the list](https://exam", "See the list"),
        ("See ![a pic](https://exam", "See a pic"),
        ("See [the list](https://a.b) and", "See <a href=\"https://a.b\">the list</a> and"),
        ("A ||sec", "A <tg-spoiler>sec</tg-spoiler>"),
        ("2 * 3 and a_b and 4*5", "2 * 3 and a_b and 4*5"),
        ("**a** _b_ ~~c~~ `d`", "<b>a</b> <i>b</i> <s>c</s> <code>d</code>"),
        ("```rust\nlet a", "<pre><code class=\"language-rust\">let a</code></pre>"),
        ("```rust\nlet a\n``", "<pre><code class=\"language-rust\">let a</code></pre>"),
        ("a\n\n```\n**b\n```\n\n*c", "a\n\n<pre>**b</pre>\n\n<i>c</i>"),
        ("- **one\n", "• <b>one</b>"),
    ] {
        assert_eq!(html(text), expected, "{text:?}");
    }
    let text = "# Plan\n\nSome **bold and *it* `code`** and [a link](https://a.b/c).\n\n```py\nx = 1\n```\n\n> quoted\n";
    for (end, _) in text.char_indices() {
        for part in render_unfinished(&text[..end]) {
            shown(&part, MESSAGE_UNITS);
            assert!(!part.plain.contains("**") && !part.plain.contains('['), "{:?}", part.plain);
        }
    }
    assert_eq!(render_unfinished(text), render(text), "what is finished is not touched");
}
