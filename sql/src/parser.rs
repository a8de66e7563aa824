//! The parser: ours for the statements that DataFusion does not have, DataFusion's for the rest.

use datafusion::common::format::{ExplainFormat, ExplainStatementOptions};
use datafusion::sql::parser::{DFParser, DFParserBuilder};
use datafusion::sql::sqlparser::ast::{ObjectName, Query};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};
use gradframe_ml_core::error::Place;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::dialect::OwnDialect;
use gradframe_plan::ops::text::MODEL_TYPE;
use gradframe_plan::ops::transform::WrittenItem;
use gradframe_plan::services::OnExisting;

use crate::copy_to;
use crate::errors::{at, expected, finish, ours};
use crate::statement::{CreateModel, LoadModel, ModelOption, Parsed, Statement};
use crate::summarize;
use crate::text::SourceText;
use crate::tokens::{StatementTokens, is_word, statements};

/// Parses the statements of a text, which semicolons divide. No statement is no error.
///
/// Errors: `Plan`, with the line and column in `text`.
pub fn parse(text: &str) -> Result<Vec<Parsed>> {
    let source = SourceText::new(text);
    let tokens = ours(statements(text).map_err(ParserError::from))?;
    tokens.into_iter().map(|tokens| parse_statement(&source, tokens)).collect()
}

pub(crate) fn parse_statement(source: &SourceText<'_>, statement: StatementTokens) -> Result<Parsed> {
    let StatementTokens { tokens, start, end } = statement;
    let parsed = StatementParser::new(source, tokens.clone(), end).and_then(StatementParser::parse);
    let statement = parsed.map_err(|error| finish(error, &tokens, end))?;
    Ok(Parsed { statement, text: source.slice(start, end).to_owned() })
}

/// Parses one statement.
struct StatementParser<'a> {
    sql: DFParser<'static>,
    source: &'a SourceText<'a>,
    end: Location,
}

impl<'a> StatementParser<'a> {
    fn new(source: &'a SourceText<'a>, tokens: Vec<TokenWithSpan>, end: Location) -> Result<Self> {
        Ok(Self { sql: ours(DFParserBuilder::new(tokens).with_dialect(&OwnDialect).build())?, source, end })
    }

    fn parse(mut self) -> Result<Statement> {
        let statement = self.statement()?;
        match self.sql.parser.peek_token_ref() {
            token if token.token == Token::EOF => Ok(statement),
            token => Err(expected("end of statement", token)),
        }
    }

    fn statement(&mut self) -> Result<Statement> {
        if self.take(&["EXPLAIN"]) { self.explain() } else { self.explainable() }
    }

    fn explainable(&mut self) -> Result<Statement> {
        if self.take(&["CREATE", "OR", "REPLACE", "MODEL"]) {
            self.create_model(OnExisting::Replace)
        } else if self.take(&["CREATE", "MODEL"]) {
            self.create_model(OnExisting::Error)
        } else if self.take_copy() {
            copy_to::parse(&mut self.sql).map(|copy| Statement::Sql(Box::new(copy)))
        } else if self.take(&["DROP", "MODEL"]) {
            self.drop_model()
        } else if self.take(&["SHOW", "MODELS"]) {
            Ok(Statement::ShowModels)
        } else if self.take(&["SUMMARIZE"]) {
            summarize::query(&mut self.sql).map(|query| Statement::Summarize { query: Box::new(query) })
        } else if self.take(&["CACHE", "TABLE"]) {
            self.cache_table()
        } else if self.take(&["UNCACHE", "TABLE"]) {
            let if_exists = self.take(&["IF", "EXISTS"]);
            Ok(Statement::UncacheTable { name: ours(self.sql.parser.parse_object_name(false))?, if_exists })
        } else if self.take_describe_model() {
            Ok(Statement::DescribeModel { name: self.name()? })
        } else {
            Ok(Statement::Sql(Box::new(ours(self.sql.parse_statement())?)))
        }
    }

    // After CREATE [OR REPLACE] MODEL.
    fn create_model(&mut self, on_existing: OnExisting) -> Result<Statement> {
        let on_existing = self.if_not_exists(on_existing)?;
        let name = self.name()?;
        let place = self.place();
        let (transform, options) = self.clauses()?;
        if is_pretrained(&options) {
            return self.load_model(name, on_existing, (transform, place), options);
        }
        let (query, query_text) = self.as_query()?;
        Ok(Statement::CreateModel(Box::new(CreateModel { name, on_existing, transform, options, query, query_text })))
    }

