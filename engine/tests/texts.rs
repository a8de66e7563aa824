//! Pretrained models in expressions: columns of the operators that the relations are.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::Float32Type;
use gradframe::expr::{Texts, col, lit, prelude::*};
use gradframe::models::{DtypeChoice, GenerateOptions, TextModel, TextOptions};
use gradframe::{DataFrame, Session};

use crate::support::{rows_of, run, session};

fn model(session: &Session, name: &str) -> TextModel {
    session.text_model(&session.pretrained(&path(name), DtypeChoice::Auto).unwrap()).unwrap()
}

async fn lines(session: &Session) -> DataFrame {
    let text = "CREATE TABLE lines AS SELECT * FROM (VALUES (1, 'the cat sat'), (2, NULL), (3, 'a dog ran'), (4, 'the cat sat')) AS t(id, line)";
    run(session, text).await;
    session.table("lines").await.unwrap()
}

#[tokio::test]
async fn an_embedding_in_an_expression_is_that_of_the_verb() {
    let session = session();
    let (model, lines) = (model(&session, "embedder"), lines(&session).await);
    let vector = col("line").embed(&model, TextOptions::default()).unwrap().alias("vector");
    let found = lines.with_columns([vector]).unwrap();
    assert_eq!(found.columns(), ["id", "line", "vector"]);
    let by_verb = lines.embed(&session.pretrained(&path("embedder"), DtypeChoice::Auto).unwrap(), "vector", by("line")).unwrap();
    assert_eq!(rows_of(&found).await, rows_of(&by_verb).await);
    let batches = found.collect().await.unwrap();
    let vectors = batches[0].column(2).as_fixed_size_list();
    assert!(vectors.is_null(1) && vectors.value(0).as_primitive::<Float32Type>().len() == 8);
}

fn path(name: &str) -> String {
    format!("{}/../tests/slt/data/models/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn by(column: &str) -> TextOptions {
    TextOptions { column: Some(column.into()), ..TextOptions::default() }
}

#[tokio::test]
async fn equal_expressions_are_one_operator_above_the_filter() {
    let session = session();
    let (model, lines) = (model(&session, "grader"), lines(&session).await);
    let label = || col("line").classify(&model, TextOptions::default()).unwrap().struct_().field("label");
    let kept = lines.filter(label().eq(lit("dull")).and(col("id").gt(lit(1)))).unwrap();
    let counted = kept.select([
        label().alias("label"),
        col("line").classify(&model, TextOptions::default()).unwrap().struct_().field("score").alias("score"),
    ]);
    let counted = counted.unwrap();
    let plan = counted.explain(false).await.unwrap();
    let physical = plan.split("physical_plan").nth(1).unwrap();
    assert!(physical.contains("ClassifyExec: model=grader@1, text=line@"), "{plan}");
    assert!(physical.rfind("FilterExec: id").unwrap() > physical.rfind("ClassifyExec").unwrap(), "{plan}");
    assert_eq!(counted.columns(), ["label", "score"]);
    assert_eq!(counted.count().await.unwrap(), 2);
}

#[tokio::test]
async fn expressions_stand_in_every_verb() {
    let session = session();
    let (grader, lines) = (model(&session, "grader"), lines(&session).await);
    let label = || col("line").classify(&grader, TextOptions::default()).unwrap().struct_().field("label");
    let grouped = lines.group_by([label().alias("label")]).agg([col("id").count().alias("n")]).unwrap();
    assert_eq!(grouped.columns(), ["label", "n"]);
    let mut rows = rows_of(&grouped).await;
    rows.sort();
    assert_eq!(rows.len(), 2);
    let sorted =
        lines.sort([asc(col("line").classify(&grader, TextOptions::default()).unwrap().struct_().field("score"))]).unwrap();
    assert_eq!(sorted.columns(), ["id", "line"]);
    assert_eq!(sorted.count().await.unwrap(), 4);
    let pair = col("line").classify_with(lit("a dog"), &grader, TextOptions::default()).unwrap().alias("pair");
    let answer = lit("one dog").answer(col("line"), &model(&session, "asker"), TextOptions::default()).unwrap().alias("answer");
    let pairs = lines.select([pair, answer]).unwrap();
    assert_eq!(pairs.columns(), ["pair", "answer"]);
    assert_eq!(pairs.count().await.unwrap(), 4);
}

#[tokio::test]
async fn what_is_generated_is_embedded() {
    let session = session();
    let (teller, embedder, lines) = (model(&session, "teller"), model(&session, "embedder"), lines(&session).await);
    let generate = TextOptions { generate: GenerateOptions { max_tokens: 3, ..Default::default() }, ..TextOptions::default() };
    let told = col("line").generate(&teller, generate).unwrap();
    let vector = told.clone().embed(&embedder, TextOptions::default()).unwrap().alias("vector");
    let both = lines.select([told.alias("told"), vector]).unwrap();
    let plan = both.explain(false).await.unwrap();
    assert!(plan.contains("EmbedExec") && plan.matches("GenerateExec").count() == 1, "{plan}");
    assert_eq!(both.count().await.unwrap(), 4);
}

#[tokio::test]
async fn equal_texts_of_a_query_go_through_the_model_once_wherever_they_stand() {
    let session = session();
    run(&session, &format!("CREATE MODEL g OPTIONS (model_type = 'huggingface', path = '{}')", path("grader"))).await;
    let call = "ML.CLASSIFY(MODEL g, (SELECT i, 'a dog ran ' || (i % 20) AS content FROM generate_series(1, 60) AS t(i)))";
    for query in [
        format!("SELECT count(label) FROM {call} UNION ALL SELECT count(label) FROM {call}"),
        format!("WITH v AS (SELECT * FROM {call}) SELECT count(a.label), count(b.score) FROM v AS a JOIN v AS b ON a.i < b.i"),
    ] {
        let plan = session.sql(&format!("EXPLAIN ANALYZE {query}")).await.unwrap();
        let text = format!("{:?}", rows_of(&plan).await);
        let parts = text.split("texts=").skip(1);
        let texts: Vec<usize> =
            parts.map(|part| part.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()).collect();
        assert_eq!((texts.len(), texts.iter().sum::<usize>()), (2, 20), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_text_is_said() {
    let session = session();
    let (model, lines) = (model(&session, "embedder"), lines(&session).await);
    let wrong = lines.with_columns([col("id").embed(&model, TextOptions::default()).unwrap().alias("v")]);
    let error = wrong.unwrap_err();
    assert!(error.to_string().contains("has another type, expected text, got Int64"), "{error}");
    assert_eq!(error.kind(), "DType");
    run(&session, "CREATE TABLE t AS SELECT * FROM (VALUES (1.0, 2.0), (2.0, 3.0), (3.0, 5.0)) AS v(x, y)").await;
    run(&session, "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT * FROM t").await;
    let trained = session.text_model("m").unwrap();
    let error = col("line").embed(&trained, TextOptions::default()).unwrap_err();
    assert!(error.to_string().contains("model `m` was trained here, expected a pretrained one"), "{error}");
}
