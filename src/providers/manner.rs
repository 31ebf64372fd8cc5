//! Which ways of answering a provider knows. What it does not know is refused by name before it is asked, so
//! that nobody takes an answer for one that kept to what was wanted.

use super::{Finish, Kind};
use crate::dialog::{Form, Manner, Request, ToolChoice};
use crate::tokens;

/// The first thing in the request that providers of this kind cannot be told, as clients call it. Those that
/// speak OpenAI's protocol are told everything and refuse for themselves.
pub(super) fn unsupported(kind: Kind, request: &Request) -> Option<&'static str> {
    let Manner {
        // Offline chooses no words by chance, so these change nothing there.
        top_p: _,
        frequency_penalty,
        presence_penalty,
        seed,
        stop: _,
        tool_choice,
        parallel_calls,
        form,
        effort,
    } = &request.manner;
    let through_genai = matches!(kind, Kind::Anthropic | Kind::Gemini);
    let forced = matches!(tool_choice, ToolChoice::Required | ToolChoice::Named(_));
    let refused = [
        ("frequency_penalty", through_genai && frequency_penalty.is_some()),
        ("presence_penalty", through_genai && presence_penalty.is_some()),
        ("seed", kind == Kind::Anthropic && seed.is_some() || through_genai && seed.is_some_and(|n| n < 0)),
        ("parallel_tool_calls", through_genai && !request.tools.is_empty() && *parallel_calls == Some(false)),
        ("reasoning_effort", through_genai && effort.is_some()),
        ("tool_choice", kind == Kind::Offline && forced),
        ("response_format", through_genai && *form == Form::Json),
        ("response_format", kind == Kind::Offline && *form != Form::Text),
    ];
    refused.into_iter().find_map(|(name, is_refused)| is_refused.then_some(name))
}

/// As much of a ready text as the request wants: up to its first stop, and within its limit.
pub(super) fn within<'t>(text: &'t str, request: &Request) -> (&'t str, Finish) {
    let stops = request.manner.stop.iter().filter_map(|stop| text.find(stop.as_str()));
    let text = stops.min().and_then(|at| text.get(..at)).unwrap_or(text);
    let Some(limit) = request.max_output_tokens.and_then(|limit| usize::try_from(limit).ok()) else {
        return (text, Finish::Stop);
    };
    // A token is never shorter than a byte.
    if text.len() <= limit || tokens::count(text) <= limit {
        return (text, Finish::Stop);
    }
    let ends = text.split_inclusive(char::is_whitespace).scan(0, |end, word| {
        *end += word.len();
        Some(*end)
    });
    let fits = |end: &usize| text.get(..*end).is_some_and(|part| tokens::count(part) <= limit);
    let end = ends.take_while(fits).last().unwrap_or(0);
    (text.get(..end).unwrap_or_default(), Finish::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(manner: Manner, max_output_tokens: Option<u32>) -> Request {
        Request {
            system: String::new(),
            messages: Vec::new(),
            tools: Vec::new(),
            temperature: None,
            max_output_tokens,
            manner,
            evidence: Vec::new(),
            question: String::new(),
        }
    }

    #[test]
    fn what_a_provider_does_not_know_is_named() {
        let seed = asked(Manner { seed: Some(1), ..Manner::default() }, None);
        assert_eq!(unsupported(Kind::OpenAi, &seed), None);
        assert_eq!(unsupported(Kind::Anthropic, &seed), Some("seed"));
        assert_eq!(unsupported(Kind::Gemini, &seed), None);
        let json = asked(Manner { form: Form::Json, ..Manner::default() }, None);
        assert_eq!(unsupported(Kind::Gemini, &json), Some("response_format"));
        assert_eq!(unsupported(Kind::Offline, &json), Some("response_format"));
    }

    #[test]
    fn a_ready_text_is_cut_where_it_is_wanted() {
        let text = "One two three. Four five.";
        let stop = Manner { stop: vec!["Four".into(), "three".into()], ..Manner::default() };
        assert_eq!(within(text, &asked(stop, None)), ("One two ", Finish::Stop));
        let (cut, finish) = within(text, &asked(Manner::default(), Some(2)));
        assert!(finish == Finish::Length && text.starts_with(cut) && cut.len() < text.len(), "{cut}");
        assert_eq!(within(text, &asked(Manner::default(), Some(100))), (text, Finish::Stop));
    }
}
