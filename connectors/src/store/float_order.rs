//! Floats as the store keeps them: integers that sort as they do, bit for bit; and what comparisons with them mean.

/// The value with the one NaN that comparisons and sorts know: of `inf - inf` processors make one with a sign, which sorts as the least.
pub(super) fn one_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// A float's bits as an integer that sorts as `f64::total_cmp` does.
pub(super) fn float_order(value: f64) -> i64 {
    flip_negative(value.to_bits() as i64)
}

/// The float of an order: the inverse of [`float_order`], bit for bit.
pub(super) fn float_of_order(order: i64) -> f64 {
    f64::from_bits(flip_negative(order) as u64)
}

/// Reverses the order of the negative numbers; its own inverse.
fn flip_negative(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The condition that the float of a column of orders compares so with a number: there is one zero, and one NaN, which is the greatest.
/// NaNs with a sign are kept below all numbers.
pub(super) fn float_condition(column: &str, op: &str, number: f64) -> String {
    let (least, greatest) = (float_order(f64::NEG_INFINITY), float_order(f64::INFINITY));
    match (number.is_nan(), op) {
        (true, "=" | ">=") => format!("({column} < {least} OR {column} > {greatest})"),
        (true, "<>" | "<") => format!("{column} BETWEEN {least} AND {greatest}"),
        (true, "<=") => format!("{column} IS NOT NULL"),
        (true, _) => "FALSE".to_owned(),
        (false, _) => {
            let zero = number == 0.0;
            let first = float_order(if zero { -0.0 } else { number });
            let last = float_order(if zero { 0.0 } else { number });
            match op {
                "=" => format!("{column} BETWEEN {first} AND {last}"),
                "<>" => format!("{column} NOT BETWEEN {first} AND {last}"),
                "<" => format!("({column} >= {least} AND {column} < {first})"),
                "<=" => format!("{column} BETWEEN {least} AND {last}"),
                ">" => format!("({column} > {last} OR {column} < {least})"),
                _ => format!("({column} >= {first} OR {column} < {least})"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_sort_and_come_back_bit_for_bit() {
        let values = [-f64::NAN, f64::NEG_INFINITY, -1.5, -0.0, 0.0, f64::MIN_POSITIVE, 1.0, f64::MAX, f64::INFINITY, f64::NAN];
        for value in values {
            assert_eq!(float_of_order(float_order(value)).to_bits(), value.to_bits());
        }
        assert!(values.is_sorted_by_key(|&value| float_order(value)));
    }
}
