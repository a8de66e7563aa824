//! The demo's statements on a user's own files.

use std::path::Path;

use serde_json::Value;

use super::Step;
use super::files::Found;
use crate::process::Result;

/// A text column with more values than this is taken for a name or an identifier, not for a feature.
const CATEGORIES_MAX: u64 = 1000;
/// A target with more classes than this is no class.
const CLASSES_MAX: u64 = 100;

/// Answers a query with its rows, as JSON objects.
pub type Ask<'a> = dyn Fn(&str) -> Result<Vec<Value>> + 'a;

/// A column and what is known of its values.
#[derive(Debug)]
struct Column {
    name: String,
    data_type: String,
    /// Different values.
    distinct: u64,
}

/// The statements: look, train, evaluate, predict, read the log. `options` go to the reading function.
/// Errors: those of reading the files; an unknown target, with the nearest column; a target that cannot be predicted.
pub fn steps(found: &Found, options: Option<&str>, target: &str, ask: &Ask) -> Result<Vec<Step>> {
    let relation = relation(&found.path, options);
    // The engine's own error says what is wrong with the files, or which column is near.
    ask(&format!("SELECT {} FROM {relation} LIMIT 1", quoted(target)))?;
    let columns = columns(&relation, ask)?;
    let rows = count(&format!("SELECT count({}) AS n FROM {relation}", quoted(target)), ask)?;
    let label = columns.iter().find(|column| column.name == target).ok_or("the target is no column of the table")?;
    let classifies = classifies(label, rows)?;
    let (features, left_out): (Vec<&Column>, Vec<&Column>) =
        columns.iter().filter(|column| column.name != target).partition(|column| is_feature(column));
    if features.is_empty() {
        return Err(
            format!("no column but `{target}` can be a feature: numbers, dates, texts of up to {CATEGORIES_MAX} values").into()
        );
    }
    Ok(script(&found.name, &relation, label, classifies, &features, &left_out))
}

