//! An aggregate over a cached table, with the filters and projections between them, as folds of the table's columns.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use gradframe_ml_core::graph::{Fn2, Type};
use gradframe_ml_core::{DType, Dim, Error, Function, NodeId, Result, Shape};
use gradframe_ml_kernels::grouped::{Folded, GroupFold, GroupOp, Grouped, TERM_BITS};
use gradframe_plan::functions::is_exact;

use super::expr::{Level, no_form};
use super::keys::{self, Key};
use super::states::{Extreme, Groups, State, Term};
use super::values::{Building, Kind, Value};
use crate::pinned::{Of, Piece, Pinned, PinnedScanExec};

/// The scan of a cached table below filters and projections; None of other plans.
pub(crate) fn scan_below(plan: &Arc<dyn ExecutionPlan>) -> Option<&PinnedScanExec> {
    if let Some(scan) = plan.downcast_ref::<PinnedScanExec>() {
        return Some(scan);
    }
    let is_known = plan.is::<FilterExec>() || plan.is::<ProjectionExec>();
    match plan.children().as_slice() {
        [input] if is_known => scan_below(input),
        _ => None,
    }
}

/// The folds, and what is made of them.
#[derive(Debug)]
pub(super) struct Lowered {
    pub table: Arc<Pinned>,
    pub grouped: Grouped,
    /// The function's arguments: a column of the table, its values or where it has some.
    arguments: Vec<(usize, bool)>,
    keys: Vec<Key>,
    states: Vec<State>,
    /// The fold that counts a group's rows.
    rows: usize,
}

impl Lowered {
    /// Of the first half of an aggregate. Errors: `NotImplemented` naming what has no form on a device.
    pub fn of(aggregate: &AggregateExec) -> Result<Self> {
        let mut folding = Folding::default();
        let level = folding.level(aggregate.input())?;
        let keys = aggregate.group_expr().expr().iter().map(|(expr, name)| {
            let value = folding.building.expr(expr, &level)?;
            Key::of(&mut folding.building, &value, name)
        });
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let (groups, code) = keys::joined(&mut folding.building, &keys)?;
        let group = folding.group(code)?;
        let filters = aggregate.filter_expr();
        let mut states = Vec::with_capacity(aggregate.aggr_expr().len());
        for (function, filter) in aggregate.aggr_expr().iter().zip(filters) {
            let only = match filter {
                Some(filter) => {
                    let condition = folding.building.condition(filter, &level)?;
                    Some(folding.building.is_true(&condition)?)
                }
                None => None,
            };
            states.push(folding.state(function, only, &level)?);
        }
        let rows = folding.count(None)?;
        folding.finish(groups, group, keys.into_iter().map(|(key, _)| key).collect(), states, rows)
    }

    /// The columns of a piece that the folds read.
    pub fn arguments(&self, piece: usize) -> Result<Vec<crate::device::There>> {
        let missing = || Error::internal("device aggregate", "a column that is not on the device");
        let argument = |(column, is_valid): &(usize, bool)| {
            let piece: &Piece = self.table.column(*column).and_then(|column| column.pieces.get(piece)).ok_or_else(missing)?;
            if *is_valid { piece.valid.clone().ok_or_else(missing) } else { Ok(piece.values.clone()) }
        };
        self.arguments.iter().map(argument).collect()
    }

    /// How many pieces the table has.
    pub fn pieces(&self) -> usize {
        let first = self.arguments.first().and_then(|(column, _)| self.table.column(*column));
        first.map_or(0, |column| column.pieces.len())
    }

    /// The rows of states, one for each group that has rows; without keys, always one.
    pub fn columns(&self, folded: &[Folded], schema: &SchemaRef) -> Result<Vec<ArrayRef>> {
        let Folded::Integers(rows) = &folded[self.rows] else {
            return Err(Error::internal("device aggregate", "rows that are not counted"));
        };
        let groups: Vec<usize> = (0..rows.len()).filter(|&group| rows[group] > 0 || self.keys.is_empty()).collect();
        let types: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
        let mut columns = keys::columns(&self.keys, &groups, &types[..self.keys.len()])?;
        let groups = Groups { folded, groups };
        for (state, fields) in self.states.iter().zip(self.fields(schema)) {
            columns.extend(groups.state(state, fields)?);
        }
        Ok(columns)
    }

