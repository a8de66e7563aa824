//! `ML.function(MODEL m, data, STRUCT(...))` taken apart.

use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, Select, SetExpr, Spanned, TableAlias, TableFactor,
};
use datafusion::sql::sqlparser::tokenizer::Location;
use gradframe_ml_core::{Error, Result};

use crate::errors::at;
use crate::literal::literal;
use crate::names::fold;

/// A call of a relation of the schema ML, its arguments not yet checked against the function.
#[derive(Debug, Clone)]
pub(crate) struct MlCall {
    /// `predict`, in lower case.
    pub(crate) function: String,
    pub(crate) alias: Option<TableAlias>,
    /// Whether it stands after LATERAL.
    pub(crate) lateral: bool,
    args: std::vec::IntoIter<FunctionArg>,
    place: Location,
}

impl MlCall {
    /// The call that a relation is, or the relation back.
    pub(crate) fn from_factor(factor: TableFactor) -> Result<Self, Box<TableFactor>> {
        match factor {
            TableFactor::Table { name, alias, args: Some(args), .. } if is_ml(&name) => {
                Ok(Self::new(name, alias, false, args.args))
            }
            TableFactor::Function { name, alias, lateral, args, .. } if is_ml(&name) => Ok(Self::new(name, alias, lateral, args)),
            other => Err(Box::new(other)),
        }
    }

    fn new(name: ObjectName, alias: Option<TableAlias>, lateral: bool, args: Vec<FunctionArg>) -> Self {
        let function = name.0.last().and_then(|part| part.as_ident()).map(fold).unwrap_or_default();
        Self { function, alias, lateral, args: args.into_iter(), place: name.span().start }
    }

    /// The name in errors: `ml.predict`.
    pub(crate) fn op(&self) -> String {
        format!("ml.{}", self.function)
    }

    /// A `Plan` error that points at the call.
    pub(crate) fn error(&self, what: impl Into<String>) -> Error {
        at(Error::plan(self.op(), what), self.place)
    }

    /// Errors: `NotImplemented` for a call that depends on the row of another relation.
    pub(crate) fn refuse_lateral(&self) -> Result<()> {
        match self.lateral {
            true => {
                let error = Error::not_implemented(self.op(), "LATERAL is not built yet");
                Err(at(error.hint("join the relations in the query that is given to it"), self.place))
            }
            false => Ok(()),
        }
    }

    /// The next argument, `MODEL name`.
    pub(crate) fn model(&mut self) -> Result<ObjectName> {
        let Some(arg) = self.args.next() else {
            return Err(self.error("no model is given").hint("write MODEL and its name as the first argument"));
        };
        match query_of(&arg).and_then(whole_table) {
            Some(name) => Ok(name.clone()),
            None => {
                let error = Error::plan(self.op(), format!("expected MODEL and a name, got `{arg}`"));
                let hint = format!("write ML.{}(MODEL m, ...)", self.function.to_uppercase());
                Err(at(error, arg.span().start).hint(hint))
            }
        }
    }

    /// The next argument, a query or table, if there is one.
    pub(crate) fn data(&mut self) -> Result<Option<Box<Query>>> {
        if self.args.as_slice().first().is_none_or(|arg| struct_of(arg).is_some()) {
            return Ok(None);
        }
        match self.args.next() {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(query)))) => Ok(Some(query)),
            Some(arg) => {
                let error = Error::plan(self.op(), format!("expected a query or a table, got `{arg}`"));
                Err(at(error, arg.span().start).hint("write (SELECT ...) or TABLE t"))
            }
            None => Ok(None),
        }
    }

    /// Whether all arguments are taken.
    pub(crate) fn is_at_end(&self) -> bool {
        self.args.as_slice().is_empty()
    }

    /// The error with the place of the call.
    pub(crate) fn placed(&self, error: Error) -> Error {
        at(error, self.place)
    }

    /// Where the next argument starts, or the call where there is none or its place is not known.
    pub(crate) fn next_place(&self) -> Location {
        let place = self.args.as_slice().first().map_or(self.place, |arg| arg.span().start);
        if place.line == 0 { self.place } else { place }
    }

    /// Where the option stands that an error of the next argument, a STRUCT, is about; else where that begins.
    pub(crate) fn option_place(&self, error: &Error) -> Location {
        let fields = self.args.as_slice().first().and_then(struct_of).unwrap_or_default();
        let said = error.to_string();
        let named = |field: &&Expr| matches!(field, Expr::Named { name, .. } if said.contains(&format!("`{}`", fold(name))));
        match fields.iter().find(named) {
            Some(Expr::Named { name, .. }) if name.span.start.line > 0 => name.span.start,
            _ => self.next_place(),
        }
    }

    /// The next argument, `STRUCT(value AS name, ...)`, if there is one: names and values. Errors: `Plan` for a name given twice,
    /// letters of either case being the same.
    pub(crate) fn settings(&mut self) -> Result<Vec<(String, ScalarValue)>> {
        let Some(fields) = self.args.as_slice().first().and_then(struct_of) else { return Ok(vec![]) };
        let mut settings: Vec<(String, ScalarValue)> = Vec::with_capacity(fields.len());
        for field in fields {
            let (name, value) = self.setting(field)?;
            if settings.iter().any(|(other, _)| other.to_lowercase() == name.to_lowercase()) {
                let place = if let Expr::Named { name, .. } = field { name.span.start } else { self.place };
                return Err(at(Error::plan(self.op(), format!("option `{name}` is given twice")), place));
            }
            settings.push((name, value));
        }
        self.args.next();
        Ok(settings)
    }

    fn setting(&self, field: &Expr) -> Result<(String, ScalarValue)> {
        match field {
            Expr::Named { expr, name } => Ok((fold(name), literal(&self.op(), &fold(name), expr)?)),
            other => {
                let error = Error::plan(self.op(), format!("`{other}` in STRUCT has no name"));
                Err(at(error, other.span().start).hint(format!("write STRUCT({other} AS name)")))
            }
        }
    }

    /// Errors if an argument is left over.
    pub(crate) fn end(mut self) -> Result<()> {
        match self.args.next() {
            Some(arg) => Err(at(Error::plan(self.op(), format!("unexpected argument `{arg}`")), arg.span().start)),
            None => Ok(()),
        }
    }
}

/// Whether a function or relation is of the schema ML.
pub(crate) fn is_ml(name: &ObjectName) -> bool {
    match name.0.as_slice() {
        [schema, _] => schema.as_ident().is_some_and(|ident: &Ident| fold(ident) == "ml"),
        _ => false,
    }
}

fn query_of(arg: &FunctionArg) -> Option<&Query> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(query))) => Some(query),
        _ => None,
    }
}

fn struct_of(arg: &FunctionArg) -> Option<&[Expr]> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Struct { values, .. })) => Some(values),
        _ => None,
    }
}

/// The table of `SELECT * FROM table`, the form in which the tokenizer hands over `MODEL m`.
fn whole_table(query: &Query) -> Option<&ObjectName> {
    match query.body.as_ref() {
        SetExpr::Select(select) => single_table(select),
        _ => None,
    }
}

fn single_table(select: &Select) -> Option<&ObjectName> {
    match select.from.as_slice() {
        [from] if from.joins.is_empty() => match &from.relation {
            TableFactor::Table { name, args: None, .. } => Some(name),
            _ => None,
        },
        _ => None,
    }
}