fn relation(path: &str, options: Option<&str>) -> String {
    let literal = path.replace('\'', "''");
    let lower = path.to_lowercase();
    let function = [
        ("json", "read_json"),
        ("jsonl", "read_json"),
        ("parquet", "read_parquet"),
        ("pq", "read_parquet"),
        ("arrow", "read_arrow"),
    ];
    match options {
        None if Path::new(path).extension().is_some_and(|ending| ending != "data") => format!("'{literal}'"),
        options => {
            let ending = lower.rsplit('.').next().unwrap_or_default();
            let function =
                function.iter().find(|(known, _)| ending.ends_with(known)).map_or("read_csv", |(_, function)| function);
            let options = options.map(|options| format!(", {options}")).unwrap_or_default();
            format!("{function}('{literal}'{options})")
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn count(query: &str, ask: &Ask) -> Result<u64> {
    let rows = ask(query)?;
    rows.first().and_then(|row| row["n"].as_u64()).ok_or_else(|| format!("no number came back from: {query}").into())
}

fn columns(relation: &str, ask: &Ask) -> Result<Vec<Column>> {
    let described = ask(&format!("DESCRIBE SELECT * FROM {relation}"))?;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_string();
    let mut columns = Vec::new();
    for row in &described {
        let (name, data_type) = (text(row, "column_name"), text(row, "data_type"));
        columns.push(Column { name, data_type, distinct: 0 });
    }
    let plain = columns.iter().enumerate().filter(|(_, column)| !is_nested(column));
    let counts: Vec<String> = plain.map(|(i, column)| format!("count(DISTINCT {}) AS c{i}", quoted(&column.name))).collect();
    let counted = ask(&format!("SELECT {} FROM {relation}", counts.join(", ")))?;
    for (i, column) in columns.iter_mut().enumerate() {
        column.distinct = counted.first().and_then(|row| row[format!("c{i}")].as_u64()).unwrap_or_default();
    }
    Ok(columns)
}

fn is_nested(column: &Column) -> bool {
    ["List", "LargeList", "FixedSizeList", "Struct", "Map", "Union", "Binary"]
        .iter()
        .any(|kind| column.data_type.starts_with(kind))
}

fn is_text(column: &Column) -> bool {
    column.data_type.contains("Utf8")
}

fn is_feature(column: &Column) -> bool {
    !is_nested(column) && column.distinct > 1 && (!is_text(column) || column.distinct <= CATEGORIES_MAX)
}

/// Texts and truth values are classes, and so are two whole numbers; other numbers are measures.
fn classifies(label: &Column, rows: u64) -> Result<bool> {
    let Column { name, data_type, distinct } = label;
    if is_nested(label) {
        return Err(format!("`{name}` is {data_type}: expected a number, a text or a truth value").into());
    }
    if rows == 0 || *distinct < 2 {
        return Err(format!("`{name}` has {rows} values, {distinct} of them different: there is nothing to learn").into());
    }
    let classes = is_text(label) || data_type == "Boolean" || data_type.contains("Int") && *distinct == 2;
    if classes && *distinct > CLASSES_MAX {
        return Err(format!("`{name}` has {distinct} different texts: too many to be classes, and no number").into());
    }
    if !classes && !["Int", "Float", "Decimal"].iter().any(|number| data_type.contains(number)) {
        return Err(format!("`{name}` is {data_type}: expected a number, a text or a truth value").into());
    }
    Ok(classes)
}

fn script(name: &str, relation: &str, label: &Column, classifies: bool, features: &[&Column], left_out: &[&Column]) -> Vec<Step> {
    let (view, model) = (quoted(&format!("{name}_rows")), quoted(&format!("{name}_model")));
    let target = quoted(&label.name);
    let list = features.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
    let texts = features.iter().map(|column| format!("CAST({} AS VARCHAR)", quoted(&column.name))).collect::<Vec<_>>().join(", ");
    let model_type = if classifies { "logistic_reg" } else { "linear_reg" };
    let predicted = quoted(&format!("predicted_{}", label.name));
    let left = match left_out {
        [] => String::new(),
        left_out => {
            let names: Vec<String> = left_out.iter().map(|column| format!("`{}`", column.name)).collect();
            format!(" Left out: {} (one value only, nested, or a text of too many values).", names.join(", "))
        }
    };
    let summary = match classifies {
        true => format!("SELECT {target}, count(*) AS \"rows\" FROM {view} GROUP BY {target} ORDER BY \"rows\" DESC LIMIT 12"),
        false => format!(
            "SELECT count(*) AS \"rows\", min({target}) AS smallest, avg({target}) AS mean, median({target}) AS median, max({target}) AS largest FROM {view}"
        ),
    };
    let step = |comment: String, statement: String| Step { comment, statement: format!("{statement};") };
    vec![
        step(
            format!(
                "The rows whose `{}` is known. About a fifth is held out, by the hash of the features: the same rows each time.",
                label.name
            ),
            format!(
                "CREATE OR REPLACE VIEW {view} AS\nSELECT {list}, {target},\n       md5(concat_ws('|', {texts})) < '33' AS held_out\nFROM {relation}\nWHERE {target} IS NOT NULL"
            ),
        ),
        step(String::new(), summary),
        step(
            format!("`{}` is {}, so this is a {model_type}.{left}", label.name, label.data_type),
            format!(
                "CREATE OR REPLACE MODEL {model}\nOPTIONS (model_type = '{model_type}', input_label_cols = ['{}'], l2_reg = 0.0001) AS\nSELECT {list}, {target} FROM {view} WHERE NOT held_out",
                label.name.replace('\'', "''")
            ),
        ),
        step(
            "How good is it on the rows that it has not seen?".into(),
            format!("SELECT * FROM ML.EVALUATE(MODEL {model}, (SELECT * FROM {view} WHERE held_out))"),
        ),
        step(
            "Its predictions beside the truth.".into(),
            format!("SELECT {target}, {predicted}, {list}\nFROM ML.PREDICT(MODEL {model}, TABLE {view})\nWHERE held_out LIMIT 5"),
        ),
        step(
            "What did it learn?".into(),
            format!(
                "SELECT feature, category, weight, standardized_weight\nFROM ML.WEIGHTS(MODEL {model}) ORDER BY abs(standardized_weight) DESC LIMIT 8"
            ),
        ),
        step(
            "The run's loss, from the log.".into(),
            format!(
                "SELECT model, status, epoch, value AS loss\nFROM gradframe.metrics JOIN gradframe.runs USING (run)\nWHERE name = 'loss' AND model = '{name}_model' ORDER BY started DESC, epoch LIMIT 8",
                name = name.replace('\'', "''")
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A table of these columns and numbers of values.
    fn of(target: &str, columns: &[(&str, &str, u64)]) -> Result<Vec<Step>> {
        let ask = |query: &str| -> Result<Vec<Value>> {
            if query.starts_with("DESCRIBE") {
                return Ok(columns.iter().map(|(name, t, _)| json!({"column_name": name, "data_type": t})).collect());
            }
            let counts = columns.iter().enumerate().map(|(i, (_, _, distinct))| (format!("c{i}"), json!(distinct)));
            let row: serde_json::Map<_, _> = counts.chain([("n".to_string(), json!(100))]).collect();
            Ok(vec![Value::Object(row)])
        };
        steps(&Found { path: "/d/t.csv".into(), name: "t".into() }, None, target, &ask)
    }

    #[test]
    fn the_targets_type_picks_the_model() {
        let columns = [("x", "Float64", 90), ("y", "Utf8", 2), ("n", "Int64", 50), ("id", "Utf8", 5000), ("l", "List(Int64)", 0)];
        let model = |target| of(target, &columns).unwrap().remove(2);
        assert!(model("y").statement.contains("logistic_reg"));
        assert!(model("n").statement.contains("linear_reg"));
        assert!(model("n").comment.contains("Left out: `id`, `l`"), "{}", model("n").comment);
        assert!(!model("n").statement.contains("\"id\""));
    }

    #[test]
    fn targets_that_cannot_be_predicted_are_refused() {
        let columns =
            [("x", "Float64", 90), ("one", "Utf8", 1), ("id", "Utf8", 5000), ("l", "List(Int64)", 0), ("d", "Date32", 50)];
        for target in ["one", "id", "l", "d"] {
            assert!(of(target, &columns).unwrap_err().to_string().contains(&format!("`{target}`")));
        }
    }
}
