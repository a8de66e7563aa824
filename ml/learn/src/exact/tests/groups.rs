//! Sums of many groups beside those of each group by itself, however rows are cut into parts, and parts into states.

use arrow_buffer::NullBuffer;
use proptest::prelude::*;

use super::super::*;
use super::tally;

/// The rows of a part: of each the group, the numbers and whether it counts.
type Part = Vec<(usize, (f64, f64), bool)>;

const GROUPS: usize = 5;

fn parts() -> impl Strategy<Value = Vec<(Part, bool)>> {
    use prop::num::f64::{ANY, NORMAL};
    let number = || prop_oneof![8 => -1e3..1e3f64, 1 => NORMAL, 1 => ANY];
    let row = (0..GROUPS, (number(), number()), prop::bool::weighted(0.9));
    prop::collection::vec((prop::collection::vec(row, 0..40), any::<bool>()), 0..4)
}

fn add<T: Tally>(groups: &mut dyn Grouped, part: &Part) {
    let number = |at: usize| part.iter().map(|(_, (y, x), _)| if at == 0 { *y } else { *x }).collect();
    let columns: Vec<Vec<f64>> = (0..T::Row::WIDTH).map(number).collect();
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let present: NullBuffer = part.iter().map(|row| row.2).collect();
    let numbers: Vec<usize> = part.iter().map(|row| row.0).collect();
    groups.add(&slices, Some(&present).filter(|present| present.null_count() > 0), &numbers, GROUPS);
}

fn merge(groups: &mut dyn Grouped, states: &States, first: usize) {
    let rows: Vec<&[f64]> = states.rows.iter().map(Vec::as_slice).collect();
    let ends = states.ends.iter().map(|end| *end as i64);
    let offsets: Vec<i64> = std::iter::once(0).chain(ends).collect();
    let (is_row, is_bytes) = (NullBuffer::from(states.is_row.clone()), NullBuffer::from(states.is_bytes.clone()));
    let (bytes, numbers) = (&states.bytes, (first..first + states.ends.len()).collect::<Vec<_>>());
    let view = StatesView { rows: &rows, is_row: Some(&is_row), bytes, offsets: &offsets, is_bytes: Some(&is_bytes) };
    groups.merge(view, &numbers, GROUPS).unwrap();
}

/// Parts that are added, or merged as states, give the statistic of all rows; in two goes, as an ordered input has them given.
fn parts_do_not_show<T: Tally>(parts: &[(Part, bool)], value: fn(&T) -> Option<f64>) -> Result<(), TestCaseError> {
    let mut whole = T::groups(value);
    whole.add(&vec![&[][..]; T::Row::WIDTH], None, &[], GROUPS);
    for (part, as_states) in parts {
        if *as_states {
            let mut partial = T::groups(value);
            add::<T>(partial.as_mut(), part);
            let (first, rest) = (partial.states(Some(2)), partial.states(None));
            let middle = first.ends.len();
            merge(whole.as_mut(), &first, 0);
            merge(whole.as_mut(), &rest, middle);
        } else {
            add::<T>(whole.as_mut(), part);
        }
    }
    let found = [whole.values(Some(3)), whole.values(None)].concat();
    prop_assert_eq!(whole.memory_bytes(), 0);
    for (group, found) in found.into_iter().enumerate() {
        let rows = parts.iter().flat_map(|part| &part.0).filter(|row| row.0 == group && row.2);
        let expected = value(&tally::<T>(rows.map(|(_, (y, x), _)| T::Row::of(|at| if at == 0 { *y } else { *x }))));
        prop_assert_eq!(found.map(f64::to_bits), expected.map(f64::to_bits), "group {}: {:?}, not {:?}", group, found, expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn parts_of_groups_do_not_show(parts in parts()) {
        parts_do_not_show::<Total>(&parts, Total::mean)?;
        parts_do_not_show::<Spread>(&parts, |of| of.variance(Divisor::Sample))?;
        parts_do_not_show::<Crossed>(&parts, |of| of.covariance(Divisor::Population))?;
        parts_do_not_show::<Joint>(&parts, Joint::intercept)?;
    }
}

/// What a million groups take: a line of the cache while there are few rows, the sums beside it when there are many.
#[test]
fn a_group_of_few_rows_is_its_rows() {
    let bytes = |width: usize, rows: usize| {
        let mut groups = if width == 1 { Total::groups(Total::sum) } else { Joint::groups(Joint::slope) };
        let columns = vec![vec![0.1; 1000 * rows]; width];
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let numbers: Vec<usize> = (0..1000 * rows).map(|row| row % 1000).collect();
        groups.add(&slices, None, &numbers, 1000);
        groups.memory_bytes() / 1000
    };
    assert_eq!([bytes(1, 1), bytes(1, 7), bytes(1, 8)], [64, 64, 64 + size_of::<Total>()]);
    assert_eq!([bytes(2, 7), bytes(2, 8)], [120, 120 + size_of::<Joint>()]);
}

#[test]
fn broken_states_are_an_error() {
    let mut groups = Total::groups(Total::sum);
    for bytes in [&[][..], &[2, 0, 0], &[0, 1], &[1]] {
        let offsets = [0, bytes.len() as i64];
        let view = StatesView { rows: &[], is_row: None, bytes, offsets: &offsets, is_bytes: None };
        assert!(groups.merge(view, &[0], 1).is_err(), "{bytes:?}");
    }
    let view = StatesView { rows: &[], is_row: None, bytes: &[], offsets: &[0, 9], is_bytes: None };
    assert!(groups.merge(view, &[0], 1).is_err());
}
