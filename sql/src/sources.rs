//! Files in FROM: `FROM 'dir/*.parquet'` and `FROM read_csv('f.csv', header => false)`.
//!
//! Opening a file is asynchronous and planning a relation is not, so every statement is searched for files first. What
//! was opened belongs to the planning of that one statement: statements that are planned at the same time share nothing.
//! A double-quoted name is a table, a single-quoted one a file.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::{CopyToSource, CopyToStatement, DFParserBuilder, Statement as SqlStatement};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgOperator, Ident, ObjectName, Query, Spanned,
    Statement as AstStatement, TableFactor, TableFunctionArgs, Visitor,
};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::services::{Services, SourceCall};

use crate::errors::{at, ours};
use crate::literal::literal;
use crate::names::fold;
use crate::visit::visit;

/// The files of one statement, opened.
#[derive(Debug, Default)]
pub(crate) struct OpenedFiles(Vec<(SourceCall, Arc<dyn TableProvider>)>);

impl OpenedFiles {
    /// Opens each file that the statement names, once.
    pub(crate) async fn open(state: &SessionState, services: &Services, statement: &SqlStatement) -> Result<Self> {
        let mut files = Self::default();
        for call in calls_in(statement, services.sources.functions())? {
            if files.provider(&call).is_none() {
                let provider = services.sources.open(state, &call).await?;
                files.0.push((call, provider));
            }
        }
        Ok(files)
    }

    /// The scan of a file, or None for another relation.
    pub(crate) fn plan(&self, factor: &TableFactor, functions: &[&str]) -> Result<Option<LogicalPlan>> {
        let Some(call) = source_call(factor, functions)? else { return Ok(None) };
        let Some(provider) = self.provider(&call) else { return Ok(None) };
        let scan = LogicalPlanBuilder::scan(relation_name(&call), provider_as_source(Arc::clone(provider)), None);
        ours(scan.and_then(LogicalPlanBuilder::build)).map(Some)
    }

    fn provider(&self, call: &SourceCall) -> Option<&Arc<dyn TableProvider>> {
        self.0.iter().find(|(opened, _)| opened == call).map(|(_, provider)| provider)
    }
}

/// What columns of a file may be qualified with when it has no alias: the file's name up to its first dot, for several
/// files the function's.
fn relation_name(call: &SourceCall) -> String {
    let several = || call.function.clone().unwrap_or_else(|| "files".into());
    match call.paths.as_slice() {
        _ if call.function.as_deref().is_some_and(|function| second_argument(function).is_some()) => "batch_rows".to_owned(),
        [path] if !path.contains(['*', '?', '[', '{']) => {
            let file = Path::new(path).file_name().map(|name| name.to_string_lossy());
            let stem = file.as_deref().and_then(|name| name.split('.').next()).unwrap_or_default();
            if stem.is_empty() { several() } else { stem.to_owned() }
        }
        _ => several(),
    }
}

fn calls_in(statement: &SqlStatement, functions: &[&str]) -> Result<Vec<SourceCall>> {
    let mut collector = Collector { functions, calls: Vec::new() };
    visit(statement, &mut collector)?;
    Ok(collector.calls)
}

/// `COPY 'f.csv' TO ...` and `DESCRIBE 'f.csv'` take the name of a table; what they do with a query is the same, and a query
/// may name a file.
pub(crate) fn with_query_for_file(statement: SqlStatement) -> Result<SqlStatement> {
    match statement {
        SqlStatement::CopyTo(CopyToStatement {
            source: CopyToSource::Relation(name),
            target,
            partitioned_by,
            stored_as,
            options,
        }) if is_file(&name) => {
            let source = CopyToSource::Query(query_of(&name)?);
            Ok(SqlStatement::CopyTo(CopyToStatement { source, target, partitioned_by, stored_as, options }))
        }
        SqlStatement::Statement(statement) => Ok(SqlStatement::Statement(Box::new(describe_query(*statement)?))),
        other => Ok(other),
    }
}

fn describe_query(statement: AstStatement) -> Result<AstStatement> {
    match statement {
        AstStatement::ExplainTable { describe_alias, table_name, .. } if is_file(&table_name) => Ok(AstStatement::Explain {
            describe_alias,
            analyze: false,
            verbose: false,
            query_plan: false,
            estimate: false,
            statement: Box::new(AstStatement::Query(query_of(&table_name)?)),
            format: None,
            options: None,
        }),
        other => Ok(other),
    }
}

/// `SELECT * FROM name`.
fn query_of(name: &ObjectName) -> Result<Box<Query>> {
    ours(DFParserBuilder::new(format!("SELECT * FROM {name}").as_str()).build().and_then(|mut sql| Ok(sql.parser.parse_query()?)))
}

fn is_file(name: &ObjectName) -> bool {
    single_ident(name).is_some_and(|ident| ident.quote_style == Some('\''))
}

