//! `botwright fmt`: the files of a folder in canonical form.

mod diff;

use std::path::PathBuf;

use clap::Parser;
use serde_json::json;

use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::{CiFormat, CiOutput};
use crate::cli::problems;
use crate::cli::written;
use crate::spec::{self, Bundle, Problem};
use crate::sync::folder;

/// Put the YAML files of a folder of bots into canonical form; comments stay, and what they say
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  botwright fmt\n  botwright fmt bots --check --output github\n\n\
                        With --check nothing is written, and it ends with 2 if something would be. \
                        Ends with 3 if a file is not valid YAML.")]
pub(super) struct Args {
    /// The folder; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only say what would change
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    pub(super) output: CiOutput,
}

/// A file that is not in canonical form.
struct Untidy {
    /// Relative to the folder.
    path: String,
    before: String,
    after: String,
}

pub(super) fn run(args: Args, here: &Here) -> Outcome {
    let Args { dir, check, output } = args;
    let dir = dir.unwrap_or_else(|| here.config.bots_dir_or_default());
    let bundle = folder::read(&dir).map_err(Failure::of_config)?;
    let (untidy, mut found) = look(&bundle);
    if !check {
        for file in &untidy {
            written::replace(&dir.join(&file.path), &file.after)?;
        }
    }
    let root = dir.display().to_string();
    let terminal = &here.terminal;
    match output.format {
        CiFormat::Human => {
            problems::talk(terminal, &found, &root);
            for file in &untidy {
                terminal.line(dir.join(&file.path).display().to_string())?;
                if check {
                    terminal.write(&diff::short(&file.before, &file.after, terminal.style()))?;
                }
            }
        }
        CiFormat::Json => {
            let mut document = spec::to_json(&found, &root);
            let paths: Vec<&str> = untidy.iter().map(|file| file.path.as_str()).collect();
            document["changed"] = json!(paths);
            document["written"] = json!(!check);
            terminal.json(&document)?;
        }
        CiFormat::Github => {
            if check {
                found.extend(untidy.iter().map(|file| spec::untidy(&file.path, &file.before, &file.after)));
            }
            for problem in &found {
                terminal.write(&spec::github(problem, &root))?;
            }
        }
    }
    Ok(match untidy.len() {
        _ if found.iter().any(Problem::is_error) => Exit::InvalidConfig,
        0 => Exit::Ok,
        _ if check => Exit::Changes,
        _ => Exit::Ok,
    })
}

/// The files that are not in canonical form, and what is wrong with those that cannot be read.
fn look(bundle: &Bundle) -> (Vec<Untidy>, Vec<Problem>) {
    let mut untidy = Vec::new();
    let mut problems = Vec::new();
    let is_yaml = |path: &str| path.ends_with("bot.yaml") || path == "botwright.yaml";
    for (path, contents) in bundle.files.iter().filter(|(path, _)| is_yaml(path)) {
        let Ok(before) = std::str::from_utf8(contents) else {
            let parsed = spec::parse(bundle);
            problems.extend(parsed.problems.into_iter().filter(|problem| problem.file == *path));
            continue;
        };
        match spec::format(path, before) {
            Ok(after) if after == before => {}
            Ok(after) => untidy.push(Untidy { path: path.clone(), before: before.to_owned(), after }),
            Err(found) => problems.extend(found),
        }
    }
    (untidy, problems)
}
