//! Windows as functions of columns: they take the rows batch by batch, in order, and give as many values.

mod aggregated;
mod kernel;
mod moving;
mod number;
mod running;
mod shift;

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::error::Result;
use datafusion::logical_expr::{WindowFrame, WindowFrameBound, WindowFrameUnits};
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, WindowExpr};
use datafusion::physical_plan::windows::{StandardWindowExpr, WindowUDFExpr};

use super::grouping::Order;

/// Some of the rows.
pub(super) struct Rows<'a> {
    /// What the function is of.
    pub args: &'a [ArrayRef],
    pub count: usize,
    /// The group of each row and how many groups there are; None where all rows are one.
    pub groups: Option<(&'a [u32], usize)>,
}

/// A window over rows as they come.
pub(super) trait Function: Send {
    /// Takes the next rows, and gives their values if they are known with them: all functions of a [`Kind`] do, or none.
    fn take(&mut self, rows: &Rows) -> Result<Option<ArrayRef>>;

    /// There are no more rows. Of groups, with all rows in the order of their groups if the kind wants that.
    fn finish(&mut self, _order: Option<&Order>) -> Result<()> {
        Ok(())
    }

    /// The values of the next `count` rows, for which `take` gave none; None if they are not known yet.
    fn give(&mut self, _count: usize, _groups: Option<&[u32]>) -> Result<Option<ArrayRef>> {
        Ok(None)
    }

    /// Bytes of what it keeps.
    fn bytes(&self) -> usize;
}

/// The kinds of windows that are functions here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The number of a row.
    Number,
    /// The value some rows before or after.
    Shift,
    /// An aggregate of the rows so far.
    Running,
    /// An aggregate of all rows of the group.
    Aggregated,
    /// A function of some rows around each.
    Moving,
    /// A function of all rows of the group together.
    Kernel,
}

impl Kind {
    /// The kind of a window; None of those that are not functions here.
    pub fn of(window: &Arc<dyn WindowExpr>) -> Option<Self> {
        if let Some(aggregate) = window.as_any().downcast_ref::<PlainAggregateWindowExpr>() {
            return of_aggregate(aggregate);
        }
        let standard = window.as_any().downcast_ref::<StandardWindowExpr>()?;
        let function = standard.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
        match function.fun().name() {
            "row_number" => Some(Kind::Number),
            "lag" | "lead" => shift::Shift::of(function).map(|_| Kind::Shift),
            _ if !kernel::is_kernel(standard) => None,
            _ if moving::Moving::of(window).is_some() => Some(Kind::Moving),
            _ => Some(Kind::Kernel),
        }
    }

    /// Whether its values are known before all rows were seen.
    pub fn streams(self, grouped: bool) -> bool {
        match self {
            Kind::Number | Kind::Running => true,
            Kind::Shift | Kind::Moving => !grouped,
            Kind::Aggregated | Kind::Kernel => false,
        }
    }

    /// Whether `take` gives the values.
    pub fn is_immediate(self) -> bool {
        matches!(self, Kind::Number | Kind::Running)
    }

    /// Whether it wants the rows of each group together.
    pub fn wants_order(self) -> bool {
        matches!(self, Kind::Shift | Kind::Moving | Kind::Kernel)
    }

    /// The function of a window of this kind.
    pub fn function(self, window: &Arc<dyn WindowExpr>, grouped: bool) -> Result<Box<dyn Function>> {
        let any = window.as_any();
        let of_standard = any.downcast_ref::<StandardWindowExpr>();
        let shift = || of_standard?.get_standard_func_expr().as_any().downcast_ref().and_then(shift::Shift::of);
        match (self, any.downcast_ref::<PlainAggregateWindowExpr>()) {
            (Kind::Number, _) => Ok(Box::<number::Number>::default()),
            (Kind::Running, Some(aggregate)) => running::running(aggregate.get_aggregate_expr()),
            (Kind::Aggregated, Some(aggregate)) => aggregated::aggregated(aggregate.get_aggregate_expr(), grouped),
            (Kind::Shift, _) if !grouped && let Some(shift) = shift() => Ok(Box::new(shift)),
            (Kind::Moving, _) if !grouped && let Some(moving) = moving::Moving::of(window) => Ok(Box::new(moving)),
            _ => Ok(Box::new(kernel::Kernel::of(Arc::clone(window)))),
        }
    }
}

fn of_aggregate(window: &PlainAggregateWindowExpr) -> Option<Kind> {
    // DataFusion shows what it lets nobody read.
    if !format!("{window:?}").ends_with("filter: None }") {
        return None;
    }
    let frame = window.get_window_frame();
    if is_whole(frame, window.order_by().is_empty()) {
        return Some(Kind::Aggregated);
    }
    let so_far = frame.units == WindowFrameUnits::Rows
        && frame.start_bound.is_unbounded()
        && frame.end_bound == WindowFrameBound::CurrentRow;
    (so_far && running::is_running(window.get_aggregate_expr())).then_some(Kind::Running)
}

/// Whether the frame of each row is all rows. Without an order all of them are peers.
fn is_whole(frame: &WindowFrame, unordered: bool) -> bool {
    let of_peers = unordered && frame.units == WindowFrameUnits::Range;
    let all = |bound: &WindowFrameBound| bound.is_unbounded() || of_peers && *bound == WindowFrameBound::CurrentRow;
    all(&frame.start_bound) && all(&frame.end_bound)
}
