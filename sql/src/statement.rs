//! What the parser makes of a text.

use datafusion::common::format::ExplainStatementOptions;
use datafusion::sql::parser::Statement as SqlStatement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query};
use datafusion::sql::sqlparser::tokenizer::Location;
use gradframe_plan::ops::transform::WrittenItem;
use gradframe_plan::services::OnExisting;

/// One statement with the text it was written in.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub statement: Statement,
    /// As the user wrote it, without the closing semicolon and what stands around it. Views are stored in this form.
    pub text: String,
}

/// A statement of Gradframe's SQL.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Anything that DataFusion has.
    Sql(Box<SqlStatement>),
    /// `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name [TRANSFORM (...)] OPTIONS (...) AS query`
    CreateModel(Box<CreateModel>),
    /// `CREATE [OR REPLACE] MODEL [IF NOT EXISTS] name OPTIONS (model_type = 'huggingface', ...)`
    LoadModel(Box<LoadModel>),
    /// `DROP MODEL [IF EXISTS] name`
    DropModel { name: ObjectName, if_exists: bool },
    /// `SHOW MODELS`
    ShowModels,
    /// `DESCRIBE MODEL name`
    DescribeModel { name: ObjectName },
    /// `SUMMARIZE table`, `SUMMARIZE query`
    Summarize { query: Box<SqlStatement> },
    /// `CACHE TABLE name ON CUDA`, or `ON CPU`
    CacheTable { name: ObjectName, on_cuda: bool },
    /// `UNCACHE TABLE [IF EXISTS] name`
    UncacheTable { name: ObjectName, if_exists: bool },
    /// `EXPLAIN [ANALYZE] [VERBOSE] [FORMAT f] statement` and `EXPLAIN (option, ...) statement`
    Explain { options: ExplainStatementOptions, statement: Box<Statement> },
}

/// `CREATE MODEL`.
#[derive(Debug, Clone)]
pub struct CreateModel {
    pub name: ObjectName,
    pub on_existing: OnExisting,
    /// The items of TRANSFORM (...), as the user wrote them.
    pub transform: Option<Vec<WrittenItem>>,
    /// In the order written; each name once.
    pub options: Vec<ModelOption>,
    /// The training data.
    pub query: Box<Query>,
    /// The query as the user wrote it.
    pub query_text: String,
}

/// `CREATE MODEL` of a pretrained one.
#[derive(Debug, Clone)]
pub struct LoadModel {
    pub name: ObjectName,
    pub on_existing: OnExisting,
    /// In the order written; each name once.
    pub options: Vec<ModelOption>,
}

/// `name = value` in OPTIONS.
#[derive(Debug, Clone)]
pub struct ModelOption {
    /// In lower case.
    pub name: String,
    /// Not yet known to be a literal.
    pub value: Expr,
    /// Where its name stands.
    pub place: Location,
}