    /// A pretrained model has nothing to train with.
    fn load_model(
        &mut self,
        name: ObjectName,
        on_existing: OnExisting,
        (transform, place): (Option<Vec<WrittenItem>>, Location),
        options: Vec<ModelOption>,
    ) -> Result<Statement> {
        let (here, has_query) = (self.place(), self.take(&["AS"]));
        let refused = |what: &str, place| {
            let error = Error::plan("create model", format!("model_type `{MODEL_TYPE}` takes no {what}"));
            Err(at(error.hint("it is trained already"), place))
        };
        match (transform, has_query) {
            (Some(_), _) => refused("TRANSFORM", place),
            (None, true) => refused("query", here),
            (None, false) => Ok(Statement::LoadModel(Box::new(LoadModel { name, on_existing, options }))),
        }
    }

    fn if_not_exists(&mut self, on_existing: OnExisting) -> Result<OnExisting> {
        let place = self.place();
        match (self.take(&["IF", "NOT", "EXISTS"]), on_existing) {
            (false, on_existing) => Ok(on_existing),
            (true, OnExisting::Replace) => {
                let error = Error::plan("create model", "OR REPLACE and IF NOT EXISTS exclude each other");
                Err(at(error.hint("keep one of them"), place))
            }
            (true, _) => Ok(OnExisting::Keep),
        }
    }

    /// TRANSFORM (...) and OPTIONS (...), in either order.
    fn clauses(&mut self) -> Result<(Option<Vec<WrittenItem>>, Vec<ModelOption>)> {
        if let Some(transform) = self.transform()? {
            return Ok((Some(transform), self.options()?));
        }
        let options = self.options()?;
        Ok((self.transform()?, options))
    }

    fn transform(&mut self) -> Result<Option<Vec<WrittenItem>>> {
        if !self.take(&["TRANSFORM"]) {
            return Ok(None);
        }
        ours(self.sql.parser.expect_token(&Token::LParen))?;
        let mut items = vec![self.transform_item()?];
        while self.sql.parser.consume_token(&Token::Comma) {
            items.push(self.transform_item()?);
        }
        ours(self.sql.parser.expect_token(&Token::RParen))?;
        Ok(Some(items))
    }

    fn transform_item(&mut self) -> Result<WrittenItem> {
        let start = self.place();
        ours(self.sql.parser.parse_select_item())?;
        let end = self.sql.parser.get_current_token().span.end;
        let place = Some(Place { line: start.line, column: start.column });
        Ok(WrittenItem { sql: self.source.slice(start, end).to_owned(), place })
    }

    fn options(&mut self) -> Result<Vec<ModelOption>> {
        let mut options: Vec<ModelOption> = Vec::new();
        if !self.take(&["OPTIONS"]) {
            let error = expected("OPTIONS", self.sql.parser.peek_token_ref());
            return Err(error.hint("a model needs its type: OPTIONS (model_type = 'linear_reg')"));
        }
        ours(self.sql.parser.expect_token(&Token::LParen))?;
        while !self.sql.parser.consume_token(&Token::RParen) {
            let option = self.option()?;
            if options.iter().any(|other| other.name == option.name) {
                return Err(at(Error::plan("create model", format!("option `{}` is given twice", option.name)), option.place));
            }
            options.push(option);
            if !self.sql.parser.consume_token(&Token::Comma) {
                ours(self.sql.parser.expect_token(&Token::RParen))?;
                break;
            }
        }
        Ok(options)
    }

    fn option(&mut self) -> Result<ModelOption> {
        let name = ours(self.sql.parser.parse_identifier())?;
        ours(self.sql.parser.expect_token(&Token::Eq))?;
        let value = ours(self.sql.parser.parse_expr())?;
        Ok(ModelOption { name: name.value.to_lowercase(), value, place: name.span.start })
    }

    fn as_query(&mut self) -> Result<(Box<Query>, String)> {
        if !self.take(&["AS"]) {
            let error = expected("AS", self.sql.parser.peek_token_ref());
            return Err(error.hint("the training data comes last: CREATE MODEL m OPTIONS (...) AS SELECT ..."));
        }
        let start = self.place();
        let query = ours(self.sql.parser.parse_query())?;
        Ok((query, self.source.slice(start, self.end).to_owned()))
    }

