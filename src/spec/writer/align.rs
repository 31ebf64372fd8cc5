//! Which member of an old list became which of a new one.

use serde_json::Value;

/// A member of the old list, of the new one, or of both.
pub(super) type Pair = (Option<usize>, Option<usize>);

/// The largest table that is filled, in cells; past that, members are paired by their place.
const MAX_CELLS: usize = 1_000_000;
/// What equal members weigh. Members that only resemble each other weigh less together than one equal pair.
const EQUAL: u32 = 10_000;
/// What two mappings weigh that have one name.
const NAMESAKES: u32 = 100;

/// Pairs the members of two lists in order: equal ones first, then those that resemble each other most, then
/// what is left between them by its place.
pub(super) fn align(old: &[Value], new: &[Value]) -> Vec<Pair> {
    let ahead = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (old.get(ahead..).unwrap_or_default(), new.get(ahead..).unwrap_or_default());
    let behind = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (n, m) = (old_rest.len() - behind, new_rest.len() - behind);
    let mut pairs: Vec<Pair> = (0..ahead).map(|at| (Some(at), Some(at))).collect();
    let (mut i, mut j) = (0, 0);
    for (a, b) in matches(&old_rest[..n], &new_rest[..m]).into_iter().chain([(n, m)]) {
        while i < a || j < b {
            pairs.push(((i < a).then_some(ahead + i), (j < b).then_some(ahead + j)));
            i += usize::from(i < a);
            j += usize::from(j < b);
        }
        if (a, b) != (n, m) {
            pairs.push((Some(ahead + a), Some(ahead + b)));
            (i, j) = (a + 1, b + 1);
        }
    }
    pairs.extend((0..behind).map(|at| (Some(ahead + n + at), Some(ahead + m + at))));
    pairs
}

/// The heaviest way to pair members in order.
fn matches(old: &[Value], new: &[Value]) -> Vec<(usize, usize)> {
    let (n, m) = (old.len(), new.len());
    if n.saturating_mul(m) > MAX_CELLS {
        return Vec::new();
    }
    let weights: Vec<Vec<u32>> = old.iter().map(|a| new.iter().map(|b| likeness(a, b)).collect()).collect();
    // `best[i][j]`: what the members from `i` and `j` on weigh at most.
    let mut best = vec![vec![0_u32; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            let skip = best[i + 1][j].max(best[i][j + 1]);
            let weight = weights[i][j];
            best[i][j] = if weight > 0 { skip.max(weight + best[i + 1][j + 1]) } else { skip };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < n && j < m {
        let weight = weights[i][j];
        if weight > 0 && best[i][j] == weight + best[i + 1][j + 1] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[i][j] == best[i + 1][j] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

fn likeness(a: &Value, b: &Value) -> u32 {
    if a == b {
        return EQUAL;
    }
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return 0 };
    let shared = a.iter().filter(|(key, value)| b.get(*key) == Some(value)).count();
    let named = a.get("name").is_some_and(|name| b.get("name") == Some(name));
    u32::try_from(shared).unwrap_or(NAMESAKES).min(NAMESAKES) + if named { NAMESAKES } else { 0 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::align;

    #[test]
    fn members_find_themselves_again() {
        let old = [json!("a"), json!({"name": "b", "x": 1}), json!("c"), json!("d")];
        let new = [json!("z"), json!("a"), json!({"name": "b", "x": 2}), json!("e"), json!("d")];
        assert_eq!(
            align(&old, &new),
            [(None, Some(0)), (Some(0), Some(1)), (Some(1), Some(2)), (Some(2), Some(3)), (Some(3), Some(4))]
        );
        assert_eq!(align(&old, &old[1..]).first(), Some(&(Some(0), None)));
        assert_eq!(align(&[], &new[..1]), [(None, Some(0))]);
    }
}
