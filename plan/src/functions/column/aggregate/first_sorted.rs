//! The first few values of each group by keys, of which no more are held than are wanted.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::super::super::held_rows::HeldRows;
use super::super::super::one_zero::one_zero;
use super::super::super::order_keys::{has_keys, order_keys};
use super::super::kernel::Carried;
use super::super::sorting::{FIRST_SORTED, sort_options};
use super::Answer;
use super::groups::{as_states, lists, rows_of};

/// Values of a group up to which they are put in their order one by one.
const FEW: i64 = 64;

/// The accumulator of a kernel that gives a few values by keys that are numbers; None of another.
pub(super) fn few_of_groups(kernel: &Carried, result: Answer, types: &[DataType]) -> Option<Box<dyn GroupsAccumulator + Sync>> {
    let (ScalarValue::Int64(Some(wanted)), flags) = kernel.constants.split_first()? else { return None };
    let is_it = kernel.name == FIRST_SORTED && result == Answer::List && (0..=FEW).contains(wanted);
    // The arguments are the value, its keys unless it is its own, and the order of the rows.
    let first_key = if types.len() > 2 { 1 } else { 0 };
    let keys = types.get(first_key..types.len().checked_sub(1)?)?;
    if !is_it || types.last() != Some(&DataType::UInt64) || !keys.iter().all(has_keys) {
        return None;
    }
    let options: Vec<SortOptions> = (0..keys.len()).map(|index| sort_options(flags, index)).collect();
    let sorted = Sorted { first_key, options };
    macro_rules! of_words {
        ($($keys:literal: $words:literal),*) => {
            match keys.len() {
                $($keys => Some(Box::new(Few::<$words>::new(sorted, *wanted as usize, types)) as Box<dyn GroupsAccumulator + Sync>),)*
                _ => None,
            }
        };
    }
    of_words!(1: 3, 2: 5, 3: 7)
}

/// How rows are sorted: for each key whether it is null and its number, then the number of the row.
struct Sorted {
    first_key: usize,
    options: Vec<SortOptions>,
}

impl Sorted {
    /// The numbers of each of the rows. Errors: `Internal` for columns of other types than were told.
    fn keys<const W: usize>(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<[u64; W]>> {
        let mut keys = vec![[0; W]; rows];
        for ((at, options), column) in self.options.iter().enumerate().zip(&columns[self.first_key..]) {
            let column = one_zero(column);
            let own = order_keys(&column, options.descending).unwrap_or_default();
            let nulls = column.logical_nulls().filter(|nulls| nulls.null_count() > 0);
            for (row, (key, own)) in keys.iter_mut().zip(own).enumerate() {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                key[2 * at] = u64::from(is_null != options.nulls_first);
                key[2 * at + 1] = if is_null { 0 } else { own };
            }
        }
        let numbers: &UInt64Array = columns[columns.len() - 1].as_primitive();
        keys.iter_mut().zip(numbers.values()).for_each(|(key, number)| key[W - 1] = *number);
        Ok(keys)
    }
}

/// A row that is wanted so far.
#[derive(Debug, Clone, Copy)]
struct Entry<const W: usize> {
    key: [u64; W],
    /// Where it is held.
    place: u64,
}

/// For each group the rows that are wanted so far, in their order.
struct Few<const W: usize> {
    sorted: Sorted,
    wanted: usize,
    groups: Vec<Vec<Entry<W>>>,
    entries: usize,
    held: HeldRows,
}

impl<const W: usize> Few<W> {
    fn new(sorted: Sorted, wanted: usize, types: &[DataType]) -> Self {
        Few { sorted, wanted, groups: vec![], entries: 0, held: HeldRows::new(types.to_vec()) }
    }

    fn see(&mut self, columns: &[ArrayRef], groups: &[usize], is_seen: impl Fn(usize) -> bool, total: usize) -> Result<()> {
        self.groups.resize(total, vec![]);
        let keys = self.sorted.keys::<W>(columns, groups.len())?;
        let (mut next, mut taken) = (self.held.next(), vec![]);
        for (row, (group, key)) in groups.iter().zip(keys).enumerate() {
            if is_seen(row) && self.put(*group, Entry { key, place: next }) {
                taken.push(row);
                next += 1;
            }
        }
        self.held.hold(columns, taken.into_iter())?;
        if self.held.is_mostly_waste(self.entries) { self.tidy() } else { Ok(()) }
    }

    /// Whether a row is wanted; it has its place in the group from then on.
    fn put(&mut self, group: usize, entry: Entry<W>) -> bool {
        let entries = &mut self.groups[group];
        let is_full = entries.len() >= self.wanted;
        if is_full && entries.last().is_none_or(|last| last.key <= entry.key) {
            return false;
        }
        match is_full {
            true => entries.truncate(self.wanted - 1),
            false => self.entries += 1,
        }
        let at = entries.partition_point(|other| other.key < entry.key);
        entries.insert(at, entry);
        true
    }

    /// Holds no rows but those that are wanted.
    fn tidy(&mut self) -> Result<()> {
        let places: Vec<u64> = self.groups.iter().flatten().map(|entry| entry.place).collect();
        self.held.keep(&places)?;
        self.groups.iter_mut().flatten().zip(0..).for_each(|(entry, place)| entry.place = place);
        Ok(())
    }

    /// The columns of the rows of the first groups, group by group, and where each begins and the last ends.
    fn taken(&mut self, emit_to: EmitTo) -> Result<(Vec<ArrayRef>, Vec<usize>)> {
        let groups = emit_to.take_needed(&mut self.groups);
        let mut starts = vec![0];
        starts.extend(groups.iter().scan(0, |end, entries| {
            *end += entries.len();
            Some(*end)
        }));
        let places: Vec<u64> = groups.into_iter().flatten().map(|entry| entry.place).collect();
        self.entries -= places.len();
        let columns = self.held.at(&places)?;
        self.tidy()?;
        Ok((columns, starts))
    }
}

impl<const W: usize> GroupsAccumulator for Few<W> {
    fn update_batch(&mut self, values: &[ArrayRef], groups: &[usize], filter: Option<&BooleanArray>, total: usize) -> Result<()> {
        match filter {
            Some(filter) => self.see(values, groups, |row| filter.is_valid(row) && filter.value(row), total),
            None => self.see(values, groups, |_| true, total),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        let (columns, groups) = rows_of(states, groups)?;
        self.see(&columns, &groups, |_| true, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (mut columns, starts) = self.taken(emit_to)?;
        lists(columns.swap_remove(0), &starts)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (columns, starts) = self.taken(emit_to)?;
        columns.into_iter().map(|column| lists(column, &starts)).collect()
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        as_states(values, filter)
    }

    fn size(&self) -> usize {
        self.held.bytes() + self.groups.capacity() * size_of::<Vec<Entry<W>>>() + self.entries * size_of::<Entry<W>>()
    }
}
