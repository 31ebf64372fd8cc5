//! Finding PostgreSQL's server programs on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The oldest major version that we run on.
const OLDEST: u32 = 14;

/// `initdb` and `postgres` of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// Where they lie; empty where they are found through `PATH`.
    folder: PathBuf,
    /// The major version, such as 15.
    pub(super) major: u32,
}

impl Programs {
    /// The installation whose major version is `wanted`; where nothing is wanted, the first that is new enough.
    pub(super) fn find(wanted: Option<u32>, cluster: &Path) -> Result<Self> {
        let found: Vec<Self> = folders().into_iter().filter_map(Self::at).collect();
        let fits =
            |programs: &&Self| wanted.map_or(programs.major >= OLDEST, |major| programs.major == major);
        match (found.iter().find(fits), wanted) {
            (Some(programs), _) => Ok(programs.clone()),
            (None, _) if found.is_empty() => Err(missing()),
            (None, None) => Err(Error::unavailable(format!(
                "PostgreSQL {} is installed, but {OLDEST} or newer is needed; {}",
                majors(&found),
                install_line(None)
            ))),
            (None, Some(major)) => Err(mismatch(major, &found, cluster)),
        }
    }

    fn at(folder: PathBuf) -> Option<Self> {
        let major = major_of(&folder.join("postgres"))?;
        (major_of(&folder.join("initdb")) == Some(major)).then_some(Self { folder, major })
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }
}

/// Every folder that may hold the programs, best first. The empty one stands for `PATH`.
fn folders() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::new()];
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/lib", "postgresql", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        folders.extend(newest_first(Path::new(parent), prefix).into_iter().map(|path| path.join(below)));
    }
    folders.extend(["/usr/lib64/pgsql/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
    folders.extend(output(Command::new("pg_config").arg("--bindir")).map(|line| PathBuf::from(line.trim())));
    folders
}

/// The entries of `parent` that are called `prefix` and a number, the largest number first.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let major = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((major, entry.path()))
        })
        .collect();
    found.sort_by(|(a, _), (b, _)| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The major version that a program reports, such as 15 for `postgres (PostgreSQL) 15.18 (Debian …)`.
fn major_of(program: &Path) -> Option<u32> {
    parse_major(&output(Command::new(program).arg("--version"))?)
}

fn parse_major(line: &str) -> Option<u32> {
    let version = line.split("(PostgreSQL)").nth(1)?.trim_start();
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.current_dir("/").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn missing() -> Error {
    Error::unavailable(format!(
        "PostgreSQL's server programs (`initdb` and `postgres`) are not installed; {}, or set DATABASE_URL to a \
         PostgreSQL of your own",
        install_line(None)
    ))
}

fn mismatch(major: u32, found: &[Programs], cluster: &Path) -> Error {
    let cluster = cluster.display();
    Error::conflict(format!(
        "the database in `{cluster}` was made by PostgreSQL {major}, but only {} is installed; {}. To move to the \
         newer version instead: with {major} installed, start Botwright, dump the database `botwright` with pg_dump, \
         stop, move `{cluster}` away, start with the newer version and restore the dump",
        majors(found),
        install_line(Some(major))
    ))
}

fn majors(found: &[Programs]) -> String {
    let mut majors: Vec<String> = found.iter().map(|programs| programs.major.to_string()).collect();
    majors.dedup();
    majors.join(" and ")
}

/// How to install PostgreSQL here, of a certain major version or of any.
fn install_line(major: Option<u32>) -> String {
    let suffix = |mark: &str| major.map(|major| format!("{mark}{major}")).unwrap_or_default();
    let line = if Path::new("/etc/debian_version").exists() {
        format!("apt-get install --no-install-recommends postgresql{}", suffix("-"))
    } else if Path::new("/etc/alpine-release").exists() {
        format!("apk add postgresql{}", suffix(""))
    } else if Path::new("/etc/redhat-release").exists() {
        "dnf install postgresql-server".to_owned()
    } else if Path::new("/opt/homebrew").exists() {
        format!("brew install postgresql{}", suffix("@"))
    } else {
        return format!("install PostgreSQL{} with your system's package manager", suffix(" "));
    };
    format!("install PostgreSQL with `{line}`")
}

#[cfg(test)]
mod tests {
    use super::parse_major;

    #[test]
    fn the_major_version_is_read_from_what_the_program_says() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("initdb (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("something else 9.6"), None);
    }
}
