//! What changes in a file, in a few lines.

use crate::cli::terminal::Style;

/// The most lines that are shown of a file.
const SHOWN: usize = 20;
/// The largest table that is filled to find the lines that stay, in cells.
const MAX_CELLS: usize = 4_000_000;

/// The lines that go and come, the first ones of them.
pub(super) fn short(before: &str, after: &str, style: Style) -> String {
    let lines = changed(&before.split('\n').collect::<Vec<_>>(), &after.split('\n').collect::<Vec<_>>());
    let mut shown = String::new();
    for (line, sign, text) in lines.iter().take(SHOWN) {
        let text = format!("{sign} {}", text.trim_end_matches('\r'));
        let text = if *sign == '-' { style.red(&text) } else { style.green(&text) };
        shown.push_str(&format!("  {line:>4} {text}\n"));
    }
    if lines.len() > SHOWN {
        shown.push_str(&format!("  and {} more lines\n", lines.len() - SHOWN));
    }
    if lines.iter().all(|(_, _, text)| text.is_empty()) || before.contains('\r') {
        shown.push_str("  line ends or empty lines at the end\n");
    }
    shown
}

/// Lines that are only in one of the texts, with their number there and `-` or `+`.
fn changed<'t>(before: &[&'t str], after: &[&'t str]) -> Vec<(usize, char, &'t str)> {
    let ahead = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (old, new) = (before.get(ahead..).unwrap_or_default(), after.get(ahead..).unwrap_or_default());
    let behind = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - behind], &new[..new.len() - behind]);
    let width = new.len() + 1;
    let stays = |i: usize, j: usize| old[i].trim_end_matches('\r') == new[j];
    // `kept[i * width + j]`: how many lines the texts have in common from `i` and `j` on.
    let mut kept = vec![0_u32; if old.len() * new.len() > MAX_CELLS { 0 } else { (old.len() + 1) * width }];
    if !kept.is_empty() {
        for i in (0..old.len()).rev() {
            for j in (0..new.len()).rev() {
                let skip = kept[(i + 1) * width + j].max(kept[i * width + j + 1]);
                kept[i * width + j] = if stays(i, j) { kept[(i + 1) * width + j + 1] + 1 } else { skip };
            }
        }
    }
    let at = |i: usize, j: usize| kept.get(i * width + j).copied().unwrap_or(0);
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && stays(i, j) {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && at(i + 1, j) >= at(i, j + 1)) {
            lines.push((ahead + i + 1, '-', old[i]));
            i += 1;
        } else {
            lines.push((ahead + j + 1, '+', new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn only_what_differs_is_shown() {
        assert_eq!(changed(&["a", "b", "c", "d"], &["a", "c", "x", "d"]), [(2, '-', "b"), (3, '+', "x")]);
        assert!(changed(&["a"], &["a"]).is_empty());
    }
}
