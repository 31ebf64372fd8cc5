//! The command line as a whole: every command explains itself, and a wrong one is told from an answer.

use clap::CommandFactory;

use super::*;

/// Every command that does something, by its words.
fn leaves(command: &clap::Command, words: &str) -> Vec<(String, clap::Command)> {
    let words = format!("{words} {}", command.get_name());
    if !command.has_subcommands() {
        return vec![(words, command.clone())];
    }
    command.get_subcommands().flat_map(|sub| leaves(sub, &words)).collect()
}

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_says_what_it_does_and_shows_an_example() {
    for (words, mut command) in leaves(&Cli::command(), "") {
        assert!(command.get_about().is_some(), "`{words}` says nothing about itself");
        let help = command.render_long_help().to_string();
        assert!(
            help.contains("Example") && help.contains("botwright "),
            "`{words}` shows no example:\n{help}"
        );
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
            assert!(argument.get_help().is_some(), "`{words}` does not explain {}", argument.get_id());
        }
    }
}

#[test]
fn a_wrong_command_line_is_no_answer() {
    let wrong = |line: &str| Cli::command().try_get_matches_from(line.split(' ')).unwrap_err();
    for line in
        ["botwright", "botwright frob", "botwright token create", "botwright token create --scopes chta"]
    {
        assert!(wrong(line).use_stderr(), "{line}");
    }
    for line in ["botwright --help", "botwright --version", "botwright token create --help"] {
        assert!(!wrong(line).use_stderr(), "{line}");
    }
}
