//! Gradframe's SQL: DataFusion's, BigQuery ML's statements and relations, and files in FROM.
//!
//! [`parse`] cuts a text into statements, [`plan`] turns each into a plan or an effect for the engine to execute.
//! All that is new in SQL is new here; below this crate there are only operators of the plan.

mod bound;
mod cast_keys;
mod clauses;
mod column_lists;
mod constraints;
mod copies;
mod copy_to;
mod create_model;
mod dates_beside_intervals;
mod deep_copy;
mod drawn_ctes;
mod dropped_words;
mod errors;
mod everyday;
mod exact_literals;
mod expressions;
mod intervals;
mod likes;
mod literal;
mod ml_call;
mod models_named;
mod names;
mod parser;
mod pivots;
mod plan;
mod quantified;
mod relations;
mod rows_in;
mod show_tables;
mod signed_counts;
mod sources;
mod spellings;
mod statement;
mod summarize;
mod tables;
mod text;
mod texts_of_moments;
mod titles;
mod tokens;
mod unnested;
mod using;
mod visit;
mod windows;
mod words;

pub use bound::{BoundValues, parse_bound};
pub use models_named::names_model;
pub use parser::parse;
pub use plan::{Planned, Rerun, plan, plan_rerun, plan_view};
pub use relations::MlRelationPlanner;
pub use signed_counts::SIGNED_COUNTS;
pub use statement::{CreateModel, LoadModel, ModelOption, Parsed, Statement};
pub use tables::tables;
