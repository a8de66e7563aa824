//! Windows that begin with the name of another: `OVER (w ROWS 1 PRECEDING)`, `WINDOW v AS (w ORDER BY x)`.
//!
//! DataFusion 55 passes over the name, as if nothing stood there. Here the partitions, order and frame of the named window are written out.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, Query, Select, SetExpr, VisitorMut, WindowSpec, WindowType,
};
use gradframe_ml_core::{Error, Result};

use crate::errors::at;
use crate::visit::visit_mut;

/// Errors: `Plan` for a name that no window has, and for a second partition or order.
pub(crate) fn write_out(statement: &mut SqlStatement) -> Result<()> {
    visit_mut(statement, &mut WriteOut::default())
}

/// The windows that have names where the visitor is: those of the innermost query last.
#[derive(Default)]
struct WriteOut {
    named: Vec<Vec<(Ident, WindowSpec)>>,
}

impl VisitorMut for WriteOut {
    type Break = Error;

    /// ORDER BY of a query sees the windows of its SELECT.
    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let named = match query.body.as_mut() {
            SetExpr::Select(select) => defined(&mut select.named_window)?,
            _ => vec![],
        };
        self.named.push(named);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.named.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        self.named.push(defined(&mut select.named_window)?);
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<Error> {
        self.named.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Function(function) = expr
            && let Some(WindowType::WindowSpec(window)) = &mut function.over
        {
            let named = self.named.last().map_or(&[][..], Vec::as_slice);
            *window = whole(window.clone(), named)?;
        }
        ControlFlow::Continue(())
    }
}

/// The windows of a WINDOW clause, each written out: one may begin with another that stands before it.
fn defined(clause: &mut [NamedWindowDefinition]) -> ControlFlow<Error, Vec<(Ident, WindowSpec)>> {
    let mut named: Vec<(Ident, WindowSpec)> = vec![];
    for NamedWindowDefinition(name, window) in clause {
        let spec = match window {
            NamedWindowExpr::NamedWindow(other) => find(other, &named)?.clone(),
            NamedWindowExpr::WindowSpec(spec) => whole(spec.clone(), &named)?,
        };
        *window = NamedWindowExpr::WindowSpec(spec.clone());
        named.push((name.clone(), spec));
    }
    ControlFlow::Continue(named)
}

fn whole(mut window: WindowSpec, named: &[(Ident, WindowSpec)]) -> ControlFlow<Error, WindowSpec> {
    let Some(name) = window.window_name.take() else { return ControlFlow::Continue(window) };
    let base = find(&name, named)?;
    if !window.partition_by.is_empty() {
        return twice(&name, "PARTITION BY", "the partitions are those of the named window");
    }
    if !window.order_by.is_empty() && !base.order_by.is_empty() {
        return twice(&name, "ORDER BY", "leave one of the two out");
    }
    window.partition_by.clone_from(&base.partition_by);
    if window.order_by.is_empty() {
        window.order_by.clone_from(&base.order_by);
    }
    window.window_frame = window.window_frame.or_else(|| base.window_frame.clone());
    ControlFlow::Continue(window)
}

fn find<'a>(name: &Ident, named: &'a [(Ident, WindowSpec)]) -> ControlFlow<Error, &'a WindowSpec> {
    match named.iter().find(|(own, _)| is_same(own, name)) {
        Some((_, window)) => ControlFlow::Continue(window),
        None => {
            let known: Vec<String> = named.iter().map(|(name, _)| format!("`{}`", name.value)).collect();
            let hint = match known.is_empty() {
                true => format!("write WINDOW {} AS (...) behind the query", name.value),
                false => format!("there are {} before it", known.join(", ")),
            };
            let error = Error::plan("sql", format!("no window is named `{}`", name.value));
            ControlFlow::Break(at(error.hint(hint), name.span.start))
        }
    }
}

/// Names in quotes are as they are written.
fn is_same(a: &Ident, b: &Ident) -> bool {
    let folded = |name: &Ident| if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    folded(a) == folded(b)
}

fn twice<T>(name: &Ident, clause: &str, hint: &str) -> ControlFlow<Error, T> {
    let error = Error::plan("sql", format!("a window made of `{}` has {clause} a second time", name.value));
    ControlFlow::Break(at(error.hint(hint), name.span.start))
}
