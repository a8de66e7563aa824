//! A filter as SQL over the log tables: one join a name, all values written as literals. A page goes on behind the last row of the one
//! before, by what that was sorted by then: what comes in between moves nothing.

use std::collections::BTreeSet;

use gradframe::SCHEDULED_TAG;

use super::super::answer::Failure;
use super::super::runs::{NOBODY, ours, theirs};
use super::parser::{Condition, Key, Operator, Value, key};
use super::place::{Place, no_token};
use super::{number_with_text, text_with_number};

/// Different names in a filter and its order, and conditions on data sets, each a join of the query: as many as MLflow's own SQLite store
/// can join. Planning a few hundred would take minutes, and all of a thread's stack.
const NAMES_MAX: usize = 64;

/// The query for runs of these experiments, in order; newest first where the order leaves it open. Its columns: the name, when the run
/// started, in microseconds, and the values of the order; see [`Place`].
pub fn runs(
    experiments: &[&str],
    filter: Option<&Condition>,
    order: &[String],
    after: Option<&Place>,
) -> Result<String, Failure> {
    let order = order.iter().map(|text| sort_key(text)).collect::<Result<Vec<_>, _>>()?;
    let mut keys = BTreeSet::new();
    filter.iter().for_each(|condition| condition.collect_keys(&mut keys));
    keys.extend(order.iter().map(|(key, _)| key.clone()));
    let joined: Vec<&Key> = keys.iter().filter(|key| table(key).is_some()).collect();
    let joins = joined.len() + filter.map_or(0, of_datasets);
    if joins > NAMES_MAX {
        let what = format!("{joins} different names and conditions on data sets, at most {NAMES_MAX} in one search");
        return Err(Failure::invalid(what));
    }
    let names: Vec<String> = experiments.iter().map(|name| literal(name)).collect();
    let of_experiments = if names.is_empty() { "false".to_owned() } else { format!("r.experiment IN ({})", names.join(", ")) };
    let columns = order.iter().map(|(key, _)| column(key, &joined)).collect::<Result<Vec<_>, _>>()?;
    let mut sql = format!("SELECT r.run, {STARTED}");
    // By names of their own: an order may go by the run's, or by one value twice.
    columns.iter().enumerate().for_each(|(i, column)| sql.push_str(&format!(", {column} AS by_{i}")));
    sql.push_str(" FROM gradframe.runs AS r");
    for (i, key) in joined.iter().enumerate() {
        if let Some((table, name)) = table(key) {
            let of_name = format!("SELECT run, value FROM gradframe.{table} WHERE name = {}", literal(name));
            sql.push_str(&format!(" LEFT JOIN ({of_name}) AS j{i} ON r.run = j{i}.run"));
        }
    }
    if keys.iter().any(is_of_artifacts) {
        sql.push_str(" JOIN gradframe.experiments AS e ON r.experiment = e.experiment");
    }
    sql.push_str(&format!(" WHERE {of_experiments}"));
    if let Some(condition) = filter {
        sql.push_str(&format!(" AND {}", written(condition, &joined)?));
    }
    let sorted: Vec<Sorted> =
        order.iter().zip(columns).map(|((key, descending), column)| Sorted { key, column, descending: *descending }).collect();
    if let Some(place) = after {
        sql.push_str(&format!(" AND {}", behind(&sorted, place)?));
    }
    sql.push_str(" ORDER BY ");
    sorted.iter().for_each(|sorted| sql.push_str(&format!("{}, ", sorted.order())));
    sql.push_str(&format!("{STARTED} DESC, r.run DESC"));
    Ok(sql)
}

const STARTED: &str = "arrow_cast(r.started, 'Int64')";

/// What rows are sorted by. What has no value is last, a NaN before that, whatever the direction.
struct Sorted<'k> {
    key: &'k Key,
    column: String,
    descending: bool,
}

impl Sorted<'_> {
    fn is_float(&self) -> bool {
        matches!(self.key, Key::Metric(_))
    }

    fn order(&self) -> String {
        let Sorted { column, descending, .. } = self;
        let nan = if self.is_float() { format!(", isnan({column})") } else { String::new() };
        format!("({column} IS NULL){nan}, {column} {}", if *descending { "DESC" } else { "ASC" })
    }

    /// The conditions that a row comes behind this value, and that it has it too.
    fn behind_and_equal(&self, value: Option<&str>) -> Result<(String, String), Failure> {
        let column = &self.column;
        let Some(value) = value else { return Ok(("false".into(), format!("{column} IS NULL"))) };
        let (value, nan) = match self.key {
            Key::Metric(_) => {
                let number: f64 = value.parse().map_err(|_| no_token())?;
                if number.is_nan() {
                    return Ok((format!("{column} IS NULL"), format!("isnan({column})")));
                }
                (format!("arrow_cast('{number:?}', 'Float64')"), format!(" OR isnan({column})"))
            }
            Key::Attribute(name) if is_time(name) => (value.parse::<i64>().map_err(|_| no_token())?.to_string(), String::new()),
            _ => (literal(value), String::new()),
        };
        let behind = if self.descending { format!("{column} < {value}") } else { format!("{column} > {value}") };
        Ok((format!("({column} IS NULL{nan} OR {behind})"), format!("{column} = {value}")))
    }
}

