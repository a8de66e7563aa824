//! Predictions that nobody reads fall away.

use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{Optimizer, OptimizerContext};
use datafusion::prelude::{Expr, col, lit};
use gradframe_plan::rules::optimizer_rules;

use crate::support::{predicted, table};

fn optimized(plan: LogicalPlanBuilder) -> LogicalPlan {
    let plan = plan.build().unwrap();
    let schema = plan.schema().clone();
    let optimizer = Optimizer::with_rules(optimizer_rules(Optimizer::new().rules));
    let optimized = optimizer.optimize(plan, &OptimizerContext::new(), |_, _| ()).unwrap();
    assert_eq!(optimized.schema(), &schema); // a plan's schema survives every rewrite
    optimized
}

fn check(plan: LogicalPlanBuilder, expected: &[&str]) {
    let text = optimized(plan).display_indent().to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn a_prediction_that_is_read_stays_and_reads_only_used_features() {
    check(
        predicted(table()).project(vec![col("t.id"), col("predicted_y")]).unwrap(),
        &[
            "Projection: t.id, predicted_y",
            "Predict: model=m@1, features=[t.a], outputs=[predicted_y]",
            "TableScan: t projection=[id, a]",
        ],
    );
}

#[test]
fn columns_that_pass_through_need_no_model() {
    check(predicted(table()).project(vec![col("t.kind")]).unwrap(), &["TableScan: t projection=[kind]"]);
    let below_filter = predicted(table()).filter(col("t.b").gt(lit(1.0))).unwrap().project(vec![col("t.kind")]).unwrap();
    assert!(!optimized(below_filter).display_indent().to_string().contains("Predict"));
}

#[test]
fn counting_needs_no_model() {
    let counted = predicted(table()).aggregate(Vec::<Expr>::new(), vec![count(lit(1))]).unwrap();
    assert!(!optimized(counted).display_indent().to_string().contains("Predict"));
}

#[test]
fn a_filter_or_sort_on_the_prediction_keeps_it() {
    let filtered = predicted(table()).filter(col("predicted_y").gt(lit(1.0))).unwrap().project(vec![col("t.id")]).unwrap();
    assert!(optimized(filtered).display_indent().to_string().contains("outputs=[predicted_y]"));
    let sorted = predicted(table()).sort(vec![col("predicted_y").sort(true, true)]).unwrap();
    let sorted = sorted.limit(0, Some(3)).unwrap().project(vec![col("t.id")]).unwrap();
    assert!(optimized(sorted).display_indent().to_string().contains("outputs=[predicted_y]"));
}

#[test]
fn an_alias_between_does_not_hide_what_is_read() {
    let unread = predicted(table()).alias("p").unwrap().project(vec![col("p.id")]).unwrap();
    assert!(!optimized(unread).display_indent().to_string().contains("Predict"));
    let read = predicted(table()).alias("p").unwrap().project(vec![col("p.predicted_y")]).unwrap();
    assert!(optimized(read).display_indent().to_string().contains("outputs=[predicted_y]"));
}

#[test]
fn filters_on_passed_columns_go_below() {
    check(
        predicted(table()).filter(col("t.kind").eq(lit("v"))).unwrap().project(vec![col("predicted_y")]).unwrap(),
        &[
            "Projection: predicted_y",
            "Predict: model=m@1, features=[t.a], outputs=[predicted_y]",
            "TableScan: t projection=[a], full_filters=[t.kind = Utf8(\"v\")]",
        ],
    );
}
