//! What each variable may say, and what is answered to the rest.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use secrecy::ExposeSecret as _;

use super::{Config, LogFormat, PROVIDERS, Problems, VARIABLES, key_bytes};

fn read(vars: &[(&str, &str)]) -> Result<Config, Problems> {
    let vars: HashMap<_, _> = vars.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
    Config::from_vars(|name| vars.get(name).cloned())
}

#[test]
fn an_empty_environment_gives_the_defaults() {
    let config = read(&[("PORT", ""), ("OPENAI_API_KEY", "  ")]).unwrap();
    assert_eq!(config.port, 8080);
    assert_eq!(config.data_dir.to_str(), Some("data"));
    assert_eq!(config.bots_dir_or_default().to_str(), Some("bots"));
    assert!(config.database_url.is_none() && config.bots_dir.is_none() && config.bind.is_none());
    assert_eq!(config.log_format, LogFormat::Human);
    assert!(!config.allow_private_addresses);
    assert_eq!(config.providers.iter().map(|provider| provider.name).collect::<Vec<_>>(), PROVIDERS);
    assert!(config.providers.iter().all(|provider| provider.key.is_none()));
}

#[test]
fn every_value_is_read() {
    let config = read(&[
        ("DATABASE_URL", "postgres://u:p@h/d"),
        ("PORT", "0"),
        ("BIND", "[::]"),
        ("PUBLIC_URL", "https://bots.example/"),
        ("BOTS_DIR", "/srv/bots"),
        ("DEEPSEEK_API_KEY", "sk-1\n"),
        ("DEEPSEEK_BASE_URL", "http://127.0.0.1:4010/v1/"),
        ("OLLAMA_HOST", "0.0.0.0"),
        ("ALLOW_PRIVATE_ADDRESSES", "Yes"),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "debug,hyper=info"),
        ("SCRIPTED_FILE", "lines.txt"),
    ])
    .unwrap();
    assert_eq!(config.database_url.unwrap().expose_secret(), "postgres://u:p@h/d");
    assert_eq!(config.port, 0);
    assert_eq!(config.bind.unwrap().to_string(), "::");
    assert_eq!(config.public_url.as_deref(), Some("https://bots.example"));
    let deepseek = &config.providers[4];
    assert_eq!(deepseek.key.as_ref().unwrap().expose_secret(), "sk-1");
    assert_eq!(deepseek.base_url.as_deref(), Some("http://127.0.0.1:4010/v1"));
    assert_eq!(config.ollama_host.as_deref(), Some("http://127.0.0.1:11434"));
    assert!(config.allow_private_addresses);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.log_filter, "debug,hyper=info");
}

#[test]
fn everything_wrong_is_reported_at_once_and_no_secret_is_repeated() {
    let problems = read(&[
        ("PORT", "80a"),
        ("BIND", "everywhere"),
        ("DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("BOTWRIGHT_MASTER_KEY", "hunter2"),
        ("OPENAI_API_KEY", "hunter2 with spaces"),
        ("OPENAI_BASE_URL", "root:hunter2@api.example"),
        ("LOG_FORMAT", "xml"),
        ("RUST_LOG", "botwright=loud"),
        ("ALLOW_PRIVATE_ADDRESSES", "perhaps"),
    ])
    .unwrap_err();
    let text = problems.to_string();
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(
        text,
        "DATABASE_URL is `mysql://…`, but must be postgres://user:password@host/database\n\
         PORT is `80a`, but must be a number from 0 to 65535\n\
         BIND is `everywhere`, but must be an IP address such as 127.0.0.1, 0.0.0.0 or ::\n\
         BOTWRIGHT_MASTER_KEY is a value of 7 characters, but must be 32 bytes in base64 (`openssl rand -base64 32`) or in hex\n\
         OPENAI_API_KEY is a value of 19 characters, but must be one line of ASCII without spaces\n\
         OPENAI_BASE_URL is `…@api.example`, but must be an address that begins with http:// or https://\n\
         ALLOW_PRIVATE_ADDRESSES is `perhaps`, but must be true or false\n\
         LOG_FORMAT is `xml`, but must be human or json\n\
         RUST_LOG is `botwright=loud`, but must be levels such as `info` or `warn,botwright=debug`"
    );
}

#[test]
fn a_config_that_is_printed_shows_no_secret() {
    let config = read(&[
        ("DATABASE_URL", "postgres://u:hunter2@h/d"),
        ("XAI_API_KEY", "hunter2"),
        ("BOTWRIGHT_MASTER_KEY", &"ab".repeat(32)),
    ])
    .unwrap();
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2") && !text.contains("abab"), "{text}");
}

#[test]
fn the_table_lists_exactly_what_is_read() {
    let asked = RefCell::new(BTreeSet::new());
    Config::from_vars(|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    })
    .unwrap();
    let listed: BTreeSet<_> = VARIABLES.iter().map(|variable| variable.name.to_owned()).collect();
    assert_eq!(asked.into_inner(), listed);
}

#[test]
fn ollama_is_found_however_it_is_written() {
    for (written, read_as) in [
        ("localhost", "http://localhost:11434"),
        ("gpu:9999", "http://gpu:9999"),
        ("https://ollama.example/", "https://ollama.example"),
        ("http://10.0.0.5:11434", "http://10.0.0.5:11434"),
    ] {
        assert_eq!(read(&[("OLLAMA_HOST", written)]).unwrap().ollama_host.as_deref(), Some(read_as));
    }
    assert!(read(&[("OLLAMA_HOST", "no host")]).is_err());
}

#[test]
fn a_key_is_32_bytes_in_either_writing() {
    assert_eq!(key_bytes(&"00".repeat(32)), Some([0; 32]));
    assert_eq!(key_bytes("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), Some([0; 32]));
    assert_eq!(key_bytes("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), Some([0; 32]));
    assert_eq!(key_bytes("AAAA"), None);
    assert_eq!(key_bytes("пароль"), None);
}

#[test]
fn origins_are_a_list_without_paths() {
    let read = |value: &str| Config::from_vars(|name| (name == "ALLOWED_ORIGINS").then(|| value.to_owned()));
    let origins = read("https://App.example, http://localhost:5173/").unwrap().allowed_origins;
    assert_eq!(origins, ["https://app.example", "http://localhost:5173"]);
    for wrong in ["app.example", "https://app.example/path", "*", "https://a.example,,"] {
        assert!(read(wrong).unwrap_err().to_string().starts_with("ALLOWED_ORIGINS is"), "{wrong}");
    }
}
