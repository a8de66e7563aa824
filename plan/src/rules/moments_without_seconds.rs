//! Moments that are written without seconds: `TIMESTAMP '2024-01-05 10:11'`, `ts > '2024-01-05 10:11'`.
//!
//! DataFusion 55 reads no text as a moment that has hours and minutes alone; PostgreSQL, DuckDB and BigQuery do. The zero seconds are written here.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;

use super::each_expression::rewritten;

/// See the module. Comes after types were coerced.
#[derive(Debug)]
pub struct MomentsWithoutSeconds;

impl AnalyzerRule for MomentsWithoutSeconds {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, |part| text(part).is_some(), |part| Ok(with_text(part)))
    }

    fn name(&self) -> &str {
        "moments_without_seconds"
    }
}

/// The text that is cast to a moment, with seconds, if it has none.
fn text(part: &Expr) -> Option<String> {
    let (Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })) = part else { return None };
    let Expr::Literal(value, _) = expr.as_ref() else { return None };
    matches!(field.data_type(), DataType::Timestamp(..)).then(|| with_seconds(value.try_as_str()??)).flatten()
}

fn with_text(mut part: Expr) -> Transformed<Expr> {
    let Some(whole) = text(&part) else { return Transformed::no(part) };
    if let Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) = &mut part {
        **expr = lit(whole);
    }
    Transformed::yes(part)
}

/// `2024-01-05 10:11:00+01` for `2024-01-05 10:11+01`. None for what is no day with hours and minutes, and with seconds.
pub fn with_seconds(written: &str) -> Option<String> {
    const PATTERN: &[u8] = b"0000-00-00 00:00";
    let fits = |(byte, like): (u8, &u8)| match like {
        b'0' => byte.is_ascii_digit(),
        b' ' => byte == b' ' || byte == b'T',
        other => byte == *other,
    };
    let written = written.trim();
    let minutes = written.get(..PATTERN.len()).filter(|minutes| minutes.bytes().zip(PATTERN).all(fits))?;
    let zone = written.get(PATTERN.len()..)?;
    let is_zone = zone.is_empty() || zone.starts_with(['+', '-', 'Z', 'z', ' ']);
    is_zone.then(|| format!("{minutes}:00{zone}"))
}

#[cfg(test)]
mod tests {
    use super::with_seconds;

    #[test]
    fn seconds_are_written_where_none_are() {
        for (written, expected) in [
            ("2024-01-05 10:11", Some("2024-01-05 10:11:00")),
            ("2024-01-05T10:11Z", Some("2024-01-05T10:11:00Z")),
            ("2024-01-05 10:11+02:00", Some("2024-01-05 10:11:00+02:00")),
            ("2024-01-05 10:11 Europe/Berlin", Some("2024-01-05 10:11:00 Europe/Berlin")),
            ("2024-01-05 10:11:12", None),
            ("2024-01-05 10", None),
            ("2024-01-05", None),
            ("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", None),
        ] {
            assert_eq!(with_seconds(written).as_deref(), expected, "{written}");
        }
    }
}
