//! Errors of DataFusion in ours: by whose fault, and with what place and name.

use std::sync::Arc;

use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use gradframe_ml_core::Error;

use super::{from_datafusion, to_datafusion};

fn ours() -> Error {
    Error::execution("train", "label `y` has a null").hint("filter it out").at(2, 7)
}

#[test]
fn our_errors_survive_every_wrapping() {
    let plain = || to_datafusion(ours());
    let arrow = DataFusionError::ArrowError(Box::new(arrow::error::ArrowError::ExternalError(Box::new(plain()))), None);
    let wrapped = [
        plain(),
        plain().context("while training"),
        DataFusionError::Shared(Arc::new(plain().context("twice"))),
        DataFusionError::External(Box::new(plain())),
        DataFusionError::Collection(vec![plain()]),
        arrow,
    ];
    for error in wrapped {
        let back = from_datafusion(error);
        assert_eq!((back.kind(), back.to_string()), ("Execution", ours().to_string()));
    }
}

#[test]
fn unknown_columns_get_the_nearest_name() {
    let valid_fields = ["arr_delay", "Distance"].map(Column::from_name).to_vec();
    let unknown = |name: &str| {
        let field = Box::new(Column::from_name(name));
        let schema = SchemaError::FieldNotFound { field, valid_fields: valid_fields.clone() };
        from_datafusion(DataFusionError::SchemaError(Box::new(schema), Box::new(None))).to_string()
    };
    assert_eq!(unknown("arr_dely"), "query: unknown column `arr_dely`; hint: did you mean `arr_delay`?");
    assert_eq!(
        unknown("distance"),
        "query: unknown column `distance`; hint: names are lower case unless quoted: write \"Distance\""
    );
}

#[test]
fn parser_errors_carry_their_place() {
    let message = "Expected: end of statement, found: FORM at Line: 2, Column: 10".to_owned();
    let error = from_datafusion(DataFusionError::SQL(Box::new(ParserError::ParserError(message)), None));
    assert_eq!(error.to_string(), "sql: expected: end of statement, found: FORM (line 2, column 10)");
    assert_eq!(error.kind(), "Plan");
}

#[test]
fn variants_say_whose_fault_it_is() {
    let io = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let cases = [
        (DataFusionError::ResourcesExhausted("Failed to allocate".into()), "Resources"),
        (DataFusionError::NotImplemented("MERGE".into()), "NotImplemented"),
        (DataFusionError::Plan("table 'datafusion.public.t' not found".into()), "Plan"),
        (DataFusionError::Execution("bad".into()), "Execution"),
        (DataFusionError::IoError(io), "Resources"),
        (DataFusionError::Internal("x".into()), "Internal"),
    ];
    for (error, kind) in cases {
        assert_eq!(from_datafusion(error).kind(), kind);
    }
}

#[test]
fn unknown_tables_and_functions_are_named() {
    let plan = |m: &str| from_datafusion(DataFusionError::Plan(m.into())).to_string();
    assert!(plan("table 'datafusion.public.flihgts' not found").starts_with("query: unknown table `flihgts`; hint: "));
    let function = plan("Invalid function 'averge'.\nDid you mean 'avg'?");
    assert_eq!(function, "query: unknown function `averge`; hint: SHOW FUNCTIONS lists them");
}

#[test]
fn planning_errors_are_in_the_users_words() {
    let plan = |m: &str| from_datafusion(DataFusionError::Plan(m.into())).to_string();
    let twice = "Projections require unique expression names but the expression \"Int64(1) AS a\" at position 0 and \
                 \"Int64(2) AS a\" at position 2 have the same name. Consider aliasing (\"AS\") one of them.";
    assert_eq!(plan(twice), "query: columns 1 and 3 of the result have one name, `a`; hint: name one of them otherwise with AS");
    let grouped = "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \"f.a\" \
                   must appear in the GROUP BY clause or must be part of an aggregate function";
    assert!(plan(grouped).starts_with("query: column `f.a` is neither in GROUP BY nor inside an aggregate"));
}

#[test]
fn the_optimizers_rules_and_subqueries_stay_unnamed() {
    let cast = DataFusionError::ArrowError(Box::new(arrow::error::ArrowError::CastError("Cannot cast 'x'".into())), None);
    let error = from_datafusion(cast.context("Optimizer rule 'simplify_expressions' failed"));
    assert_eq!(error.to_string(), "query: cannot cast 'x'");
    let exists = "Physical plan does not support logical expression Exists(Exists { subquery: <subquery>, negated: false })";
    let error = from_datafusion(DataFusionError::NotImplemented(exists.into()));
    assert_eq!(
        error.to_string(),
        "query: this correlated subquery cannot be planned; hint: IN and EXISTS that depend on the row stand in WHERE and correlate by equality; else write a join"
    );
}

#[test]
fn a_wrong_pattern_is_the_querys_fault() {
    let drawn = std::io::Error::other("regex parse error:\n    (\n    ^\nerror: unclosed group");
    let error = from_datafusion(DataFusionError::External(Box::new(drawn)));
    assert_eq!((error.kind(), error.to_string()), ("Plan", "query: regex parse error: ( error: unclosed group".to_owned()));
}
