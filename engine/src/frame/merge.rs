//! One projection where a frame has several in a row.
//!
//! A frame grows by methods, and people call a hundred of them. DataFusion's rules would put the projections together too,
//! but walk over all of them again and again before. Here a projection over a projection is written as one when it is made.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::Result as DataFusionResult;
use datafusion::logical_expr::builder::validate_unique_names;
use datafusion::logical_expr::expr_rewriter::normalize_col_with_schemas_and_ambiguity_check;
use datafusion::logical_expr::{Expr, ExprSchemable, Filter, LogicalPlan, Projection};
use gradframe_plan::error::from_datafusion;

use crate::Result;

/// Deeper expressions are left where they are: work on expressions is recursive.
const DEPTH_MAX: usize = 64;

/// The projection of these expressions, each of them named.
pub(super) fn project(plan: &LogicalPlan, exprs: Vec<Expr>) -> Result<LogicalPlan> {
    if let LogicalPlan::Projection(below) = plan
        && let Some((merged, fields)) = over_input(below, &exprs)
        && let Ok(built) = built(&below.input, merged, fields)
    {
        return Ok(built);
    }
    let unknown = vec![None; exprs.len()];
    built(&Arc::new(plan.clone()), exprs, unknown).map_err(from_datafusion)
}

/// The field that an expression makes, where it is known.
type Known = Option<(Option<TableReference>, FieldRef)>;

/// What DataFusion's builder makes. That one looks through all of the input for every expression anew: with a thousand columns
/// it takes a second for what is milliseconds here.
fn built(input: &Arc<LogicalPlan>, exprs: Vec<Expr>, fields: Vec<Known>) -> DataFusionResult<LogicalPlan> {
    let places = Places::of(input.schema());
    let exprs = columnized(input, qualified(input, &places, exprs)?)?;
    validate_unique_names("Projections", &exprs)?;
    let projection = match input.schema().functional_dependencies().is_empty() {
        // To find out on which columns others depend, all expressions are written as texts.
        true => over(input, &places, exprs, fields),
        false => Projection::try_new(exprs, Arc::clone(input)),
    };
    projection.map(LogicalPlan::Projection)
}

/// The projection over an input in which no column depends on others.
fn over(input: &Arc<LogicalPlan>, places: &Places, exprs: Vec<Expr>, known: Vec<Known>) -> DataFusionResult<Projection> {
    let schema = input.schema();
    let field = |(expr, known): (&Expr, Known)| match (expr, known) {
        (_, Some(known)) => Ok(known),
        (Expr::Column(column), _) if let Some(at) = places.of_column(column) => {
            Ok((column.relation.clone(), Arc::clone(&schema.fields()[at])))
        }
        (other, _) => other.to_field(schema),
    };
    let fields = exprs.iter().zip(known).map(field).collect::<DataFusionResult<_>>()?;
    let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
    Projection::try_new_with_schema(exprs, Arc::clone(input), Arc::new(schema))
}

/// Where the columns of a schema are: to look through all of them for each takes a thousand times as long of a thousand.
struct Places<'a> {
    schema: &'a DFSchema,
    /// By name; None of a name that several have.
    of_names: HashMap<&'a str, Option<usize>>,
}

impl<'a> Places<'a> {
    fn of(schema: &'a DFSchema) -> Self {
        let mut of_names = HashMap::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            of_names.entry(field.name().as_str()).and_modify(|place| *place = None).or_insert(Some(at));
        }
        Places { schema, of_names }
    }

    /// None of a column that is not there, or whose name several have.
    fn of_column(&self, column: &Column) -> Option<usize> {
        let at = self.of_name(&column.name)?;
        let is_meant = |wanted: &TableReference| self.schema.qualified_field(at).0.is_some_and(|own| wanted.resolved_eq(own));
        column.relation.as_ref().is_none_or(is_meant).then_some(at)
    }

    fn of_name(&self, name: &str) -> Option<usize> {
        self.of_names.get(name).copied().flatten()
    }
}

/// The rows of the input for which the predicate is true.
pub(super) fn filter(input: &LogicalPlan, predicate: Expr) -> DataFusionResult<LogicalPlan> {
    let predicate = qualified(input, &Places::of(input.schema()), vec![predicate])?.swap_remove(0);
    Filter::try_new(predicate, Arc::new(input.clone())).map(LogicalPlan::Filter)
}

