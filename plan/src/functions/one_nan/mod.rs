//! Floats with one NaN, that without a sign.

mod accumulators;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, make_array};
use arrow::datatypes::{DataType, Float32Type, Float64Type};

pub(super) use self::accumulators::{groups_of_one_nan, of_one_nan};
use super::one_zero::has_floats;

/// The bits of the negative infinity: only NaNs with a sign have more.
const DOUBLE: u64 = 0xFFF0_0000_0000_0000;
const SINGLE: u32 = 0xFF80_0000;

/// Values that are looked at together.
const CHUNK: usize = 1024;

/// The same values; a NaN with a sign, as arithmetic makes it, becomes the one that equals NaN and is above all numbers. What
/// holds none, and what are no floats, is given back as it is.
pub fn one_nan(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            if !any_signed(floats.values(), |x| x.is_nan(), |x| x.to_bits() > DOUBLE) {
                return array;
            }
            Arc::new(floats.unary::<_, Float64Type>(|x| if x.is_nan() { f64::NAN } else { x }))
        }
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>();
            if !any_signed(floats.values(), |x| x.is_nan(), |x| x.to_bits() > SINGLE) {
                return array;
            }
            Arc::new(floats.unary::<_, Float32Type>(|x| if x.is_nan() { f32::NAN } else { x }))
        }
        _ => nested(&array).unwrap_or(array),
    }
}

/// Whether there is a NaN with a sign. Comparing bits takes a value at a time on processors of old, so it is asked only where there is
/// a NaN at all, which takes vectors.
fn any_signed<T: Copy>(values: &[T], is_nan: impl Fn(T) -> bool, is_signed: impl Fn(T) -> bool) -> bool {
    values.chunks(CHUNK).any(|chunk| {
        let any = chunk.iter().fold(false, |found, x| found | is_nan(*x));
        any && chunk.iter().any(|x| is_signed(*x))
    })
}

/// [`one_nan_in_rows`] of what a function made of the rows `given`: floats that it was given and gives back are as they were, as in any
/// other operator that hands a column on, and not read again.
pub fn one_nan_in_rows_made_of(given: &RecordBatch, rows: RecordBatch) -> RecordBatch {
    let theirs: Vec<Option<Floats>> = given.columns().iter().map(Floats::of).collect();
    let is_given = |(at, column): (usize, &ArrayRef)| match Floats::of(column) {
        Some(own) => {
            let same_place = theirs.get(at).into_iter().flatten();
            same_place.chain(theirs.iter().flatten()).any(|theirs| own.lie_in(theirs))
        }
        None => !has_floats(column.data_type()),
    };
    if rows.columns().iter().enumerate().all(is_given) { rows } else { one_nan_in_rows(rows) }
}

/// Where the values of a column of floats lie in the machine's memory.
struct Floats {
    bytes: Range<usize>,
    width: usize,
}

impl Floats {
    /// None of a column of anything else.
    fn of(column: &ArrayRef) -> Option<Self> {
        let (values, width) = match column.data_type() {
            DataType::Float64 => (column.as_primitive::<Float64Type>().values().inner(), 8),
            DataType::Float32 => (column.as_primitive::<Float32Type>().values().inner(), 4),
            _ => return None,
        };
        let start = values.as_ptr().addr();
        Some(Floats { bytes: start..start + values.len(), width })
    }

    fn lie_in(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.bytes, &other.bytes);
        let within = theirs.start <= own.start && own.end <= theirs.end;
        within && self.width == other.width && (own.start - theirs.start).is_multiple_of(self.width)
    }
}

