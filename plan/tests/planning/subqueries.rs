//! What subqueries answer, beside what SQL says of each row by hand.

use arrow::util::pretty::pretty_format_batches;
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::prelude::{SessionConfig, SessionContext};
use gradframe_plan::rules::{analyzer_rules, optimizer_rules};
use tokio::runtime::Runtime;

type Cell = Option<i64>;

/// A session of DataFusion's with our rules, a runtime to run it in.
struct Tables {
    context: SessionContext,
    runtime: Runtime,
}

impl Tables {
    fn new(partitions: usize) -> Self {
        let state = SessionStateBuilder::new()
            .with_config(SessionConfig::new().with_target_partitions(partitions))
            .with_default_features()
            .with_analyzer_rules(analyzer_rules(Analyzer::new().rules))
            .with_optimizer_rules(optimizer_rules(Optimizer::new().rules))
            .build();
        Tables { context: SessionContext::new_with_state(state), runtime: Runtime::new().unwrap() }
    }

    /// Puts rows of three columns in the place of a table.
    fn set(&self, name: &str, columns: [&str; 3], rows: &[[Cell; 3]]) {
        let written = |cell: &Cell| cell.map_or("CAST(NULL AS BIGINT)".to_owned(), |number| format!("CAST({number} AS BIGINT)"));
        let rows: Vec<String> =
            rows.iter().map(|row| format!("({})", row.iter().map(written).collect::<Vec<_>>().join(", "))).collect();
        let nothing = "(CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), CAST(NULL AS BIGINT))".to_owned();
        let (rows, kept) = if rows.is_empty() { (nothing, " WHERE false") } else { (rows.join(", "), "") };
        let columns = columns.join(", ");
        self.run(&format!("CREATE OR REPLACE TABLE {name} AS SELECT * FROM (VALUES {rows}) AS x({columns}){kept}")).unwrap();
    }

    /// The rows in order, cells apart by a space, rows by a comma.
    fn run(&self, sql: &str) -> Result<String, String> {
        let batches = self.runtime.block_on(async { self.context.sql(sql).await?.collect().await });
        let shown = pretty_format_batches(&batches.map_err(|error| error.to_string())?).unwrap().to_string();
        let rows = shown.lines().skip(3).filter(|line| line.starts_with('|'));
        let cells = |row: &str| {
            let cells = row.trim_matches('|').split('|').map(|cell| if cell.trim().is_empty() { "-" } else { cell.trim() });
            cells.collect::<Vec<_>>().join(" ")
        };
        let mut rows: Vec<String> = rows.map(cells).collect();
        rows.sort();
        Ok(rows.join(", "))
    }
}

/// `x IN rows` by the standard: true if one is equal, else null if one of them or `x` is null, else false; false of no rows.
fn is_in(x: Cell, rows: &[Cell]) -> Option<bool> {
    match (x, rows) {
        (_, []) => Some(false),
        (Some(_), rows) if rows.contains(&x) => Some(true),
        (Some(_), rows) if !rows.contains(&None) => Some(false),
        _ => None,
    }
}

/// How the inner row is chosen for an outer row by their second columns.
type Chosen = fn(Cell, Cell) -> bool;

const CORRELATIONS: [(&str, Chosen); 4] = [
    ("", |_, _| true),
    ("WHERE i.g = o.g", |inner, outer| inner.is_some() && inner == outer),
    ("WHERE i.g > o.g", |inner, outer| inner.is_some() && outer.is_some() && inner > outer),
    ("WHERE i.g = o.g AND o.n > 2", |inner, outer| inner.is_some() && inner == outer),
];

