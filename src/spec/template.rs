//! Variables in texts: `{{person.name}}`. There are only a few, and no logic.

/// The variables that a greeting, a persona, a rule and lore may hold.
pub const VARIABLES: [&str; 2] = ["person.name", "bot.name"];

/// What the variables stand for in one conversation.
#[derive(Debug, Clone, Copy)]
pub struct Variables<'v> {
    /// Nothing where the person has not said.
    pub person_name: Option<&'v str>,
    pub bot_name: &'v str,
}

/// `text` with its variables filled in. A variable without a value goes, with the space before it (`Hi
/// {{person.name}}, …` becomes `Hi, …`); `\{{` is a literal `{{`.
pub fn fill(text: &str, variables: &Variables<'_>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = 0;
    for hole in holes(text) {
        filled.push_str(text.get(rest..hole.start).unwrap_or(""));
        rest = hole.end;
        match hole.name {
            None => filled.push_str("{{"),
            Some("bot.name") => filled.push_str(variables.bot_name),
            Some("person.name") => match variables.person_name {
                Some(name) => filled.push_str(name),
                None if filled.ends_with(' ') => {
                    filled.pop();
                }
                None => {}
            },
            Some(_) => filled.push_str(text.get(hole.start..hole.end).unwrap_or("")),
        }
    }
    filled.push_str(text.get(rest..).unwrap_or(""));
    filled
}

/// A place in a text that is not meant literally.
pub(super) struct Hole<'t> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The variable; none for `\{{`.
    pub(super) name: Option<&'t str>,
}

/// Every `{{…}}` and `\{{` of a text, in order. What is not closed on its line is literal.
pub(super) fn holes(text: &str) -> Vec<Hole<'_>> {
    let mut holes = Vec::new();
    let mut from = 0;
    // Where the next `}}` and the next line end are: each is looked for once, however many `{{` stand before.
    let (mut close, mut line) = (0, 0);
    while let Some(at) = next(text, "{{", from) {
        if text.get(..at).is_some_and(|before| before.ends_with('\\')) {
            holes.push(Hole { start: at - 1, end: at + 2, name: None });
            from = at + 2;
            continue;
        }
        if close < at + 2 {
            close = next(text, "}}", at + 2).unwrap_or(usize::MAX);
        }
        if line < at + 2 {
            line = next(text, "\n", at + 2).unwrap_or(text.len());
        }
        if close < line {
            holes.push(Hole { start: at, end: close + 2, name: text.get(at + 2..close).map(str::trim) });
            from = close + 2;
        } else {
            from = at + 2;
        }
    }
    holes
}

fn next(text: &str, what: &str, from: usize) -> Option<usize> {
    text.get(from..)?.find(what).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::{Variables, fill};

    #[test]
    fn fills_what_is_known_and_drops_what_is_not() {
        let known = Variables { person_name: Some("Olha"), bot_name: "Max" };
        let unknown = Variables { person_name: None, bot_name: "Max" };
        let text = "Hi {{person.name}}, I am {{ bot.name }}.";
        assert_eq!(fill(text, &known), "Hi Olha, I am Max.");
        assert_eq!(fill(text, &unknown), "Hi, I am Max.");
        assert_eq!(fill(r"Write \{{x}} or {{ alone", &known), "Write {{x}} or {{ alone");
        // A name is data: what it holds is not filled again.
        assert_eq!(
            fill("{{person.name}}", &Variables { person_name: Some("{{bot.name}}"), bot_name: "Max" }),
            "{{bot.name}}"
        );
    }
}
