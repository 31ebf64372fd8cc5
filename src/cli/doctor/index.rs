//! The index, compared with the database message by message.

use uuid::Uuid;

use super::Finding;
use crate::app::App;
use crate::cli::Here;
use crate::error::Result;
use crate::memory::Verified;

const NAME: &str = "index";
const HINT: &str = "stop the server, delete the folder `index` in DATA_DIR and start again: it is built anew";
/// So many ids are shown of each kind.
const SHOWN: usize = 5;

pub(super) async fn look(here: &Here) -> Vec<Finding> {
    match verify(here).await {
        Ok((verified, waiting)) => findings(&verified, waiting),
        Err(error) => vec![Finding::error(NAME, &error)],
    }
}

/// What differs, and how many changes a server has yet to take in (`None` where it must build the index first).
/// Nothing is mended: the index is only read.
async fn verify(here: &Here) -> Result<(Verified, Option<i64>)> {
    let app = App::start(&here.config, here.options()).await?;
    let found = async {
        let verified = app.memory().verify().await?;
        Ok((verified, app.memory().missing().await?))
    };
    let found = found.await;
    app.end().await?;
    found
}

fn findings(verified: &Verified, waiting: Option<i64>) -> Vec<Finding> {
    let Verified { expected, missing, outdated, strange, broken } = verified;
    if *broken {
        return vec![Finding::wrong(NAME, "a file of it is broken", HINT)];
    }
    if verified.is_sound() {
        return vec![Finding::ok(NAME, format!("it holds all of {expected} messages, summaries and facts"))];
    }
    let wrong = [
        (missing, "are not in it"),
        (outdated, "stand in it as they were before"),
        (strange, "stand in it and should not"),
    ];
    let wrong = wrong.into_iter().filter(|(ids, _)| !ids.is_empty());
    wrong
        .map(|(ids, what)| {
            let text = format!("{} of {expected} {what}: {}", ids.len(), shown(ids));
            match waiting {
                Some(0) => Finding::wrong(NAME, text, HINT),
                Some(changes) => {
                    let hint = format!("start a server: it has {changes} changes to take in yet");
                    Finding::warning(NAME, text, hint)
                }
                None => Finding::warning(NAME, text, "start a server: it builds the index anew"),
            }
        })
        .collect()
}

fn shown(ids: &[Uuid]) -> String {
    let mut shown: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    if ids.len() > SHOWN {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}
