//! Bundles in, problems out.

mod hostile;
mod right;
mod wrong;

use super::{Bundle, Parsed, parse};

/// The least that a project says.
pub(super) const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: acme/bots\n";
/// The least that a bot says: three lines.
const HEAD: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: A\n";

pub(super) fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    Bundle { files, ..Bundle::default() }
}

/// A project with one bot, `a`, that says `body` after the three lines that it has to have.
fn one(body: &str) -> Parsed {
    with(body, &[])
}

/// The same, with more files.
fn with(body: &str, more: &[(&str, &str)]) -> Parsed {
    let bot = format!("{HEAD}{body}");
    let mut files = vec![("botwright.yaml", PROJECT), ("a/bot.yaml", bot.as_str())];
    files.extend(more);
    parse(&bundle(&files))
}
