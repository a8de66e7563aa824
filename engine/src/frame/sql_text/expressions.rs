//! Expressions as SQL writes them.

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment, ScalarFunction, WindowFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Case, Cast, Expr, Like, LogicalPlan, Operator, SortExpr, TryCast, WindowFrame, WindowFrameBound,
    WindowFunctionDefinition,
};
use datafusion::scalar::ScalarValue;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::{FunctionKind, PREFIX, kind, spelled_out, words};

use super::counts::unsigned;
use super::literals::{literal, quoted, sql_type, typed};
use super::names;
use super::no_words;
use super::steps::Writer;
use crate::Result;
use crate::expr::word;

/// Where an expression stands: the columns that it may name, and how.
pub(super) struct Scope<'a> {
    pub(super) schema: &'a DFSchema,
    /// The text of each column.
    pub(super) columns: &'a [String],
}

impl Scope<'_> {
    fn column(&self, column: &Column) -> Result<String> {
        let index = self.schema.index_of_column(column).map_err(from_datafusion)?;
        self.columns.get(index).cloned().ok_or_else(|| no_words(format!("the column `{}`", column.name)))
    }
}

impl Writer<'_> {
    /// The expression, without parentheses around it.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope) -> Result<String> {
        match expr {
            Expr::BinaryExpr(binary) => self.binary(binary, scope),
            other => self.part(other, scope),
        }
    }

    /// The expression as a part of another one.
    fn part(&mut self, expr: &Expr, scope: &Scope) -> Result<String> {
        let mut is = |value: &Expr, what: &str| Ok(format!("({} IS {what})", self.part(value, scope)?));
        match expr {
            Expr::IsNull(value) => return is(value, "NULL"),
            Expr::IsNotNull(value) => return is(value, "NOT NULL"),
            Expr::IsTrue(value) => return is(value, "TRUE"),
            Expr::IsNotTrue(value) => return is(value, "NOT TRUE"),
            Expr::IsFalse(value) => return is(value, "FALSE"),
            Expr::IsNotFalse(value) => return is(value, "NOT FALSE"),
            Expr::IsUnknown(value) => return is(value, "UNKNOWN"),
            Expr::IsNotUnknown(value) => return is(value, "NOT UNKNOWN"),
            _ => {}
        }
        let text = match expr {
            Expr::Alias(alias) => self.part(&alias.expr, scope)?,
            Expr::Column(column) => scope.column(column)?,
            Expr::Literal(value, _) => literal(value)?,
            Expr::BinaryExpr(binary) => format!("({})", self.binary(binary, scope)?),
            Expr::Not(value) => format!("(NOT {})", self.part(value, scope)?),
            Expr::Negative(value) => format!("(- {})", self.part(value, scope)?),
            Expr::Like(like) => self.like(like, if like.case_insensitive { "ILIKE" } else { "LIKE" }, scope)?,
            Expr::SimilarTo(like) => self.like(like, "SIMILAR TO", scope)?,
            Expr::Between(between) => self.between(between, scope)?,
            Expr::Case(case) => self.case(case, scope)?,
            Expr::Cast(cast) => self.cast(cast, scope)?,
            Expr::TryCast(cast) => self.try_cast(cast, scope)?,
            Expr::InList(list) => {
                let (value, not) = (self.part(&list.expr, scope)?, if list.negated { "NOT " } else { "" });
                format!("({value} {not}IN ({}))", self.list(&list.list, scope)?)
            }
            Expr::ScalarFunction(call) => match spelled_out(call) {
                Some(plain) => self.part(&plain, scope)?,
                None => self.scalar_call(call, scope)?,
            },
            Expr::AggregateFunction(call) => self.aggregate_call(call, scope)?,
            Expr::WindowFunction(call) => self.window_call(call, scope)?,
            Expr::ScalarSubquery(subquery) => format!("({})", self.subquery(&subquery.subquery)?),
            Expr::Exists(exists) => {
                let not = if exists.negated { "NOT " } else { "" };
                format!("({not}EXISTS ({}))", self.subquery(&exists.subquery.subquery)?)
            }
            Expr::InSubquery(within) => {
                let (value, not) = (self.part(&within.expr, scope)?, if within.negated { "NOT " } else { "" });
                format!("({value} {not}IN ({}))", self.subquery(&within.subquery.subquery)?)
            }
            other => return Err(no_words(format!("the expression `{other}`"))),
        };
        Ok(unsigned(text, expr, self.state))
    }

    fn subquery(&mut self, plan: &LogicalPlan) -> Result<String> {
        Ok(self.plan(plan)?.text())
    }

    fn list(&mut self, exprs: &[Expr], scope: &Scope) -> Result<String> {
        Ok(exprs.iter().map(|expr| self.expr(expr, scope)).collect::<Result<Vec<_>>>()?.join(", "))
    }

    fn binary(&mut self, binary: &BinaryExpr, scope: &Scope) -> Result<String> {
        let operator = match binary.op {
            Operator::BitwiseXor => "XOR".to_owned(),
            op => op.to_string(),
        };
        Ok(format!("{} {operator} {}", self.part(&binary.left, scope)?, self.part(&binary.right, scope)?))
    }

    fn like(&mut self, like: &Like, word: &str, scope: &Scope) -> Result<String> {
        let (value, pattern) = (self.part(&like.expr, scope)?, self.part(&like.pattern, scope)?);
        let not = if like.negated { "NOT " } else { "" };
        let escape = like.escape_char.map_or_else(String::new, |escape| format!(" ESCAPE {}", quoted(&escape.to_string())));
        Ok(format!("({value} {not}{word} {pattern}{escape})"))
    }

    fn between(&mut self, between: &Between, scope: &Scope) -> Result<String> {
        let (value, low) = (self.part(&between.expr, scope)?, self.part(&between.low, scope)?);
        let (high, not) = (self.part(&between.high, scope)?, if between.negated { "NOT " } else { "" });
        Ok(format!("({value} {not}BETWEEN {low} AND {high})"))
    }

    fn case(&mut self, case: &Case, scope: &Scope) -> Result<String> {
        let mut text = "CASE".to_owned();
        if let Some(value) = &case.expr {
            text.push_str(&format!(" {}", self.part(value, scope)?));
        }
        for (when, then) in &case.when_then_expr {
            text.push_str(&format!(" WHEN {} THEN {}", self.expr(when, scope)?, self.expr(then, scope)?));
        }
        if let Some(otherwise) = &case.else_expr {
            text.push_str(&format!(" ELSE {}", self.expr(otherwise, scope)?));
        }
        Ok(text + " END")
    }

    fn cast(&mut self, cast: &Cast, scope: &Scope) -> Result<String> {
        let value = self.expr(&cast.expr, scope)?;
        let data_type = cast.field.data_type();
        Ok(sql_type(data_type).map_or_else(|| typed(&value, data_type), |name| format!("CAST({value} AS {name})")))
    }

    fn try_cast(&mut self, cast: &TryCast, scope: &Scope) -> Result<String> {
        let value = self.expr(&cast.expr, scope)?;
        let data_type = cast.field.data_type();
        Ok(match sql_type(data_type) {
            Some(name) => format!("TRY_CAST({value} AS {name})"),
            None => format!("arrow_try_cast({value}, {})", quoted(&data_type.to_string())),
        })
    }

    fn scalar_call(&mut self, call: &ScalarFunction, scope: &Scope) -> Result<String> {
        let name = call.func.name();
        let is_known =
            self.state.scalar_functions().contains_key(name) || words::scalar(name).is_some_and(|function| function == call.func);
        if let Some(of_ml) = ml_call(name).filter(|_| is_known) {
            return Ok(of_ml(&self.list(&call.args, scope)?));
        }
        if !is_known {
            let word = word(&call.func)?.ok_or_else(|| unknown(name))?;
            return Ok(format!("{}({})", names::quoted(&word), self.list(&call.args, scope)?));
        }
        // What a function of frames needs to know before it runs must be a constant for the planner, too.
        let constants: Vec<Option<ScalarValue>> = call.args.iter().map(unspoken).collect();
        let filled = constants.iter().any(Option::is_some).then(|| words::filled(name, &constants)).flatten();
        let Some(filled) = filled else {
            return Ok(format!("{}({})", names::quoted(name), self.list(&call.args, scope)?));
        };
        let args: Vec<Expr> = call.args.iter().filter(|arg| unspoken(arg).is_none()).cloned().collect();
        Ok(format!("{}({})", names::quoted(&filled), self.list(&args, scope)?))
    }

    fn aggregate_call(&mut self, call: &AggregateFunction, scope: &Scope) -> Result<String> {
        let (name, params) = (call.func.name(), &call.params);
        let is_known = self.state.aggregate_functions().contains_key(name)
            || words::aggregate(name).is_some_and(|function| function == call.func);
        if !is_known {
            return Err(unknown(name));
        }
        let order = self.order(&params.order_by, scope)?;
        let is_within_group = call.func.supports_within_group_clause() && !order.is_empty();
        // There the first argument is what the group is ordered by.
        let args = if is_within_group { params.args.get(1..).unwrap_or_default() } else { &params.args };
        let mut inside = self.list(args, scope)?;
        if params.distinct {
            inside = format!("DISTINCT {inside}");
        }
        let mut text = match (is_within_group, order.is_empty()) {
            (true, _) => format!("{}({inside}) WITHIN GROUP (ORDER BY {order})", names::quoted(name)),
            (false, true) => format!("{}({inside})", names::quoted(name)),
            (false, false) => format!("{}({inside} ORDER BY {order})", names::quoted(name)),
        };
        if let Some(filter) = &params.filter {
            text.push_str(&format!(" FILTER (WHERE {})", self.expr(filter, scope)?));
        }
        text.push_str(nulls(params.null_treatment));
        Ok(text)
    }

    fn window_call(&mut self, call: &WindowFunction, scope: &Scope) -> Result<String> {
        let (name, params) = (call.fun.name(), &call.params);
        let is_known = match &call.fun {
            WindowFunctionDefinition::AggregateUDF(own) => {
                // A window function of the same name takes no filter.
                if self.state.window_functions().contains_key(name) && params.filter.is_some() {
                    return Err(no_words(format!("the aggregate `{name}` as a window with a filter")));
                }
                self.state.aggregate_functions().contains_key(name)
                    || words::aggregate(name).is_some_and(|function| function == *own)
            }
            WindowFunctionDefinition::WindowUDF(own) => {
                self.state.window_functions().contains_key(name) || words::window(name).is_some_and(|function| function == *own)
            }
        };
        if !is_known {
            return Err(unknown(name));
        }
        let distinct = if params.distinct { "DISTINCT " } else { "" };
        let mut text = format!("{}({distinct}{})", names::quoted(name), self.list(&params.args, scope)?);
        if let Some(filter) = &params.filter {
            text.push_str(&format!(" FILTER (WHERE {})", self.expr(filter, scope)?));
        }
        text.push_str(nulls(params.null_treatment));
        let mut over = vec![];
        if !params.partition_by.is_empty() {
            over.push(format!("PARTITION BY {}", self.list(&params.partition_by, scope)?));
        }
        if !params.order_by.is_empty() {
            over.push(format!("ORDER BY {}", self.order(&params.order_by, scope)?));
        }
        over.extend(frame(&params.window_frame, params.order_by.is_empty())?);
        Ok(format!("{text} OVER ({})", over.join(" ")))
    }

    /// Sort keys.
    pub(super) fn order(&mut self, keys: &[SortExpr], scope: &Scope) -> Result<String> {
        let key = |key: &SortExpr| {
            let (direction, nulls) = (if key.asc { "ASC" } else { "DESC" }, if key.nulls_first { "FIRST" } else { "LAST" });
            // A constant alone would be the number of a column.
            let value = match self.expr(&key.expr, scope)? {
                number if matches!(key.expr, Expr::Literal(..)) => format!("({number} + 0)"),
                value => value,
            };
            Ok(format!("{value} {direction} NULLS {nulls}"))
        };
        Ok(keys.iter().map(key).collect::<Result<Vec<_>>>()?.join(", "))
    }
}

