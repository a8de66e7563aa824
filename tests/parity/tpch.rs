//! TPC-H's 22 answers at scale 0.01: exact, but for averages and ratios, which agree to one part in a million.

use std::fs;
use std::path::Path;

use gradframe::Session;
use gradframe_tests::outside::tpch_queries;
use gradframe_tests::tpch::{TABLES, table_file, write_tables};

use crate::harness::{exact_texts, session_in};

/// Columns that are averages or ratios; every other column must be equal.
const RATIOS: [&str; 6] = ["avg_qty", "avg_price", "avg_disc", "mkt_share", "promo_revenue", "avg_yearly"];
const RATIO_TOLERANCE: f64 = 1e-6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_22_answers_are_as_published() {
    let Some(queries) = tpch_queries() else {
        println!("skipped: no TPC-H queries in GRADFRAME_QUERIES or ../shared/queries/tpch");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let session = session_with_tables(home.path()).await;
    let mut complaints = Vec::new();
    for number in 1..=22 {
        let query = fs::read_to_string(queries.join(format!("q{number}.sql"))).unwrap();
        let answer = answer_file(&queries.join(format!("answers_sf0.01/q{number}.csv")));
        if let Err(complaint) = compare(&session, &query, &answer).await {
            complaints.push(format!("q{number}: {complaint}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

async fn session_with_tables(home: &Path) -> Session {
    let data = home.join("tpch");
    write_tables(&data, 0.01).unwrap();
    let session = session_in(home).unwrap();
    for table in TABLES {
        let file = table_file(&data, table);
        let ddl = format!("CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{}'", file.display());
        session.sql(&ddl).await.unwrap();
    }
    session
}

/// A published answer: column names, then rows.
struct Answer {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn answer_file(path: &Path) -> Answer {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let columns = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect();
    // A single null is an empty line, which a CSV reader passes over.
    if rows.is_empty() && fs::read_to_string(path).unwrap().ends_with("\n\n") {
        rows.push(vec!["NULL".to_owned()]);
    }
    Answer { columns, rows }
}

async fn answers(session: &Session, query: &str) -> gradframe::Result<Vec<Vec<String>>> {
    let batches = session.sql(query).await?.collect().await?;
    Ok(batches.iter().flat_map(exact_texts).collect())
}

async fn compare(session: &Session, query: &str, expected: &Answer) -> Result<(), String> {
    let actual = answers(session, query).await.map_err(|error| error.to_string())?;
    if actual.len() != expected.rows.len() {
        return Err(format!("{} rows, expected {}", actual.len(), expected.rows.len()));
    }
    for (row, (got, wanted)) in actual.iter().zip(&expected.rows).enumerate() {
        for ((column, got), wanted) in expected.columns.iter().zip(got).zip(wanted) {
            if !agree(column, got, wanted) {
                return Err(format!("row {row}, {column}: {got}, expected {wanted}"));
            }
        }
    }
    Ok(())
}

fn agree(column: &str, got: &str, wanted: &str) -> bool {
    if got == wanted || without_zeros(got) == without_zeros(wanted) {
        return true;
    }
    let (Ok(got), Ok(wanted)) = (got.parse::<f64>(), wanted.parse::<f64>()) else { return false };
    RATIOS.contains(&column) && (got - wanted).abs() <= RATIO_TOLERANCE * wanted.abs().max(1.0)
}

/// A decimal without the zeros that only say how many digits were kept.
fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[test]
fn only_ratios_may_differ() {
    assert!(agree("revenue", "12.5000", "12.5"));
    assert!(!agree("revenue", "12.5001", "12.5"));
    assert!(agree("avg_qty", "25.575155", "25.575154611454693"));
    assert!(!agree("avg_qty", "25.5752", "25.575154611454693"));
}