/// The condition that a row comes behind a place.
fn behind(sorted: &[Sorted<'_>], place: &Place) -> Result<String, Failure> {
    if place.values.len() != sorted.len() {
        return Err(no_token());
    }
    let Place { run, started_us, .. } = place;
    let last = format!("({STARTED} < {started_us} OR ({STARTED} = {started_us} AND r.run < {}))", literal(run));
    sorted.iter().zip(&place.values).rev().try_fold(last, |rest, (sorted, value)| {
        let (behind, equal) = sorted.behind_and_equal(value.as_deref())?;
        Ok(format!("({behind} OR ({equal} AND {rest}))"))
    })
}

/// A name and whether the greatest come first: `metrics.loss DESC`.
pub fn sort_key(text: &str) -> Result<(Key, bool), Failure> {
    let text = text.trim();
    let (name, descending) = match text.rsplit_once(char::is_whitespace) {
        Some((name, way)) if way.eq_ignore_ascii_case("desc") => (name, true),
        Some((name, way)) if way.eq_ignore_ascii_case("asc") => (name, false),
        _ => (text, false),
    };
    let mut quoted = false;
    let is_apart = |c: char| {
        quoted ^= matches!(c, '`' | '"');
        !quoted && c.is_whitespace()
    };
    if name.trim().contains(is_apart) {
        return Err(Failure::invalid(format!(
            "`{text}` is no order, expected a name and ASC or DESC, such as metrics.loss DESC"
        )));
    }
    let unquoted: String = name.chars().filter(|c| !matches!(c, '`' | '"')).collect();
    Ok((key(1, unquoted.trim())?, descending))
}

/// The log table of a name that each run has its own of.
fn table(key: &Key) -> Option<(&'static str, &str)> {
    match key {
        Key::Metric(name) => Some(("latest", name)),
        Key::Param(name) => Some(("params", name)),
        Key::Tag(name) => Some(("tags", name)),
        Key::Attribute(name) if matches!(name.as_str(), "user_id" | "user") => Some(("tags", "mlflow.user")),
        // Says of a running one that it is to begin yet.
        Key::Attribute(name) if name == "status" => Some(("tags", SCHEDULED_TAG)),
        _ => None,
    }
}

/// The one of MLflow's names for an attribute that the columns are known by.
fn of_run(name: &str) -> &str {
    match name {
        "created" | "Created" => "start_time",
        "run name" | "Run name" | "Run Name" => "run_name",
        _ => name,
    }
}

/// Whether an attribute is a number of milliseconds.
fn is_time(name: &str) -> bool {
    of_run(name).ends_with("_time")
}

/// The status in MLflow's words, which are what filters say and orders go by.
fn status(scheduled: &str) -> String {
    let of_ended =
        ["finished", "failed", "cancelled"].map(|status| format!("WHEN r.status = '{status}' THEN '{}'", theirs(status)));
    format!("(CASE {} WHEN {scheduled} IS NOT NULL THEN 'SCHEDULED' ELSE 'RUNNING' END)", of_ended.join(" "))
}

/// Where the artifacts of a run are, as its clients are told.
fn is_of_artifacts(key: &Key) -> bool {
    matches!(key, Key::Attribute(name) if name == "artifact_uri")
}

fn is_status(key: &Key) -> bool {
    matches!(key, Key::Attribute(name) if name == "status")
}

fn column(key: &Key, joined: &[&Key]) -> Result<String, Failure> {
    if let Some(i) = joined.iter().position(|other| *other == key) {
        let value = format!("j{i}.value");
        return Ok(match key {
            key if is_status(key) => status(&value),
            // As the run is shown whose client did not say it.
            Key::Attribute(_) => format!("coalesce({value}, '{NOBODY}')"),
            _ => value,
        });
    }
    let name = match key {
        Key::Attribute(name) => name,
        Key::Dataset(_) => return Err(Failure::invalid("data sets are compared with texts, and no order goes by them")),
        _ => return Err(Failure::invalid(format!("`{key}` is of traces, a run has none"))),
    };
    let milliseconds = |column: &str| format!("(arrow_cast(r.{column}, 'Int64') / 1000)");
    match of_run(name) {
        "run_name" => Ok("r.title".into()),
        "run_id" => Ok("r.run".into()),
        "start_time" => Ok(milliseconds("started")),
        "end_time" => Ok(milliseconds("ended")),
        "artifact_uri" => Ok("concat('mlflow-artifacts:/', arrow_cast(e.id, 'Utf8'), '/', r.run, '/artifacts')".into()),
        _ => Err(Failure::invalid(format!(
            "`{name}` is no attribute of a run, expected status, run_name, run_id, start_time, end_time, artifact_uri or user_id"
        ))),
    }
}

/// How many conditions are on data sets.
fn of_datasets(condition: &Condition) -> usize {
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().map(of_datasets).sum(),
        Condition::Compare(key, ..) | Condition::In(key, ..) | Condition::IsNull(key, _) => {
            usize::from(matches!(key, Key::Dataset(_)))
        }
    }
}

