//! *Did you mean*: the nearest of a few names, and what a text of the wrong shape was probably meant to be.

use strsim::damerau_levenshtein;

use super::patterns::to_name;

/// The candidate that `name` was probably meant to be, if any is near enough: at most one slip in three
/// letters. Case, hyphens and underscores do not count.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // A distance takes time by the product of the lengths; nobody mistypes that much.
    if name.len() > 200 {
        return None;
    }
    let plain = plain(name);
    let reach = (plain.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 200)
        .map(|candidate| (damerau_levenshtein(&plain, &self::plain(candidate)), candidate))
        .filter(|&(distance, candidate)| distance <= reach && candidate != name)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// A name made of what stands there.
pub(super) fn name(text: &str) -> Option<String> {
    Some(to_name(text)).filter(|name| !name.is_empty() && !text.contains('.'))
}

/// `https://github.com/acme/bots.git` is `acme/bots`.
pub(super) fn source_id(text: &str) -> Option<String> {
    let path = text.trim().trim_end_matches('/').trim_end_matches(".git");
    let path =
        path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let fits = |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    (!parts.is_empty() && parts.iter().all(fits)).then(|| parts.join("/"))
}

/// An address that lacks its beginning.
pub(super) fn url(text: &str) -> Option<String> {
    let bare = !text.contains("://") && !text.contains(['@', ' ', '$', '{']) && text.contains(['.', ':']);
    let local = text.starts_with("localhost") || text.starts_with("127.");
    bare.then(|| format!("{}://{text}", if local { "http" } else { "https" }))
}

/// The words that cron knows elsewhere, and six fields of which the first are seconds.
pub(super) fn cron(text: &str) -> Option<String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let line = match fields.as_slice() {
        ["@hourly"] => "0 * * * *",
        ["@daily" | "@midnight"] => "0 0 * * *",
        ["@weekly"] => "0 0 * * 0",
        ["@monthly"] => "0 0 1 * *",
        ["0", rest @ ..] if rest.len() == 5 => return Some(rest.join(" ")),
        _ => return None,
    };
    Some(line.into())
}

/// A timezone by its city, or one that is misspelt.
pub(super) fn timezone(text: &str) -> Option<String> {
    // A name that the database itself has given up is no answer, and `Etc/GMT+2` is the opposite of one.
    let fits = |name: &&str| name.contains('/') && !name.starts_with("Etc/") && *name != "Europe/Kiev";
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).filter(fits);
    let city = text.trim().replace(' ', "_");
    let of_city =
        names().find(|name| name.rsplit('/').next().is_some_and(|own| own.eq_ignore_ascii_case(&city)));
    let near = || nearest(&city, names()).filter(|_| city.contains('/'));
    of_city.or_else(near).map(str::to_owned)
}

/// A language by its English name.
pub(super) fn language(text: &str) -> Option<String> {
    const NAMES: [(&str, &str); 22] = [
        ("english", "en"),
        ("ukrainian", "uk"),
        ("ua", "uk"),
        ("russian", "ru"),
        ("german", "de"),
        ("french", "fr"),
        ("spanish", "es"),
        ("italian", "it"),
        ("polish", "pl"),
        ("portuguese", "pt"),
        ("dutch", "nl"),
        ("czech", "cs"),
        ("turkish", "tr"),
        ("swedish", "sv"),
        ("romanian", "ro"),
        ("greek", "el"),
        ("arabic", "ar"),
        ("hebrew", "he"),
        ("hindi", "hi"),
        ("chinese", "zh"),
        ("japanese", "ja"),
        ("korean", "ko"),
    ];
    let plain = text.trim_matches(['“', '”', '„', '"']).to_lowercase();
    let code = NAMES.iter().find(|(name, _)| *name == plain).map(|(_, code)| (*code).to_owned());
    code.or_else(|| {
        Some(plain.replace('_', "-")).filter(|code| code != text && super::patterns::is_language(code))
    })
}

/// A pointer that lacks its beginning, or has dots for slashes.
pub(super) fn pointer(text: &str) -> Option<String> {
    let path = text.trim_start_matches(['/', '$', '.']).replace('.', "/");
    let fits = path.split('/').all(|part| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    });
    fits.then(|| format!("/{path}"))
}

#[cfg(test)]
mod tests {
    use super::{cron, language, nearest, pointer, source_id, timezone, url};

    #[test]
    fn texts_of_the_wrong_shape() {
        let says = |near: Option<String>| near.unwrap_or_default();
        assert_eq!(says(timezone("Kyiv")), "Europe/Kyiv");
        assert_eq!(says(timezone("Europe/Kiyv")), "Europe/Kyiv");
        assert_eq!(says(timezone("new york")), "America/New_York");
        assert_eq!(says(timezone("GMT+2")), "");
        assert_eq!(says(language("Ukrainian")), "uk");
        assert_eq!(says(language("pt_BR")), "pt-br");
        assert_eq!(says(cron("@daily")), "0 0 * * *");
        assert_eq!(says(cron("0 0 4 * * *")), "0 4 * * *");
        assert_eq!(says(cron("0 25 * * *")), "");
        assert_eq!(says(url("localhost:11434")), "http://localhost:11434");
        assert_eq!(says(url("models.acme.example/v1")), "https://models.acme.example/v1");
        assert_eq!(says(url("ftp://x")), "");
        assert_eq!(says(source_id("https://github.com/acme/bots.git")), "acme/bots");
        assert_eq!(says(pointer("model.temperature")), "/model/temperature");
    }

    #[test]
    fn near_and_far() {
        let keys = ["temperature", "use", "fallback"];
        assert_eq!(nearest("tempature", keys), Some("temperature"));
        assert_eq!(nearest("fall_back", keys), Some("fallback"));
        assert_eq!(nearest("sue", keys), Some("use"));
        assert_eq!(nearest("providers", keys), None);
        assert_eq!(nearest(&"x".repeat(10_000), keys), None);
    }
}
