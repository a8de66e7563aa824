//! What orders rows as a few whole numbers: the least ones are those of the row that is wanted.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use gradframe_ml_core::Error;

use super::super::order_keys::{has_keys, order_keys, values_of};
use super::End;
use crate::error::to_datafusion;

/// The columns that order rows; none, where rows are in the order in which they come.
#[derive(Debug)]
pub(super) struct Order {
    columns: Vec<Column>,
    end: End,
    /// Rows that came, where they order themselves.
    came: u64,
}

#[derive(Debug)]
struct Column {
    data_type: DataType,
    options: SortOptions,
    nullable: bool,
}

impl Column {
    fn words(&self) -> usize {
        1 + usize::from(self.nullable)
    }
}

impl Order {
    /// None where a column is of a type that is no number.
    pub(super) fn of(args: &AccumulatorArgs, end: End) -> Result<Option<Self>> {
        let mut columns = vec![];
        for key in args.order_bys {
            let (data_type, nullable) = (key.expr.data_type(args.schema)?, key.expr.nullable(args.schema)?);
            if !has_keys(&data_type) {
                return Ok(None);
            }
            columns.push(Column { data_type, options: key.options, nullable });
        }
        Ok(Some(Order { columns, end, came: 0 }))
    }

    /// Numbers of a row.
    pub(super) fn words(&self) -> usize {
        self.columns.iter().map(Column::words).sum::<usize>().max(1)
    }

    /// The numbers of each of the rows. Errors: `Internal` for a null where none may be.
    pub(super) fn keys<const W: usize>(&mut self, columns: &[ArrayRef], rows: usize) -> Result<Vec<[u64; W]>> {
        let mut keys = vec![[0; W]; rows];
        if self.columns.is_empty() {
            keys.iter_mut().zip(self.came..).for_each(|(key, number)| key[0] = number);
            self.came += rows as u64;
        }
        let mut word = 0;
        for (column, values) in self.columns.iter().zip(columns) {
            let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
            let Some(own) = order_keys(values, column.options.descending) else { return wrong("the order has no numbers") };
            keys.iter_mut().zip(own).for_each(|(key, own)| key[word + column.words() - 1] = own);
            match (column.nullable, nulls) {
                (true, nulls) => with_nulls(&mut keys, word, nulls.as_ref(), column.options.nulls_first),
                (false, Some(_)) => return wrong("a null in an order that has none"),
                (false, None) => {}
            }
            word += column.words();
        }
        if self.end == End::Last {
            keys.iter_mut().flatten().for_each(|word| *word = !*word);
        }
        Ok(keys)
    }

    /// The columns whose rows have these numbers.
    pub(super) fn columns<const W: usize>(&self, mut keys: Vec<[u64; W]>) -> Result<Vec<ArrayRef>> {
        if self.end == End::Last {
            keys.iter_mut().flatten().for_each(|word| *word = !*word);
        }
        let mut word = 0;
        let column = |column: &Column| {
            let valid = u64::from(column.options.nulls_first);
            let nulls = column.nullable.then(|| keys.iter().map(|key| key[word] == valid).collect::<NullBuffer>());
            let own = keys.iter().map(|key| key[word + column.words() - 1]).collect();
            word += column.words();
            values_of(own, column.options.descending, nulls, &column.data_type)
        };
        self.columns.iter().map(column).collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }
}

/// Puts nulls before all others or behind them: by the word at this place. All of them are equal.
fn with_nulls<const W: usize>(keys: &mut [[u64; W]], word: usize, nulls: Option<&NullBuffer>, first: bool) {
    for (row, key) in keys.iter_mut().enumerate() {
        let is_null = nulls.is_some_and(|nulls| nulls.is_null(row));
        key[word] = u64::from(is_null != first);
        if is_null {
            key[word + 1] = 0;
        }
    }
}

fn wrong<T>(what: &str) -> Result<T> {
    Err(to_datafusion(Error::internal("first_value", what)))
}
