//! Intervals that are written with colons, or as a number alone: `INTERVAL '01:30:00'`, `'1 day 02:00'::INTERVAL`, `CAST('90' AS INTERVAL)`.
//!
//! DataFusion 55 refuses the former, and takes the number for months in a cast. In PostgreSQL it is seconds, as it is in `INTERVAL '90'`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{DataType, Expr, Value, VisitMut, VisitorMut};

/// Writes them in words.
pub(crate) fn written_out(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Intervals);
}

struct Intervals;

impl VisitorMut for Intervals {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let text = match expr {
            Expr::Interval(interval) if interval.leading_field.is_none() => interval.value.as_mut(),
            Expr::Cast { expr, data_type: DataType::Interval { .. }, .. } => expr.as_mut(),
            _ => return ControlFlow::Continue(()),
        };
        if let Expr::Value(value) = text
            && let Value::SingleQuotedString(written) = &mut value.value
            && let Some(words) = in_words(written)
        {
            *written = words;
        }
        ControlFlow::Continue(())
    }
}

/// None for what has neither colons nor is a number.
fn in_words(written: &str) -> Option<String> {
    let written = written.trim();
    if written.parse::<f64>().is_ok() {
        return Some(format!("{written} seconds"));
    }
    if !written.contains(':') {
        return None;
    }
    let words = written.split_whitespace().map(|word| if word.contains(':') { clock(word) } else { Some(word.to_owned()) });
    words.collect::<Option<Vec<_>>>().map(|words| words.join(" "))
}

/// `1 hours 30 minutes 0 seconds` for `01:30:00`; the sign is that of all.
fn clock(written: &str) -> Option<String> {
    let (sign, clock) = match written.strip_prefix('-') {
        Some(clock) => ("-", clock),
        None => ("", written.strip_prefix('+').unwrap_or(written)),
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parts: Vec<&str> = clock.split(':').collect();
    let whole = parts.len() <= 3 && parts.iter().all(|part| is_number(part));
    let units = ["hours", "minutes", "seconds"];
    whole.then(|| parts.iter().zip(units).map(|(part, unit)| format!("{sign}{part} {unit}")).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn clocks_and_numbers_are_written_in_words() {
        for (written, expected) in [
            ("01:30:00", Some("01 hours 30 minutes 00 seconds")),
            ("-1:30", Some("-1 hours -30 minutes")),
            ("1 day 02:00:03.5", Some("1 day 02 hours 00 minutes 03.5 seconds")),
            ("90", Some("90 seconds")),
            ("1 day", None),
            ("a:b", None),
            ("1::2", None),
        ] {
            assert_eq!(in_words(written).as_deref(), expected, "{written}");
        }
    }
}
