//! Rows in columns, for eyes.

use std::fmt::Write as _;

/// Rows under a head, each column as wide as its widest cell.
pub(super) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| console::measure_text_width(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let gap = width.saturating_sub(console::measure_text_width(cell)) + 2;
            let _ = write!(row, "{cell}{:gap$}", "");
        }
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_whatever_the_alphabet() {
        let rows = [["Ганна".to_owned(), "1".to_owned()], ["Al".to_owned(), "22".to_owned()]];
        assert_eq!(table(["WHO", "N"], rows), "WHO    N\nГанна  1\nAl     22\n");
    }
}
