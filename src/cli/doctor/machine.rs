//! The machine: the data folder, the disk, the port, the keys.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::net::TcpListener;

use super::Finding;
use crate::app::key_file;
use crate::cli::Here;
use crate::config::Config;
use crate::secrets::MasterKey;

/// Below this an index that merges or a database that vacuums may fail.
const ENOUGH: u64 = 1024 * 1024 * 1024;
const TOO_LITTLE: u64 = 100 * 1024 * 1024;

pub(super) async fn look(here: &Here) -> Vec<Finding> {
    let config = &here.config;
    vec![
        data_folder(&config.data_dir),
        disk(&config.data_dir),
        master_key(config),
        port(config).await,
        providers(config),
    ]
}

/// The folder, or the first one above it that is there.
fn existing(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

fn data_folder(folder: &Path) -> Finding {
    let shown = folder.display();
    let place = existing(folder);
    if !place.is_dir() {
        return Finding::wrong(
            "data folder",
            format!("`{}` is no folder", place.display()),
            "set DATA_DIR to a folder",
        );
    }
    let probe = place.join(format!(".botwright-doctor-{}", std::process::id()));
    if let Err(error) = fs::write(&probe, "") {
        let hint = "let this user write there, or set DATA_DIR to another folder";
        return Finding::wrong(
            "data folder",
            format!("`{}` cannot be written: {error}", place.display()),
            hint,
        );
    }
    let _ = fs::remove_file(&probe);
    let there = if folder.exists() { "can be written" } else { "will be made at the first start" };
    Finding::ok("data folder", format!("`{shown}` {there}"))
}

fn disk(folder: &Path) -> Finding {
    let place = existing(folder);
    let Some(free) = free_bytes(&place) else {
        let hint = "look yourself: at least 1 GB should be free";
        return Finding::warning(
            "disk",
            format!("how much is free at `{}` cannot be told", place.display()),
            hint,
        );
    };
    let text = format!("{} free at `{}`", size(free), place.display());
    if free < TOO_LITTLE {
        Finding::wrong("disk", text, "free some space: the database stops when the disk is full")
    } else if free < ENOUGH {
        Finding::warning("disk", text, "free some space, or set DATA_DIR to a larger disk")
    } else {
        Finding::ok("disk", text)
    }
}

/// What `df` says is left for users.
fn free_bytes(folder: &Path) -> Option<u64> {
    let output =
        Command::new("df").args(["-Pk", "--"]).arg(folder).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn size(bytes: u64) -> String {
    let megabytes = bytes / (1024 * 1024);
    if megabytes >= 1024 { format!("{} GB", megabytes / 1024) } else { format!("{megabytes} MB") }
}

fn master_key(config: &Config) -> Finding {
    let name = "master key";
    let file = key_file(&config.data_dir);
    if config.master_key.is_some() {
        return Finding::ok(name, "given by BOTWRIGHT_MASTER_KEY");
    }
    if !file.exists() {
        if config.database_url.is_none() {
            return Finding::ok(name, format!("will be made in `{}` at the first start", file.display()));
        }
        let hint = "set BOTWRIGHT_MASTER_KEY (`openssl rand -base64 32` makes one) and keep it safe";
        return Finding::wrong(name, "there is none, and DATABASE_URL is set", hint);
    }
    match MasterKey::load(None, &file, false) {
        Err(error) => Finding::error(name, &error),
        Ok(_) if others_may_read(&file) => Finding::warning(
            name,
            format!("others may read `{}`", file.display()),
            format!("chmod 600 {}", file.display()),
        ),
        Ok(_) => Finding::ok(name, format!("in `{}`; keep a copy elsewhere", file.display())),
    }
}

fn others_may_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

async fn port(config: &Config) -> Finding {
    let address = config.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let port = config.port;
    match TcpListener::bind((address, port)).await {
        Ok(_) => Finding::ok("port", format!("{port} on {address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::warning(
            "port",
            format!("{port} on {address} is taken"),
            "by a running Botwright, which is fine; otherwise stop what listens there, or set PORT",
        ),
        Err(error) => Finding::wrong(
            "port",
            format!("{port} on {address} cannot be used: {error}"),
            "set PORT to one above 1023, and BIND to an address of this machine",
        ),
    }
}

fn providers(config: &Config) -> Finding {
    let mut names: Vec<&str> = config
        .providers
        .iter()
        .filter(|provider| provider.key.is_some() || provider.base_url.is_some())
        .map(|provider| provider.name)
        .collect();
    if config.ollama_host.is_some() {
        names.push("ollama");
    }
    if names.is_empty() {
        let hint = "set OPENAI_API_KEY, say, or `botwright secret set OPENAI_API_KEY`";
        return Finding::warning(
            "providers",
            "no key in the environment: bots answer offline, from memory",
            hint,
        );
    }
    Finding::ok("providers", format!("{} (whether the keys work is not tried)", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_measured_and_its_size_readable() {
        assert!(free_bytes(Path::new("/")).is_some());
        assert_eq!(size(5 * 1024 * 1024 * 1024), "5 GB");
        assert_eq!(size(300 * 1024 * 1024), "300 MB");
    }

    #[test]
    fn a_data_folder_that_is_not_there_yet_is_looked_at_where_it_will_be() {
        let root = std::env::temp_dir();
        let none = format!("botwright-{}", crate::id::BotId::new());
        assert_eq!(existing(&root.join(none).join("at/all")), root);
        assert_eq!(data_folder(Path::new("/proc/none")).state, crate::cli::doctor::State::Wrong);
    }
}
