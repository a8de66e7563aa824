//! Moments within lists and structs: the types in which they meet, and how dates become them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, Fields};

use super::moments::{UTC, common_moment, zones_differ};

/// The types, in which dates are moments where another of the types has moments of a time zone in their place, within lists and structs
/// too. None where moments of two zones, or of one and of none, have one place.
pub(crate) fn with_moments_alike(types: &[DataType]) -> Option<Vec<DataType>> {
    if zones_differ(types.iter()) {
        return None;
    }
    if let Some(common) = common_moment(types) {
        return Some(types.iter().map(|own| if own.is_null() { DataType::Null } else { common.clone() }).collect());
    }
    let known = || types.iter().filter(|own| !own.is_null());
    if known().next().is_some() && known().all(|own| list_item(own).is_some()) {
        return items_alike(types);
    }
    if known().next().is_some() && known().all(|own| matches!(own, DataType::Struct(_))) {
        return fields_alike(types);
    }
    Some(types.to_vec())
}

fn items_alike(types: &[DataType]) -> Option<Vec<DataType>> {
    let items: Vec<DataType> =
        types.iter().map(|own| list_item(own).map_or(DataType::Null, |item| item.data_type().clone())).collect();
    let items = with_moments_alike(&items)?;
    Some(types.iter().zip(items).map(|(own, item)| with_item(own, item)).collect())
}

/// Fields of one name are in one place.
fn fields_alike(types: &[DataType]) -> Option<Vec<DataType>> {
    let mut places: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
    for (of, own) in types.iter().enumerate() {
        let DataType::Struct(fields) = own else { continue };
        for (at, field) in fields.iter().enumerate() {
            places.entry(field.name()).or_default().push((of, at));
        }
    }
    let mut alike: Vec<Vec<FieldRef>> =
        types.iter().map(|own| if let DataType::Struct(fields) = own { fields.to_vec() } else { vec![] }).collect();
    for places in places.values() {
        let own: Vec<DataType> = places.iter().map(|(of, at)| alike[*of][*at].data_type().clone()).collect();
        for ((of, at), data_type) in places.iter().zip(with_moments_alike(&own)?) {
            alike[*of][*at] = of_type(&alike[*of][*at], data_type);
        }
    }
    let of =
        |(own, fields): (&DataType, Vec<FieldRef>)| if own.is_null() { DataType::Null } else { DataType::Struct(fields.into()) };
    Some(types.iter().zip(alike).map(of).collect())
}

fn list_item(own: &DataType) -> Option<&FieldRef> {
    match own {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// The list with items of another type; another type as it is.
fn with_item(own: &DataType, item: DataType) -> DataType {
    match own {
        DataType::List(field) => DataType::List(of_type(field, item)),
        DataType::LargeList(field) => DataType::LargeList(of_type(field, item)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(of_type(field, item), *size),
        other => other.clone(),
    }
}

/// The field with values of another type.
fn of_type(field: &FieldRef, data_type: DataType) -> FieldRef {
    if *field.data_type() == data_type { Arc::clone(field) } else { Arc::new(field.as_ref().clone().with_data_type(data_type)) }
}

/// The moment in UTC that a date is before it is one of another time zone, in lists and structs too; None where a cast does it.
pub(super) fn midnight_between(from: &DataType, to: &DataType) -> Option<DataType> {
    use DataType::{Date32, Struct, Timestamp};
    match (from, to) {
        (Date32, Timestamp(unit, Some(zone))) if **zone != *UTC => Some(Timestamp(*unit, Some(UTC.into()))),
        (Struct(own), Struct(wanted)) => fields_between(own, wanted).map(Struct),
        _ => {
            let (own, wanted) = (list_item(from)?, list_item(to)?);
            midnight_between(own.data_type(), wanted.data_type()).map(|item| with_item(to, item))
        }
    }
}

fn fields_between(own: &Fields, wanted: &Fields) -> Option<Fields> {
    let of_name = |name: &str| own.iter().find(|field| field.name() == name);
    let midnights = wanted.iter().map(|field| midnight_between(of_name(field.name())?.data_type(), field.data_type()));
    let midnights: Vec<Option<DataType>> = midnights.collect();
    let between =
        |(field, midnight): (&FieldRef, Option<DataType>)| midnight.map_or_else(|| Arc::clone(field), |own| of_type(field, own));
    midnights.iter().any(Option::is_some).then(|| wanted.iter().zip(midnights).map(between).collect())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, TimeUnit};

    use super::*;
    use DataType::{Date32, Int64, Null};

    fn moment(zone: Option<&str>) -> DataType {
        DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into))
    }

    fn of(fields: &[(&str, DataType)]) -> DataType {
        DataType::Struct(fields.iter().map(|(name, own)| Field::new(*name, own.clone(), true)).collect())
    }

    fn list(item: DataType) -> DataType {
        DataType::new_list(item, true)
    }

    #[test]
    fn dates_are_moments_where_others_have_moments_in_their_place() {
        let berlin = || moment(Some("Europe/Berlin"));
        let own = [
            list(of(&[("a", Date32), ("n", Int64)])),
            list(of(&[("n", Int64), ("a", berlin())])),
            Null,
            list(of(&[("a", Null), ("b", Date32)])),
        ];
        let expected = [
            list(of(&[("a", berlin()), ("n", Int64)])),
            list(of(&[("n", Int64), ("a", berlin())])),
            Null,
            list(of(&[("a", Null), ("b", Date32)])),
        ];
        assert_eq!(with_moments_alike(&own), Some(expected.to_vec()));
        assert_eq!(with_moments_alike(&[Int64, list(Date32)]), Some(vec![Int64, list(Date32)]));
    }

    #[test]
    fn moments_of_two_zones_have_no_place_in_common() {
        for zone in [None, Some("Europe/Berlin")] {
            for nested in [|own| list(list(own)), |own| of(&[("a", own)]), |own| list(of(&[("a", own)]))] {
                assert_eq!(with_moments_alike(&[nested(moment(Some("UTC"))), nested(moment(zone))]), None, "{zone:?}");
                let same = [nested(moment(zone)), nested(moment(zone))];
                assert_eq!(with_moments_alike(&same), Some(same.to_vec()));
            }
        }
        let apart = [of(&[("a", moment(None))]), of(&[("b", moment(Some("UTC")))])];
        assert_eq!(with_moments_alike(&apart), Some(apart.to_vec()));
    }

    #[test]
    fn a_date_is_a_midnight_in_utc_wherever_it_stands() {
        let nested = |own| list(of(&[("n", Int64), ("a", own)]));
        let between = midnight_between(&nested(Date32), &nested(moment(Some("Europe/Berlin"))));
        assert_eq!(between, Some(nested(moment(Some("UTC")))));
        assert_eq!(midnight_between(&nested(Date32), &nested(moment(Some("UTC")))), None);
    }
}
