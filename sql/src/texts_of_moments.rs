//! Texts that are written as moments: `TIMESTAMP '2024-01-05 10:11'`, `TIMESTAMP '9999-12-31'`.
//!
//! DataFusion 55 wants seconds, and counts in nanoseconds, which end in 2262: a moment beyond is written in microseconds here. And a moment in another zone
//! that is cast to one without is what the clock of that zone shows, not that of UTC: `(z AT TIME ZONE 'America/New_York')::TIMESTAMP`.

use std::mem;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType as ArrowType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{DataType, Expr, Ident, TimezoneInfo, TypedString, Value, VisitMut, VisitorMut};
use gradframe_plan::dialect::function_call;
use gradframe_plan::rules::with_seconds;

/// Writes such texts and casts in the form that DataFusion reads as what they say.
pub(crate) fn written_out(tree: &mut impl VisitMut) {
    let _: ControlFlow<()> = tree.visit(&mut Texts);
}

struct Texts;

impl VisitorMut for Texts {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::TypedString(TypedString { data_type, value, .. }) => {
                if let Some(text) = text_of(&mut value.value)
                    && let Some(beyond) = read(data_type, text)
                {
                    *expr = beyond;
                }
            }
            Expr::Cast { data_type, expr: inner, .. } => {
                if let Expr::Value(value) = inner.as_mut()
                    && let Some(text) = text_of(&mut value.value)
                    && let Some(beyond) = read(data_type, text)
                {
                    *expr = beyond;
                } else if is_without_zone(data_type) && is_in_zone(inner) {
                    let zoned = mem::replace(inner.as_mut(), Expr::Identifier(Ident::new("")));
                    **inner = function_call("to_local_time", vec![zoned]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn text_of(value: &mut Value) -> Option<&mut String> {
    match value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

/// Gives the text its seconds; what stands for it if it is beyond the years that nanoseconds count.
fn read(data_type: &DataType, text: &mut String) -> Option<Expr> {
    if !matches!(data_type, DataType::Timestamp(..)) {
        return None;
    }
    if let Some(whole) = with_seconds(text) {
        *text = whole;
    }
    let counts_in = |unit| ScalarValue::from(text.as_str()).cast_to(&ArrowType::Timestamp(unit, None)).is_ok();
    if !is_without_zone(data_type) || counts_in(TimeUnit::Nanosecond) || !counts_in(TimeUnit::Microsecond) {
        return None;
    }
    let quoted = |text: &str| Expr::Value(Value::SingleQuotedString(text.to_owned()).into());
    Some(function_call("arrow_cast", vec![quoted(text), quoted("Timestamp(Microsecond, None)")]))
}

fn is_without_zone(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone))
}

fn is_in_zone(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_in_zone(inner),
        Expr::AtTimeZone { .. } => true,
        _ => false,
    }
}
