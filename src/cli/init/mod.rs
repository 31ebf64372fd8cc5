//! `botwright init`: a project to begin with, in an empty or an existing repository.
//!
//! A file that is there stays as it is: what was written and what was kept is listed.

mod templates;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::builder::{PossibleValue, PossibleValuesParser};
use serde_json::json;

use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::error::Error;
use crate::spec::{self, Bundle};
use templates::Template;

/// The workflow and the action of this repository, for the repository of the bots.
const WORKFLOW: &str = include_str!("workflow.yml");
const ACTION: &str = include_str!("../../../.github/actions/botwright/action.yml");
const SETTINGS: &str = include_str!("settings.json");
const EXTENSIONS: &str = include_str!("extensions.json");
/// What `botwright up` keeps beside the bots.
const IGNORED: &str = "/data/";

/// Begin a project: a bot from a template, the schemas for your editor, a workflow for GitHub
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright init\n  botwright init our-bots --template support --source acme/bots\n\n\
                        A file that is there already is kept as it is."
)]
pub(super) struct Args {
    /// The repository; made where it is missing; this folder, if left out
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// The bot to begin with
    #[arg(long, default_value = "companion", value_parser = PossibleValuesParser::new(names()))]
    template: String,
    /// Who owns the bots, such as acme/bots; made of git's remote or the folder's name, if left out
    #[arg(long)]
    source: Option<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

fn names() -> impl Iterator<Item = PossibleValue> {
    templates::ALL.iter().map(|template| PossibleValue::new(template.name).help(template.what))
}

/// What became of the files.
#[derive(Debug, Default)]
struct Done {
    written: Vec<String>,
    kept: Vec<String>,
}

pub(super) fn run(args: &Args, here: &Here) -> Outcome {
    let template = templates::ALL
        .iter()
        .find(|template| template.name == args.template)
        .ok_or_else(|| Error::not_found(format!("there is no template `{}`", args.template)))?;
    let source = match &args.source {
        Some(source) => source.clone(),
        None => source_of(&args.dir),
    };
    let project = project(&source);
    check(&project, template)?;
    let done = write(&args.dir, &project, template).map_err(|error| {
        Error::unavailable(format!("`{}` cannot be written", args.dir.display())).with_source(error)
    })?;
    if args.output.is_json() {
        here.terminal.json(&json!({
            "formatVersion": "1.0",
            "dir": args.dir,
            "source": source,
            "template": template.name,
            "written": done.written,
            "kept": done.kept,
        }))?;
        return Ok(Exit::Ok);
    }
    for path in &done.written {
        here.terminal.line(format!("wrote {path}"))?;
    }
    for path in &done.kept {
        here.terminal.line(format!("kept  {path}"))?;
    }
    here.terminal.talk(next(&args.dir, template, &done));
    Ok(Exit::Ok)
}

fn project(source: &str) -> String {
    format!(
        "# yaml-language-server: $schema=project.schema.json\n\
         # A project: this file, and one folder per bot. The folder's name is the bot's name.\n\
         apiVersion: botwright/v1\nkind: Project\nsource: {source}\n"
    )
}

/// What is about to be written has to be valid; only the source can be wrong.
fn check(project: &str, template: &Template) -> Result<(), Failure> {
    let mut bundle = Bundle::default();
    bundle.files.insert("botwright.yaml".into(), project.into());
    for (file, text) in template.files {
        bundle.files.insert(format!("{}/{file}", template.name), text.as_bytes().to_vec());
    }
    match spec::parse(&bundle).problems.into_iter().find(spec::Problem::is_error) {
        Some(problem) => {
            let failure = Failure::of_config(Error::invalid(problem.message));
            Err(match problem.suggestion {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure,
            })
        }
        None => Ok(()),
    }
}

/// Whose bots they probably are: the repository's name at its host, else the folder's.
fn source_of(dir: &Path) -> String {
    let config = fs::read_to_string(dir.join(".git/config")).unwrap_or_default();
    let remote = config.lines().find_map(|line| line.trim().strip_prefix("url = "));
    let owned = remote.and_then(|url| {
        let parts: Vec<&str> = url.trim_end_matches(".git").rsplit(['/', ':']).take(2).collect();
        if let [name, owner] = parts.as_slice() { Some(format!("{owner}/{name}")) } else { None }
    });
    // `../bots.git` says where the repository is, and not whose it is.
    let owned = owned.filter(|source| !source.starts_with(['.', '/', '~']));
    let folder = fs::canonicalize(dir).ok().or_else(|| Some(dir.to_owned()));
    let folder = folder.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let plain = |name: &str| -> String {
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-/".contains(c) { c } else { '-' }).collect()
    };
    let name = owned.or_else(|| folder.map(|name| format!("{}/bots", name.trim_matches(['.', '-', '_']))));
    plain(&name.unwrap_or_else(|| "acme/bots".into()))
}

/// Writes what is missing.
fn write(dir: &Path, project: &str, template: &Template) -> io::Result<Done> {
    let schema = |schema: &serde_json::Value| serde_json::to_string_pretty(schema).map(|text| text + "\n");
    let mut done = Done::default();
    done.put(dir, "bots/botwright.yaml", project)?;
    let bot = format!("bots/{}", template.name);
    // A bot is kept or written as a whole: half of another one would be neither.
    if dir.join(&bot).exists() {
        done.kept.push(format!("{bot}/"));
    } else {
        for (file, text) in template.files {
            done.put(dir, &format!("{bot}/{file}"), text)?;
        }
    }
    done.put(dir, "bots/bot.schema.json", &schema(&spec::schema::bot())?)?;
    done.put(dir, "bots/project.schema.json", &schema(&spec::schema::project())?)?;
    done.put(dir, ".vscode/settings.json", SETTINGS)?;
    done.put(dir, ".vscode/extensions.json", EXTENSIONS)?;
    done.put(dir, ".github/workflows/bots.yml", WORKFLOW)?;
    done.put(dir, ".github/actions/botwright/action.yml", ACTION)?;
    done.ignore(dir)?;
    Ok(done)
}

impl Done {
    /// Writes a file that is not there yet, and the folders above it.
    fn put(&mut self, dir: &Path, path: &str, text: &str) -> io::Result<()> {
        let place = dir.join(path);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        match File::create_new(&place) {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                self.written.push(path.into());
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.kept.push(path.into()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Lets git pass by what a server keeps in this folder.
    fn ignore(&mut self, dir: &Path) -> io::Result<()> {
        const PATH: &str = ".gitignore";
        let known = match fs::read_to_string(dir.join(PATH)) {
            Ok(known) => known,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        if known.lines().any(|line| line.trim().trim_matches('/') == IGNORED.trim_matches('/')) {
            self.kept.push(PATH.into());
            return Ok(());
        }
        let gap = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
        let mut file = OpenOptions::new().create(true).append(true).open(dir.join(PATH))?;
        file.write_all(format!("{gap}{IGNORED}\n").as_bytes())?;
        self.written.push(if known.is_empty() { PATH.into() } else { format!("{PATH} (a line)") });
        Ok(())
    }
}

/// What to do now.
fn next(dir: &Path, template: &Template, done: &Done) -> String {
    let name = template.name;
    let enter = if dir == Path::new(".") { String::new() } else { format!("  cd {}\n", dir.display()) };
    let kept = |path: &str| done.kept.iter().any(|kept| kept == path);
    let settings = if kept(".vscode/settings.json") {
        "\nYour `.vscode/settings.json` was kept; the first line of every file tells the editor its schema.\n"
    } else {
        ""
    };
    format!(
        "\nNext:\n{enter}  botwright validate         says what is wrong, with file and line\n  \
         botwright up               starts everything here and makes every saved file live\n  \
         botwright chat {name:12}talks to the bot, in another terminal\n\
         {settings}\nThe bot is in `bots/{name}`: who it is in `persona.md`, what it does in `bot.yaml`.\n\
         For pull requests, `.github/workflows/bots.yml` says which variables and secrets it needs."
    )
}
