//! EXPLAIN, of statements of ours too.

use std::sync::Arc;

use datafusion::common::format::ExplainStatementOptions;
use datafusion::logical_expr::{LogicalPlan, PlanType, ToStringifiedPlan};
use datafusion::sql::parser::{DFParser, ExplainStatement, Statement as SqlStatement};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::ops::relations::show_models;

use super::{Planned, StatementPlanner};
use crate::deep_copy::deep_copy;
use crate::errors::ours;
use crate::statement::Statement;

impl StatementPlanner<'_> {
    /// EXPLAIN of any statement that has a plan. Errors: `Plan` for the others.
    pub(super) async fn explain(&self, options: &ExplainStatementOptions, statement: &Statement, text: &str) -> Result<Planned> {
        let (plan, trains) = match statement {
            Statement::Sql(sql) => {
                let explain = ExplainStatement { options: options.clone(), statement: deep_copy(sql, text.len())? };
                return self.sql_effect(SqlStatement::Explain(explain), text).await;
            }
            Statement::CreateModel(create) => (self.training(create).await?, true),
            Statement::ShowModels => (show_models(&self.services)?, false),
            Statement::DescribeModel { name } => (self.describe_model(name)?, false),
            Statement::Summarize { query } => (self.summary(query).await?, false),
            Statement::LoadModel(_)
            | Statement::DropModel { .. }
            | Statement::CacheTable { .. }
            | Statement::UncacheTable { .. }
            | Statement::Explain { .. } => {
                return Err(Error::plan("explain", "the statement has no plan"));
            }
        };
        let explained = self.explained(options, plan).await?;
        Ok(if trains && options.analyze { Planned::Train(explained) } else { Planned::Query(explained) })
    }

    /// DataFusion checks and applies EXPLAIN's options, on a stand-in whose place the plan then takes.
    async fn explained(&self, options: &ExplainStatementOptions, plan: LogicalPlan) -> Result<LogicalPlan> {
        let stand_in = ours(DFParser::parse_sql("SELECT 1"))?.pop_front();
        let statement = Box::new(stand_in.ok_or_else(|| Error::internal("explain", "no stand-in"))?);
        match self.sql(SqlStatement::Explain(ExplainStatement { options: options.clone(), statement })).await? {
            LogicalPlan::Explain(mut explain) => {
                explain.stringified_plans = vec![plan.to_stringified(PlanType::InitialLogicalPlan)];
                explain.plan = Arc::new(plan);
                Ok(LogicalPlan::Explain(explain))
            }
            LogicalPlan::Analyze(mut analyze) => {
                analyze.input = Arc::new(plan);
                Ok(LogicalPlan::Analyze(analyze))
            }
            other => Err(Error::internal("explain", format!("unexpected plan {}", other.display()))),
        }
    }
}
