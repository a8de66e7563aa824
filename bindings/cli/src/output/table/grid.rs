//! A grid of texts as a drawn table, made to fit a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Texts are cut to no less than this before whole columns are left out.
const CUT_MIN: usize = 16;
/// What a border and its spaces add to each column.
const BORDER: usize = 3;
/// Stands for what was cut away.
const CUT: char = '…';

/// One column: its name, its type, and its cells.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub type_name: String,
    /// Flush right, and never cut: half a number is another number.
    pub is_number: bool,
    pub cells: Vec<String>,
}

impl Column {
    fn width(&self) -> usize {
        let header = self.name.width().max(self.type_name.width());
        self.cells.iter().map(|cell| cell.width()).max().unwrap_or(0).max(header)
    }
}

/// Which columns are drawn, and how wide.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// Indices of columns, in order; None is where some are left out.
    columns: Vec<Option<usize>>,
    /// One for each of `columns`.
    widths: Vec<usize>,
}

/// A drawn table, and how many columns it shows.
pub struct Drawn {
    pub text: String,
    pub columns_shown: usize,
}

/// Draws the columns within `width` characters, if given. `gap` is the index of the row before which rows were left out.
pub fn draw(columns: &[Column], width: Option<usize>, gap: Option<usize>) -> Drawn {
    let layout = lay_out(columns, width.unwrap_or(usize::MAX));
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let mut text = layout.rule(['┌', '┬', '┐']);
    text += &layout.line(columns, |column| &column.name);
    text += &layout.line(columns, |column| &column.type_name);
    text += &layout.rule(['├', '┼', '┤']);
    for row in 0..rows {
        if gap == Some(row) {
            text += &layout.gap(columns);
        }
        text += &layout.line(columns, |column| &column.cells[row]);
    }
    text += &layout.rule(['└', '┴', '┘']);
    Drawn { text, columns_shown: layout.columns.iter().flatten().count() }
}

fn lay_out(columns: &[Column], width_max: usize) -> Layout {
    let natural: Vec<usize> = columns.iter().map(Column::width).collect();
    let all = Layout { columns: (0..columns.len()).map(Some).collect(), widths: natural.clone() };
    if all.width() <= width_max {
        return all;
    }
    let cut = |cap: usize| -> Vec<usize> {
        columns.iter().zip(&natural).map(|(column, &width)| if column.is_number { width } else { width.min(cap) }).collect()
    };
    let widest = natural.iter().copied().max().unwrap_or(0);
    let fitting = (CUT_MIN..widest).rev().map(cut).find(|widths| total(widths) <= width_max);
    match fitting {
        Some(widths) => Layout { widths, ..all },
        None => leave_out(&cut(CUT_MIN), width_max),
    }
}

/// Columns from both ends, as many as fit; the first in any case.
fn leave_out(widths: &[usize], width_max: usize) -> Layout {
    let (mut left, mut right) = (1, widths.len());
    let mut used = 1 + widths[0] + BORDER + 1 + BORDER;
    loop {
        let takes_left = left <= widths.len() - right;
        let next = if takes_left { left } else { right.saturating_sub(1) };
        if left >= right || used + widths[next] + BORDER > width_max {
            break;
        }
        used += widths[next] + BORDER;
        if takes_left { left += 1 } else { right -= 1 }
    }
    let columns = (0..left).map(Some).chain([None]).chain((right..widths.len()).map(Some));
    let columns: Vec<_> = columns.collect();
    let widths = columns.iter().map(|column| column.map_or(1, |i| widths[i])).collect();
    Layout { columns, widths }
}

fn total(widths: &[usize]) -> usize {
    1 + widths.iter().map(|width| width + BORDER).sum::<usize>()
}

impl Layout {
    fn width(&self) -> usize {
        total(&self.widths)
    }

    fn rule(&self, [left, middle, right]: [char; 3]) -> String {
        let parts: Vec<String> = self.widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}\n", parts.join(&middle.to_string()))
    }

    fn line<'a>(&self, columns: &'a [Column], text: impl Fn(&'a Column) -> &'a str) -> String {
        let cell = |(column, &width): (&Option<usize>, &usize)| match column {
            Some(i) => pad(text(&columns[*i]), width, columns[*i].is_number),
            None => CUT.to_string(),
        };
        let cells: Vec<String> = self.columns.iter().zip(&self.widths).map(cell).collect();
        format!("│ {} │\n", cells.join(" │ "))
    }

    fn gap(&self, columns: &[Column]) -> String {
        self.line(columns, |_| "·")
    }
}

