//! Walking over everything in a statement that DataFusion's parser made.

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{Visit, VisitMut, Visitor, VisitorMut};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::transform::normalize_row_calls;
use gradframe_plan::{dialect, distinct_from};

use crate::exact_literals::keep_digits;
use crate::{cast_keys, copies, intervals, likes, quantified, texts_of_moments};

/// Shows a statement's relations and expressions, nested ones included, to a visitor.
pub(crate) fn visit(statement: &SqlStatement, visitor: &mut impl Visitor<Break = Error>) -> Result<()> {
    let flow = match statement {
        SqlStatement::Statement(statement) => statement.visit(visitor),
        SqlStatement::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => query.visit(visitor),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        SqlStatement::Explain(explain) => return visit(&explain.statement, visitor),
        SqlStatement::CreateExternalTable(_) | SqlStatement::Reset(_) => ControlFlow::Continue(()),
    };
    finished(flow)
}

/// The same for a visitor that changes them.
pub(crate) fn visit_mut(statement: &mut SqlStatement, visitor: &mut impl VisitorMut<Break = Error>) -> Result<()> {
    let flow = match statement {
        SqlStatement::Statement(statement) => statement.visit(visitor),
        SqlStatement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.visit(visitor),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        SqlStatement::Explain(explain) => return visit_mut(&mut explain.statement, visitor),
        SqlStatement::CreateExternalTable(_) | SqlStatement::Reset(_) => ControlFlow::Continue(()),
    };
    finished(flow)
}

fn finished(flow: ControlFlow<Error>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Writes calls of `ML.BUCKETIZE` and its like, IS DISTINCT FROM, `^`, long numbers, and what DataFusion takes for something else, in the
/// form in which it finds what is meant.
pub(crate) fn normalize(statement: &mut SqlStatement) {
    match statement {
        SqlStatement::Statement(statement) => normalize_tree(statement.as_mut()),
        SqlStatement::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                normalize_tree(query.as_mut());
            }
        }
        SqlStatement::Explain(explain) => normalize(&mut explain.statement),
        SqlStatement::CreateExternalTable(_) | SqlStatement::Reset(_) => {}
    }
}

fn normalize_tree(tree: &mut impl VisitMut) {
    distinct_from::written_out(tree);
    dialect::powers_written_out(tree);
    keep_digits(tree);
    texts_of_moments::written_out(tree);
    intervals::written_out(tree);
    likes::written_out(tree);
    quantified::written_out(tree);
    normalize_row_calls(tree);
    copies::named(tree);
    cast_keys::renamed(tree);
}
