//! Our own count of what a call took, for providers that report none.

use crate::dialog::{Part, Picture, Request, Usage};
use crate::tokens;

/// What a message costs beside its words: role and separators.
const PER_MESSAGE: usize = 4;

/// Fills in what the provider left out. `said` is everything that came back, calls included.
pub(super) fn complete(mut usage: Usage, request: &Request, said: &str) -> Usage {
    if usage.input_tokens == 0 {
        usage.input_tokens = clamp(input(request));
    }
    if usage.output_tokens == 0 {
        usage.output_tokens = clamp(tokens::count(said));
    }
    usage.cached_tokens = usage.cached_tokens.min(usage.input_tokens);
    usage
}

/// Our own count of a call that was broken off after `said`: whoever hangs up is charged all the same.
pub fn estimate(request: &Request, said: &str) -> Usage {
    complete(Usage::default(), request, said)
}

fn input(request: &Request) -> usize {
    let messages: usize = request
        .messages
        .iter()
        .map(|message| PER_MESSAGE + message.parts.iter().map(part).sum::<usize>())
        .sum();
    let tools: usize = request
        .tools
        .iter()
        .map(|tool| {
            tokens::count(&tool.name)
                + tokens::count(&tool.description)
                + tokens::count(&tool.parameters.to_string())
        })
        .sum();
    tokens::count(&request.system) + messages + tools
}

fn part(part: &Part) -> usize {
    match part {
        Part::Text(text) => tokens::count(text),
        Part::Picture(_) => Picture::TOKENS,
        Part::Call(call) => tokens::count(&call.name) + tokens::count(&call.arguments.to_string()),
        Part::Returned(returned) => tokens::count(&returned.content),
    }
}

pub(super) fn clamp(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
