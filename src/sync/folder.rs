//! A project's folder into a `spec::Bundle`: the YAML files, the files that they refer to, and the names of
//! the others. Blocking; call it where blocking is allowed.
//!
//! What cannot be listed is an error, never an empty bundle: a bot that is not seen must not be taken for
//! one that was deleted. What can be listed and not read stands in the bundle with the reason.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::spec::{self, Bundle, MAX_FILE_BYTES};

/// The most that a project's files may come to, in bytes.
const MAX_PROJECT_BYTES: usize = 64 * 1024 * 1024;
/// How many files and folders are looked at.
const MAX_ENTRIES: usize = 100_000;
/// How deep folders may stand in each other.
const MAX_DEPTH: usize = 12;

/// Reads the project in `dir`. The same files give the same bundle.
///
/// # Errors
/// `NotFound` where there is no such folder, `Invalid` where it is no folder or too large, `Unavailable`
/// where it or a folder in it cannot be read.
pub fn read(dir: &Path) -> Result<Bundle> {
    let root = fs::canonicalize(dir).map_err(|error| unreadable(dir, &error))?;
    if !root.is_dir() {
        return Err(Error::invalid(format!("`{}` is no folder", dir.display())));
    }
    let mut listing =
        Listing { root: &root, shown: dir, files: BTreeMap::new(), bundle: Bundle::default(), entries: 0 };
    listing.list(&root, "", 0)?;
    let Listing { files, mut bundle, .. } = listing;
    let mut total = 0;
    let mut wanted: Vec<String> = files.keys().filter(|path| is_yaml(path)).cloned().collect();
    while let Some(path) = wanted.pop() {
        let Some(file) = files.get(&path).filter(|_| !bundle.files.contains_key(&path)) else { continue };
        match contents(file) {
            Ok(bytes) => {
                total += bytes.len();
                if total > MAX_PROJECT_BYTES {
                    let limit = MAX_PROJECT_BYTES / 1024 / 1024;
                    return Err(Error::invalid(format!(
                        "the project in `{}` is larger than {limit} MiB",
                        dir.display()
                    )));
                }
                if is_yaml(&path) {
                    wanted.extend(spec::references(&path, &bytes));
                }
                bundle.files.insert(path, bytes);
            }
            Err(reason) => {
                bundle.unread.insert(path, reason);
            }
        }
    }
    let rest = files
        .into_keys()
        .filter(|path| !bundle.files.contains_key(path) && !bundle.unread.contains_key(path));
    bundle.others = rest.collect();
    Ok(bundle)
}

/// Whether the file is one of the two kinds that are read for themselves.
fn is_yaml(path: &str) -> bool {
    path == "botwright.yaml" || path.strip_suffix("/bot.yaml").is_some_and(|folder| !folder.contains('/'))
}

/// What is being found out about a folder.
struct Listing<'l> {
    root: &'l Path,
    /// The folder as the caller named it, for messages.
    shown: &'l Path,
    /// Files by their path in the project, and where they really are.
    files: BTreeMap<String, PathBuf>,
    bundle: Bundle,
    entries: usize,
}

impl Listing<'_> {
    fn list(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<()> {
        let shown = self.shown.join(prefix);
        for entry in fs::read_dir(folder).map_err(|error| unreadable(&shown, &error))? {
            let entry = entry.map_err(|error| unreadable(&shown, &error))?;
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                let message = format!(
                    "`{}` holds more than {MAX_ENTRIES} files: it is no project",
                    self.shown.display()
                );
                return Err(Error::invalid(message));
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let path = format!("{prefix}{}", name.to_string_lossy());
                self.bundle.unread.insert(path, "has a name that is not UTF-8".into());
                continue;
            };
            // `.git` and other people's packages are no part of a project.
            if !name.starts_with('.') && name != "node_modules" {
                let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), &error))?;
                self.take(&entry.path(), format!("{prefix}{name}"), kind, depth)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, place: &Path, path: String, kind: fs::FileType, depth: usize) -> Result<()> {
        if kind.is_dir() {
            if depth + 1 >= MAX_DEPTH {
                self.bundle.unread.insert(path, format!("is more than {MAX_DEPTH} folders deep"));
                return Ok(());
            }
            return self.list(place, &format!("{path}/"), depth + 1);
        }
        if kind.is_file() {
            self.files.insert(path, place.to_owned());
            return Ok(());
        }
        let reason = if kind.is_symlink() { self.follow(place) } else { Err("is no ordinary file".into()) };
        match reason {
            Ok(target) => {
                self.files.insert(path, target);
            }
            Err(reason) => {
                self.bundle.unread.insert(path, reason);
            }
        }
        Ok(())
    }

    /// Where a link leads, if that is a file of the project; else why it is not followed.
    fn follow(&self, link: &Path) -> std::result::Result<PathBuf, String> {
        let target = fs::canonicalize(link)
            .map_err(|error| format!("is a link that leads nowhere: {}", plain(&error)))?;
        if !target.starts_with(self.root) {
            return Err("is a link that leaves the project".into());
        }
        if target.is_dir() {
            return Err("is a link to a folder: links are followed to files only".into());
        }
        if !target.is_file() {
            return Err("is a link to no ordinary file".into());
        }
        Ok(target)
    }
}

