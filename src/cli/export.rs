//! `botwright export`: what is live as files, in a folder that may hold some of them already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::{Map, Value, json};

use crate::cli::Here;
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::output::Output;
use crate::cli::planned::folder;
use crate::cli::site::{Place, Site};
use crate::cli::written;
use crate::error::{Error, Kind, Result};
use crate::spec::{self, Bundle};
use crate::sync::{self, Exported};

/// Write bots as they are live into a folder; what a file says already stays as it is, with its comments
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  botwright export bots\n  botwright export bots chef --source dashboard\n  \
                  botwright export bots --check\n\nWith --check nothing is written, and it ends with 2 if something would be."
)]
pub(super) struct Args {
    /// The folder, which is made if need be; BOTS_DIR, else ./bots, if left out
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only these bots; all of the source if left out
    #[arg(value_name = "BOT")]
    bots: Vec<String>,
    /// The bots of this source, such as git:acme/bots or dashboard; the only one of files if left out
    #[arg(long)]
    source: Option<String>,
    /// Only say what would be written
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pub(super) output: Output,
}

pub(super) async fn run(args: Args, here: &Here) -> Outcome {
    let dir = folder(here, args.dir.clone());
    let there = existing(&dir).map_err(Failure::of_config)?;
    let site = Site::open(here, &args.place).await?;
    let found = find(&site, &args).await;
    site.close().await?;
    let (source, bots) = found.map_err(Failure::of_config)?;
    let changed = changed(&source, &bots, &there.files);
    if !args.check {
        for (path, text) in &changed {
            written::replace(&dir.join(path), text)?;
        }
    }
    let paths: Vec<&str> = changed.keys().map(String::as_str).collect();
    if args.output.is_json() {
        let document =
            json!({ "source": source, "bots": bots.len(), "changed": paths, "written": !args.check });
        here.terminal.json(&document)?;
    } else {
        for path in &paths {
            here.terminal.line(dir.join(path).display().to_string())?;
        }
        let verb = if args.check { "would be written" } else { "written" };
        let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let (files, bots) = (counted(paths.len(), "file"), counted(bots.len(), "bot"));
        here.terminal.talk(format!("{bots} of {source}: {files} {verb}"));
    }
    Ok(if args.check && !changed.is_empty() { Exit::Changes } else { Exit::Ok })
}

/// The files that are there; none where there is no folder yet.
fn existing(dir: &Path) -> Result<Bundle> {
    match sync::folder::read(dir) {
        Err(error) if error.kind() == Kind::NotFound => Ok(Bundle::default()),
        read => read,
    }
}

async fn find(site: &Site, args: &Args) -> Result<(String, Vec<Exported>)> {
    let source = site.source(args.source.clone()).await?;
    let bots = site.export(Some(&source), &args.bots).await?;
    if let Some(foreign) = args.bots.iter().find(|name| !bots.iter().any(|bot| bot.name == **name)) {
        return Err(Error::not_found(format!("`{source}` has no bot called `{foreign}`")));
    }
    Ok((source, bots))
}

/// The files that are to be written, and what is to stand in them.
fn changed(source: &str, bots: &[Exported], there: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for bot in bots {
        files.extend(spec::export(&bot.authored, Some(there)));
    }
    files.insert("botwright.yaml".to_owned(), project(source, bots, there));
    files.retain(|path, text| there.get(path).map(Vec::as_slice) != Some(text.as_bytes()));
    files
}

/// `botwright.yaml`, with what the bots share. One that is there is only added to.
fn project(source: &str, bots: &[Exported], there: &BTreeMap<String, Vec<u8>>) -> String {
    const PATH: &str = "botwright.yaml";
    let mut providers = Map::new();
    let mut shared = Map::new();
    for bot in bots {
        let part =
            |name: &str| bot.authored.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        providers.extend(part("providers"));
        shared.extend(part("shared"));
    }
    let old = there.get(PATH).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let Some(old) = old else {
        let source = source.strip_prefix("git:").unwrap_or(source);
        let mut members = Map::from_iter([
            ("apiVersion".to_owned(), json!("botwright/v1")),
            ("kind".to_owned(), json!("Project")),
            ("source".to_owned(), json!(source)),
        ]);
        let protect: BTreeSet<&str> =
            bots.iter().filter(|bot| bot.protected).map(|bot| bot.name.as_str()).collect();
        let sources: Vec<&Value> = shared.values().collect();
        for (key, value, is_empty) in [
            ("protect", json!(protect), protect.is_empty()),
            ("providers", Value::Object(providers.clone()), providers.is_empty()),
            ("sources", json!(sources), sources.is_empty()),
        ] {
            if !is_empty {
                members.insert(key.into(), value);
            }
        }
        let text = format!("{:#}", Value::Object(members));
        return spec::format(PATH, &text).unwrap_or(text);
    };
    let mut text = old.to_owned();
    let known = spec::parse_file(PATH, old);
    for (name, provider) in &providers {
        if known.pointer(&format!("/providers/{name}")) != Some(provider) {
            text = spec::set(PATH, &text, &format!("/providers/{name}"), Some(provider)).unwrap_or(text);
        }
    }
    let mut sources = known.get("sources").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: BTreeSet<&str> =
        sources.iter().filter_map(|source| source.get("name").and_then(Value::as_str)).collect();
    let new: Vec<Value> = shared
        .iter()
        .filter(|(name, _)| !names.contains(name.as_str()))
        .map(|(_, source)| source.clone())
        .collect();
    if !new.is_empty() {
        sources.extend(new);
        text = spec::set(PATH, &text, "/sources", Some(&json!(sources))).unwrap_or(text);
    }
    text
}