/// A constant that SQL has to compute: a null with a type, a list.
fn unspoken(expr: &Expr) -> Option<ScalarValue> {
    let Expr::Literal(value, _) = expr else { return None };
    let is_plain = matches!(
        value,
        ScalarValue::Null
            | ScalarValue::Boolean(Some(_))
            | ScalarValue::Int64(Some(_))
            | ScalarValue::Float64(Some(_))
            | ScalarValue::Utf8(Some(_))
            | ScalarValue::Utf8View(Some(_))
            | ScalarValue::LargeUtf8(Some(_))
    );
    (!is_plain).then(|| value.clone())
}

/// How a function of the schema ML is called, with its arguments: `ML.IMPUTER(x, 'mean') OVER ()`.
fn ml_call(name: &str) -> Option<impl Fn(&str) -> String> {
    let own = name.strip_prefix(PREFIX)?;
    let over = if kind(own)? == FunctionKind::Analytic { " OVER ()" } else { "" };
    Some(move |args: &str| format!("ML.{}({args}){over}", own.to_uppercase()))
}

fn unknown(name: &str) -> crate::Error {
    no_words(format!("the function `{name}`"))
}

fn nulls(treatment: Option<NullTreatment>) -> &'static str {
    match treatment {
        Some(NullTreatment::IgnoreNulls) => " IGNORE NULLS",
        Some(NullTreatment::RespectNulls) => " RESPECT NULLS",
        None => "",
    }
}

/// The rows that a window sees; None for those that it sees if nothing is said.
fn frame(frame: &WindowFrame, is_unordered: bool) -> Result<Option<String>> {
    let unsaid = WindowFrame::new((!is_unordered).then_some(false));
    if frame.units == unsaid.units && frame.start_bound == unsaid.start_bound && frame.end_bound == unsaid.end_bound {
        return Ok(None);
    }
    let bound = |bound: &WindowFrameBound| {
        Ok(match bound {
            WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
            WindowFrameBound::Preceding(value) => format!("{} PRECEDING", rows(value)?),
            WindowFrameBound::Following(value) => format!("{} FOLLOWING", rows(value)?),
        })
    };
    Ok(Some(format!("{} BETWEEN {} AND {}", frame.units, bound(&frame.start_bound)?, bound(&frame.end_bound)?)))
}

fn rows(value: &ScalarValue) -> Result<String> {
    match value {
        value if value.is_null() => Ok("UNBOUNDED".to_owned()),
        ScalarValue::UInt64(Some(rows)) => Ok(rows.to_string()),
        other => literal(other),
    }
}