/// What is asked of a test, and whether an answer of it keeps the row.
type Asked = (&'static str, fn(Option<bool>) -> bool);

const ASKED: [Asked; 10] = [
    ("{}", |answer| answer == Some(true)),
    ("NOT ({})", |answer| answer == Some(false)),
    ("({}) IS NULL", |answer| answer.is_none()),
    ("({}) IS NOT TRUE", |answer| answer != Some(true)),
    ("({}) OR n < 0", |answer| answer == Some(true)),
    ("NOT (({}) AND n > 0)", |answer| answer == Some(false)),
    ("NOT (NOT ({}) OR n < 0)", |answer| answer == Some(true)),
    ("coalesce({}, true)", |answer| answer != Some(false)),
    ("CASE WHEN {} THEN false ELSE true END", |answer| answer != Some(true)),
    ("({}) = false", |answer| answer == Some(false)),
];

const INNER: [&[[Cell; 3]]; 6] = [
    &[],
    &[[Some(1), Some(1), None]],
    &[[None, Some(1), None], [Some(2), Some(2), None]],
    &[[Some(1), Some(1), None], [Some(1), Some(1), None], [None, Some(2), None], [Some(2), Some(1), None]],
    &[[Some(1), None, None], [None, None, None], [Some(2), Some(2), None]],
    &[[Some(2), Some(2), None], [Some(1), Some(2), None]],
];

fn outer() -> Vec<[Cell; 3]> {
    let values = [Some(1), Some(2), None];
    let pairs = values.iter().flat_map(|k| values.iter().map(move |g| (*k, *g)));
    pairs.zip(1..).map(|((k, g), n)| [k, g, Some(n)]).collect()
}

#[test]
fn nulls_mean_in_tests_of_subqueries_what_the_standard_says() {
    for (inner, partitions) in INNER.into_iter().zip([1, 3].into_iter().cycle()) {
        let tables = Tables::new(partitions);
        tables.set("o", ["k", "g", "n"], &outer());
        tables.set("i", ["v", "g", "unused"], inner);
        for (correlation, chosen) in CORRELATIONS {
            for (test, negated) in [("IN", false), ("NOT IN", true)] {
                for (asked, keeps) in ASKED {
                    let test = format!("k {test} (SELECT i.v FROM i {correlation})");
                    let sql = format!("SELECT n FROM o WHERE {}", asked.replace("{}", &test));
                    let kept = outer().into_iter().filter(|[k, g, n]| {
                        let seen = !correlation.contains("o.n") || *n > Some(2);
                        let rows = inner.iter().filter(|row| seen && chosen(row[1], *g)).map(|row| row[0]);
                        let answer = is_in(*k, &rows.collect::<Vec<_>>());
                        keeps(if negated { answer.map(|answer| !answer) } else { answer })
                    });
                    let expected: Vec<String> = kept.map(|row| row[2].unwrap().to_string()).collect();
                    assert_eq!(tables.run(&sql).unwrap(), expected.join(", "), "{sql}\nof {inner:?}");
                }
            }
        }
    }
}

/// o(k, g, n): 1, 2, null, 4, 5. i(k, v, h): two of 1, one of 2, one of null, three of 5.
fn small(partitions: usize) -> Tables {
    let tables = Tables::new(partitions);
    let row = |k: Cell| [k, k, k];
    tables.set("o", ["k", "g", "n"], &[row(Some(1)), row(Some(2)), row(None), row(Some(4)), row(Some(5))]);
    let inner = [(Some(1), 1), (Some(1), 4), (Some(2), 2), (None, 9), (Some(5), 3), (Some(5), 5), (Some(5), 5)];
    tables.set("i", ["k", "v", "h"], &inner.map(|(k, v)| [k, Some(v), Some(v % 2)]));
    tables
}

/// A query and its rows.
const ANSWERS: &[(&str, &str)] = &[
    // An aggregate of all rows has a row of none, too.
    ("SELECT k FROM o WHERE EXISTS (SELECT count(*) FROM i WHERE i.k = o.k)", "-, 1, 2, 4, 5"),
    ("SELECT k FROM o WHERE NOT EXISTS (SELECT count(*) FROM i WHERE i.k = o.k)", ""),
    ("SELECT k FROM o WHERE EXISTS (SELECT count(*) FROM i WHERE i.k = o.k LIMIT 0)", ""),
    ("SELECT k FROM o WHERE EXISTS (SELECT count(*) FROM i WHERE i.k = o.k OFFSET 1)", ""),
    ("SELECT k FROM o WHERE 0 IN (SELECT count(*) FROM i WHERE i.k = o.k)", "-, 4"),
    ("SELECT k FROM o WHERE 0 NOT IN (SELECT count(*) FROM i WHERE i.k = o.k)", "1, 2, 5"),
    ("SELECT k FROM o WHERE k IN (SELECT count(*) FROM i WHERE i.k = o.k)", ""),
    ("SELECT k FROM o WHERE k NOT IN (SELECT max(v) FROM i WHERE i.k = o.k)", "1"),
    ("SELECT k FROM o WHERE (k IN (SELECT max(v) FROM i WHERE i.k = o.k)) IS NULL", "-, 4"),
    ("SELECT k FROM o WHERE EXISTS (SELECT count(*) FROM i WHERE i.k = o.k HAVING count(*) = 0)", "-, 4"),
    ("SELECT k FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.k = o.k HAVING count(*) > 1)", "-, 2, 4"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k HAVING count(*) = o.k)", ""),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k HAVING max(v) = o.k)", "2, 5"),
    ("SELECT k FROM o WHERE k IN (SELECT max(v) FROM i WHERE i.k = o.k HAVING count(*) > 1)", "5"),
    ("SELECT k FROM o WHERE k NOT IN (SELECT max(v) FROM i WHERE i.k = o.k HAVING count(*) > 1)", "-, 1, 2, 4"),
    ("SELECT k FROM o WHERE 0 = ANY (SELECT count(*) FROM i WHERE i.k = o.k)", "-, 4"),
    ("SELECT k FROM o WHERE 1 < ALL (SELECT count(*) FROM i WHERE i.k = o.k)", "1, 5"),
    ("SELECT k, EXISTS (SELECT count(*) FROM i WHERE i.k = o.k) AS e FROM o", "- true, 1 true, 2 true, 4 true, 5 true"),
    ("SELECT k, 0 IN (SELECT count(*) FROM i WHERE i.k = o.k) AS e FROM o", "- true, 1 false, 2 false, 4 true, 5 false"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k GROUP BY ROLLUP(i.k))", "-, 1, 2, 4, 5"),
    // Limits, offsets and windows are of the rows of one outer row.
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k LIMIT 1)", "1, 2, 5"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k LIMIT 0)", ""),
    ("SELECT k FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.k = o.k LIMIT 0)", "-, 1, 2, 4, 5"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k OFFSET 1)", "1, 5"),
    ("SELECT k FROM o WHERE NOT EXISTS (SELECT 1 FROM i WHERE i.k = o.k OFFSET 1)", "-, 2, 4"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k LIMIT 1 OFFSET 2)", "5"),
    ("SELECT k FROM o WHERE 4 IN (SELECT v FROM i WHERE i.k = o.k ORDER BY v DESC LIMIT 1)", "1"),
    ("SELECT k FROM o WHERE 1 IN (SELECT v FROM i WHERE i.k = o.k ORDER BY v DESC LIMIT 1)", ""),
    ("SELECT k FROM o WHERE k NOT IN (SELECT v FROM i WHERE i.k = o.k ORDER BY v LIMIT 1)", "-, 4, 5"),
    ("SELECT k FROM o WHERE 2 IN (SELECT row_number() OVER (ORDER BY v) FROM i WHERE i.k = o.k)", "1, 5"),
    ("SELECT k FROM o WHERE k IN (SELECT sum(v) OVER () FROM i WHERE i.k = o.k)", "2"),
    (
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM (SELECT * FROM i WHERE v = o.k) a JOIN (SELECT * FROM i ORDER BY v LIMIT 1) b ON a.k = b.k)",
        "1, 4",
    ),
    ("SELECT o.k, a.v FROM o, LATERAL (SELECT v FROM i WHERE i.k = o.k ORDER BY v LIMIT 1) a", "1 1, 2 2, 5 3"),
    (
        "SELECT o.k, a.r FROM o, LATERAL (SELECT row_number() OVER (ORDER BY v) AS r FROM i WHERE i.k = o.k) a",
        "1 1, 1 2, 2 1, 5 1, 5 2, 5 3",
    ),
    // Groups are of the rows of one outer row, by whatever they are chosen.
    ("SELECT k, (SELECT count(*) FROM i WHERE CAST(v / 4 AS INT) = o.k) AS c FROM o", "- 0, 1 3, 2 1, 4 0, 5 0"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE v / 4 = o.k GROUP BY h > 7 HAVING count(*) = 3)", "1"),
    ("SELECT k FROM o WHERE EXISTS (SELECT v FROM i WHERE i.k = o.k GROUP BY v HAVING count(*) = 2)", "5"),
    ("SELECT k FROM o WHERE k IN (SELECT count(*) FROM i WHERE i.k = o.k GROUP BY h)", "1"),
    ("SELECT k, (SELECT count(*) FROM (SELECT DISTINCT v FROM i WHERE i.k = o.k) a) AS c FROM o", "- 0, 1 2, 2 1, 4 0, 5 2"),
    (
        "SELECT k, (SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY v) AS r FROM i WHERE i.k = o.k) a) AS m FROM o",
        "- -, 1 2, 2 1, 4 -, 5 3",
    ),
    ("SELECT k FROM o WHERE EXISTS (SELECT v FROM i WHERE i.k = o.k INTERSECT SELECT 3)", "5"),
    ("SELECT k FROM o WHERE EXISTS (SELECT v FROM i WHERE i.k = o.k EXCEPT SELECT 2)", "1, 5"),
    (
        "SELECT o.k, a.v FROM o LEFT JOIN LATERAL (SELECT v FROM i WHERE i.k = o.k ORDER BY v LIMIT 1) a ON true",
        "- -, 1 1, 2 2, 4 -, 5 3",
    ),
    // An inner join's condition names the outer row as a filter does.
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i JOIN i j ON j.k = i.v AND j.k = o.k)", "1, 2, 5"),
    ("SELECT k FROM o a WHERE EXISTS (SELECT 1 FROM i JOIN o b ON b.k = i.v AND b.k = a.k)", "1, 2, 4, 5"),
    ("SELECT k FROM o a WHERE NOT EXISTS (SELECT 1 FROM i JOIN o b ON b.k = i.v AND b.k = a.k)", "-"),
    ("SELECT k, (SELECT count(*) FROM i JOIN i j ON j.k = i.k AND i.k = o.k) AS c FROM o", "- 0, 1 4, 2 1, 4 0, 5 9"),
    ("SELECT k FROM o WHERE k IN (SELECT i.v FROM i JOIN i j ON j.k = i.k AND i.v = o.k AND j.v > o.k)", "1"),
    ("SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i, i j WHERE j.k = i.k AND i.v = o.k AND j.v > o.k)", "1"),
    (
        "SELECT k, (SELECT count(*) FROM i, i j WHERE j.k = i.k AND i.v = o.k AND j.k = o.k) AS c FROM o",
        "- 0, 1 2, 2 1, 4 0, 5 6",
    ),
    (
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM (SELECT * FROM i WHERE i.k = o.k) a LEFT JOIN i b ON b.k = a.v WHERE b.k IS NULL)",
        "1, 5",
    ),
    // Conditions of joins keep what is true, too.
    ("SELECT o.k FROM o JOIN i ON o.k = i.v AND (o.k NOT IN (SELECT i.k FROM i) OR o.k > 4)", "5, 5"),
    (
        "SELECT o.k, i.k FROM o LEFT JOIN i ON o.k = i.v AND (i.v NOT IN (SELECT k FROM o) OR i.v > 4)",
        "- -, 1 -, 2 -, 4 -, 5 5, 5 5",
    ),
    ("SELECT o.k, i.v FROM o JOIN i ON o.k = i.k AND EXISTS (SELECT 1 FROM i j WHERE j.k = o.k AND j.v > i.v)", "1 1, 5 3"),
    ("SELECT o.k, i.v FROM o JOIN i ON o.k = i.v AND NOT EXISTS (SELECT 1 FROM i j WHERE j.k = o.k)", "4 4"),
    ("SELECT o.k, i.v FROM o JOIN i ON i.k = o.k AND o.k = ANY (SELECT g FROM o p WHERE p.n < 3)", "1 1, 1 4, 2 2"),
    ("SELECT o.k, i.v FROM o JOIN i ON i.k = o.k AND o.k <> ALL (SELECT g FROM o p)", ""),
    ("SELECT o.k, i.v FROM o JOIN i ON i.k = o.k AND i.v = (SELECT max(v) FROM i j WHERE j.k = o.k)", "1 4, 2 2, 5 5, 5 5"),
    // In lists, and of a table beside itself.
    ("SELECT k, k IN (SELECT i.k FROM i) AS e FROM o", "- -, 1 true, 2 true, 4 -, 5 true"),
    ("SELECT k, k NOT IN (SELECT v FROM i WHERE i.k = o.k) AS e FROM o", "- true, 1 false, 2 false, 4 true, 5 false"),
    ("SELECT k, NOT EXISTS (SELECT 1 FROM i WHERE i.k = o.k) AS e FROM o", "- true, 1 false, 2 false, 4 true, 5 false"),
    ("SELECT k FROM o WHERE (k NOT IN (SELECT k FROM o WHERE k > 1)) IS TRUE", "1"),
    ("SELECT k FROM o WHERE k >= ALL (SELECT k FROM o WHERE k IS NOT NULL)", "5"),
    ("SELECT k FROM o WHERE k > ANY (SELECT k FROM o)", "2, 4, 5"),
    ("SELECT k, k = ANY (SELECT i.k FROM i) AS e FROM o", "- -, 1 true, 2 true, 4 -, 5 true"),
    ("SELECT k FROM o WHERE k <> ALL (SELECT i.k FROM i) OR k > 4", "5"),
    ("SELECT k, count(*) AS c FROM i GROUP BY k HAVING count(*) NOT IN (SELECT g FROM o) OR k = 5", "5 3"),
];

