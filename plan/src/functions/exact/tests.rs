//! The accumulators beside one another: however rows are cut, filtered, merged and emitted, the bits are the same.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use arrow::datatypes::Float64Type;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use gradframe_ml_learn::exact::Divisor;

use super::{Statistic, distinct, groups, whole};

const STATISTICS: [Statistic; 8] = [
    Statistic::Sum,
    Statistic::Mean,
    Statistic::Variance(Divisor::Sample),
    Statistic::Deviation(Divisor::Population),
    Statistic::Covariance(Divisor::Sample),
    Statistic::Correlation,
    Statistic::Slope,
    Statistic::Intercept,
];
const ROWS: usize = 1000;
const GROUPS: usize = 7;

/// Two columns with nulls, of numbers of which plain sums depend on the order.
fn columns() -> Vec<ArrayRef> {
    let number = |i: usize, by: f64| (i % 11 != 3).then(|| (i as f64 * by).sin() * 10f64.powi((i % 41) as i32 - 20));
    let column = |by: f64| Arc::new((0..ROWS).map(|i| number(i, by)).collect::<Float64Array>()) as ArrayRef;
    vec![column(0.37), column(1.1)]
}

fn group_of(row: usize) -> usize {
    row * row % GROUPS
}

fn filter() -> BooleanArray {
    (0..ROWS).map(|row| if row % 13 == 0 { None } else { Some(row % 3 != 0) }).collect()
}

/// What each group's rows give by themselves, the last row first.
fn expected(statistic: Statistic, columns: &[ArrayRef]) -> Vec<Option<u64>> {
    let filter = filter();
    let of_group = |group: usize| {
        let mut accumulator = whole(statistic);
        let rows = (0..ROWS).rev().filter(|row| group_of(*row) == group && filter.is_valid(*row) && filter.value(*row));
        rows.for_each(|row| {
            let values: Vec<ArrayRef> = columns.iter().map(|column| column.slice(row, 1)).collect();
            accumulator.update_batch(&values).unwrap();
        });
        bits(&accumulator.evaluate().unwrap())
    };
    (0..GROUPS).map(of_group).collect()
}

fn bits(value: &ScalarValue) -> Option<u64> {
    let ScalarValue::Float64(value) = value else { panic!("{value}") };
    value.map(f64::to_bits)
}

fn all_bits(values: &ArrayRef) -> Vec<Option<u64>> {
    values.as_primitive::<Float64Type>().iter().map(|value| value.map(f64::to_bits)).collect()
}

fn part(columns: &[ArrayRef], from: usize, rows: usize) -> (Vec<ArrayRef>, Vec<usize>, BooleanArray) {
    let values = columns.iter().map(|column| column.slice(from, rows)).collect();
    (values, (from..from + rows).map(group_of).collect(), filter().slice(from, rows))
}

fn partial(statistic: Statistic, columns: &[ArrayRef], from: usize, rows: usize) -> Box<dyn GroupsAccumulator> {
    let mut partial = groups(statistic);
    let (values, numbers, filter) = part(columns, from, rows);
    partial.update_batch(&values, &numbers, Some(&filter), GROUPS).unwrap();
    partial
}

#[test]
fn groups_are_the_same_bits_however_they_are_cut_and_merged() {
    let columns = columns();
    let all: Vec<usize> = (0..GROUPS).collect();
    for statistic in STATISTICS {
        let expected = expected(statistic, &columns);
        let mut merged = groups(statistic);
        for (from, rows) in [(600, 400), (0, 1), (1, 299)] {
            let state = partial(statistic, &columns, from, rows).state(EmitTo::All).unwrap();
            merged.merge_batch(&state, &all, GROUPS).unwrap();
        }
        // Each row as a state of its own.
        let (values, numbers, filter) = part(&columns, 300, 300);
        let states = merged.convert_to_state(&values, Some(&filter)).unwrap();
        merged.merge_batch(&states, &numbers, GROUPS).unwrap();
        assert!(merged.size() > 0);
        let first = all_bits(&merged.evaluate(EmitTo::First(3)).unwrap());
        let rest = all_bits(&merged.evaluate(EmitTo::All).unwrap());
        assert_eq!([first, rest].concat(), expected, "{statistic:?}");
        assert_eq!(merged.size(), 0);
    }
}

#[test]
fn what_leaves_a_frame_leaves_no_trace() {
    let columns = columns();
    for statistic in STATISTICS {
        let mut moving = whole(statistic);
        moving.update_batch(&columns).unwrap();
        let before: Vec<ArrayRef> = columns.iter().map(|column| column.slice(0, 900)).collect();
        moving.retract_batch(&before).unwrap();
        let mut left = whole(statistic);
        left.update_batch(&columns.iter().map(|column| column.slice(900, 100)).collect::<Vec<_>>()).unwrap();
        assert_eq!(bits(&moving.evaluate().unwrap()), bits(&left.evaluate().unwrap()), "{statistic:?}");
        assert_eq!(moving.state().unwrap(), left.state().unwrap());
    }
}

#[test]
fn a_value_that_comes_twice_is_one_of_those_that_differ() {
    let values = |values: Vec<f64>| vec![Arc::new(Float64Array::from(values)) as ArrayRef];
    let (mut one, mut other) = (distinct(Statistic::Mean), distinct(Statistic::Mean));
    one.update_batch(&values(vec![0.1, 1e17, -0.0])).unwrap();
    other.update_batch(&values(vec![0.0, 0.1, -1e17, 0.1])).unwrap();
    let state = other.state().unwrap()[0].to_array().unwrap();
    one.merge_batch(&[state]).unwrap();
    assert_eq!(one.evaluate().unwrap(), ScalarValue::from(0.1 / 4.0));
}

#[test]
fn groups_without_rows_are_null() {
    let mut none = groups(Statistic::Sum);
    none.update_batch(&[Arc::new(Float64Array::from(vec![None, Some(1.5)]))], &[0, 1], None, 3).unwrap();
    assert_eq!(all_bits(&none.evaluate(EmitTo::All).unwrap()), [None, Some(1.5f64.to_bits()), None]);
}
