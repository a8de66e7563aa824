//! Lists to rows, structs to columns, columns to rows.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, NullHandling, UnnestOptions};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions_nested::expr_fn::cardinality;
use datafusion::logical_expr::lit;
use gradframe_plan::functions::equal_lengths;

use super::DataFrame;
use super::concat::Stacking;
use super::naming::{all_columns, output_name, require_one_of_each};
use super::stacked_types::{clashing, relaxed_type};
use crate::expr::{IntoExpr, col};
use crate::{Error, Result};
use gradframe_plan::names::type_name;

/// What becomes of rows whose list holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExplodeOptions {
    /// A row of null for an empty list; else none.
    pub empty_as_null: bool,
    /// A row of null for a null in the place of a list; else none.
    pub keep_nulls: bool,
}

impl Default for ExplodeOptions {
    /// An empty list gives no row, a null one.
    fn default() -> Self {
        ExplodeOptions { empty_as_null: false, keep_nulls: true }
    }
}

impl DataFrame {
    /// A row for each value of the lists in these columns, the other columns repeated. Several columns go side by side.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT 1 AS x, [10, 20, 30] AS y"))?;
    /// assert_eq!(session.block_on(frame.explode(["y"])?.count())?, 3);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors: `Plan` for unknown columns, `DType` for one that holds no lists; when run, `Execution` for a row whose lists
    /// differ in length.
    pub fn explode(&self, columns: impl IntoIterator<Item = impl IntoExpr>) -> Result<Self> {
        self.explode_with(columns, ExplodeOptions::default())
    }

    /// [`DataFrame::explode`], with a say in what becomes of rows without values.
    pub fn explode_with(&self, columns: impl IntoIterator<Item = impl IntoExpr>, options: ExplodeOptions) -> Result<Self> {
        let columns = self.names_of("explode", columns)?;
        for name in &columns {
            self.require_type("explode", name, "a list", is_list)?;
        }
        let checked = self.settled()?.with_equal_lengths(&columns)?;
        let checked = match (options.keep_nulls, options.empty_as_null) {
            // Nulls go and empty lists stay, as a null each.
            (false, true) => checked.drop_nulls(columns.iter().map(col))?,
            _ => checked,
        };
        let null_handling = match (options.keep_nulls, options.empty_as_null) {
            (false, false) => NullHandling::Drop,
            (true, false) => NullHandling::Preserve,
            (_, true) => NullHandling::PreserveAndExpandEmpty,
        };
        let options = UnnestOptions { null_handling, recursions: vec![] };
        let kinds = checked.kinds(&columns);
        let columns = columns.into_iter().map(Column::new_unqualified).collect();
        checked.unqualified()?.step(|plan| plan.unnest_columns_with_options(columns, options))?.of_kinds(kinds)
    }

    /// The rows, or an error of the first one whose lists differ in length.
    fn with_equal_lengths(&self, columns: &[String]) -> Result<Self> {
        if columns.len() < 2 {
            return Ok(self.clone());
        }
        let lengths = columns.iter().map(|name| cardinality(col(name))).collect();
        self.filter(equal_lengths("explode", columns, lengths))
    }

    /// The same columns without the table that they come from.
    fn unqualified(&self) -> Result<Self> {
        self.project(all_columns(self.plan.schema()).map(|(name, column)| column.alias(name)).collect())
    }

