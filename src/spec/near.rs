//! *Did you mean*: the nearest of a few names.

use strsim::damerau_levenshtein;

/// The candidate that `name` was probably meant to be, if any is near enough: at most one slip in three
/// letters. Case, hyphens and underscores do not count.
pub(super) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
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

#[cfg(test)]
mod tests {
    use super::nearest;

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