/// The same rows with one NaN, for what comes from outside: files and memory of others hold NaNs with a sign, which NumPy's `0/0` makes on x86.
/// What holds none is not copied.
pub fn one_nan_in_rows(rows: RecordBatch) -> RecordBatch {
    if !rows.schema().fields().iter().any(|field| has_floats(field.data_type())) {
        return rows;
    }
    let columns: Vec<ArrayRef> = rows.columns().iter().map(|column| one_nan(Arc::clone(column))).collect();
    if columns.iter().zip(rows.columns()).all(|(plain, own)| Arc::ptr_eq(plain, own)) {
        return rows;
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(rows.schema(), columns, &options).unwrap_or(rows)
}

/// A nested value whose floats were changed; None where none was.
fn nested(array: &ArrayRef) -> Option<ArrayRef> {
    if !array.data_type().is_nested() || !has_floats(array.data_type()) {
        return None;
    }
    let data = array.to_data();
    let mut changed = false;
    let plain = |child: &ArrayData| {
        let own = make_array(child.clone());
        let plain = one_nan(Arc::clone(&own));
        changed |= !Arc::ptr_eq(&own, &plain);
        plain.to_data()
    };
    let children: Vec<ArrayData> = data.child_data().iter().map(plain).collect();
    if !changed {
        return None;
    }
    data.into_builder().child_data(children).build().ok().map(make_array)
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn nested_floats_lose_their_signs_and_others_stay_where_they_are() {
        use arrow::array::{Int64Array, ListArray};
        use arrow::datatypes::{Field, Schema};
        let lists = |floats: Vec<Option<f64>>| {
            Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some(floats), None])) as ArrayRef
        };
        let schema = Schema::new(vec![
            Field::new("l", DataType::new_list(DataType::Float64, true), true),
            Field::new("i", DataType::Int64, true),
        ]);
        let rows = |list| RecordBatch::try_new(Arc::new(schema.clone()), vec![list, Arc::new(Int64Array::from(vec![1, 2]))]);
        let signed = rows(lists(vec![Some(-f64::NAN), None, Some(1.0)])).expect("rows");
        let plain = one_nan_in_rows(signed.clone());
        let values = plain.column(0).as_list::<i32>().values().as_primitive::<Float64Type>().clone();
        assert!(values.value(0).is_nan() && values.value(0).is_sign_positive());
        assert!(Arc::ptr_eq(plain.column(1), signed.column(1)) && plain.column(0).null_count() == 1);
        let without = rows(lists(vec![Some(1.0)])).expect("rows");
        assert!(Arc::ptr_eq(one_nan_in_rows(without.clone()).column(0), without.column(0)));
    }

    #[test]
    fn floats_that_were_given_are_not_read_again() {
        let signed: ArrayRef = Arc::new(Float64Array::from(vec![1.0, -f64::NAN, 2.0]));
        let rows = |floats: &ArrayRef| RecordBatch::try_from_iter([("x", Arc::clone(floats))]).expect("rows");
        let part = rows(&signed.slice(1, 2));
        let same = one_nan_in_rows_made_of(&rows(&signed), part.clone());
        assert!(same.column(0).as_primitive::<Float64Type>().value(0).is_sign_negative());
        let other = one_nan_in_rows_made_of(&rows(&(Arc::new(Float64Array::from(vec![1.0])) as ArrayRef)), part);
        assert!(other.column(0).as_primitive::<Float64Type>().value(0).is_sign_positive());
    }

    #[test]
    fn floats_of_another_width_in_the_same_memory_are_read() {
        use arrow::array::Float32Array;
        use arrow::buffer::ScalarBuffer;
        let wide = Float64Array::from(vec![f64::from_bits(0x3FF0_0000_FFC0_0000)]);
        let narrow = Float32Array::new(ScalarBuffer::new(wide.values().inner().clone(), 0, 2), None);
        let rows = |floats: ArrayRef| RecordBatch::try_from_iter([("x", floats)]).expect("rows");
        let made = one_nan_in_rows_made_of(&rows(Arc::new(wide)), rows(Arc::new(narrow)));
        let made = made.column(0).as_primitive::<Float32Type>().clone();
        assert!(made.values().iter().all(|x| !x.is_nan() || x.is_sign_positive()), "{made:?}");
    }

    #[test]
    fn a_sign_is_found_wherever_it_stands() {
        for at in [0, 1, 1023, 1024, 2999] {
            let mut floats = vec![f64::NAN; 3000];
            floats[at] = -f64::NAN;
            let plain = one_nan(Arc::new(Float64Array::from(floats)));
            assert!(plain.as_primitive::<Float64Type>().values().iter().all(|x| x.is_nan() && x.is_sign_positive()), "{at}");
        }
    }

    #[test]
    fn a_sign_is_taken_from_nan_alone() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![-f64::NAN, f64::NEG_INFINITY, -0.0, -1.0]));
        let plain = one_nan(Arc::clone(&floats));
        let bits =
            |array: &ArrayRef| array.as_primitive::<Float64Type>().values().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&plain)[1..], bits(&floats)[1..]);
        assert!(f64::from_bits(bits(&plain)[0]).is_sign_positive());
        let without: ArrayRef = Arc::new(Float64Array::from(vec![f64::NEG_INFINITY, f64::NAN]));
        assert!(Arc::ptr_eq(&one_nan(Arc::clone(&without)), &without));
    }
}
