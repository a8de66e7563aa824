//! RowOrder: a hidden column that says which row comes before which.
//!
//! Rows of a plan are cut into partitions that follow one another, and each keeps its order. The number of the partition
//! and of the row in it together order all rows, without anybody counting across partitions: the operator streams, on
//! every thread. The numbers have gaps; only their order means something.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column, DFSchema, DFSchemaRef, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::{
    Expr, Extension, Filter, Limit, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SortExpr, UserDefinedLogicalNodeCore,
};

/// The hidden column's name. A frame never shows it.
pub const ROW_ORDER: &str = "__row_order";

/// Its name below another.
const ORDER_BELOW: &str = "__row_order_below";

/// How the names of what is computed for a sort's keys begin.
const KEY: &str = "__row_order_key_";

/// The hidden column.
pub fn row_order_field() -> FieldRef {
    Arc::new(Field::new(ROW_ORDER, DataType::UInt64, false))
}

/// RowOrder: the input's rows, and the column [`ROW_ORDER`] after their columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowOrderNode {
    input: LogicalPlan,
    /// Whether the order is that of a sort below, which must not be taken away.
    sorted: bool,
    schema: DFSchemaRef,
}

impl RowOrderNode {
    fn try_new(input: LogicalPlan, sorted: bool) -> Result<Self> {
        let schema = schema(&input)?;
        Ok(RowOrderNode { input, sorted, schema })
    }

    /// Whether the order is that of a sort below.
    pub fn sorted(&self) -> bool {
        self.sorted
    }
}

fn schema(input: &LogicalPlan) -> Result<DFSchemaRef> {
    let passed = input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
    let fields = passed.chain([(None, row_order_field())]).collect();
    let schema = DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?;
    Ok(Arc::new(schema.with_functional_dependencies(input.schema().functional_dependencies().clone())?))
}

/// The plan with the hidden column [`ROW_ORDER`] in it. Above a sort its order is that of the sort, though what follows the
/// sort may have dropped its keys: the column is made right above the sort and carried on.
pub fn with_row_order(plan: &LogicalPlan) -> Result<LogicalPlan> {
    if has_row_order(plan) {
        return Ok(plan.clone());
    }
    match plan {
        LogicalPlan::Projection(projection) if is_sorted(plan) => {
            let input = with_row_order(&projection.input)?;
            let carried = Expr::Column(Column::from_name(ROW_ORDER));
            let before = projection.expr.iter().filter(|expr| expr.schema_name().to_string() != ROW_ORDER);
            let exprs = before.cloned().chain([carried]).collect();
            Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?))
        }
        LogicalPlan::Filter(filter) if is_sorted(plan) => {
            let input = with_row_order(&filter.input)?;
            Ok(LogicalPlan::Filter(Filter::try_new(filter.predicate.clone(), Arc::new(input))?))
        }
        LogicalPlan::Limit(limit) if is_sorted(&limit.input) && !matches!(*limit.input, LogicalPlan::Sort(_)) => {
            let input = with_row_order(&limit.input)?;
            Ok(LogicalPlan::Limit(Limit { input: Arc::new(input), ..limit.clone() }))
        }
        other => {
            let node = RowOrderNode::try_new(by_columns(other)?, is_sorted(other))?;
            LogicalPlanBuilder::from(LogicalPlan::Extension(Extension { node: Arc::new(node) })).build()
        }
    }
}

/// The same, with an order that lasts whatever stands above. A sort by a number of the rows, as windows leave it, is taken away by the
/// engine where nothing asks for it: here an operator does.
pub fn with_lasting_order(plan: &LogicalPlan) -> Result<LogicalPlan> {
    let carried = with_row_order(plan)?;
    if is_held(&carried) {
        return Ok(carried);
    }
    let node = Arc::new(RowOrderNode::try_new(renamed(carried)?, true)?);
    Ok(LogicalPlan::Extension(Extension { node }))
}

/// A sort, or the first rows of one, by nothing but columns: what is computed for its keys is made below it. Otherwise the parts that keys
/// share are, by DataFusion, and a projection above the sort takes them away, behind which nobody can ask for the order any more.
fn by_columns(plan: &LogicalPlan) -> Result<LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Limit(limit) => LogicalPlan::Limit(Limit { input: Arc::new(by_columns(&limit.input)?), ..limit.clone() }),
        LogicalPlan::Sort(sort) if names_order(plan) || sort.expr.iter().any(|key| !matches!(key.expr, Expr::Column(_))) => {
            let mut columns = renamed_columns(&sort.input);
            let mut keys = vec![];
            for (at, key) in sort.expr.iter().enumerate() {
                let expr = key_column(at, &key.expr, &mut columns);
                keys.push(SortExpr { expr, asc: key.asc, nulls_first: key.nulls_first });
            }
            let input = LogicalPlan::Projection(Projection::try_new(columns, Arc::clone(&sort.input))?);
            LogicalPlan::Sort(Sort { expr: keys, input: Arc::new(input), fetch: sort.fetch })
        }
        other => other.clone(),
    })
}

