//! Clauses that the parser takes and DataFusion's planner would pass over without a word, or plan wrongly.
//!
//! An answer that ignores half of the question is worse than none: what would be ignored is refused. A query that begins with FROM and
//! stops there selects everything, and `GROUP BY a, b WITH ROLLUP` is `GROUP BY ROLLUP (a, b)`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArguments, GroupByExpr, GroupByWithModifier, Join, JoinConstraint, JoinOperator,
    Query, Select, SelectFlavor, SelectItem, Spanned, TableFactor, Value, Visitor, VisitorMut, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use gradframe_ml_core::{Error, Result};

use crate::errors::at;
use crate::visit::{visit, visit_mut};

/// Errors: `NotImplemented` for a clause that would be ignored.
pub(crate) fn check(statement: &SqlStatement) -> Result<()> {
    visit(statement, &mut Check)
}

/// `FROM t` is `SELECT * FROM t`, `WITH ROLLUP` and `WITH CUBE` stand before what they are of.
pub(crate) fn complete(statement: &mut SqlStatement) -> Result<()> {
    visit_mut(statement, &mut Complete)
}

struct Check;

impl Visitor for Check {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
        refuse(ignored_of_query(query), query.body.span().start)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Error> {
        for join in select.from.iter().flat_map(|table| &table.joins) {
            refuse(wrong_join(join), join.relation.span().start)?;
        }
        let place = select.prewhere.as_ref().map_or_else(|| select.span(), Spanned::span).start;
        refuse(ignored_of_select(select), place)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        refuse(ignored_of_table(factor), factor.span().start)
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Function(function) => refuse(ignored_of_function(function), function.span().start),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// The name of a clause and what to write instead.
type Ignored = (&'static str, &'static str);

fn ignored_of_query(query: &Query) -> Option<Ignored> {
    let clauses = [
        (!query.locks.is_empty(), ("FOR UPDATE", "leave it out: a query sees one state of its files")),
        (query.for_clause.is_some(), ("FOR", "choose the format where the result is written: COPY (...) TO 'f.json'")),
        (query.settings.is_some(), ("SETTINGS", "settings are changed by SET name = value")),
        (query.format_clause.is_some(), ("FORMAT", "choose the format where the result is written: COPY (...) TO 'f.json'")),
    ];
    first(clauses)
}

fn ignored_of_select(select: &Select) -> Option<Ignored> {
    let clauses = [
        (select.prewhere.is_some(), ("PREWHERE", "write WHERE: filters are pushed into the scan in any case")),
        (select.into.is_some(), ("INTO", "write CREATE TABLE t AS SELECT ...")),
        (!select.connect_by.is_empty(), ("CONNECT BY", "write WITH RECURSIVE")),
        (select.value_table_mode.is_some(), ("AS STRUCT", "write SELECT struct(...)")),
        (
            has_other_modifier(&select.group_by),
            ("GROUP BY ... WITH", "write GROUP BY ROLLUP (...), CUBE (...) or GROUPING SETS (...)"),
        ),
        (select.projection.iter().any(is_cut_number), ("a number with underscores", "write 1000 for 1_000")),
    ];
    first(clauses)
}

/// `WITH ROLLUP` or `WITH CUBE` by itself, behind expressions, is known.
fn has_other_modifier(groups: &GroupByExpr) -> bool {
    match groups {
        GroupByExpr::All(modifiers) => !modifiers.is_empty(),
        GroupByExpr::Expressions(_, modifiers) => {
            !matches!(modifiers.as_slice(), [] | [GroupByWithModifier::Rollup | GroupByWithModifier::Cube])
        }
    }
}

/// `1_000` is read as `1 AS _000`.
fn is_cut_number(item: &SelectItem) -> bool {
    let SelectItem::ExprWithAlias { expr: Expr::Value(value), alias } = item else { return false };
    let rest = alias.value.strip_prefix('_').unwrap_or_default();
    matches!(value.value, Value::Number(..)) && alias.quote_style.is_none() && rest.starts_with(|c: char| c.is_ascii_digit())
}

/// Aggregates that count every row, DISTINCT or not.
fn ignored_of_function(function: &Function) -> Option<Ignored> {
    let FunctionArguments::List(arguments) = &function.args else { return None };
    let name = function.name.to_string().to_lowercase();
    let knows_none = name.starts_with("regr_")
        || matches!(name.as_str(), "corr" | "covar" | "covar_pop" | "covar_samp" | "approx_percentile_cont" | "nth_value");
    let is_distinct = arguments.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    (is_distinct && knows_none).then_some(("DISTINCT in this function", "aggregate over (SELECT DISTINCT ... FROM ...)"))
}

/// DataFusion 55 takes the merged column from the left side, which has none in the rows of the right side alone: a null in
/// place of the key. A JOIN whose ON was forgotten it takes for a cross join.
fn wrong_join(join: &Join) -> Option<Ignored> {
    let (constraint, clause) = match &join.join_operator {
        JoinOperator::Join(JoinConstraint::None) | JoinOperator::Inner(JoinConstraint::None) => {
            return Some(("JOIN without ON or USING", "every row with every other is CROSS JOIN"));
        }
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
            (constraint, "RIGHT JOIN with USING or NATURAL")
        }
        JoinOperator::FullOuter(constraint) => (constraint, "FULL JOIN with USING or NATURAL"),
        _ => return None,
    };
    let merges = matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural);
    merges.then_some((clause, "write ON a.k = b.k, and coalesce(a.k, b.k) for the key"))
}

fn ignored_of_table(factor: &TableFactor) -> Option<Ignored> {
    let sample = ("TABLESAMPLE", "write WHERE random() < 0.1 for about a tenth of the rows");
    match factor {
        TableFactor::Table {
            with_hints, version, with_ordinality, partitions, json_path, sample: sampled, index_hints, ..
        } => first([
            (sampled.is_some(), sample),
            (version.is_some(), ("AS OF", "tables have no earlier versions")),
            (*with_ordinality, ("WITH ORDINALITY", "write row_number() OVER ()")),
            (!partitions.is_empty(), ("PARTITION", "filter by the partition's column")),
            (!with_hints.is_empty() || !index_hints.is_empty(), ("a table hint", "leave it out")),
            (json_path.is_some(), ("a path into a table", "name the columns in SELECT")),
        ]),
        TableFactor::Derived { sample: Some(_), .. } => Some(sample),
        _ => None,
    }
}

fn first<const N: usize>(clauses: [(bool, Ignored); N]) -> Option<Ignored> {
    clauses.into_iter().find(|(is_there, _)| *is_there).map(|(_, clause)| clause)
}

fn refuse(ignored: Option<Ignored>, place: Location) -> ControlFlow<Error> {
    match ignored {
        Some((clause, hint)) => {
            ControlFlow::Break(at(Error::not_implemented("sql", format!("{clause} is not supported")).hint(hint), place))
        }
        None => ControlFlow::Continue(()),
    }
}

struct Complete;

impl VisitorMut for Complete {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if select.flavor == SelectFlavor::FromFirstNoSelect {
            select.flavor = SelectFlavor::Standard;
            select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
        }
        if let GroupByExpr::Expressions(groups, modifiers) = &mut select.group_by
            && let Some(modifier) = modifiers.pop()
        {
            let sets = std::mem::take(groups).into_iter().map(|group| vec![group]).collect();
            groups.push(if modifier == GroupByWithModifier::Cube { Expr::Cube(sets) } else { Expr::Rollup(sets) });
        }
        ControlFlow::Continue(())
    }
}
