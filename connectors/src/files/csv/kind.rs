//! What kind of values a column of texts holds.

use arrow::compute::kernels::cast_utils::{Parser, string_to_timestamp_nanos};
use arrow::datatypes::{DataType, Date32Type, TimeUnit};

/// The narrowest kind that all values of a column have so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No value yet.
    Unknown,
    Boolean,
    Integer,
    Float,
    Date,
    /// A date with a time of day, to the microsecond.
    Timestamp,
    /// To the nanosecond.
    TimestampNanos,
    Text,
}

impl Kind {
    /// The kind of one value, not null. An integer beyond 64 bits is text: reading changes no value.
    pub(super) fn of(value: &str) -> Kind {
        match value.as_bytes() {
            [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => numeric(value),
            _ if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => Kind::Boolean,
            _ if is_special_float(value) => Kind::Float,
            _ => Kind::Text,
        }
    }

    /// The narrowest kind that holds the values of both.
    pub(super) fn or(self, other: Kind) -> Kind {
        match (self, other) {
            (a, b) if a == b => a,
            (Kind::Unknown, kind) | (kind, Kind::Unknown) => kind,
            (Kind::Integer, Kind::Float) | (Kind::Float, Kind::Integer) => Kind::Float,
            (Kind::Timestamp | Kind::TimestampNanos, Kind::Timestamp | Kind::TimestampNanos) => Kind::TimestampNanos,
            (Kind::Date, time @ (Kind::Timestamp | Kind::TimestampNanos)) => time,
            (time @ (Kind::Timestamp | Kind::TimestampNanos), Kind::Date) => time,
            _ => Kind::Text,
        }
    }

    /// The column's type; `Null` for a column without values.
    pub(super) fn data_type(self) -> DataType {
        match self {
            Kind::Boolean => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Float => DataType::Float64,
            Kind::Date => DataType::Date32,
            Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Kind::TimestampNanos => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Kind::Text => DataType::Utf8,
            Kind::Unknown => DataType::Null,
        }
    }
}

fn numeric(value: &str) -> Kind {
    if value.parse::<i64>().is_ok() {
        return Kind::Integer;
    }
    let digits = value.trim_start_matches(['-', '+']);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Kind::Text;
    }
    if value.parse::<f64>().is_ok() {
        return Kind::Float;
    }
    date_or_time(value)
}

fn is_special_float(value: &str) -> bool {
    ["nan", "inf", "infinity"].iter().any(|special| value.eq_ignore_ascii_case(special))
}

fn date_or_time(value: &str) -> Kind {
    if value.len() == 10 && Date32Type::parse(value).is_some() {
        return Kind::Date;
    }
    match string_to_timestamp_nanos(value) {
        Ok(nanos) if value.len() > 10 => {
            if nanos % 1000 == 0 {
                Kind::Timestamp
            } else {
                Kind::TimestampNanos
            }
        }
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_kind() {
        let cases = [
            ("7", Kind::Integer),
            ("-7", Kind::Integer),
            ("7.5", Kind::Float),
            (".5", Kind::Float),
            ("1e3", Kind::Float),
            ("NaN", Kind::Float),
            ("12345678901234567890", Kind::Text),
            ("True", Kind::Boolean),
            ("2013-01-31", Kind::Date),
            ("2013-13-31", Kind::Text),
            ("2013-01-31 05:15:00", Kind::Timestamp),
            ("2013-01-31T05:15:00.123456789", Kind::TimestampNanos),
            ("-", Kind::Text),
            ("1-2", Kind::Text),
            ("x", Kind::Text),
        ];
        for (value, kind) in cases {
            assert_eq!(Kind::of(value), kind, "{value}");
        }
    }

    #[test]
    fn kinds_widen_and_never_narrow() {
        assert_eq!(Kind::Integer.or(Kind::Float), Kind::Float);
        assert_eq!(Kind::Date.or(Kind::Timestamp), Kind::Timestamp);
        assert_eq!(Kind::Boolean.or(Kind::Integer), Kind::Text);
        assert_eq!(Kind::Unknown.or(Kind::Boolean), Kind::Boolean);
    }
}
