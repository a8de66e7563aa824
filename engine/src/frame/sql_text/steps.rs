//! The steps of a plan, each as a clause of the SELECT below it or as a SELECT of its own.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    EmptyRelation, Expr, Extension, FetchType, Filter, Limit, LogicalPlan, Projection, SkipType, Sort, TableScan,
    UserDefinedLogicalNode, Window,
};
use gradframe_plan::error::from_datafusion;

use super::expressions::Scope;
use super::literals::{literal, typed};
use super::names::{quoted, unique};
use super::select::Select;
use super::{Sources, no_words};
use crate::Result;

/// Writes a plan down.
pub(super) struct Writer<'a> {
    pub(super) state: &'a SessionState,
    sources: &'a Sources,
    /// The queries of the WITH: name and text.
    with: Vec<(String, String)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(state: &'a SessionState, sources: &'a Sources) -> Self {
        Writer { state, sources, with: vec![] }
    }

    /// The whole statement.
    pub(super) fn text(mut self, plan: &LogicalPlan) -> Result<String> {
        let select = self.plan(plan)?;
        let names: Vec<&String> = plan.schema().fields().iter().map(|field| field.name()).collect();
        let select = match names.iter().zip(&select.columns).all(|(name, column)| *name == column) {
            true => select,
            false => self.renamed(select, &names),
        };
        // Not indented: a text may be in it, whose lines are its own.
        let named = |(name, text): &(String, String)| format!("{name} AS (\n{text}\n)");
        let with: Vec<String> = self.sources.readings().iter().chain(&self.with).map(named).collect();
        Ok(if with.is_empty() { select.text() } else { format!("WITH {}\n{}", with.join(", "), select.text()) })
    }

    fn renamed(&mut self, select: Select, names: &[&String]) -> Select {
        let (columns, mut outer) = (select.columns.clone(), self.below(select));
        outer.items = Some(columns.iter().zip(names).map(|(column, name)| aliased(quoted(column), name)).collect());
        outer
    }

    /// The plan as a SELECT.
    pub(super) fn plan(&mut self, plan: &LogicalPlan) -> Result<Select> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(step) => self.projection(step),
            LogicalPlan::Filter(step) => self.filter(step),
            LogicalPlan::Sort(step) => self.sort(step),
            LogicalPlan::Limit(step) => self.limit(step),
            LogicalPlan::Aggregate(step) => self.aggregate(step),
            LogicalPlan::Window(step) => self.window(step),
            LogicalPlan::Join(step) => self.join(step),
            LogicalPlan::Union(step) => self.union(step),
            LogicalPlan::Distinct(step) => self.distinct(step),
            LogicalPlan::Unnest(step) => self.unnest(step),
            LogicalPlan::SubqueryAlias(step) => self.plan(&step.input),
            LogicalPlan::Values(step) => self.values(step),
            LogicalPlan::EmptyRelation(step) if !step.produce_one_row && step.schema.fields().is_empty() => {
                Err(no_words("no column and no row"))
            }
            LogicalPlan::EmptyRelation(step) => Ok(empty(step)),
            LogicalPlan::Extension(step) => self.extension(step),
            LogicalPlan::RecursiveQuery(_) => Err(no_words("WITH RECURSIVE")),
            other => Err(no_words(format!("the step `{}`", other.display()))),
        }
    }

    /// A query over this one, in no order.
    pub(super) fn below(&mut self, select: Select) -> Select {
        let columns = select.columns.clone();
        self.named(Select { order: if select.is_cut() { select.order.clone() } else { String::new() }, ..select }.text(), columns)
    }

    /// A query over this one in its order, which a query inside of another does not keep.
    pub(super) fn below_in_order(&mut self, mut select: Select) -> Select {
        if select.order.is_empty() || select.distinct || select.keys.is_some() {
            return self.below(select);
        }
        let columns = select.columns.clone();
        let sorted = hidden("sorted", &columns);
        select.items = Some(with_number(&select, &sorted));
        if !select.is_cut() {
            select.order.clear();
        }
        self.in_order_of(select.text(), columns, &[&sorted])
    }

    /// A query over the rows of another, whose text this is, in the order of columns that it has beside these.
    pub(super) fn in_order_of(&mut self, text: String, columns: Vec<String>, order: &[&str]) -> Select {
        let mut outer = self.named(text, columns);
        outer.order = order.iter().map(|column| format!("{}.{column}", outer.from)).collect::<Vec<_>>().join(", ");
        outer.has_hidden = true;
        outer
    }

    /// A query over the rows of another, whose text this is.
    pub(super) fn named(&mut self, text: String, columns: Vec<String>) -> Select {
        let mut number = self.with.len() + 1;
        while self.sources.taken.contains(&format!("step_{number}")) {
            number += 1;
        }
        let name = format!("step_{number}");
        self.with.push((name.clone(), text));
        Select::from(name, columns)
    }

    /// A name for the rows of a query, which FROM can say.
    pub(super) fn relation(&mut self, select: Select) -> String {
        let is_whole =
            select.is_of_rows() && select.conditions.is_empty() && !select.from.is_empty() && !select.from.contains(' ');
        let is_whole = is_whole && !select.has_hidden;
        if is_whole { select.from } else { self.below(select).from }
    }

    /// The query if only rows were chosen in it, else one over it. Their order is kept.
    pub(super) fn of_rows(&mut self, plan: &LogicalPlan) -> Result<Select> {
        let select = self.plan(plan)?;
        Ok(if select.is_of_rows() { select } else { self.below_in_order(select) })
    }

    /// The same, in no order.
    pub(super) fn of_unordered_rows(&mut self, plan: &LogicalPlan) -> Result<Select> {
        let mut select = self.of_rows(plan)?;
        select.order.clear();
        Ok(select)
    }

    fn scan(&mut self, scan: &TableScan) -> Result<Select> {
        let all: Vec<String> = scan.source.schema().fields().iter().map(|field| field.name().clone()).collect();
        let mut select = Select::from(self.sources.name(scan)?, all.clone());
        let source = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema());
        let source = source.map_err(from_datafusion)?;
        let texts: Vec<String> = all.iter().map(|name| quoted(name)).collect();
        for filter in &scan.filters {
            let condition = self.expr(filter, &Scope { schema: &source, columns: &texts })?;
            select.conditions.push(condition);
        }
        select.limit = scan.fetch.map(|rows| rows.to_string());
        if let Some(chosen) = &scan.projection {
            select.items = Some(chosen.iter().map(|index| texts[*index].clone()).collect());
            select.columns = chosen.iter().map(|index| all[*index].clone()).collect();
        }
        Ok(select)
    }

    fn projection(&mut self, step: &Projection) -> Result<Select> {
        let select = self.plan(&step.input)?;
        // Rows are chosen and sorted first, and then computed of.
        let fits = select.items.is_none() && !select.distinct;
        let select = if fits { select } else { self.below_in_order(select) };
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        self.with_items(select, step.input.schema(), &step.expr, names)
    }

    /// These expressions over the rows of a query.
    pub(super) fn with_items(
        &mut self,
        mut select: Select,
        schema: &DFSchema,
        exprs: &[Expr],
        names: Vec<String>,
    ) -> Result<Select> {
        let texts = texts(&select);
        let scope = Scope { schema, columns: &texts };
        let item = |(expr, name): (&Expr, &String)| Ok(aliased(self.expr(expr, &scope)?, name));
        select.items = Some(exprs.iter().zip(&names).map(item).collect::<Result<_>>()?);
        if select.items.as_ref().is_some_and(Vec::is_empty) {
            return Err(no_words("rows without columns"));
        }
        select.columns = names;
        Ok(select)
    }

    fn filter(&mut self, step: &Filter) -> Result<Select> {
        let mut select = self.of_rows(&step.input)?;
        let texts = texts(&select);
        let scope = Scope { schema: step.input.schema(), columns: &texts };
        let is_first = select.conditions.is_empty();
        let condition = self.expr(&step.predicate, &scope)?;
        select.conditions.push(if is_first { condition } else { format!("({condition})") });
        if select.conditions.len() == 2 {
            select.conditions[0] = format!("({})", select.conditions[0]);
        }
        Ok(select)
    }

    fn sort(&mut self, step: &Sort) -> Result<Select> {
        let select = self.plan(&step.input)?;
        // An order that was there before tells equal keys apart: sorts are stable where frames need them to be.
        let mut select = if select.is_of_rows() && is_relation(&select.from) { select } else { self.below_in_order(select) };
        let texts: Vec<String> = texts(&select).into_iter().map(|column| format!("{}.{column}", select.from)).collect();
        select.order = self.order(&step.expr, &Scope { schema: step.input.schema(), columns: &texts })?;
        select.limit = step.fetch.map(|rows| rows.to_string());
        Ok(select)
    }

    fn limit(&mut self, step: &Limit) -> Result<Select> {
        let select = self.plan(&step.input)?;
        let mut select = if select.is_cut() { self.below(select) } else { select };
        let (skip, fetch) = (step.get_skip_type().map_err(from_datafusion)?, step.get_fetch_type().map_err(from_datafusion)?);
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (skip, fetch) else {
            return Err(no_words("a limit that is computed"));
        };
        select.limit = fetch.map(|rows| rows.min(i64::MAX as usize).to_string());
        select.offset = (skip > 0).then(|| skip.to_string());
        Ok(select)
    }

    fn window(&mut self, step: &Window) -> Result<Select> {
        let counts_rows = step.window_expr.iter().all(counts_rows);
        let select = if counts_rows { self.of_rows(&step.input)? } else { self.of_unordered_rows(&step.input)? };
        let names = output_names(step.schema.fields().iter().map(|field| field.name()));
        if counts_rows {
            return Ok(self.numbered(select, names, step.window_expr.len()));
        }
        let passed = step.input.schema().columns().into_iter().map(Expr::Column);
        let exprs: Vec<Expr> = passed.chain(step.window_expr.iter().cloned()).collect();
        self.with_items(select, step.input.schema(), &exprs, names)
    }

    /// The rows of a query in their order, each with its number, so many times.
    fn numbered(&mut self, mut select: Select, names: Vec<String>, times: usize) -> Select {
        let order = if select.order.is_empty() { String::new() } else { format!("ORDER BY {}", select.order) };
        let number = typed(&format!("row_number() OVER ({order})"), &DataType::UInt64);
        let mut items = texts(&select);
        let added = names.iter().skip(items.len()).take(times);
        items.extend(added.map(|name| aliased(number.clone(), name)));
        (select.items, select.columns) = (Some(items), names);
        select
    }

    fn extension(&mut self, step: &Extension) -> Result<Select> {
        let node: &dyn UserDefinedLogicalNode = step.node.as_ref();
        match (node.name(), node.inputs().as_slice()) {
            // The rows as they come, counted: the same order, without gaps.
            ("RowOrder", [input]) => {
                let select = self.of_rows(input)?;
                let names = output_names(node.schema().fields().iter().map(|field| field.name()));
                Ok(self.numbered(select, names, 1))
            }
            ("Unique", [input]) => self.unique(node, input),
            (name, _) => Err(no_words(format!("the step `{name}`"))),
        }
    }
}