struct Collector<'a> {
    functions: &'a [&'a str],
    calls: Vec<SourceCall>,
}

impl Visitor for Collector<'_> {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Error> {
        match source_call(factor, self.functions) {
            Ok(call) => {
                self.calls.extend(call);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// The file that a relation names, or None for another relation. `functions` are the names of the reading functions.
fn source_call(factor: &TableFactor, functions: &[&str]) -> Result<Option<SourceCall>> {
    let TableFactor::Table { name, args, .. } = factor else { return Ok(None) };
    match (args, single_ident(name)) {
        (None, Some(ident)) if is_file(name) => {
            Ok(Some(SourceCall { function: None, paths: vec![ident.value.clone()], options: vec![] }))
        }
        (Some(args), _) => match functions.iter().find(|function| **function == folded(name)) {
            Some(function) => function_call(function, name, args).map(Some),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// `gradframe.batch_rows`, `read_csv`.
fn folded(name: &ObjectName) -> String {
    name.0.iter().filter_map(|part| part.as_ident()).map(fold).collect::<Vec<_>>().join(".")
}

/// What a function's second argument is, where it need not be named.
fn second_argument(function: &str) -> Option<&'static str> {
    (function == "gradframe.batch_rows").then_some("step")
}

fn single_ident(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}

fn function_call(function: &str, name: &ObjectName, args: &TableFunctionArgs) -> Result<SourceCall> {
    let mut call = SourceCall { function: Some(function.to_owned()), paths: vec![], options: vec![] };
    for arg in &args.args {
        add_argument(&mut call, function, arg)?;
    }
    if call.paths.is_empty() {
        let error = match second_argument(function) {
            Some(second) => Error::plan(function, "no run is given").hint(format!("write {function}('run', {second})")),
            None => Error::plan(function, "no file is given")
                .hint(format!("write {function}('path') or {function}(['path', 'path'])")),
        };
        return Err(at(error, name.span().start));
    }
    Ok(call)
}

/// The first argument is a path or a list of paths, the others are `option => value` or `option = value`.
fn add_argument(call: &mut SourceCall, function: &str, arg: &FunctionArg) -> Result<()> {
    if let Some((name, value)) = option(arg) {
        return add_option(call, function, name, value);
    }
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if call.paths.is_empty() => {
            call.paths = first_argument(function, expr)?;
            Ok(())
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) if second_argument(function).is_some() && call.options.is_empty() => {
            let name = second_argument(function).unwrap_or_default();
            call.options.push((name.to_owned(), literal(function, name, expr)?));
            Ok(())
        }
        other => {
            let error = Error::plan(function, format!("unexpected argument `{other}`"));
            let hint = match second_argument(function) {
                Some(second) => format!("write {function}('run', {second})"),
                None => "options are written `name => value`, several files as ['a', 'b']".to_owned(),
            };
            Err(at(error.hint(hint), other.span().start))
        }
    }
}

/// A path or several, or the name of a run.
fn first_argument(function: &str, expr: &Expr) -> Result<Vec<String>> {
    let of_run = second_argument(function).is_some();
    let (name, expected) = if of_run { ("run", "the name of a run") } else { ("path", "a path or a list of paths") };
    let paths = paths(literal(function, name, expr)?);
    if paths.is_empty() || (of_run && paths.len() > 1) {
        return Err(at(Error::plan(function, format!("expected {expected}, got `{expr}`")), expr.span().start));
    }
    Ok(paths)
}

fn option(arg: &FunctionArg) -> Option<(&Ident, &Expr)> {
    match arg {
        FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), operator } if names_option(operator) => Some((name, value)),
        FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), operator }
            if names_option(operator) =>
        {
            Some((name, value))
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::BinaryOp { left, op: BinaryOperator::Eq, right })) => {
            match left.as_ref() {
                Expr::Identifier(name) => Some((name, right)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn names_option(operator: &FunctionArgOperator) -> bool {
    matches!(operator, FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment | FunctionArgOperator::Equals)
}

fn add_option(call: &mut SourceCall, function: &str, name: &Ident, value: &Expr) -> Result<()> {
    let option = fold(name);
    if call.options.iter().any(|(other, _)| *other == option) {
        return Err(at(Error::plan(function, format!("option `{option}` is given twice")), name.span.start));
    }
    let value = literal(function, &option, value)?;
    call.options.push((option, value));
    Ok(())
}

fn paths(value: ScalarValue) -> Vec<String> {
    match value {
        ScalarValue::Utf8(Some(path)) => vec![path],
        ScalarValue::List(list) => {
            let items = ScalarValue::convert_array_to_scalar_vec(list.as_ref()).unwrap_or_default();
            items.into_iter().flatten().flatten().flat_map(paths).collect()
        }
        _ => vec![],
    }
}
