//! Suggestions for names that are not there, and names of types.

use arrow::datatypes::{DataType, TimeUnit};

/// A type as frames write it, whatever its layout: `String`, `List(Int64)`, `Datetime(us, UTC)`, `Struct(a: Int64)`.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "String".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "Binary".to_owned(),
        DataType::Date32 | DataType::Date64 => "Date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "Time".to_owned(),
        DataType::Timestamp(unit, None) => format!("Datetime({})", unit_name(*unit)),
        DataType::Timestamp(unit, Some(zone)) => format!("Datetime({}, {zone})", unit_name(*unit)),
        DataType::Duration(unit) => format!("Duration({})", unit_name(*unit)),
        DataType::Dictionary(_, values) if type_name(values) == "String" => "Categorical".to_owned(),
        DataType::Dictionary(_, values) => type_name(values),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            format!("List({})", type_name(item.data_type()))
        }
        DataType::FixedSizeList(item, width) => format!("Array({}, {width})", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| format!("{}: {}", field.name(), type_name(field.data_type())));
            format!("Struct({})", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => {
            format!("Decimal({p}, {s})")
        }
        plain => plain.to_string(),
    }
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

/// The candidate that `name` was probably meant to be, if one is near enough; case does not count.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let edits = |candidate: &str| strsim::osa_distance(&wanted, &candidate.to_lowercase());
    let edits_max = (wanted.chars().count() / 3).max(1);
    let something_shared = |edits: usize, candidate: &str| edits < wanted.len().max(candidate.len());
    let near = candidates.into_iter().map(|c| (edits(c), c)).filter(|&(e, c)| e <= edits_max && something_shared(e, c));
    near.min_by_key(|(edits, _)| *edits).map(|(_, c)| c)
}

/// A hint for an unknown name: the nearest one, else what there is to choose from.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "there are none".into(),
        None => format!("there are {}", list(&candidates)),
    }
}

/// The first names of a list, quoted.
pub fn list(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{tail}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_listed() {
        let names = ["arr_delay", "dep_delay", "distance"];
        assert_eq!(nearest("dep_dely", names), Some("dep_delay"));
        assert_eq!(nearest("DISTANCE", names), Some("distance"));
        assert_eq!(nearest("weather", names), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(suggest("arr_delya", names), "did you mean `arr_delay`?");
        assert_eq!(suggest("weather", ["a", "b"]), "there are `a`, `b`");
    }
}