    // After CACHE TABLE.
    fn cache_table(&mut self) -> Result<Statement> {
        let name = ours(self.sql.parser.parse_object_name(false))?;
        let on_cuda = self.take(&["ON", "CUDA"]);
        if !on_cuda && !self.take(&["ON", "CPU"]) {
            let error = expected("ON CUDA or ON CPU", self.sql.parser.peek_token_ref());
            return Err(error.hint(format!("say where: CACHE TABLE {name} ON CUDA")));
        }
        Ok(Statement::CacheTable { name, on_cuda })
    }

    // After DROP MODEL.
    fn drop_model(&mut self) -> Result<Statement> {
        let if_exists = self.take(&["IF", "EXISTS"]);
        Ok(Statement::DropModel { name: self.name()?, if_exists })
    }

    // After EXPLAIN.
    fn explain(&mut self) -> Result<Statement> {
        let place = self.place();
        let options = if self.explain_options_follow() { self.explain_option_list() } else { self.explain_keywords() };
        let options = options.map_err(|error| wrong_explain_option(error, place))?;
        let place = self.place();
        if self.take(&["EXPLAIN"]) {
            return Err(at(Error::plan("explain", "a plan can be explained only once"), place));
        }
        Ok(Statement::Explain { options, statement: Box::new(self.explainable()?) })
    }

    /// Tells `EXPLAIN (ANALYZE) SELECT ...` from `EXPLAIN (SELECT ...)`.
    fn explain_options_follow(&self) -> bool {
        let [first, second] = self.sql.parser.peek_tokens_ref();
        let starts_query = ["SELECT", "WITH", "VALUES", "TABLE", "FROM"].iter().any(|word| is_word(&second.token, word));
        first.token == Token::LParen && matches!(second.token, Token::Word(_)) && !starts_query
    }

    fn explain_option_list(&mut self) -> Result<ExplainStatementOptions> {
        let options = ours(self.sql.parser.parse_utility_options())?;
        ours(ExplainStatementOptions::from_utility_options(&options))
    }

    fn explain_keywords(&mut self) -> Result<ExplainStatementOptions> {
        let analyze = self.sql.parser.parse_keyword(Keyword::ANALYZE);
        let verbose = self.sql.parser.parse_keyword(Keyword::VERBOSE);
        let format = ours(self.sql.parse_explain_format())?;
        let format = ours(format.map(|format| format.parse::<ExplainFormat>()).transpose())?;
        Ok(ExplainStatementOptions { analyze, verbose, format, ..Default::default() })
    }

    fn name(&mut self) -> Result<ObjectName> {
        match self.sql.parser.peek_token_ref() {
            token if matches!(token.token, Token::Word(_)) => ours(self.sql.parser.parse_object_name(false)),
            token => Err(expected("the name of a model", token)),
        }
    }

    /// COPY INTO is another statement.
    fn take_copy(&mut self) -> bool {
        !is_word(&self.sql.parser.peek_nth_token_ref(1).token, "INTO") && self.take(&["COPY"])
    }

    /// `DESCRIBE model` alone describes a table of that name.
    fn take_describe_model(&mut self) -> bool {
        let is_name = matches!(self.sql.parser.peek_nth_token_ref(2).token, Token::Word(_));
        is_name && (self.take(&["DESCRIBE", "MODEL"]) || self.take(&["DESC", "MODEL"]))
    }

    /// Consumes these words if all of them follow, else nothing.
    fn take(&mut self, words: &[&str]) -> bool {
        let follow = words.iter().enumerate().all(|(n, word)| is_word(&self.sql.parser.peek_nth_token_ref(n).token, word));
        if follow {
            words.iter().for_each(|_| self.sql.parser.advance_token());
        }
        follow
    }

    /// Where the next token starts; line 0 at the end.
    fn place(&self) -> Location {
        self.sql.parser.peek_token_ref().span.start
    }
}

/// Whether the options name the model type of pretrained models.
fn is_pretrained(options: &[ModelOption]) -> bool {
    let named = |option: &&ModelOption| option.name == "model_type";
    let value = options.iter().find(named).map(|option| option.value.to_string());
    value.is_some_and(|value| value.trim_matches('\'').eq_ignore_ascii_case(MODEL_TYPE))
}

/// DataFusion checks the options and does not know where they stand.
fn wrong_explain_option(error: Error, place: Location) -> Error {
    match error {
        Error::Plan(detail) if detail.place.is_none() => at(Error::plan("explain", detail.what), place),
        other => other,
    }
}
