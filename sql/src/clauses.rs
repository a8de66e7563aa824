//! Clauses that the parser takes and DataFusion's planner would pass over without a word, or plan wrongly.
//!
//! An answer that ignores half of the question is worse than none: what would be ignored is refused. A query that begins with FROM and
//! stops there selects everything, `GROUP BY a, b WITH ROLLUP` is `GROUP BY ROLLUP (a, b)`, and `FETCH FIRST 3 ROWS ONLY` is `LIMIT 3`.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArguments, GroupByExpr, GroupByWithModifier, Join, JoinConstraint, JoinOperator,
    LimitClause, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr, Spanned, TableFactor,
    Value, Visitor, VisitorMut, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use gradframe_ml_core::{Error, Result};

use crate::errors::at;
use crate::visit::{visit, visit_mut};

/// Errors: `NotImplemented` for a clause that would be ignored.
pub(crate) fn check(statement: &SqlStatement) -> Result<()> {
    visit(statement, &mut Check)
}

/// `FROM t` is `SELECT * FROM t`, `WITH ROLLUP` and `WITH CUBE` stand before what they are of, FETCH is LIMIT.
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
        (
            query.fetch.as_ref().is_some_and(|fetch| fetch.with_ties || fetch.percent),
            ("FETCH with WITH TIES or PERCENT", "write QUALIFY rank() OVER (ORDER BY ...) <= 10, or percent_rank() for a part"),
        ),
        (query.fetch.is_some() && has_limit(query), ("FETCH beside LIMIT", "keep one of them")),
    ];
    first(clauses)
}

fn has_limit(query: &Query) -> bool {
    !matches!(&query.limit_clause, None | Some(LimitClause::LimitOffset { limit: None, .. }))
}

fn ignored_of_select(select: &Select) -> Option<Ignored> {
    let clauses = [
        (select.prewhere.is_some(), ("PREWHERE", "write WHERE: filters are pushed into the scan in any case")),
        (select.projection.iter().any(picks_names), ("* ILIKE", "name the columns, or leave some out: * EXCLUDE (...)")),
        (select.into.is_some(), ("INTO", "write CREATE TABLE t AS SELECT ...")),
        (!select.connect_by.is_empty(), ("CONNECT BY", "write WITH RECURSIVE")),
        (select.value_table_mode.is_some(), ("AS STRUCT", "write SELECT struct(...)")),
        (
            has_other_modifier(&select.group_by),
            ("GROUP BY ... WITH", "write GROUP BY ROLLUP (...), CUBE (...) or GROUPING SETS (...)"),
        ),
    ];
    first(clauses)
}

fn picks_names(item: &SelectItem) -> bool {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => options.opt_ilike.is_some(),
        _ => false,
    }
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

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if let Some(fetch) = query.fetch.take() {
            let one = || Expr::Value(Value::Number("1".to_owned(), false).into());
            let first = Some(fetch.quantity.unwrap_or_else(one));
            match &mut query.limit_clause {
                Some(LimitClause::LimitOffset { limit, .. }) => *limit = first,
                clause => *clause = Some(LimitClause::LimitOffset { limit: first, offset: None, limit_by: vec![] }),
            }
        }
        if let (SetExpr::Select(select), Some(order)) = (query.body.as_ref(), &mut query.order_by) {
            order_by_all(select, order);
        }
        ControlFlow::Continue(())
    }

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

/// `ORDER BY ALL` is `ORDER BY 1, 2`, where results are written one by one.
fn order_by_all(select: &Select, order: &mut OrderBy) {
    let OrderByKind::All(options) = &order.kind else { return };
    let is_one = |item: &SelectItem| matches!(item, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
    if !select.projection.iter().all(is_one) {
        return;
    }
    let place = |at: usize| Expr::Value(Value::Number(at.to_string(), false).into());
    let keys = (1..=select.projection.len()).map(|at| OrderByExpr { expr: place(at), options: *options, with_fill: None });
    order.kind = OrderByKind::Expressions(keys.collect());
}
