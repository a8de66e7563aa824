//! The statement that trains as a frame's `fit` does, to be kept with its run: so that it can be replayed, resumed, and its batches
//! be looked at.
//!
//! Rows that have a name in SQL are read by it, files by their paths from the root. Rows that the program has have none: then the
//! whole frame is called `frame`, and who replays the run hands the frame over again.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;
use gradframe_plan::ops::train::TrainRequest;

use super::DataFrame;
use super::sql_text::is_read_by_text;
use super::unnamed::UNNAMED;

/// Begins a statement that reads a frame of its program.
const OF_FRAME: &str = "-- trained on a frame of the program\n";
/// What that frame is called.
pub(crate) const FRAME: &str = "frame";

/// True if the statement reads a frame that has to be handed over.
pub(crate) fn needs_frame(statement: &str) -> bool {
    statement.starts_with(OF_FRAME)
}

/// True of the training of a model that was given no name: it may be repeated, but not gone on with, since nobody would get the model.
pub(crate) fn is_of_unnamed(statement: &str) -> bool {
    statement.trim_start_matches(OF_FRAME).starts_with(&format!("CREATE OR REPLACE MODEL \"{UNNAMED}\" "))
}

/// The query that has a frame's rows; of one that SQL has no name for, that it is a frame of its program.
pub(crate) fn query_of(frame: &DataFrame) -> String {
    own_text(frame).unwrap_or_else(|| format!("{OF_FRAME}SELECT * FROM {FRAME}"))
}

/// The frame as a query that means the same in any other program of this machine.
fn own_text(frame: &DataFrame) -> Option<String> {
    let (query, frames) = frame.to_sql_from_anywhere().ok()?;
    (frames == 0 && is_known_elsewhere(frame)).then_some(query)
}

/// None where SQL has no words for the training: a module of the program, a TRANSFORM of expressions, an order of the program's rows, odd options.
pub(super) fn statement_of(frame: &DataFrame, request: &TrainRequest) -> Option<String> {
    if request.transform.is_some() || request.module.is_some() {
        return None;
    }
    let label = request.label.iter().map(|label| ("input_label_cols", format!("[{}]", text(label))));
    let model_type = ("model_type", text(&request.model_type));
    let mut options: Vec<String> =
        std::iter::once(model_type).chain(label).map(|(name, value)| format!("{name} = {value}")).collect();
    for (name, value) in &request.options {
        options.push(format!("{name} = {}", literal(value)?));
    }
    let name = request.name.as_deref().unwrap_or_default().replace('"', "\"\"");
    let create = format!("CREATE OR REPLACE MODEL \"{name}\" OPTIONS ({}) AS\n", options.join(", "));
    match own_text(frame) {
        Some(query) => Some(create + &query),
        None if is_ordered(frame.logical_plan()) => None,
        None => Some(format!("{OF_FRAME}{create}SELECT * FROM {FRAME}")),
    }
}

/// Whether all that the frame reads are tables of the catalog and files, which the text reads by themselves.
fn is_known_elsewhere(frame: &DataFrame) -> bool {
    let state = frame.session.state();
    let looked = frame.logical_plan().apply_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(TreeNodeRecursion::Continue) };
        let schema = state.schema_for_ref(scan.table_name.clone());
        let is_there = schema.is_ok_and(|schema| schema.table_exist(scan.table_name.table()));
        Ok(if is_there || is_read_by_text(scan) { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    looked.is_ok_and(|looked| looked == TreeNodeRecursion::Continue)
}

/// An order of rows is not seen through a name.
pub(crate) fn is_ordered(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) => true,
        LogicalPlan::Projection(projection) => is_ordered(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_ordered(&alias.input),
        _ => false,
    }
}

fn literal(value: &ScalarValue) -> Option<String> {
    Some(match value {
        ScalarValue::Utf8(Some(value)) | ScalarValue::Utf8View(Some(value)) | ScalarValue::LargeUtf8(Some(value)) => text(value),
        ScalarValue::Boolean(Some(value)) => value.to_string(),
        ScalarValue::Int64(Some(value)) => value.to_string(),
        ScalarValue::Int32(Some(value)) => value.to_string(),
        ScalarValue::UInt64(Some(value)) => value.to_string(),
        // The shortest text that reads back as the same number.
        ScalarValue::Float64(Some(value)) if value.is_finite() => format!("{value:?}"),
        ScalarValue::List(list) => {
            let items = ScalarValue::convert_array_to_scalar_vec(list.as_ref()).ok()?;
            let items = items.into_iter().flatten().flatten().map(|item| literal(&item)).collect::<Option<Vec<_>>>()?;
            format!("[{}]", items.join(", "))
        }
        _ => return None,
    })
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
