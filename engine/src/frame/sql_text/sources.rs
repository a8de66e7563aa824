//! The rows that a plan reads and that no catalog has a name for: files, which the text reads by themselves, and rows in memory, which
//! are given with it.

use std::sync::Arc;

use arrow::array::ArrayRef;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::functions_table::generate_series::{GenerateSeriesTable, GenericSeriesState};
use datafusion::logical_expr::{LogicalPlan, TableScan, TableSource};
use datafusion::scalar::ScalarValue;
use gradframe_connectors::files::call_of;
use gradframe_plan::error::from_datafusion;

use super::literals::{literal, quoted};
use super::{names, no_words};
use crate::Result;
use crate::session::UNNAMED;

/// What rows without a name in the catalog are called.
const FRAME: &str = "frame";

/// The rows that a plan reads under no name, each once, and what they are called.
pub(super) struct Sources {
    own: Vec<Source>,
    /// Names of the catalog that the plan uses, in lower case.
    pub(super) taken: Vec<String>,
}

/// Some rows without a name in the catalog.
struct Source {
    name: String,
    rows: Arc<dyn TableSource>,
    /// The query that gives them, where they are files or a series of numbers.
    reading: Option<String>,
}

impl Sources {
    /// Those of an expression over columns.
    pub(super) fn none() -> Self {
        Sources { own: vec![], taken: vec![] }
    }

    /// Those of a plan.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Self> {
        Self::read(plan, false)
    }

    /// The same, paths of files from the root, whatever the working directory.
    pub(super) fn from_anywhere(plan: &LogicalPlan) -> Result<Self> {
        Self::read(plan, true)
    }

    fn read(plan: &LogicalPlan, roots: bool) -> Result<Self> {
        let mut sources = Sources::none();
        let visited = plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                sources.add(scan, roots);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        visited.map_err(from_datafusion)?;
        let Sources { own, taken } = &mut sources;
        let numbered = |number: usize| if number == 1 { FRAME.to_owned() } else { format!("{FRAME}_{number}") };
        let names = (1..).map(numbered).filter(|name| !taken.contains(name));
        own.iter_mut().zip(names).for_each(|(source, name)| source.name = name);
        Ok(sources)
    }

    fn add(&mut self, scan: &TableScan, roots: bool) {
        let reading = query(&scan.source, roots);
        if scan.table_name.table() != UNNAMED && reading.is_none() {
            self.taken.push(scan.table_name.table().to_lowercase());
        } else if self.find(&scan.source).is_none() {
            self.own.push(Source { name: String::new(), rows: Arc::clone(&scan.source), reading });
        }
    }

    fn find(&self, source: &Arc<dyn TableSource>) -> Option<&Source> {
        self.own.iter().find(|known| same_rows(&known.rows, source))
    }

    /// What a scan is called in FROM. Errors: `NotImplemented` for a call whose arguments are not known any more.
    pub(super) fn name(&self, scan: &TableScan) -> Result<String> {
        match (self.find(&scan.source), called(scan)) {
            (Some(source), _) => Ok(names::quoted(&source.name)),
            (None, Some(function)) => Err(no_words(format!("the call of `{function}` in FROM"))),
            (None, None) => Ok(names::table(&scan.table_name)),
        }
    }

    /// The queries that give rows, by name.
    pub(super) fn readings(&self) -> Vec<(String, String)> {
        let reading = |source: &Source| Some((source.name.clone(), source.reading.clone()?));
        self.own.iter().filter_map(reading).collect()
    }

    /// The rows that have to be given with the text, by name.
    pub(super) fn given(&self) -> impl Iterator<Item = (&String, &Arc<dyn TableSource>)> {
        self.own.iter().filter(|source| source.reading.is_none()).map(|source| (&source.name, &source.rows))
    }
}

