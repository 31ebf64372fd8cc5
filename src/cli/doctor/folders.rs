//! The folders: the bots, and the index.

use std::path::Path;

use super::Finding;
use crate::cli::problems::{Project, read};
use crate::config::Config;
use crate::search::Index;
use crate::spec;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    vec![bots(config), index(&config.data_dir.join("index"))]
}

fn bots(config: &Config) -> Finding {
    let dir = config.bots_dir_or_default();
    let shown = dir.display();
    let found = match read(&dir) {
        Ok(found) => found,
        Err(error) if config.bots_dir.is_none() && !dir.exists() => {
            let hint = "make one, or set BOTS_DIR; the database may hold bots all the same";
            return Finding::warning("bots", error.message(), hint);
        }
        Err(error) => return Finding::error("bots", &error),
    };
    match &found.project {
        Some(Project { bots, .. }) => Finding::ok("bots", format!("{} in `{shown}`, all valid", bots.len())),
        None => {
            let sum = spec::summary(&found.problems);
            Finding::wrong(
                "bots",
                format!("`{shown}`: {sum}"),
                format!("`botwright validate {shown}` shows them"),
            )
        }
    }
}

fn index(dir: &Path) -> Finding {
    let name = "index";
    if !dir.exists() {
        return Finding::ok(name, "will be built at the first start");
    }
    let index = Index::open_reader(dir);
    if !index.verify() {
        let hint = "nothing is lost: stop Botwright and delete that folder, the index is built anew";
        return Finding::wrong(name, format!("`{}` is damaged", dir.display()), hint);
    }
    Finding::ok(name, format!("{} documents in `{}`", index.documents(), dir.display()))
}