/// A file's bytes, or why there are none.
fn contents(file: &Path) -> std::result::Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("cannot be read: {}", plain(&error));
    let mut bytes = Vec::new();
    // One byte more than is allowed tells a file that is too large, without reading all of it.
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file).map_err(cannot)?.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(format!("is larger than {} KiB", MAX_FILE_BYTES / 1024));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => {
            Error::not_found(format!("there is no folder `{path}`: name the folder of bots, or set BOTS_DIR"))
        }
        _ => Error::unavailable(format!("the folder `{path}` cannot be read: {}", plain(error))),
    }
}

/// The reason without the number of the error.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::read;
    use crate::error::Kind;
    use crate::id::BotId;
    use crate::spec::{MAX_FILE_BYTES, parse, render};

    /// A folder of its own for one test, gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("botwright-folder-{}", BotId::new()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
        fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> &Self {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
            self
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_bots_of_this_repository_are_valid() {
        let bundle = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("bots")).unwrap();
        let parsed = parse(&bundle);
        let shown: Vec<String> = parsed.problems.iter().map(|problem| render(problem, "bots")).collect();
        assert!(shown.is_empty(), "{}", shown.join("\n"));
        let project = parsed.project.unwrap();
        let names: Vec<&str> = project.bots.iter().map(|written| written.bot.name.as_str()).collect();
        assert_eq!(names, ["community", "companion", "friend", "lawyer", "support", "ux-advisor"]);
        assert!(project.bots.iter().all(|written| written.bot.model.use_ == "auto"));
        let advisor = &project.bots[5].bot;
        assert!(advisor.sources[0].pin && advisor.sources[0].text.starts_with("# Design specs"));
    }

    #[test]
    fn reads_what_is_referred_to_and_names_the_rest() {
        let folder = Folder::new();
        folder
            .write("botwright.yaml", "sources: [{name: s, file: docs/s.md}]")
            .write("docs/s.md", "s")
            .write("a/bot.yaml", "persona: {file: p.md}\nrules: [{file: ../docs/r.md}]")
            .write("a/p.md", "p")
            .write("a/q.md", "q")
            .write("docs/r.md", "r")
            .write("deep/er/bot.yaml", "persona: {file: none.md}")
            .write(".git/config", "no")
            .write("a/node_modules/x/bot.yaml", "no");
        let bundle = read(&folder.0).unwrap();
        let files: Vec<&str> = bundle.files.keys().map(String::as_str).collect();
        assert_eq!(files, ["a/bot.yaml", "a/p.md", "botwright.yaml", "docs/r.md", "docs/s.md"]);
        let others: Vec<&str> = bundle.others.iter().map(String::as_str).collect();
        assert_eq!(others, ["a/q.md", "deep/er/bot.yaml"]);
        assert!(bundle.unread.is_empty());
        assert_eq!(read(&folder.0).unwrap(), bundle);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let folder = Folder::new();
        let outside = Folder::new();
        outside.write("secret.md", "s").write("bot.yaml", "kind: Bot");
        folder
            .write(
                "a/bot.yaml",
                "persona: {file: link.md}\nrules: [{file: big.md}, {file: dead.md}, {file: inside.md}]",
            )
            .write("a/real.md", "real")
            .write("a/big.md", vec![b'a'; MAX_FILE_BYTES + 1]);
        let link = |target: PathBuf, at: &str| std::os::unix::fs::symlink(target, folder.0.join(at)).unwrap();
        link(outside.0.join("secret.md"), "a/link.md");
        link(outside.0.clone(), "b");
        link(PathBuf::from("nowhere.md"), "a/dead.md");
        link(PathBuf::from("real.md"), "a/inside.md");
        link(PathBuf::from("."), "a/loop");
        let bundle = read(&folder.0).unwrap();
        let reason = |path: &str| bundle.unread.get(path).map_or("", String::as_str);
        assert_eq!(reason("a/link.md"), "is a link that leaves the project");
        assert_eq!(reason("b"), "is a link that leaves the project");
        assert_eq!(reason("a/big.md"), "is larger than 256 KiB");
        assert!(reason("a/dead.md").starts_with("is a link that leads nowhere"));
        assert!(reason("a/loop").starts_with("is a link to a folder"));
        assert_eq!(bundle.files.get("a/inside.md").map(Vec::as_slice), Some(b"real".as_slice()));
        // A link where a bot could be is an error: a bot that is not seen must not look deleted.
        assert!(parse(&bundle).problems.iter().any(|problem| problem.file == "b" && problem.is_error()));
    }

    #[test]
    fn no_folder_is_no_empty_bundle() {
        let folder = Folder::new();
        assert_eq!(read(&folder.0.join("none")).unwrap_err().kind(), Kind::NotFound);
        folder.write("file", "x");
        assert_eq!(read(&folder.0.join("file")).unwrap_err().kind(), Kind::Invalid);
        assert!(read(&folder.0).unwrap().files.is_empty());
    }
}
