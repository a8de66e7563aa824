//! Which elements equal a value: `contains`, `count_matches`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::row::Rows;
use datafusion::common::Result;

use super::lists::{Keys, Lists, common, element_type};
use crate::functions::frame::arguments::{Batch, Call, Takes};
use crate::functions::frame::function::Row;

use Takes::{Any, Flag, List};

pub(super) const ROWS: &[Row] = &[
    Row::new("list.contains", &[List, Any, Flag], |call| comparable(call, DataType::Boolean), contains),
    Row::new("list.count_matches", &[List, Any], |call| comparable(call, DataType::UInt32), count_matches),
];

fn comparable(call: &Call, result: DataType) -> Result<DataType> {
    common(call, 1, &element_type(call)?, call.data_type(1)).map(|_| result)
}

/// The lists with keys of their elements, and of the items that are looked for.
struct Search {
    lists: Lists,
    elements: Rows,
    items: Rows,
    item_nulls: Option<arrow::buffer::NullBuffer>,
    constant: bool,
}

impl Search {
    fn of(batch: &Batch) -> Result<Search> {
        let data_type = common(batch, 1, &element_type(batch)?, batch.data_type(1))?;
        let lists = Lists::of_type(batch, 0, &data_type)?;
        let constant = batch.constant(1).is_some();
        let items = match batch.constant(1) {
            Some(value) => value.to_array()?,
            None => batch.array(1)?,
        };
        let items = cast(&items, &data_type)?;
        let keys = Keys::new(&data_type, false, false)?;
        let (elements, item_keys) = (keys.of(&lists.values)?, keys.of(&items)?);
        Ok(Search { lists, elements, items: item_keys, item_nulls: items.logical_nulls(), constant })
    }

    fn item(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// How many elements equal a row's item, up to so many; None if the list is null.
    fn count(&self, row: usize, most: usize) -> Option<usize> {
        let item = self.items.row(self.item(row));
        Some(self.lists.range(row)?.filter(|place| self.elements.row(*place) == item).take(most).count())
    }

    fn is_null_item(&self, row: usize) -> bool {
        self.item_nulls.as_ref().is_some_and(|nulls| nulls.is_null(self.item(row)))
    }
}

/// `item, nulls_equal`: a null is found among nulls, or nobody can say.
fn contains(batch: &Batch) -> Result<ArrayRef> {
    let (search, nulls_equal) = (Search::of(batch)?, batch.flag(2));
    let found = (0..batch.rows).map(|row| match search.is_null_item(row) && !nulls_equal {
        true => None,
        false => search.count(row, 1).map(|count| count > 0),
    });
    Ok(Arc::new(found.collect::<BooleanArray>()))
}

fn count_matches(batch: &Batch) -> Result<ArrayRef> {
    let search = Search::of(batch)?;
    let counts = (0..batch.rows).map(|row| search.count(row, usize::MAX).map(|count| count as u32));
    Ok(Arc::new(counts.collect::<UInt32Array>()))
}