/// The expressions with their columns as the input names them.
fn qualified(input: &LogicalPlan, places: &Places, exprs: Vec<Expr>) -> DataFusionResult<Vec<Expr>> {
    // What else a name could mean is found by a walk over the whole plan, which a frame of a hundred steps would take a hundred times.
    if exprs.iter().all(|expr| is_clear(places, expr)) {
        return Ok(exprs);
    }
    let fallback = input.fallback_normalize_schemas();
    let using = input.using_columns()?;
    let schemas: [&[&DFSchema]; 2] = [&[input.schema()], &fallback];
    exprs.into_iter().map(|expr| normalize_col_with_schemas_and_ambiguity_check(expr, &schemas, &using)).collect()
}

/// Whether each column of the expression is written as the schema has it, and no other column has its name.
fn is_clear(places: &Places, expr: &Expr) -> bool {
    let own = |name: &str| places.of_name(name).is_some_and(|at| places.schema.qualified_field(at).0.is_none());
    let is_other = |node: &Expr| Ok(matches!(node, Expr::Column(column) if column.relation.is_none() && !own(&column.name)));
    !expr.exists(is_other).unwrap_or(true)
}

/// The expressions with a column in the place of what the input has computed.
fn columnized(input: &LogicalPlan, exprs: Vec<Expr>) -> DataFusionResult<Vec<Expr>> {
    let computed: HashMap<&Expr, Column> = input.columnized_output_exprs()?.into_iter().collect();
    if computed.is_empty() {
        return Ok(exprs);
    }
    let column = |node: Expr| match computed.get(&node) {
        Some(column) => Ok(Transformed::new(Expr::Column(column.clone()), true, TreeNodeRecursion::Jump)),
        None => Ok(Transformed::no(node)),
    };
    exprs.into_iter().map(|expr| expr.transform_down(column).data()).collect()
}

/// The same expressions over the input of the projection below, with the fields of those that it has already; None where that would
/// compute something twice, or at another time.
fn over_input(below: &Projection, exprs: &[Expr]) -> Option<(Vec<Expr>, Vec<Known>)> {
    let mut uses = vec![Uses::default(); below.expr.len()];
    let places = Places::of(&below.schema);
    for expr in exprs {
        count_uses(&places, expr, &mut uses)?;
    }
    if !below.expr.iter().zip(&uses).all(|(expr, uses)| can_move(expr, *uses)) {
        return None;
    }
    exprs.iter().map(|expr| substituted(below, &places, expr)).collect()
}

/// How often a column of a projection is read.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    by_itself: usize,
    within_others: usize,
}