fn written(condition: &Condition, joined: &[&Key]) -> Result<String, Failure> {
    let list = |all: &[Condition], word: &str| {
        let parts = all.iter().map(|one| written(one, joined)).collect::<Result<Vec<_>, _>>()?;
        Ok(in_halves(&parts, word))
    };
    match condition {
        Condition::And(all) => list(all, " AND "),
        Condition::Or(any) => list(any, " OR "),
        Condition::IsNull(key, negated) => {
            Ok(format!("({} IS {}NULL)", column(key, joined)?, if *negated { "NOT " } else { "" }))
        }
        Condition::In(Key::Dataset(name), values, negated) => {
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            let word = if *negated { "NOT IN" } else { "IN" };
            Ok(has_dataset(name, &format!("{word} ({})", values.join(", "))))
        }
        Condition::In(key, values, negated) => {
            let values = values.iter().map(|value| text(key, value)).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("({} {}IN ({}))", column(key, joined)?, if *negated { "NOT " } else { "" }, values.join(", ")))
        }
        Condition::Compare(key, operator, value) => compared(key, *operator, value, joined),
    }
}

/// Conditions joined by a word, halves of halves in parentheses: a chain of thousands would be as deep as it is long.
fn in_halves(parts: &[String], word: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        _ => {
            let (first, rest) = parts.split_at(parts.len() / 2);
            format!("({}{word}{})", in_halves(first, word), in_halves(rest, word))
        }
    }
}

/// Whether a data set of the run is so.
fn has_dataset(name: &str, condition: &str) -> String {
    let column = if name == "context" { "role" } else { name };
    format!("(r.run IN (SELECT run FROM gradframe.datasets WHERE {column} {condition}))")
}

fn compared(key: &Key, operator: Operator, value: &Value, joined: &[&Key]) -> Result<String, Failure> {
    let is_pattern = matches!(operator, Operator::Like | Operator::ILike);
    if let (Key::Dataset(name), Value::Text(text)) = (key, value) {
        let value = if is_pattern { pattern(text) } else { literal(text) };
        return Ok(has_dataset(name, &format!("{} {value}", word(operator))));
    }
    let column = column(key, joined)?;
    let is_number = matches!(key, Key::Metric(_)) || matches!(key, Key::Attribute(name) if is_time(name));
    let value = match value {
        Value::Number(number) if is_number => format!("{number:?}"),
        Value::Text(value) if !is_number && is_pattern => pattern(value),
        Value::Text(value) if !is_number => text(key, value)?,
        Value::Text(value) => return Err(number_with_text(key, value)),
        Value::Number(number) => return Err(text_with_number(key, *number)),
    };
    // A NaN is greater than all numbers to Arrow, and comparable to none to MLflow.
    let nan = match (key, operator) {
        (Key::Metric(_), Operator::NotEq) => format!("isnan({column}) OR "),
        (Key::Metric(_), _) => format!("NOT isnan({column}) AND "),
        _ => String::new(),
    };
    Ok(format!("({nan}{column} {} {value})", word(operator)))
}

fn word(operator: Operator) -> &'static str {
    match operator {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Less => "<",
        Operator::LessEq => "<=",
        Operator::Greater => ">",
        Operator::GreaterEq => ">=",
        Operator::Like => "LIKE",
        Operator::ILike => "ILIKE",
    }
}

/// A text to compare a name's values with; a status has to be one.
fn text(key: &Key, value: &str) -> Result<String, Failure> {
    Ok(if is_status(key) { literal(theirs(ours(value)?)) } else { literal(value) })
}

