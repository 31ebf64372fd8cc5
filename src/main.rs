//! The program `botwright`: parse the command, run it, print the error.

fn main() -> std::process::ExitCode {
    botwright::cli::main()
}
