//! What SQL makes of `arrow_cast` to narrow decimals: they are computed with as those of 128 bits, and passed on as they are.

use arrow::datatypes::DataType;
use gradframe::Session;

use crate::support::{rows, run, session};

/// Types of the same values.
const NARROW: [&str; 4] = ["Decimal32(9, 2)", "Decimal64(18, 2)", "Decimal64(9, 2)", "Dictionary(Int8, Decimal32(9, 2))"];
const WIDE: &str = "Decimal128(9, 2)";

const OF_ROWS: &[&str] = &[
    "d * 2",
    "2 * d",
    "d + 1",
    "1 - d",
    "d / 2",
    "d % 2",
    "d * d",
    "d * 0.5",
    "d + CAST(1 AS SMALLINT)",
    "d > 1",
    "1 < d",
    "d = 2.25",
    "d <> 1",
    "d IS DISTINCT FROM 1",
    "d IN (1, 2.25)",
    "d NOT IN (1, 9)",
    "d BETWEEN 1 AND 2",
    "CASE WHEN i > 2 THEN d ELSE 7 END",
    "CASE d WHEN 1 THEN 'one' ELSE 'other' END",
    "coalesce(d, 9)",
    "greatest(d, 2)",
    "nullif(d, 1)",
    "round(d, 1)",
    "abs(d)",
    "CAST(d AS DOUBLE)",
    "CAST(d AS VARCHAR)",
    "d + 1 > 2",
    "sum(d) OVER (ORDER BY i)",
    "lag(d) OVER (ORDER BY i) + 1",
    "(SELECT max(d) FROM v) > 2",
];
const OF_COLUMNS: &[&str] = &[
    "sum(d)",
    "sum(d * 2)",
    "avg(d)",
    "max(d) * 2",
    "min(d) + 1",
    "count(DISTINCT d)",
    "median(d)",
    "stddev(d)",
    "sum(d) FILTER (WHERE d > 1)",
    "array_agg(d ORDER BY i)",
];
const QUERIES: &[&str] = &[
    "SELECT i FROM v WHERE d > 1 ORDER BY i",
    "SELECT d, count(*) FROM v GROUP BY d HAVING d > 1 ORDER BY d",
    "SELECT v.i, n.value FROM v JOIN generate_series(1, 3) AS n ON v.d = n.value ORDER BY v.i",
    "SELECT a.i, b.i FROM v AS a JOIN v AS b ON a.d = b.d ORDER BY a.i, b.i",
    "SELECT DISTINCT d FROM v ORDER BY d DESC",
    "SELECT i FROM v ORDER BY d * 2, i",
    "SELECT i FROM v WHERE d IN (SELECT value FROM generate_series(1, 3)) ORDER BY i",
    "SELECT i FROM v WHERE d NOT IN (SELECT 1) ORDER BY i",
    "SELECT i FROM v WHERE d > ANY (SELECT 1) ORDER BY i",
    "SELECT i FROM v WHERE EXISTS (SELECT 1 FROM generate_series(1, 3) AS g WHERE g.value = v.d) ORDER BY i",
    "SELECT value FROM generate_series(1, 3) WHERE value IN (SELECT d FROM v) ORDER BY value",
    "SELECT (SELECT d FROM v WHERE i = 1) > 1",
    "SELECT d FROM v UNION ALL SELECT 1 ORDER BY d",
    "SELECT 1 AS d UNION SELECT d FROM v UNION SELECT 1.5 ORDER BY d",
];

async fn of_type(data_type: &str) -> Session {
    let session = session();
    let view = format!(
        "CREATE VIEW v AS SELECT i, arrow_cast(arrow_cast(t, '{WIDE}'), '{data_type}') AS d
         FROM (VALUES (1, '1.50'), (2, NULL), (3, '2.25'), (4, '-0.75'), (5, '1.00'), (6, '9999999.99')) AS t(i, t)"
    );
    run(&session, &view).await;
    session
}

#[tokio::test]
async fn narrow_decimals_are_computed_with_as_wide_ones() {
    let of_rows = OF_ROWS.iter().map(|expr| format!("SELECT {expr} FROM v ORDER BY i"));
    let of_columns = OF_COLUMNS.iter().map(|expr| format!("SELECT {expr} FROM v"));
    let queries: Vec<String> = of_rows.chain(of_columns).chain(QUERIES.iter().map(ToString::to_string)).collect();
    let wide = of_type(WIDE).await;
    for data_type in NARROW {
        let narrow = of_type(data_type).await;
        for query in &queries {
            assert_eq!(rows(&narrow, query).await, rows(&wide, query).await, "{data_type}: {query}");
        }
    }
}

#[tokio::test]
async fn narrow_decimals_are_passed_on_as_they_are() {
    let session = of_type("Decimal64(18, 2)").await;
    for query in [
        "SELECT d FROM v",
        "SELECT d AS e FROM v WHERE d > 1 ORDER BY d LIMIT 2",
        "SELECT arrow_cast(d, 'Decimal64(18, 2)') FROM v",
    ] {
        let batches = run(&session, query).await;
        assert_eq!(batches[0].schema().field(0).data_type(), &DataType::Decimal64(18, 2), "{query}");
    }
    assert_eq!(rows(&session, "SELECT arrow_typeof(d) FROM v LIMIT 1").await, ["Decimal64(18, 2)"]);
}
