//! `--output`: for whom a command writes.

use clap::{Args, ValueEnum};

/// For commands that people and programs read.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// How the answer is written; with `json`, stdout is exactly one JSON document
    #[arg(long = "output", value_enum, default_value_t = Format::Human, value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

impl Output {
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// For commands that CI reads too.
#[derive(Debug, Args)]
pub(super) struct CiOutput {
    /// How the answer is written; with `json`, stdout is exactly one JSON document; `github` annotates
    /// the files of a pull request
    #[arg(long = "output", value_enum, default_value_t = CiFormat::Human, value_name = "FORMAT")]
    pub(super) format: CiFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CiFormat {
    Human,
    Json,
    Github,
}

impl CiOutput {
    pub(super) fn is_json(&self) -> bool {
        self.format == CiFormat::Json
    }
}
