//! A table in letters of one width.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr as _;

/// Wider cells stick out: a phone shows no more in a line anyway, and every other row would be as wide.
const WIDEST: usize = 40;

/// A table that is being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self { alignments, rows: Vec::new() }
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn begin_cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push(String::new());
        }
    }

    /// Adds to the last cell. What would break the line becomes a space.
    pub(super) fn push(&mut self, text: &str) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
    }

    /// The rows, with a line below the first.
    pub(super) fn written(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            self.write_row(row, &widths, &mut text);
            if index == 0 {
                text.push('\n');
                let lines: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                text.push_str(lines.join("─┼─").trim_end());
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![1; self.alignments.len()];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width().min(WIDEST));
            }
        }
        widths
    }

    /// Empty cells at the end are left out.
    fn write_row(&self, row: &[String], widths: &[usize], text: &mut String) {
        let filled = row.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        let columns = row[..filled].iter().zip(widths).zip(&self.alignments);
        for (index, ((cell, width), alignment)) in columns.enumerate() {
            let room = width.saturating_sub(cell.width());
            let left = match alignment {
                Alignment::Right => room,
                Alignment::Center => room / 2,
                Alignment::Left | Alignment::None => 0,
            };
            text.push_str(if index == 0 { "" } else { " │ " });
            text.push_str(&" ".repeat(left));
            text.push_str(cell);
            if index + 1 < filled {
                text.push_str(&" ".repeat(room - left));
            }
        }
    }
}