/// Counts which columns of the projection the expression reads; None if it is not of a kind that can be moved, or reads a
/// column that is not there or not clear.
fn count_uses(places: &Places, expr: &Expr, uses: &mut [Uses]) -> Option<()> {
    if let Expr::Column(column) = expr {
        uses[places.of_column(column)?].by_itself += 1;
        return Some(());
    }
    let mut clear = true;
    let visited = expr.apply(|node| {
        if let Expr::Column(column) = node {
            match places.of_column(column) {
                Some(index) => uses[index].within_others += 1,
                None => clear = false,
            }
        }
        clear &= stays_in_its_row(node);
        Ok(if clear { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    visited.ok().filter(|_| clear).map(|_| ())
}

fn stays_in_its_row(expr: &Expr) -> bool {
    !matches!(
        expr,
        Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::Unnest(_)
            | Expr::GroupingSet(_)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::OuterReferenceColumn(..)
    )
}

/// A column or a constant as often as one likes; what is computed as it is once, and within others if it gives the same at any time.
fn can_move(expr: &Expr, uses: Uses) -> bool {
    let Uses { by_itself, within_others } = uses;
    if within_others == 0 && by_itself <= 1 {
        return true;
    }
    let inner = unaliased(expr);
    if matches!(inner, Expr::Column(_) | Expr::Literal(..)) {
        return true;
    }
    let whole = !inner.exists(|node| Ok(!stays_in_its_row(node))).unwrap_or(true);
    by_itself + within_others == 1 && whole && !inner.is_volatile() && depth(inner) < DEPTH_MAX
}

fn depth(expr: &Expr) -> usize {
    let mut deepest = 0;
    let visited = expr.apply_children(|child| {
        deepest = deepest.max(depth(child));
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_or(DEPTH_MAX, |_| deepest + 1)
}

/// The expression with the projection's in the place of its columns, under the name that it had; and its field, if it is one of them.
fn substituted(below: &Projection, places: &Places, expr: &Expr) -> Option<(Expr, Known)> {
    if let Expr::Column(column) = expr {
        let at = places.of_column(column)?;
        let (qualifier, field) = below.schema.qualified_field(at);
        return Some((below.expr[at].clone(), Some((qualifier.cloned(), Arc::clone(field)))));
    }
    let moved = expr.clone().transform_down(|node| {
        let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
        let at = places.of_column(column).map_or_else(|| below.schema.index_of_column(column), Ok)?;
        Ok(Transformed::new(unaliased(&below.expr[at]).clone(), true, TreeNodeRecursion::Jump))
    });
    Some((moved.data().ok()?, None))
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) if alias.metadata.is_none() => unaliased(&alias.expr),
        expr => expr,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::table_scan;

    use super::*;
    use crate::expr::{col, lit};

    fn scan() -> LogicalPlan {
        use arrow::datatypes::{DataType, Field, Schema};
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Int64, true)]);
        table_scan(Some("t"), &schema, None).unwrap().build().unwrap()
    }

    fn projections(steps: &[Vec<Expr>]) -> String {
        let plan = steps.iter().fold(scan(), |plan, step| project(&plan, step.clone()).unwrap());
        plan.display_indent().to_string()
    }

    #[test]
    fn projections_in_a_row_are_one() {
        let steps = [
            vec![col("a"), (col("b") + lit(1_i64)).alias("b")],
            vec![col("a").alias("c"), (col("b") * lit(2_i64)).alias("b")],
            vec![col("b"), col("c")],
        ];
        let expected = "Projection: (t.b + Int64(1)) * Int64(2) AS b, t.a AS c\n  TableScan: t";
        assert_eq!(projections(&steps), expected);
    }

    #[test]
    fn nothing_is_computed_twice() {
        let steps = [vec![(col("a") + col("b")).alias("s")], vec![(col("s") * col("s")).alias("q")]];
        assert_eq!(projections(&steps).matches("Projection").count(), 2);
    }

    #[test]
    fn what_is_drawn_at_random_stays_where_it_is() {
        let random = datafusion::functions::expr_fn::random();
        let steps = [vec![col("a"), random.alias("r")], vec![(col("r") + lit(1_i64)).alias("r")]];
        assert_eq!(projections(&steps).matches("Projection").count(), 2);
    }

    #[test]
    fn what_is_carried_along_is_moved_whatever_it_is() {
        let random = || vec![col("a"), datafusion::functions::expr_fn::random().alias("r")];
        let carried = [random(), vec![col("r"), col("a").alias("c")]];
        assert_eq!(projections(&carried).matches("Projection").count(), 1);
        let twice = [random(), vec![col("r"), col("r").alias("s")]];
        assert_eq!(projections(&twice).matches("Projection").count(), 2);
    }

    #[test]
    fn names_and_types_are_those_of_two_projections() {
        let steps = [vec![col("b").alias("a"), col("a").alias("b")], vec![col("a"), (col("b") / lit(2_i64)).alias("half")]];
        let merged = steps.iter().fold(scan(), |plan, step| project(&plan, step.clone()).unwrap());
        let apart = steps.iter().fold(scan(), |plan, step| built(&Arc::new(plan), step.clone(), vec![None; step.len()]).unwrap());
        assert_eq!(merged.schema().as_arrow(), apart.schema().as_arrow());
    }

    #[test]
    fn very_deep_expressions_are_cut() {
        let steps: Vec<_> = (0..300).map(|_| vec![(col("a") + lit(1_i64)).alias("a")]).collect();
        let count = projections(&steps).matches("Projection").count();
        assert!((2..20).contains(&count), "{count}");
    }
}
