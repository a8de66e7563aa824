//! `simplify_expressions`, which simplifies tests of one value for membership each by itself.
//!
//! DataFusion 55 merges such tests as if no value were null, and by how the elements are written: it makes false of `k IN (1) AND k IN (2)` and
//! of `k IN (a) AND k IN (b)`, true of `k NOT IN (1) OR k NOT IN (2)`. Where an expression has several of one value, a parameter
//! stands for each while DataFusion's rule looks at the rest.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, HashMap};
use datafusion::error::Result;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, not};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::membership::Membership;

/// How the parameters that stand for tests are called, before their numbers.
const TEST: &str = "$__membership_";

/// See the module.
#[derive(Debug)]
pub struct MembershipsApart {
    inner: Arc<dyn OptimizerRule + Send + Sync>,
}

impl MembershipsApart {
    /// Around DataFusion's rule.
    pub fn new(inner: Arc<dyn OptimizerRule + Send + Sync>) -> Self {
        MembershipsApart { inner }
    }
}

impl OptimizerRule for MembershipsApart {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.inner.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !tests_a_value_twice(&plan)? {
            return self.inner.rewrite(plan, config);
        }
        let names = NamePreserver::new(&plan);
        let mut tests = Tests::new(&plan);
        let mut saved = vec![];
        let hidden = plan.clone().map_expressions(|expr| {
            saved.push(names.save(&expr));
            tests.hidden(expr)
        });
        let simplified = self.inner.rewrite(hidden?.data, config)?.data;
        if std::mem::discriminant(&simplified) != std::mem::discriminant(&plan) {
            // An aggregate that became two nodes: the names of neither would be right.
            return Ok(Transformed::no(plan));
        }
        let (simplifier, mut saved) = (simplifier(&plan, config), saved.into_iter());
        simplified.map_expressions(|expr| {
            let shown = tests.shown(expr, simplifier.as_ref())?;
            Ok(match saved.next() {
                Some(name) => shown.update_data(|expr| name.restore(expr)),
                None => shown,
            })
        })
    }
}

/// Whether an expression of the node tests one value for membership more than once.
fn tests_a_value_twice(plan: &LogicalPlan) -> Result<bool> {
    let mut twice = false;
    plan.apply_expressions(|expr| {
        let mut found: Vec<Membership> = vec![];
        expr.apply(|part| {
            let Some(test) = Membership::of(part) else { return Ok(TreeNodeRecursion::Continue) };
            twice |= found.iter().any(|other| other.shares_columns(&test));
            found.push(test);
            Ok(if twice { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Jump })
        })?;
        Ok(if twice { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(twice)
}

/// DataFusion's simplifier over what the node reads; None of a node that reads nothing.
fn simplifier(plan: &LogicalPlan, config: &dyn OptimizerConfig) -> Option<ExprSimplifier> {
    let inputs = plan.inputs();
    let schema = (!inputs.is_empty()).then(|| Arc::new(merge_schema(&inputs)))?;
    let context = SimplifyContext::builder()
        .with_schema(schema)
        .with_config_options(config.options())
        .with_query_execution_start_time(config.query_execution_start_time());
    Some(ExprSimplifier::new(context.build()))
}

/// Tests that parameters stand for.
struct Tests {
    schema: DFSchema,
    tests: Vec<Expr>,
    places: HashMap<Expr, usize>,
}

impl Tests {
    fn new(plan: &LogicalPlan) -> Self {
        Tests { schema: merge_schema(&plan.inputs()), tests: vec![], places: HashMap::new() }
    }

    /// The expression with a parameter in the place of each test, or its negation.
    fn hidden(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        expr.transform_down(|part| {
            let Some(test) = Membership::of(&part) else { return Ok(Transformed::no(part)) };
            let negated = test.negated;
            let parameter = self.parameter(test.asserted());
            let stands = if negated { not(parameter) } else { parameter };
            Ok(Transformed::new(stands, true, TreeNodeRecursion::Jump))
        })
    }

    /// Equal tests have one parameter, unless they may differ in what they give.
    fn parameter(&mut self, test: Expr) -> Expr {
        let known = self.places.get(&test).copied();
        let place = known.unwrap_or(self.tests.len());
        if known.is_none() {
            if !test.is_volatile() {
                self.places.insert(test.clone(), place);
            }
            self.tests.push(test.clone());
        }
        let nullable = test.nullable(&self.schema).unwrap_or(true);
        let field = Field::new("membership", DataType::Boolean, nullable);
        Expr::Placeholder(Placeholder { id: format!("{TEST}{place}"), field: Some(Arc::new(field)) })
    }

    /// The tests again, each simplified.
    fn shown(&self, expr: Expr, simplifier: Option<&ExprSimplifier>) -> Result<Transformed<Expr>> {
        let simplified = |test: Expr| match simplifier {
            Some(simplifier) => simplifier.simplify(test),
            None => Ok(test),
        };
        expr.transform_down(|part| {
            let test = match &part {
                Expr::Not(inner) => self.stood_for(inner).map(|test| not(test.clone())),
                // Names of what was hidden: the true ones are put back where they are needed.
                Expr::Alias(alias) if alias.name.contains(TEST) => {
                    let shown = self.shown(alias.expr.as_ref().clone(), simplifier)?;
                    return Ok(Transformed::new(shown.data, true, TreeNodeRecursion::Jump));
                }
                other => self.stood_for(other).cloned(),
            };
            match test {
                Some(test) => Ok(Transformed::new(simplified(test)?, true, TreeNodeRecursion::Jump)),
                None => Ok(Transformed::no(part)),
            }
        })
    }

    fn stood_for(&self, expr: &Expr) -> Option<&Expr> {
        let Expr::Placeholder(parameter) = expr else { return None };
        self.tests.get(parameter.id.strip_prefix(TEST)?.parse::<usize>().ok()?)
    }
}
