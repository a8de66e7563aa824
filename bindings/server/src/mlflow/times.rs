//! Times and durations as Protobuf writes them in JSON: `2026-11-26T10:15:00.250Z`, `1.5s`.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::temporal_conversions::timestamp_us_to_datetime;
use serde_json::Value;

use super::answer::Failure;

const US: f64 = 1e6;

/// Microseconds since 1970 of a time. Errors: for what is none.
pub fn time_us(name: &str, value: &Value) -> Result<i64, Failure> {
    let nanos = value.as_str().and_then(|text| string_to_timestamp_nanos(text).ok());
    nanos.map(|nanos| nanos.div_euclid(1000)).ok_or_else(|| Failure::invalid(format!("`{name}` is no time: {value}")))
}

/// A time as text.
pub fn time(us: i64) -> String {
    timestamp_us_to_datetime(us).map_or_else(String::new, |time| time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// Microseconds of a duration, from none to a thousand years. Errors: for what is none.
pub fn duration_us(name: &str, value: &Value) -> Result<i64, Failure> {
    let seconds = value.as_str().and_then(|text| text.strip_suffix('s')?.parse::<f64>().ok());
    let seconds = seconds.filter(|seconds| (0.0..=3.2e10).contains(seconds));
    seconds
        .map(|seconds| (seconds * US).round() as i64)
        .ok_or_else(|| Failure::invalid(format!("`{name}` is no duration: {value}")))
}

/// A duration as text.
pub fn duration(us: i64) -> String {
    format!("{}.{:06}s", us.div_euclid(1_000_000), us.rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_and_durations_come_back() {
        for (text, us) in [("1970-01-01T00:00:00Z", 0), ("2026-11-26T10:15:00.250Z", 1_795_688_100_250_000)] {
            assert_eq!(time_us("t", &json!(text)).unwrap(), us);
            assert_eq!(time_us("t", &json!(time(us))).unwrap(), us);
        }
        for (text, us) in [("0s", 0), ("1.5s", 1_500_000), ("0.000001s", 1), ("12s", 12_000_000)] {
            assert_eq!(duration_us("d", &json!(text)).unwrap(), us);
            assert_eq!(duration_us("d", &json!(duration(us))).unwrap(), us);
        }
        for wrong in [json!("x"), json!(3), json!("-1s"), json!("NaNs"), json!("1e300s")] {
            assert!(duration_us("d", &wrong).is_err() && time_us("t", &wrong).is_err(), "{wrong}");
        }
    }
}
