//! Optimizer rules, one a file, and their places among DataFusion's.

mod above_texts;
mod any_text;
mod constant_arguments;
mod constant_overflow;
mod copies;
mod decimal_casts;
mod decimals_beside_floats;
mod drawn_ctes;
mod drawn_operands;
mod drawn_subqueries;
mod each_expression;
mod elements_of_lists;
mod exact_percentiles;
mod far_moments;
mod interval_comparisons;
mod interval_keys;
mod joins_before_texts;
mod keep_filters;
mod lateral_rows;
mod leaf_expressions;
mod limits_before_texts;
mod membership;
mod memberships_apart;
mod moments_without_seconds;
mod narrow_decimals;
mod nulls_of_structs;
mod one_zero_in_keys;
mod orderless;
mod prune_model;
mod reproducible_training;
mod shifts_over_nulls;
mod subqueries;
mod subquery_tests;
mod text_calls;
mod times_beside_moments;
mod times_in_windows;
mod window_arguments;
mod xor_of_itself;
mod zeros_of_floats;
mod zoned_casts;

use std::sync::Arc;

use datafusion::optimizer::{AnalyzerRule, OptimizerRule};

pub use self::any_text::AnyText;
pub use self::constant_arguments::ConstantArguments;
pub use self::constant_overflow::ConstantOverflow;
pub use self::copies::{Copies, WITH_COPIES};
pub use self::decimal_casts::DecimalCasts;
pub use self::decimals_beside_floats::DecimalsBesideFloats;
pub use self::drawn_ctes::DrawnCtes;
pub use self::drawn_operands::DrawnOperands;
pub use self::drawn_subqueries::DrawnSubqueries;
pub use self::elements_of_lists::ElementsOfLists;
pub use self::exact_percentiles::ExactPercentiles;
pub use self::far_moments::FarMoments;
pub use self::interval_comparisons::IntervalComparisons;
pub use self::interval_keys::IntervalKeys;
pub use self::joins_before_texts::JoinsBeforeTexts;
pub use self::keep_filters::KeepFiltersRule;
pub use self::lateral_rows::LateralRows;
pub use self::leaf_expressions::LeafExpressionsRule;
pub use self::limits_before_texts::LimitsBeforeTexts;
pub use self::memberships_apart::MembershipsApart;
pub use self::moments_without_seconds::{MomentsWithoutSeconds, with_seconds};
pub use self::narrow_decimals::NarrowDecimals;
pub use self::nulls_of_structs::NullsOfStructs;
pub use self::one_zero_in_keys::OneZeroInKeys;
pub use self::orderless::Orderless;
pub use self::prune_model::PruneModelRule;
pub use self::reproducible_training::{ReproducibleTraining, with_exact_aggregates};
pub use self::shifts_over_nulls::ShiftsOverNulls;
pub use self::subqueries::{RefusedSubqueries, SubqueryAnswers};
pub use self::subquery_tests::SubqueryTests;
pub use self::text_calls::TextCalls;
pub use self::times_beside_moments::TimesBesideMoments;
pub use self::times_in_windows::TimesInWindows;
pub use self::window_arguments::WindowArguments;
pub use self::xor_of_itself::XorOfItself;
pub use self::zeros_of_floats::ZerosOfFloats;
pub use self::zoned_casts::ZonedCasts;

/// The name of the rule before which predictions are pruned, so that their features fall in the same pass.
const BEFORE: &str = "optimize_projections";

/// The name of the rule that moves limits down: ours come before it, since it leaves what is skipped above.
const LIMITS: &str = "push_down_limit";

/// The name of the rule that moves filters down.
const FILTERS: &str = "push_down_filter";

/// The name of the rule that simplifies expressions.
const SIMPLIFIER: &str = "simplify_expressions";

/// The names of the rules that compute fields of structs near the scans.
const LEAVES: [&str; 2] = ["extract_leaf_expressions", "push_down_leaf_projections"];

/// DataFusion's rules for what a plan means with ours in their places.
pub fn analyzer_rules(defaults: Vec<Arc<dyn AnalyzerRule + Send + Sync>>) -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let before: [Arc<dyn AnalyzerRule + Send + Sync>; 7] = [
        Arc::new(Copies),
        Arc::new(DrawnCtes),
        Arc::new(LateralRows),
        Arc::new(NarrowDecimals),
        Arc::new(DecimalsBesideFloats),
        Arc::new(TimesBesideMoments),
        Arc::new(TimesInWindows),
    ];
    let after: [Arc<dyn AnalyzerRule + Send + Sync>; 24] = [
        Arc::new(AnyText),
        Arc::new(ConstantArguments),
        Arc::new(ConstantOverflow),
        Arc::new(DecimalCasts),
        Arc::new(DrawnSubqueries),
        Arc::new(ElementsOfLists),
        Arc::new(ExactPercentiles),
        Arc::new(FarMoments),
        Arc::new(IntervalComparisons),
        Arc::new(IntervalKeys),
        Arc::new(MomentsWithoutSeconds),
        Arc::new(NullsOfStructs),
        Arc::new(OneZeroInKeys),
        Arc::new(Orderless),
        // The types are those that aggregates will have.
        Arc::new(ReproducibleTraining),
        Arc::new(ShiftsOverNulls),
        Arc::new(SubqueryAnswers),
        Arc::new(SubqueryTests),
        // Those that the two have written, too.
        Arc::new(RefusedSubqueries),
        Arc::new(TextCalls),
        Arc::new(DrawnOperands),
        Arc::new(XorOfItself),
        Arc::new(ZerosOfFloats),
        Arc::new(ZonedCasts),
    ];
    before.into_iter().chain(defaults).chain(after).collect()
}

/// DataFusion's optimizer rules with ours in their places.
pub fn optimizer_rules(mut defaults: Vec<Arc<dyn OptimizerRule + Send + Sync>>) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let at = defaults.iter().position(|rule| rule.name() == BEFORE).unwrap_or(defaults.len());
    defaults.insert(at, Arc::new(PruneModelRule));
    let at = defaults.iter().position(|rule| rule.name() == LIMITS).unwrap_or(defaults.len());
    defaults.insert(at, Arc::new(LimitsBeforeTexts));
    defaults.insert(at, Arc::new(JoinsBeforeTexts));
    // First: the others see the projections.
    defaults.insert(0, Arc::new(WindowArguments));
    defaults.into_iter().map(guarded).collect()
}

/// The rule itself, or the one that stands before it.
fn guarded(rule: Arc<dyn OptimizerRule + Send + Sync>) -> Arc<dyn OptimizerRule + Send + Sync> {
    match rule.name() {
        SIMPLIFIER => Arc::new(MembershipsApart::new(rule)),
        FILTERS => Arc::new(KeepFiltersRule::new(rule)),
        name if LEAVES.contains(&name) => Arc::new(LeafExpressionsRule::new(rule)),
        _ => rule,
    }
}
