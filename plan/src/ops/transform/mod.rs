//! TRANSFORM: expressions over the columns of the training query that make the columns a model learns, stored with the model
//! and computed again wherever it predicts.
//!
//! Their one form is text. [`text`] plans a text over the schema of the training query; so does a later process, over the
//! same schema, which the model keeps: both get the same expressions. Analytic functions are markers in them. At training
//! [`fit`] collects all that the markers need into one aggregate over the training query, and [`bind`] puts plain
//! expressions with constants in their place. [`resolve`] lays the result over the input of a prediction.

mod bind;
mod came;
mod check;
mod fit;
mod ml_calls;
mod planner;
mod resolve;
mod text;

use std::collections::HashSet;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::Expr;
use gradframe_ml_core::error::Place;
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::TransformSpec;
use gradframe_ml_learn::transform::FittedFunction;

pub use self::bind::bind;
pub use self::fit::{Fit, Fitted};
pub use self::ml_calls::normalize_row_calls;
pub use self::planner::planner;
pub use self::resolve::transformed;
pub(crate) use self::resolve::{feature_exprs, label_expr};

/// Named in errors.
pub(crate) const OP: &str = "transform";

/// One item of a TRANSFORM's list as it was written: `x`, `* EXCEPT (y)`, `ML.STANDARD_SCALER(x) OVER () AS z`.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenItem {
    pub sql: String,
    /// Where it starts in the statement, if it stands in one.
    pub place: Option<Place>,
}

/// A TRANSFORM planned over the columns of a training query. Its expressions name columns without qualifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Transform {
    /// The columns that the items read, in the order of the training query.
    inputs: Vec<Input>,
    items: Vec<Item>,
}

/// A column that is read.
#[derive(Debug, Clone, PartialEq)]
struct Input {
    name: String,
    data_type: DataType,
}

/// A column that is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub name: String,
    pub data_type: DataType,
    /// With types coerced; markers for analytic functions, each with its slot.
    pub expr: Expr,
    /// As it was written; a column that `*` stands for is written out.
    sql: String,
    /// The slots of its markers begin here.
    first_slot: usize,
    place: Option<Place>,
}

impl Transform {
    /// Plans items over the columns of a training query.
    /// Errors: `Plan` and `NotImplemented` for what cannot stand in a TRANSFORM, two items of one name, an unknown column or
    /// function; `DType` for an argument that a function does not take. With the place where it is known.
    pub fn plan(written: &[WrittenItem], schema: &DFSchema) -> Result<Self> {
        let schema = planner::plain_schema(schema)?;
        let mut items: Vec<Item> = Vec::new();
        let mut slots = 0;
        for item in written {
            for planned in text::plan(item, &schema, &mut slots)? {
                check::is_new(&planned, &items)?;
                items.push(planned);
            }
        }
        let read = columns_of(&items);
        let inputs = schema.fields().iter().filter(|field| read.contains(field.name().as_str()));
        let inputs = inputs.map(|field| Input { name: field.name().clone(), data_type: field.data_type().clone() }).collect();
        Ok(Transform { inputs, items })
    }

    /// A model's TRANSFORM, planned again and with its constants in place.
    /// Errors: `Execution` if the specification was changed so that it no longer can be.
    pub fn of_spec(spec: &TransformSpec) -> Result<Self> {
        let changed =
            |e: Error| Error::execution(OP, format!("the stored TRANSFORM cannot be read: {}", e.detail().what)).because(e);
        let schema = planner::schema_of(spec.inputs.iter().map(|input| (input.name.as_str(), &input.data_type)));
        let written: Vec<_> = spec.items.iter().map(|item| WrittenItem { sql: item.sql.clone(), place: None }).collect();
        let mut transform = schema.and_then(|schema| Self::plan(&written, &schema)).map_err(changed)?;
        let fitted: Vec<FittedFunction> = spec.items.iter().flat_map(|item| item.fitted.iter().cloned()).collect();
        for item in &mut transform.items {
            item.expr = bind(item.expr.clone(), &fitted).map_err(changed)?;
        }
        Ok(transform)
    }

    /// The names of the columns that features are made of: all that are read but by the label alone.
    pub fn feature_inputs<'a>(&'a self, label: &'a str) -> impl Iterator<Item = &'a str> {
        let read = columns_of(self.items.iter().filter(|item| item.name != label));
        self.inputs.iter().map(|input| input.name.as_str()).filter(move |name| read.contains(name))
    }

    /// What comes out, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }
}

impl Item {
    /// The item's expression over a schema in which columns may be qualified.
    pub fn over(&self, schema: &DFSchema) -> Result<Expr> {
        resolve::qualified(self.expr.clone(), schema)
    }
}

/// The text with the place of what is wrong in it, if the item stands in a statement.
fn placed(error: Error, place: Option<Place>) -> Error {
    match place {
        Some(place) if error.detail().place.is_none() => error.at(place.line, place.column),
        _ => error,
    }
}

/// The names of the columns that items read.
fn columns_of<'a>(items: impl IntoIterator<Item = &'a Item>) -> HashSet<&'a str> {
    items.into_iter().flat_map(|item| item.expr.column_refs()).map(|column| column.name.as_str()).collect()
}