/// The text in a field of this width, cut if it is longer.
fn pad(text: &str, width: usize, right: bool) -> String {
    let text = cut(text, width);
    let spaces = " ".repeat(width.saturating_sub(text.width()));
    if right { spaces + &text } else { text + &spaces }
}

fn cut(text: &str, width_max: usize) -> String {
    if text.width() <= width_max {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut width = 1;
    for c in text.chars() {
        width += c.width().unwrap_or(0);
        if width > width_max {
            break;
        }
        kept.push(c);
    }
    kept.push(CUT);
    kept
}

/// One line a column, rows after one another: `name │ value`.
pub fn draw_expanded(columns: &[Column], row_numbers: &[usize]) -> String {
    let width = columns.iter().map(|column| column.name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (row, number) in row_numbers.iter().enumerate() {
        let title = format!("─[ row {number} ]");
        text += &format!("{title}{}\n", "─".repeat((width + 12).saturating_sub(title.width())));
        for column in columns {
            let further = format!("\n{} │ ", " ".repeat(width));
            text += &format!("{} │ {}\n", pad(&column.name, width, false), column.cells[row].replace('\n', &further));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_name: &str, cells: &[&str]) -> Column {
        let is_number = type_name == "bigint";
        Column { name: name.into(), type_name: type_name.into(), is_number, cells: cells.iter().map(|c| (*c).into()).collect() }
    }

    #[test]
    fn numbers_are_flush_right_and_wide_characters_count_twice() {
        let columns = [column("n", "bigint", &["1", "NULL"]), column("s", "varchar", &["日本", "é"])];
        let expected = "\
┌────────┬─────────┐
│      n │ s       │
│ bigint │ varchar │
├────────┼─────────┤
│      1 │ 日本    │
│   NULL │ é       │
└────────┴─────────┘
";
        assert_eq!(draw(&columns, None, None).text, expected);
    }

    #[test]
    fn long_texts_are_cut_before_columns_are_left_out() {
        let long = "a".repeat(60);
        let columns = [column("n", "bigint", &["12345678901234567890"]), column("s", "varchar", &[&long])];
        let drawn = draw(&columns, Some(60), None);
        assert!(drawn.text.lines().all(|line| line.width() <= 60), "{}", drawn.text);
        assert!(drawn.text.contains("12345678901234567890") && drawn.text.contains("a…"), "{}", drawn.text);
        assert_eq!(drawn.columns_shown, 2);
    }

    #[test]
    fn too_many_columns_are_left_out_in_the_middle() {
        let columns: Vec<Column> = (0..40).map(|i| column(&format!("c{i}"), "bigint", &["7"])).collect();
        let drawn = draw(&columns, Some(60), None);
        assert!(drawn.text.lines().all(|line| line.width() <= 60), "{}", drawn.text);
        assert!(drawn.text.contains("c0 ") && drawn.text.contains("c39 ") && drawn.text.contains(" … "), "{}", drawn.text);
        assert!(drawn.columns_shown < 40);
    }

    #[test]
    fn even_the_narrowest_terminal_shows_the_first_column() {
        let columns = [column("first", "bigint", &["1"]), column("second", "bigint", &["2"])];
        assert!(draw(&columns, Some(3), None).text.contains("first"));
    }

    #[test]
    fn rows_left_out_are_dots() {
        let columns = [column("n", "bigint", &["1", "100"])];
        let drawn = draw(&columns, None, Some(1)).text;
        assert!(drawn.contains("│      1 │\n│      · │\n│    100 │"), "{drawn}");
    }

    #[test]
    fn expanded_rows_have_a_line_a_column() {
        let columns = [column("n", "bigint", &["1"]), column("name", "varchar", &["x"])];
        assert_eq!(draw_expanded(&columns, &[1]), "─[ row 1 ]──────\nn    │ 1\nname │ x\n");
    }
}