    /// A column for each field of the structs in these columns, in their place, named as the field; with a separator,
    /// `column`, separator, `field`. Errors: `Plan` for unknown columns and for a name that is there twice, `DType` for a
    /// column that holds no structs.
    ///
    /// ```
    /// # use gradframe::{Session, expr::{prelude::*, count, mean, sum}};
    /// # let session = Session::builder().in_memory().build()?;
    /// # let frame = session.block_on(session.sql("SELECT * FROM (VALUES ('a', 1, 1.5), ('b', 2, NULL), ('a', 3, 2.5)) AS t(k, n, x)"))?;
    /// let nested = session.block_on(session.sql("SELECT {a: 1, b: 2} AS s"))?;
    /// assert_eq!(nested.unnest(["s"], Some("."))?.columns(), ["s.a", "s.b"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn unnest(&self, columns: impl IntoIterator<Item = impl IntoExpr>, separator: Option<&str>) -> Result<Self> {
        let columns = self.names_of("unnest", columns)?;
        let mut fields = vec![];
        for (name, column) in all_columns(self.plan.schema()) {
            if !columns.contains(&name) {
                fields.push(column);
                continue;
            }
            let inner =
                match self.require_type("unnest", &name, "a struct", |data_type| matches!(data_type, DataType::Struct(_)))? {
                    DataType::Struct(inner) => inner,
                    _ => continue,
                };
            for field in &inner {
                let shown = separator.map_or_else(|| field.name().clone(), |between| format!("{name}{between}{}", field.name()));
                fields.push(get_field(column.clone(), field.name().as_str()).alias(shown));
            }
        }
        let names: Vec<String> = fields.iter().map(output_name).collect();
        require_one_of_each("unnest", names.iter().map(String::as_str))?;
        self.project(fields)
    }

    /// From wide to long: a row for each value of the columns `on`, which become two: the column's name, and the value. The
    /// columns `index` are repeated; without `on` it is all others.
    ///
    /// ```
    /// # use gradframe::Session;
    /// # let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT 'EU' AS region, 1 AS a, 2 AS b"))?;
    /// assert_eq!(frame.unpivot(["a", "b"], ["region"], None, None)?.columns(), ["region", "variable", "value"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// The rows of the first column come first. Errors: `Plan` for unknown columns, `DType` for values without a common type.
    pub fn unpivot(
        &self,
        on: impl IntoIterator<Item = impl IntoExpr>,
        index: impl IntoIterator<Item = impl IntoExpr>,
        variable_name: Option<&str>,
        value_name: Option<&str>,
    ) -> Result<Self> {
        let (on, index) = (self.names_of("unpivot", on)?, self.names_of("unpivot", index)?);
        let on = if on.is_empty() { self.columns().into_iter().filter(|name| !index.contains(name)).collect() } else { on };
        let (variable, value) = (variable_name.unwrap_or("variable"), value_name.unwrap_or("value"));
        if on.is_empty() {
            return Err(Error::plan("unpivot", "there is no column to take values from").hint("name fewer columns in `index`"));
        }
        require_one_of_each("unpivot", index.iter().map(String::as_str).chain([variable, value]))?;
        self.require_common_type(&on)?;
        let part = |name: &String| {
            let repeated = index.iter().map(col);
            self.project(repeated.chain([lit(name.as_str()).alias(variable), col(name).alias(value)]).collect())
        };
        DataFrame::concat_with(on.iter().map(part).collect::<Result<Vec<_>>>()?, Stacking::VerticalRelaxed)
    }

    /// Errors: `DType` for columns whose values have no common type, naming two that have none.
    fn require_common_type(&self, on: &[String]) -> Result<()> {
        let types: Vec<DataType> = on.iter().filter_map(|name| self.type_of(&col(name))).collect();
        if types.len() < on.len() || types.iter().all(|other| *other == types[0]) || relaxed_type(&types).is_some() {
            return Ok(());
        }
        let (one, other) = clashing(&types);
        let [(name, own), (other_name, other)] = [one, other].map(|at| (&on[at], type_name(&types[at])));
        let what = format!("columns `{name}` ({own}) and `{other_name}` ({other}) have no common type");
        Err(Error::dtype("unpivot", what).hint("cast them first, or choose columns of one kind with `on`"))
    }

    /// A column's type, if it is of this kind. Errors: `Plan` if it does not exist, `DType` if it is of another.
    fn require_type(&self, op: &str, name: &str, wanted: &str, is: impl Fn(&DataType) -> bool) -> Result<DataType> {
        super::naming::require_column(op, self.plan.schema(), name)?;
        let data_type = self.type_of(&col(name)).unwrap_or(DataType::Null);
        if is(&data_type) {
            Ok(data_type)
        } else {
            Err(Error::dtype(op, format!("column `{name}` is {data_type}, expected {wanted}", data_type = type_name(&data_type))))
        }
    }
}

fn is_list(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _))
}
