//! The types in which columns come in: of decimals, times, dates and durations, which Arrow has in several widths and units, the one that
//! expressions know.
//!
//! | what is given | here |
//! |---|---|
//! | decimals of 32 and 64 bits | decimals of 128 bits, of the same digits |
//! | times in seconds, milliseconds or microseconds | times in nanoseconds |
//! | dates in milliseconds | dates in days |
//! | durations and timestamps in seconds | in milliseconds: half of a second is lost otherwise |
//! | lists, structs, maps, dictionaries and run ends of these | the same of those |
//!
//! A field of an extension type stays as it is: what its values mean is not for us to say.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, make_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Field, FieldRef, Fields, Schema, SchemaRef, Time64MicrosecondType, Time64NanosecondType,
    TimeUnit,
};
use arrow::error::ArrowError;

/// The type in which values of this type come in.
pub fn own_type(given: &DataType) -> DataType {
    changed(given).filter(|own| can_cast_types(given, own)).unwrap_or_else(|| given.clone())
}

/// The field in its own type; the same field where nothing changes.
pub fn own_field(given: &FieldRef) -> FieldRef {
    let own = if given.extension_type_name().is_some() { None } else { changed(given.data_type()) };
    let own = own.filter(|own| can_cast_types(given.data_type(), own));
    own.map_or_else(|| Arc::clone(given), |own| of_type(given, own))
}

/// The schema with each field in its own type; the same schema where nothing changes.
pub fn own_schema(given: &SchemaRef) -> SchemaRef {
    let fields: Fields = given.fields().iter().map(own_field).collect();
    match fields == *given.fields() {
        true => Arc::clone(given),
        false => Arc::new(Schema::new_with_metadata(fields, given.metadata().clone())),
    }
}

/// The values in another type of the same meaning, as [`own_type`] gives it; not copied if they have it. Errors: `CastError` for a value
/// that it does not hold, or that is no time of a day.
pub fn own_array(given: &ArrayRef, own: &DataType) -> Result<ArrayRef, ArrowError> {
    use DataType::*;
    if given.data_type() == own {
        return Ok(Arc::clone(given));
    }
    match own {
        List(field) | LargeList(field) | FixedSizeList(field, _) | Map(field, _) => nested(given, own, &[field.data_type()]),
        Struct(fields) => nested(given, own, &fields.iter().map(|field| field.data_type()).collect::<Vec<_>>()),
        Dictionary(_, values) => nested(given, own, &[values]),
        RunEndEncoded(ends, values) => nested(given, own, &[ends.data_type(), values.data_type()]),
        _ => plain(given, own),
    }
}

/// Values of which the parts have these types.
fn nested(given: &ArrayRef, own: &DataType, parts: &[&DataType]) -> Result<ArrayRef, ArrowError> {
    let data = given.to_data();
    let part = |(part, own): (&ArrayData, &&DataType)| Ok(own_array(&make_array(part.clone()), own)?.to_data());
    let parts = data.child_data().iter().zip(parts).map(part).collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(make_array(data.into_builder().data_type(own.clone()).child_data(parts).build()?))
}

fn plain(given: &ArrayRef, own: &DataType) -> Result<ArrayRef, ArrowError> {
    const MILLISECONDS_OF_DAY: i64 = 86_400_000;
    const MICROSECONDS_OF_DAY: i64 = 1000 * MILLISECONDS_OF_DAY;
    if let Some(dates) = given.as_primitive_opt::<Date64Type>() {
        // Of a date before 1970 with a time the day that it is in: Arrow's own cast gives the next one.
        let days = dates.try_unary::<_, Date32Type, _>(|at| {
            let outside = || ArrowError::CastError(format!("{at} milliseconds since 1970 are no date"));
            i32::try_from(at.div_euclid(MILLISECONDS_OF_DAY)).map_err(|_| outside())
        })?;
        return Ok(Arc::new(days));
    }
    if let Some(times) = given.as_primitive_opt::<Time64MicrosecondType>() {
        let nanoseconds = times.try_unary::<_, Time64NanosecondType, _>(|at| match (0..MICROSECONDS_OF_DAY).contains(&at) {
            true => Ok(1000 * at),
            false => Err(ArrowError::CastError(format!("{at} microseconds are no time of a day"))),
        })?;
        return Ok(Arc::new(nanoseconds));
    }
    cast_with_options(given, own, &CastOptions { safe: false, ..CastOptions::default() })
}

/// None where the type stays.
fn changed(given: &DataType) -> Option<DataType> {
    use DataType::*;
    let item = |field: &FieldRef| changed_field(field);
    Some(match given {
        Decimal32(precision, scale) | Decimal64(precision, scale) => Decimal128(*precision, *scale),
        Time32(_) | Time64(TimeUnit::Microsecond) => Time64(TimeUnit::Nanosecond),
        Date64 => Date32,
        Duration(TimeUnit::Second) => Duration(TimeUnit::Millisecond),
        Timestamp(TimeUnit::Second, zone) => Timestamp(TimeUnit::Millisecond, zone.clone()),
        List(field) => List(item(field)?),
        LargeList(field) => LargeList(item(field)?),
        FixedSizeList(field, size) => FixedSizeList(item(field)?, *size),
        Map(entries, sorted) => Map(item(entries)?, *sorted),
        Struct(fields) => Struct(changed_fields(fields)?),
        Dictionary(keys, values) => Dictionary(keys.clone(), Box::new(changed(values)?)),
        RunEndEncoded(ends, values) => RunEndEncoded(Arc::clone(ends), item(values)?),
        _ => return None,
    })
}