/// A name for a column that only an order is of.
pub(super) fn hidden(what: &str, columns: &[String]) -> String {
    (1_usize..).map(|number| format!("__{what}_{number}")).find(|name| !columns.contains(name)).unwrap_or_default()
}

/// What a query gives, and the number of each row in its order under this name.
pub(super) fn with_number(select: &Select, name: &str) -> Vec<String> {
    let order = if select.order.is_empty() { String::new() } else { format!("ORDER BY {}", select.order) };
    let items = select.items.clone().unwrap_or_else(|| texts(select));
    items.into_iter().chain([format!("row_number() OVER ({order}) AS {name}")]).collect()
}

/// Whether a window numbers the rows as they come.
fn counts_rows(window: &Expr) -> bool {
    match window.clone().unalias() {
        Expr::WindowFunction(window) => {
            let params = &window.params;
            window.fun.name() == "row_number" && params.order_by.is_empty() && params.partition_by.is_empty()
        }
        _ => false,
    }
}

/// Whether it is one name.
fn is_relation(from: &str) -> bool {
    !from.is_empty() && !from.contains(' ')
}

/// A relation of no column, with one row or none.
fn empty(step: &EmptyRelation) -> Select {
    let names = output_names(step.schema.fields().iter().map(|field| field.name()));
    let mut select = Select::from(String::new(), names.clone());
    if !step.produce_one_row {
        let null = |(field, name): (&arrow::datatypes::FieldRef, &String)| aliased(typed("NULL", field.data_type()), name);
        select.items = Some(step.schema.fields().iter().zip(&names).map(null).collect());
        select.conditions.push(literal(&false.into()).unwrap_or_default());
    }
    select
}

/// How the next clause names the columns that a query gives.
pub(super) fn texts(select: &Select) -> Vec<String> {
    select.columns.iter().map(|column| quoted(column)).collect()
}

pub(super) fn output_names<'n>(names: impl IntoIterator<Item = &'n String>) -> Vec<String> {
    unique(names)
}

pub(super) fn aliased(text: String, name: &str) -> String {
    let name = quoted(name);
    if text == name { text } else { format!("{text} AS {name}") }
}
