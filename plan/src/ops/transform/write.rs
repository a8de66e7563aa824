//! Expressions of frames as the text of a TRANSFORM.

use std::ops::ControlFlow;

use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::ast::{self, SelectItem, VisitMut, VisitorMut, WindowSpec, WindowType};
use datafusion::sql::unparser::Unparser;
use datafusion::sql::unparser::dialect::CustomDialectBuilder;
use gradframe_ml_core::{Error, Result};

use super::{OP, WrittenItem};
use crate::error::from_datafusion;
use crate::functions::{FunctionKind, PREFIX, kind};

/// The item that an expression is, under this name. Errors: `NotImplemented` if SQL has no words for it.
pub fn written(name: &str, expr: &Expr) -> Result<WrittenItem> {
    let dialect = CustomDialectBuilder::new().with_identifier_quote_style('"').build();
    let bare = expr.clone().unalias_nested().data;
    let mut sql = Unparser::new(&dialect).expr_to_sql(&bare).map_err(|error| {
        let error = from_datafusion(error);
        Error::not_implemented(OP, format!("`{name}` cannot be written as SQL: {}", error.detail().what)).because(error)
    })?;
    let _: ControlFlow<()> = sql.visit(&mut MlCalls);
    let item = SelectItem::ExprWithAlias { expr: sql, alias: ast::Ident::with_quote('"', name) };
    Ok(WrittenItem { sql: item.to_string(), place: None })
}

/// Gives our functions the form that a user would write: `ML.IMPUTER(x, 'mean') OVER ()`.
struct MlCalls;

impl VisitorMut for MlCalls {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::Function(call) = expr
            && let Some(name) = call.name.to_string().trim_matches('"').strip_prefix(PREFIX).map(str::to_owned)
            && let Some(kind) = kind(&name)
        {
            call.name = ast::ObjectName::from(vec![ast::Ident::new("ML"), ast::Ident::new(name.to_uppercase())]);
            call.over = (kind == FunctionKind::Analytic).then(over_nothing);
        }
        ControlFlow::Continue(())
    }
}

fn over_nothing() -> WindowType {
    WindowType::WindowSpec(WindowSpec { window_name: None, partition_by: vec![], order_by: vec![], window_frame: None })
}
