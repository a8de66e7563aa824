//! `gradframe runs diff A B`: all in which two runs differ, a line a difference.

use super::quoted;

/// The query for two runs: what, name, and the value of each.
pub fn query(a: &str, b: &str) -> String {
    let of = |run: &str| parts(run).join(" UNION ALL ");
    let column = |run: &str| format!("\"{run}\"");
    format!(
        "SELECT coalesce(a.what, b.what) AS what, coalesce(a.name, b.name) AS name, a.value AS {}, b.value AS {}
         FROM ({}) AS a FULL OUTER JOIN ({}) AS b ON a.what = b.what AND a.name = b.name
         WHERE a.value IS DISTINCT FROM b.value ORDER BY coalesce(a.place, b.place), 2",
        column(a),
        column(b),
        of(a),
        of(b)
    )
}

/// Queries for (place, what, name, value) of one run.
fn parts(run: &str) -> Vec<String> {
    let run = quoted(run);
    let facts = ["title", "experiment", "status", "model", "seed", "commit", "diff"];
    let fact = |name: &&str| {
        format!(
            "SELECT 0 AS place, 'run' AS what, '{name}' AS name, arrow_cast({name}, 'Utf8') AS value FROM gradframe.runs WHERE run = {run}"
        )
    };
    let named = |(place, table): (usize, &str)| {
        let what = table.trim_end_matches('s');
        format!(
            "SELECT {place} AS place, '{what}' AS what, name, arrow_cast(value, 'Utf8') AS value FROM gradframe.{table} WHERE run = {run}"
        )
    };
    let metrics = format!(
        "SELECT 4 AS place, 'metric' AS what, name, arrow_cast(value, 'Utf8') AS value FROM gradframe.latest WHERE run = {run}"
    );
    let artifacts =
        format!("SELECT 5 AS place, 'artifact' AS what, path AS name, hash AS value FROM gradframe.artifacts WHERE run = {run}");
    let environment = format!(
        "SELECT 3 AS place, e.kind AS what, e.name, e.value FROM gradframe.environments AS e
         JOIN gradframe.runs AS r ON e.environment = r.environment WHERE r.run = {run}"
    );
    let mut parts: Vec<String> = facts.iter().map(fact).collect();
    parts.extend([(1, "params"), (2, "tags")].map(named));
    parts.extend([environment, metrics, artifacts]);
    parts
}