    /// The fields of each state, which come behind the keys.
    fn fields<'s>(&self, schema: &'s SchemaRef) -> Vec<&'s [arrow::datatypes::FieldRef]> {
        let mut rest = &schema.fields()[self.keys.len()..];
        let mut fields = Vec::with_capacity(self.states.len());
        for state in &self.states {
            let has_carry =
                |next: Option<&arrow::datatypes::FieldRef>| next.is_some_and(|field| field.name().ends_with("[carry]"));
            let count = match state {
                State::Count(_) | State::Extreme { .. } => 1,
                State::Average { .. } => 2,
                State::Sum { .. } => 1 + usize::from(has_carry(rest.get(1))),
            };
            let (own, after) = rest.split_at(count.min(rest.len()));
            fields.push(own);
            rest = after;
        }
        fields
    }
}

/// Folds in the making.
#[derive(Default)]
struct Folding {
    building: Building,
    table: Option<Arc<Pinned>>,
    arguments: Vec<(usize, bool)>,
    /// The rows that no filter has dropped.
    kept: Option<NodeId>,
    results: Vec<NodeId>,
    folds: Vec<GroupFold>,
}

impl Folding {
    /// The columns of a plan.
    fn level(&mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Level> {
        if let Some(scan) = plan.downcast_ref::<PinnedScanExec>() {
            return self.scan(scan, plan.schema());
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            let level = self.level(filter.input())?;
            let condition = self.building.condition(filter.predicate(), &level)?;
            let holds = self.building.is_true(&condition)?;
            self.kept = self.building.both(self.kept, Some(holds))?;
            let columns = match filter.projection() {
                Some(projection) => projection.iter().map(|&column| level.columns[column].clone()).collect(),
                None => level.columns,
            };
            return Ok(Level { schema: plan.schema(), columns });
        }
        let Some(projection) = plan.downcast_ref::<ProjectionExec>() else { return Err(no_form(plan.name())) };
        let level = self.level(projection.input())?;
        // What has no form matters only if somebody asks for it.
        let columns = projection.expr().iter().map(|column| self.building.expr(&column.expr, &level).ok());
        Ok(Level { columns: columns.collect(), schema: plan.schema() })
    }

    fn scan(&mut self, scan: &PinnedScanExec, schema: SchemaRef) -> Result<Level> {
        let table = scan.table();
        self.table = Some(Arc::clone(table));
        let mut columns = Vec::with_capacity(scan.columns().len());
        for &number in scan.columns() {
            let Some(column) = table.column(number) else {
                columns.push(None);
                continue;
            };
            let node = self.argument(number, false, column.dtype);
            let valid = column.is_nullable.then(|| self.argument(number, true, DType::Bool));
            let g = &mut self.building.graph;
            let (node, of) = match &column.of {
                Of::Floats => (g.cast(node, DType::F64)?, Kind::Float { is_single: column.dtype == DType::F32 }),
                Of::Bools => (node, Kind::Bool),
                Of::Integers(low, high) if low > high => (g.cast(node, DType::I64)?, Kind::Integer(0, 0)),
                Of::Integers(low, high) => (g.cast(node, DType::I64)?, Kind::Integer((*low).into(), (*high).into())),
                Of::Words(strings) => (g.cast(node, DType::I64)?, Kind::Words(Arc::clone(strings))),
            };
            columns.push(Some(Value::new(node, valid, of)));
        }
        Ok(Level { schema, columns })
    }

    fn argument(&mut self, column: usize, is_valid: bool, dtype: DType) -> NodeId {
        let name = format!("{}{column}", if is_valid { "valid" } else { "column" });
        self.arguments.push((column, is_valid));
        self.building.graph.input(&name, Type::new(dtype, rows()))
    }

    /// The group of each row: of those that are dropped, none.
    fn group(&mut self, code: Option<NodeId>) -> Result<Option<usize>> {
        let (first, none) = (self.building.number(0), self.building.number(-1));
        let code = code.unwrap_or(first);
        let code = self.kept.map_or(Ok(code), |kept| self.building.graph.select(kept, code, none))?;
        self.result(code).map(Some)
    }

    fn state(&mut self, function: &AggregateFunctionExpr, only: Option<NodeId>, level: &Level) -> Result<State> {
        if function.is_distinct() || !function.order_bys().is_empty() || is_exact(function.fun()) {
            return Err(no_form(function.name()));
        }
        let arguments = function.expressions();
        let (name, [argument]) = (function.fun().name(), arguments.as_slice()) else { return Err(no_form(function.name())) };
        let value = self.building.expr(argument, level)?;
        let counted = self.building.both(value.valid, only)?;
        let rows = self.count(counted)?;
        match name {
            "count" => Ok(State::Count(rows)),
            "sum" => Ok(State::Sum { term: self.term(&value, counted, argument)?, rows }),
            "avg" => Ok(State::Average { term: self.term(&value, counted, argument)?, rows }),
            "min" | "max" => self.extreme(name == "min", &value, counted, rows),
            _ => Err(no_form(function.name())),
        }
    }

    fn term(&mut self, value: &Value, counted: Option<NodeId>, argument: &crate::wrapped::Expr) -> Result<Term> {
        match value.of {
            Kind::Float { is_single: false } => self.fold(GroupOp::Sum, value.node, counted).map(Term::Whole),
            Kind::Integer(..) => {
                let (low, high) = value.range().ok_or_else(|| no_form(argument))?;
                if low.abs().max(high.abs()) < 1 << TERM_BITS {
                    return self.fold(GroupOp::Sum, value.node, counted).map(Term::Whole);
                }
                let (mask, bits) = (self.building.number(0xffff_ffff), self.building.number(32));
                let lower = self.building.map2(Fn2::And, value.node, mask)?;
                let upper = self.building.map2(Fn2::Shr, value.node, bits)?;
                Ok(Term::Halves(self.fold(GroupOp::Sum, lower, counted)?, self.fold(GroupOp::Sum, upper, counted)?))
            }
            _ => Err(no_form(argument)),
        }
    }

    fn extreme(&mut self, is_least: bool, value: &Value, counted: Option<NodeId>, rows: usize) -> Result<State> {
        let (node, of) = match &value.of {
            Kind::Integer(..) => (value.node, Extreme::Integers),
            Kind::Float { .. } => (self.building.in_order(value.node)?, Extreme::Floats),
            Kind::Words(strings) => (value.node, Extreme::Words(Arc::clone(strings))),
            Kind::Bool => return Err(no_form("extremes of bool")),
        };
        let op = if is_least { GroupOp::Min } else { GroupOp::Max };
        Ok(State::Extreme { fold: self.fold(op, node, counted)?, rows, of })
    }

    /// The fold that counts these rows.
    fn count(&mut self, counted: Option<NodeId>) -> Result<usize> {
        let rows = counted.map(|node| self.result(node)).transpose()?;
        Ok(self.kept_fold(GroupFold { op: GroupOp::Count, value: None, rows }))
    }

    fn fold(&mut self, op: GroupOp, node: NodeId, counted: Option<NodeId>) -> Result<usize> {
        let value = Some(self.result(node)?);
        let rows = counted.map(|node| self.result(node)).transpose()?;
        Ok(self.kept_fold(GroupFold { op, value, rows }))
    }

    fn kept_fold(&mut self, fold: GroupFold) -> usize {
        let known = self.folds.iter().position(|known| *known == fold);
        known.unwrap_or_else(|| {
            self.folds.push(fold);
            self.folds.len() - 1
        })
    }

    /// A result of the function: of each row, though it were the same for all.
    fn result(&mut self, node: NodeId) -> Result<usize> {
        let node = self.building.graph.broadcast_to(node, &rows())?;
        let known = self.results.iter().position(|known| *known == node);
        Ok(known.unwrap_or_else(|| {
            self.results.push(node);
            self.results.len() - 1
        }))
    }

    fn finish(self, groups: usize, group: Option<usize>, keys: Vec<Key>, states: Vec<State>, rows: usize) -> Result<Lowered> {
        let table = self.table.filter(|_| !self.arguments.is_empty());
        let table = table.ok_or_else(|| Error::not_implemented("device", "an aggregate that reads no column"))?;
        let function = Function::new(self.building.graph, self.results)?;
        let grouped = Grouped::new(&function, self.folds, group, groups)?;
        Ok(Lowered { table, grouped, arguments: self.arguments, keys, states, rows })
    }
}

/// One number a row.
fn rows() -> Shape {
    Shape::new([Dim::symbol("N")])
}