/// Sources are made anew for each scan of one table.
fn same_rows(left: &Arc<dyn TableSource>, right: &Arc<dyn TableSource>) -> bool {
    match (source_as_provider(left), source_as_provider(right)) {
        (Ok(left), Ok(right)) => Arc::ptr_eq(&left, &right),
        _ => Arc::ptr_eq(left, right),
    }
}

/// The function whose call a scan is: DataFusion names the rows of one so.
fn called(scan: &TableScan) -> Option<&str> {
    scan.table_name.table().strip_suffix("()")
}

/// The query that gives a series of whole numbers; None for other rows.
fn series(source: &Arc<dyn TableSource>) -> Option<String> {
    let provider = source_as_provider(source).ok()?;
    let generator = provider.as_ref().downcast_ref::<GenerateSeriesTable>()?.as_generator(1).ok()?;
    let generator = generator.read();
    let series = generator.as_any().downcast_ref::<GenericSeriesState<i64>>()?;
    let (start, end, step) = (series.start(), series.end(), series.step());
    let step = if *step == 1 { String::new() } else { format!(", {step}") };
    Some(format!("SELECT *\nFROM {}({start}, {end}{step})", series.name()))
}

/// True of rows for which the text of a frame has a query.
pub(in super::super) fn is_read_by_text(scan: &TableScan) -> bool {
    query(&scan.source, false).is_some()
}

/// The query that gives the rows of a table wherever it is run; None for rows in memory, and for tables of the catalog.
fn query(source: &Arc<dyn TableSource>, roots: bool) -> Option<String> {
    reading(source, roots).or_else(|| series(source))
}

/// The query that reads the files of a table; None for other rows, and for options that have no text.
fn reading(source: &Arc<dyn TableSource>, roots: bool) -> Option<String> {
    let provider = source_as_provider(source).ok()?;
    let call = call_of(provider.as_ref() as &dyn TableProvider)?;
    let written = |path: &String| if roots { Some(quoted(&from_root(path)?)) } else { Some(quoted(path)) };
    let paths = call.paths.iter().map(written).collect::<Option<Vec<_>>>()?;
    let paths = match paths.as_slice() {
        [path] => path.clone(),
        paths => format!("[{}]", paths.join(", ")),
    };
    let Some(function) = &call.function else { return Some(format!("SELECT *\nFROM {paths}")) };
    let options = call.options.iter().map(|(name, value)| Some(format!("{} => {}", names::quoted(name), option(value)?)));
    let arguments = [Some(paths)].into_iter().chain(options).collect::<Option<Vec<_>>>()?;
    Some(format!("SELECT *\nFROM {function}({})", arguments.join(", ")))
}

/// The path from the root; None where there is no working directory. Addresses are as they are.
fn from_root(path: &str) -> Option<String> {
    if path.contains("://") {
        return Some(path.to_owned());
    }
    // Not `std::path::absolute`: a slash at the end says that it is a directory.
    Some(std::env::current_dir().ok()?.join(path).to_string_lossy().into_owned())
}

/// An option's value as a reading function takes it.
fn option(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::List(list) => {
            let items = ScalarValue::convert_array_to_scalar_vec(list.as_ref()).ok()?;
            let items = items.iter().flatten().flatten().map(option).collect::<Option<Vec<_>>>()?;
            Some(format!("[{}]", items.join(", ")))
        }
        ScalarValue::Struct(fields) => {
            let field = |(name, values): (&str, &ArrayRef)| {
                Some(format!("{}: {}", quoted(name), option(&ScalarValue::try_from_array(values, 0).ok()?)?))
            };
            let fields = fields.column_names().into_iter().zip(fields.columns()).map(field).collect::<Option<Vec<_>>>()?;
            Some(format!("{{{}}}", fields.join(", ")))
        }
        ScalarValue::Null | ScalarValue::Boolean(Some(_)) | ScalarValue::Int64(Some(_)) => literal(value).ok(),
        ScalarValue::Float64(Some(number)) if number.is_finite() => Some(format!("{number:?}")),
        ScalarValue::Utf8(Some(text)) => Some(quoted(text)),
        _ => None,
    }
}