/// The column of a sort's key; what is none becomes one, added to `columns`.
fn key_column(at: usize, key: &Expr, columns: &mut Vec<Expr>) -> Expr {
    match key {
        Expr::Column(column) if column.name == ROW_ORDER => Expr::Column(Column::from_name(ORDER_BELOW)),
        Expr::Column(_) => key.clone(),
        computed => {
            let name = format!("{KEY}{at}");
            columns.push(computed.clone().alias(name.as_str()));
            Expr::Column(Column::from_name(name))
        }
    }
}

/// The plan with its column [`ROW_ORDER`] under the name [`ORDER_BELOW`], in place of an earlier one.
fn renamed(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(LogicalPlan::Projection(Projection::try_new(renamed_columns(&plan), Arc::new(plan))?))
}

/// All columns; the number of the rows so far goes by another name, since above it there is a new one. What earlier orders went by is left out.
fn renamed_columns(plan: &LogicalPlan) -> Vec<Expr> {
    let column = |(qualifier, field): (Option<&TableReference>, &FieldRef)| {
        let column = Expr::Column(Column::from((qualifier, field)));
        if field.name() == ROW_ORDER { column.alias(ORDER_BELOW) } else { column }
    };
    plan.schema().iter().filter(|(_, field)| !is_of_sort(field.name())).map(column).collect()
}

/// Whether it is a hidden column that a sort below a [`RowOrderNode`] goes by.
fn is_of_sort(name: &str) -> bool {
    name == ORDER_BELOW || name.starts_with(KEY)
}

/// Whether an operator asks for the sort that the rows are in the order of.
fn is_held(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => is_held(&projection.input),
        LogicalPlan::Filter(filter) => is_held(&filter.input),
        LogicalPlan::Limit(limit) => is_held(&limit.input),
        LogicalPlan::Extension(extension) => {
            extension.node.as_any().downcast_ref::<RowOrderNode>().is_some_and(|node| node.sorted)
        }
        _ => false,
    }
}

/// Whether the plan has the column, and its rows are in that order.
fn has_row_order(plan: &LogicalPlan) -> bool {
    names_order(plan) && !is_sorted_by_another(plan)
}

fn names_order(plan: &LogicalPlan) -> bool {
    plan.schema().fields().iter().any(|field| field.name() == ROW_ORDER)
}

/// Whether the rows are in the order of a sort by something else than [`ROW_ORDER`].
fn is_sorted_by_another(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(sort) => {
            let first = sort.expr.first().map(|key| (&key.expr, key.asc));
            !matches!(first, Some((Expr::Column(column), true)) if column.name == ROW_ORDER)
        }
        LogicalPlan::Projection(projection) => is_sorted_by_another(&projection.input),
        LogicalPlan::Filter(filter) => is_sorted_by_another(&filter.input),
        LogicalPlan::Limit(limit) => is_sorted_by_another(&limit.input),
        _ => false,
    }
}

/// Whether the rows are in the order of a sort, which the engine takes away where nothing above it asks for it.
pub fn is_sorted(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Sort(_) => true,
        LogicalPlan::Projection(projection) => is_sorted(&projection.input),
        LogicalPlan::Filter(filter) => is_sorted(&filter.input),
        LogicalPlan::Limit(limit) => is_sorted(&limit.input),
        _ => false,
    }
}

impl UserDefinedLogicalNodeCore for RowOrderNode {
    fn name(&self) -> &str {
        "RowOrder"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::from([ROW_ORDER.to_owned()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "RowOrder: {ROW_ORDER}")
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        Self::try_new(inputs.swap_remove(0), self.sorted)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let fields = self.input.schema().fields();
        // What the sort below goes by, which is how it is asked for.
        let is_order = |index: &usize| self.sorted && is_of_sort(fields[*index].name());
        let needed = (0..fields.len()).filter(|index| output_columns.contains(index) || is_order(index));
        Some(vec![needed.collect()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

impl PartialOrd for RowOrderNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}
