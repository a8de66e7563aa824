//! `gradframe runs diff A B`: all in which two runs differ, a line a difference.

use gradframe::labelled_data_sets;

use super::quoted;

/// The query for two runs, or one twice: what, name, and the value of each.
pub fn query(a: &str, b: &str) -> String {
    let data = labelled_data_sets([a, b]);
    let of = |run: &str| parts(run, &data).join(" UNION ALL ");
    let column = |run: &str| format!("\"{run}\"");
    let again = if a == b { format!("{b} again") } else { b.to_owned() };
    format!(
        "SELECT what, name, a AS {}, b AS {} FROM (
             SELECT coalesce(a.place, b.place) AS place, coalesce(a.what, b.what) AS what, coalesce(a.name, b.name) AS name,
                    a.value AS a, b.value AS b
             FROM ({}) AS a FULL OUTER JOIN ({}) AS b ON a.what = b.what AND a.name = b.name
             WHERE a.value IS DISTINCT FROM b.value
             UNION ALL {}
         ) ORDER BY place, what, name",
        column(a),
        column(&again),
        of(a),
        of(b),
        curves(a, b)
    )
}

/// Queries for (place, what, name, value) of one run, whose data sets are among those of `data`.
fn parts(run: &str, data: &str) -> Vec<String> {
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
    let of_data = |column: &str| {
        format!(
            "SELECT 2 AS place, 'data' AS what, concat(label, ' {column}') AS name, arrow_cast({column}, 'Utf8') AS value FROM ({data}) WHERE run = {run}"
        )
    };
    let files = format!(
        "SELECT DISTINCT 2 AS place, 'file' AS what, path AS name, concat(arrow_cast(bytes, 'Utf8'), ' bytes, ',
                coalesce(hash, version, arrow_cast(modified, 'Utf8'))) AS value FROM gradframe.dataset_files WHERE run = {run}"
    );
    parts.extend(["rows", "digest", "schema"].map(of_data));
    parts.extend([files, environment, metrics, artifacts]);
    parts
}

/// The query for where curves part: a row a metric, with the first step at which it differs and how many points do.
fn curves(a: &str, b: &str) -> String {
    let points = |run: &str| {
        format!(
            "SELECT name, step, value, row_number() OVER (PARTITION BY name, step ORDER BY time) AS at
             FROM gradframe.metrics WHERE run = {} AND name <> 'seconds'",
            quoted(run)
        )
    };
    let side = |side: &str| {
        format!(
            "concat('step ', min(step), ': ', coalesce(arrow_cast(first_value({side} ORDER BY step), 'Utf8'), 'no value'), ', ',
                    count(*), ' points differ')"
        )
    };
    format!(
        "SELECT 6 AS place, 'curve' AS what, name, {} AS a, {} AS b FROM (
             SELECT coalesce(a.name, b.name) AS name, coalesce(a.step, b.step) AS step, a.value AS a, b.value AS b
             FROM ({}) AS a FULL OUTER JOIN ({}) AS b ON a.name = b.name AND a.step = b.step AND a.at = b.at
             WHERE a.value IS DISTINCT FROM b.value
         ) GROUP BY name",
        side("a"),
        side("b"),
        points(a),
        points(b)
    )
}