#[test]
fn subqueries_answer_what_they_say_of_each_outer_row() {
    let mut wrong = vec![];
    for partitions in [1, 4] {
        let tables = small(partitions);
        for (sql, expected) in ANSWERS {
            let answer = tables.run(sql);
            if answer.as_deref() != Ok(*expected) {
                wrong.push(format!("{sql}\n  gives {answer:?}\n  not   {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_nobody_can_answer_is_refused() {
    let tables = small(4);
    for sql in [
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k = o.k GROUP BY GROUPING SETS ((i.k), (v)))",
        "SELECT k FROM o WHERE k IN (SELECT i.k FROM i WHERE i.k = o.k GROUP BY ROLLUP(i.k))",
        "SELECT k FROM o WHERE k IN (SELECT sum(v) OVER () FROM i WHERE i.k < o.k)",
        "SELECT k FROM o WHERE 2 IN (SELECT v FROM i WHERE i.k < o.k ORDER BY v LIMIT 1)",
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i WHERE i.k < o.k OFFSET 1)",
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM (SELECT count(*) AS c FROM i WHERE i.k = o.k) a JOIN i b ON b.v = a.c)",
        "SELECT k, (SELECT sum(i.c) FROM (SELECT count(*) AS c FROM i WHERE i.k = o.k) i) AS s FROM o",
        "SELECT k FROM o WHERE k IN (SELECT DISTINCT i.v FROM i, i j WHERE j.k = i.k AND j.v > o.k)",
        // Which rows have no match depends on the outer row.
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i LEFT JOIN i j ON j.k = i.v AND j.k = o.k WHERE j.k IS NULL)",
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i RIGHT JOIN i j ON j.k = i.v AND j.k = o.k)",
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i FULL JOIN i j ON j.k = i.v AND j.k = o.k)",
        "SELECT k FROM o WHERE k IN (SELECT i.k FROM i LEFT JOIN i j ON j.k = i.v AND j.v > o.k)",
        "SELECT k, (SELECT count(*) FROM i LEFT JOIN i j ON j.k = i.v AND j.k = o.k) AS c FROM o",
        "SELECT o.k, x.c FROM o, LATERAL (SELECT count(*) AS c FROM i LEFT JOIN i j ON j.k = i.v AND j.k = o.k) x",
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i LEFT JOIN (SELECT * FROM i WHERE i.k = o.k) j ON j.k = i.v WHERE j.k IS NULL)",
        "SELECT k FROM o WHERE EXISTS (SELECT 1 FROM i LEFT ANTI JOIN i j ON j.k = i.v AND j.k = o.k)",
    ] {
        let error = tables.run(sql).unwrap_err();
        assert!(error.contains("over rows that depend on the outer row cannot be planned here"), "{sql}\n  {error}");
    }
}