/// In MLflow's patterns a backslash is a character; in Arrow's it escapes the next one.
fn pattern(text: &str) -> String {
    literal(&text.replace('\\', r"\\"))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::super::parser::parse;
    use super::*;

    fn sql(filter: &str, order: &[&str]) -> Result<String, Failure> {
        let order: Vec<String> = order.iter().map(|text| (*text).to_owned()).collect();
        runs(&["a'b"], parse(filter).unwrap().as_ref(), &order, None)
    }

    #[test]
    fn a_page_goes_on_behind_the_values_of_the_last_row() {
        let order = ["metrics.loss DESC", "params.`it's`", "end_time"].map(str::to_owned);
        let place = |values: [Option<&str>; 3]| Place {
            run: "r'1".into(),
            started_us: 7,
            values: values.map(|value| value.map(str::to_owned)).to_vec(),
        };
        let sql = |place: &Place| runs(&["e"], None, &order, Some(place));
        let found = sql(&place([Some("0.1"), Some("x'; DROP TABLE runs"), Some("5")])).unwrap();
        for part in ["j0.value < arrow_cast('0.1', 'Float64')", "= 'x''; DROP TABLE runs'", "> 5", "< 7", "r.run < 'r''1'"] {
            assert!(found.contains(part), "{part}: {found}");
        }
        assert!(sql(&place([None, None, None])).unwrap().contains("(false OR (j0.value IS NULL AND (false OR"));
        assert!(sql(&place([Some("NaN"), None, None])).unwrap().contains("(j0.value IS NULL OR (isnan(j0.value) AND"));
        for wrong in [place([Some("1) OR (1=1"), None, None]), place([None, None, Some("5 OR true")])] {
            assert!(sql(&wrong).is_err());
        }
        assert!(runs(&["e"], None, &[], Some(&place([None, None, None]))).is_err());
    }

    #[test]
    fn texts_are_literals_whatever_is_in_them() {
        let sql = sql("params.p = \"x'; DROP TABLE runs; --\" AND tags.`q'r` != 'z'", &[]).unwrap();
        assert!(
            sql.contains("'x''; DROP TABLE runs; --'") && sql.contains("name = 'q''r'") && sql.contains("IN ('a''b')"),
            "{sql}"
        );
    }

    #[test]
    fn what_is_no_number_is_last_in_any_order() {
        let sql = sql("", &["metrics.loss DESC", "attributes.start_time"]).unwrap();
        assert!(sql.contains("ORDER BY (j0.value IS NULL), isnan(j0.value), j0.value DESC, "), "{sql}");
    }

    #[test]
    fn an_order_is_a_name_and_a_way() {
        assert_eq!(sort_key("params.`a b` desc").unwrap(), (Key::Param("a b".into()), true));
        assert_eq!(sort_key(" metrics.loss ").unwrap(), (Key::Metric("loss".into()), false));
        for wrong in ["metrics.loss DESCENDING", "metrics.loss, params.x", "start_time desc asc"] {
            assert!(sort_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_search_has_so_many_names_at_most() {
        let filter = |names: usize| (0..names).map(|i| format!("metrics.m{i} > 1")).collect::<Vec<_>>().join(" AND ");
        assert!(sql(&filter(64), &["metrics.m1"]).is_ok());
        for (filter, order) in [(filter(65), "metrics.m1"), (filter(64), "params.m1"), (filter(3000), "start_time")] {
            let error = format!("{:?}", sql(&filter, &[order]).unwrap_err());
            assert!(error.contains("at most 64 in one search"), "{error}");
        }
        let of_datasets = |conditions: usize| vec!["dataset.name = 'x'"; conditions].join(" OR ");
        assert!(sql(&of_datasets(64), &[]).is_ok() && sql(&of_datasets(65), &[]).is_err());
    }

    #[test]
    fn long_chains_of_conditions_are_not_deep() {
        let written = sql(&["params.p = 'x'"; 5000].join(" OR "), &[]).unwrap();
        let depths = written.chars().scan(0, |depth, c| {
            *depth += i32::from(c == '(') - i32::from(c == ')');
            Some(*depth)
        });
        assert!(depths.max().unwrap() < 20, "{written}");
    }

    #[test]
    fn attributes_have_mlflow_s_other_names() {
        for (filter, column) in [
            ("created > 0", "(arrow_cast(r.started, 'Int64') / 1000) > 0.0"),
            ("attributes.Created <= 5", "(arrow_cast(r.started, 'Int64') / 1000) <= 5.0"),
            ("`run name` = 'a'", "r.title = 'a'"),
            ("attributes.`Run Name` LIKE 'a%'", "r.title LIKE 'a%'"),
        ] {
            let sql = sql(filter, &[]).unwrap();
            assert!(sql.contains(column), "{filter}: {sql}");
        }
    }

    #[test]
    fn kinds_that_do_not_fit_are_said() {
        for wrong in ["metrics.a = 'x'", "params.a = 1", "attributes.nothing = 'x'", "status = 'DONE'"] {
            assert!(sql(wrong, &[]).is_err(), "{wrong}");
        }
    }
}
