//! The Python extension: thin classes over the engine. What users import is in `python/gradframe`.

mod apply_array;
mod array;
mod batches;
mod bound_values;
mod chat;
mod constants;
mod dataframe;
mod display;
mod errors;
mod estimators;
mod expr;
mod frames_in_sql;
mod generating;
mod group_by;
mod hints;
mod interop;
mod lazyframe;
mod learning;
mod load;
mod map;
mod map_column;
mod model;
mod notices;
mod packages;
mod pretrained;
mod profile;
mod progress;
mod registry;
mod run;
mod runtime;
mod series;
mod session;
mod sinks;
mod stop;
mod taking;
mod texts;
mod values;
mod verbs;
mod wait;

use pyo3::prelude::*;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the command line and gives its exit code.
#[pyfunction]
fn run_command(py: Python<'_>, arguments: Vec<String>) -> u8 {
    py.detach(|| gradframe_cli::run(arguments.into_iter().map(Into::into)))
}

#[pymodule]
fn _gradframe(module: &Bound<'_, PyModule>) -> PyResult<()> {
    packages::tell();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(run_command, module)?)?;
    module.add_class::<session::PySession>()?;
    module.add_class::<lazyframe::PyLazyFrame>()?;
    module.add_class::<group_by::PyGroupBy>()?;
    module.add_class::<batches::PyBatches>()?;
    module.add_class::<dataframe::PyDataFrame>()?;
    module.add_class::<series::PySeries>()?;
    module.add_class::<model::PyModel>()?;
    module.add_class::<load::PyLoader>()?;
    module.add_class::<run::PyRun>()?;
    module.add_class::<stop::PyStop>()?;
    module.add_function(wrap_pyfunction!(run::start_run, module)?)?;
    module.add_function(wrap_pyfunction!(load::shuffle, module)?)?;
    module.add_function(wrap_pyfunction!(load::outline, module)?)?;
    module.add_function(wrap_pyfunction!(map::map_batches, module)?)?;
    module.add_function(wrap_pyfunction!(map_column::map_column, module)?)?;
    module.add_function(wrap_pyfunction!(apply_array::apply_array, module)?)?;
    module.add_function(wrap_pyfunction!(profile::profile, module)?)?;
    module.add_function(wrap_pyfunction!(profile::explain, module)?)?;
    module.add_function(wrap_pyfunction!(profile::to_sql, module)?)?;
    module.add_function(wrap_pyfunction!(profile::from_copied_arrow, module)?)?;
    module.add_function(wrap_pyfunction!(frames_in_sql::sql_with, module)?)?;
    module.add_function(wrap_pyfunction!(frames_in_sql::session_of, module)?)?;
    module.add_function(wrap_pyfunction!(frames_in_sql::is_of_session, module)?)?;
    module.add_function(wrap_pyfunction!(frames_in_sql::unknown_tables, module)?)?;
    module.add_function(wrap_pyfunction!(sinks::sink, module)?)?;
    module.add_function(wrap_pyfunction!(chat::render_chat, module)?)?;
    array::register(module)?;
    learning::register(module)?;
    pretrained::register(module)?;
    texts::register(module)?;
    verbs::register(module)?;
    registry::register(module)?;
    expr::register(module)
}