fn changed_field(given: &FieldRef) -> Option<FieldRef> {
    if given.extension_type_name().is_some() {
        return None;
    }
    changed(given.data_type()).map(|own| of_type(given, own))
}

fn changed_fields(given: &Fields) -> Option<Fields> {
    let own: Vec<Option<FieldRef>> = given.iter().map(changed_field).collect();
    let or_given = |(own, given): (Option<FieldRef>, &FieldRef)| own.unwrap_or_else(|| Arc::clone(given));
    own.iter().any(Option::is_some).then(|| own.into_iter().zip(given).map(or_given).collect())
}

fn of_type(given: &Field, own: DataType) -> FieldRef {
    Arc::new(given.clone().with_data_type(own))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date64Array, Decimal64Array, ListArray, StructArray, Time32SecondArray, Time64MicrosecondArray};
    use arrow::datatypes::{Decimal128Type, Int64Type};

    use super::*;

    const NANOS: DataType = DataType::Time64(TimeUnit::Nanosecond);

    fn own(given: ArrayRef) -> ArrayRef {
        own_array(&given, &own_type(given.data_type())).unwrap()
    }

    #[test]
    fn values_mean_in_their_own_type_what_they_meant() {
        let decimals = Decimal64Array::from(vec![Some(150), None, Some(-225)]).with_precision_and_scale(12, 2).unwrap();
        let decimals = own(Arc::new(decimals));
        assert_eq!(decimals.data_type(), &DataType::Decimal128(12, 2));
        let expected = [Some(150), None, Some(-225)];
        assert_eq!(decimals.as_primitive::<Decimal128Type>().iter().collect::<Vec<_>>(), expected);
        let seconds = own(Arc::new(Time32SecondArray::from(vec![Some(1), None])));
        assert_eq!(seconds.as_primitive::<Time64NanosecondType>().iter().collect::<Vec<_>>(), [Some(1_000_000_000), None]);
        let micros = own(Arc::new(Time64MicrosecondArray::from(vec![86_399_999_999])));
        assert_eq!(micros.as_primitive::<Time64NanosecondType>().values(), &[86_399_999_999_000]);
        let days = own(Arc::new(Date64Array::from(vec![Some(86_400_000 * 3), Some(-86_400_000), None])));
        assert_eq!(days.as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(3), Some(-1), None]);
        let within = own(Arc::new(Date64Array::from(vec![-43_200_000, -1, 43_200_000])));
        assert_eq!(within.as_primitive::<Date32Type>().values(), &[-1, -1, 0]);
    }

    #[test]
    fn what_is_no_time_of_a_day_is_an_error_unless_it_is_null() {
        for outside in [1i64 << 62, -1, 86_400_000_000] {
            let times: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![1, outside]));
            let error = own_array(&times, &NANOS).unwrap_err();
            assert!(error.to_string().contains(&format!("{outside} microseconds are no time of a day")), "{error}");
            let nulls = arrow::buffer::NullBuffer::from(vec![true, false]);
            let hidden: ArrayRef = Arc::new(Time64MicrosecondArray::new(vec![1, outside].into(), Some(nulls)));
            assert_eq!(own_array(&hidden, &NANOS).unwrap().null_count(), 1);
        }
    }

    #[test]
    fn nested_values_are_brought_in_too() {
        let times: ArrayRef = Arc::new(Time32SecondArray::from(vec![1, 2, 3]));
        let item = Arc::new(Field::new("t", times.data_type().clone(), true));
        let of = Arc::new(Field::new("s", DataType::Struct([Arc::clone(&item)].into()), true));
        let structs: ArrayRef = Arc::new(StructArray::new([item].into(), vec![times], None));
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([1, 0, 2]);
        let lists = own(Arc::new(ListArray::new(of, offsets, structs, None)));
        let expected = DataType::Struct([Arc::new(Field::new("t", NANOS, true))].into());
        assert_eq!(lists.data_type(), &DataType::List(Arc::new(Field::new("s", expected, true))));
        let last = lists.as_list::<i32>().value(2);
        let last = last.as_struct().column(0).as_primitive::<Time64NanosecondType>().values().to_vec();
        assert_eq!(last, [2_000_000_000, 3_000_000_000]);
    }

    #[test]
    fn what_has_its_own_type_is_not_copied() {
        let numbers: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1, 2]));
        let same = own_array(&numbers, &own_type(numbers.data_type())).unwrap();
        let place = |array: &ArrayRef| array.as_primitive::<Int64Type>().values().as_ptr();
        assert_eq!(place(&numbers), place(&same));
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true), Field::new("t", NANOS, true)]));
        assert!(Arc::ptr_eq(&own_schema(&schema), &schema));
    }

    #[test]
    fn extension_types_stay() {
        let named = [("ARROW:extension:name".to_owned(), "somebodys.time".to_owned())];
        let field = Arc::new(Field::new("t", DataType::Time32(TimeUnit::Second), true).with_metadata(named.into()));
        assert!(Arc::ptr_eq(&own_field(&field), &field));
    }
}
