//! `gradframe runs ls`: which runs, which of their columns, in which order, as one query.
//!
//! Beside the columns of `gradframe.runs` there are `metrics.loss` (the latest value; `min.loss`, `max.loss`),
//! `params.lr` and `tags.team`, in `--columns`, `--where` and `--sort`; names with other signs in double quotes. A status may be compared
//! with MLflow's word for it: `status = 'FINISHED'` is `status = 'finished'`.

use std::collections::BTreeSet;

use gradframe::{Error, Result};

use super::quoted;

/// What is shown unless columns are chosen.
const COLUMNS: &str = "run, title, experiment, status, started, ended, model, seed";

/// Families of columns that each run has its own names of: table, and the value that is meant.
const FAMILIES: [(&str, &str, &str); 5] = [
    ("metrics", "latest", "value"),
    ("min", "latest", "min"),
    ("max", "latest", "max"),
    ("params", "params", "value"),
    ("tags", "tags", "value"),
];

/// What the user asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    pub columns: Option<&'a str>,
    pub filter: Option<&'a str>,
    pub sort: Option<&'a str>,
    pub experiment: Option<&'a str>,
    pub limit: usize,
    /// Those that clients of MLflow have deleted, too.
    pub deleted: bool,
}

/// Runs are chosen first, and their other columns looked up after, if there are no more than this many.
const CHOSEN_MAX: usize = 1000;

/// A family and a name of its, for each column that is used.
type Used = BTreeSet<(usize, String)>;

/// A wish in SQL's words.
struct Words {
    columns: String,
    condition: String,
    order: String,
    /// What the columns need.
    shown: Used,
    /// What the condition and the order need.
    looked_at: Used,
}

impl Words {
    fn of(wish: &Wish<'_>) -> Result<Self> {
        let (mut shown, mut looked_at) = (Used::new(), Used::new());
        let columns = rewrite(wish.columns.unwrap_or(COLUMNS), &mut shown)?;
        let filter = wish.filter.map(|text| rewrite(text, &mut looked_at)).transpose()?;
        let sort = wish.sort.map(|text| rewrite(&numbers_first(text)?, &mut looked_at)).transpose()?;
        let mut conditions: Vec<String> = filter.into_iter().map(in_parentheses).collect();
        conditions.extend((!wish.deleted).then(|| "NOT deleted".to_owned()));
        conditions.extend(wish.experiment.map(|name| format!("experiment = {}", quoted(name))));
        let condition = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let order = sort.map_or_else(String::new, |sort| format!("{sort}, "));
        Ok(Words { columns, condition, order: format!(" ORDER BY {order}started DESC, run DESC"), shown, looked_at })
    }
}

/// A comment at the end of the words ends with its line.
fn in_parentheses(filter: String) -> String {
    if filter.contains("--") { format!("({filter}\n)") } else { format!("({filter})") }
}

/// The query for the names of the runs alone, where it is worth while to look up the rest of few runs instead of all: it needs
/// fewer names than are shown. Errors: `Plan` for a name or text that does not end.
pub fn chosen(wish: &Wish<'_>) -> Result<Option<String>> {
    let Words { condition, order, shown, looked_at, .. } = Words::of(wish)?;
    let from = source(&looked_at, None);
    let sql = format!("SELECT run FROM ({from}){condition}{order} LIMIT {}", wish.limit);
    Ok(((1..=CHOSEN_MAX).contains(&wish.limit) && !shown.is_subset(&looked_at)).then_some(sql))
}

/// The query for how many runs there are that fit. Errors: as of [`chosen`].
pub fn counted(wish: &Wish<'_>) -> Result<String> {
    let Words { condition, looked_at, .. } = Words::of(wish)?;
    Ok(format!("SELECT count(*) FROM ({}){condition}", source(&looked_at, None)))
}

/// What the user has written of the query, each part under its option, after what makes it a statement.
pub fn parts<'a>(wish: &Wish<'a>) -> Vec<(&'static str, &'a str, &'static str)> {
    let parts = [
        ("--where", wish.filter, "SELECT 1 FROM r WHERE"),
        ("--columns", wish.columns, "SELECT"),
        ("--sort", wish.sort, "SELECT 1 FROM r ORDER BY"),
    ];
    parts.into_iter().filter_map(|(option, text, before)| Some((option, text?, before))).collect()
}

/// The query, of these runs alone if they have been chosen. Errors: as of [`chosen`].
pub fn query(wish: &Wish<'_>, runs: Option<&[String]>) -> Result<String> {
    let Words { columns, condition, order, mut shown, looked_at } = Words::of(wish)?;
    shown.extend(looked_at);
    let from = source(&shown, runs);
    let limit = if wish.limit == 0 { String::new() } else { format!(" LIMIT {}", wish.limit) };
    Ok(format!("SELECT {columns} FROM ({from}){condition}{order}{limit}"))
}

/// The log tables and names that are asked for: `latest` and `loss` of `metrics.loss`. Errors: as of [`chosen`].
pub fn asked_for(wish: &Wish<'_>) -> Result<BTreeSet<(&'static str, String)>> {
    let Words { shown, looked_at, .. } = Words::of(wish)?;
    Ok(shown.into_iter().chain(looked_at).map(|(family, name)| (FAMILIES[family].1, name)).collect())
}

/// Runs with a column for each name that is used.
fn source(used: &Used, runs: Option<&[String]>) -> String {
    let among = |condition: &str| match runs {
        Some([]) => format!("{condition} false"),
        Some(runs) => format!("{condition} run IN ({})", runs.iter().map(|run| quoted(run)).collect::<Vec<_>>().join(", ")),
        None => String::new(),
    };
    let mut select = "SELECT r.*".to_owned();
    let mut joins = String::new();
    for (i, (family, name)) in used.iter().enumerate() {
        let (prefix, table, value) = FAMILIES[*family];
        let column = identifier(&format!("{prefix}.{name}"));
        select.push_str(&format!(", j{i}.value AS {column}"));
        let of_name =
            format!("SELECT run, {value} AS value FROM gradframe.{table} WHERE name = {}{}", quoted(name), among(" AND"));
        joins.push_str(&format!(" LEFT JOIN ({of_name}) AS j{i} ON r.run = j{i}.run"));
    }
    format!("{select} FROM (SELECT * FROM gradframe.runs{}) AS r{joins}", among(" WHERE"))
}

/// An order in which parameters and tags, which are texts, that are numbers go by their values, and before others.
fn numbers_first(sort: &str) -> Result<String> {
    let items = split_at_commas(sort)?.into_iter().map(|item| {
        let (column, way) = match item.trim().rsplit_once(char::is_whitespace) {
            Some((column, way)) if way.eq_ignore_ascii_case("desc") || way.eq_ignore_ascii_case("asc") => (column.trim(), way),
            _ => (item.trim(), "ASC"),
        };
        let is_text = family(word(column)).is_some_and(|family| matches!(FAMILIES[family].1, "params" | "tags"));
        let rest = column[word(column).len()..].strip_prefix('.').filter(|_| is_text);
        let is_alone = rest.is_some_and(|rest| name(rest).is_ok_and(|(_, rest)| rest.is_empty()));
        match is_alone {
            true => format!("try_cast({column} AS double) {way} NULLS LAST, {column} {way} NULLS LAST"),
            false => item.to_owned(),
        }
    });
    Ok(items.collect::<Vec<_>>().join(", "))
}

/// Parts between commas that are in no parentheses, texts or quoted names.
fn split_at_commas(text: &str) -> Result<Vec<&str>> {
    let (mut parts, mut start, mut at, mut depth) = (Vec::new(), 0, 0, 0);
    while let Some(first) = text[at..].chars().next() {
        match first {
            '\'' | '"' | '`' => {
                at += quoted_part(&text[at..], first)?.len();
                continue;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += first.len_utf8();
    }
    parts.push(&text[start..]);
    Ok(parts)
}

/// The text with each `metrics.loss` as the name of its column; texts and other names stay.
fn rewrite(text: &str, used: &mut Used) -> Result<String> {
    let mut rewritten = String::new();
    let mut left = text;
    // Whether texts that come now are compared with the status.
    let mut of_status = false;
    while let Some(first) = left.chars().next() {
        let taken = match first {
            '\'' | '"' => quoted_part(left, first)?,
            c if c.is_alphabetic() || c == '_' => word(left),
            c => &left[..c.len_utf8()],
        };
        left = &left[taken.len()..];
        if first.is_alphabetic() && !COMPARING.iter().any(|word| word.eq_ignore_ascii_case(taken)) {
            of_status = taken.eq_ignore_ascii_case("status");
        }
        if of_status && first == '\'' {
            rewritten.push_str(status(taken));
            continue;
        }
        match family(taken).zip(left.strip_prefix('.')) {
            Some((family, rest)) => {
                let (name, rest) = name(rest)?;
                rewritten.push_str(&identifier(&format!("{}.{name}", FAMILIES[family].0)));
                used.insert((family, name));
                left = rest;
            }
            None => rewritten.push_str(taken),
        }
    }
    Ok(rewritten)
}

/// Words that may stand between the status and what it is compared with.
const COMPARING: [&str; 4] = ["NOT", "IN", "IS", "DISTINCT"];
/// MLflow's words for statuses, in quotes, and ours.
const STATUSES: [(&str, &str); 4] =
    [("'RUNNING'", "'running'"), ("'FINISHED'", "'finished'"), ("'FAILED'", "'failed'"), ("'KILLED'", "'cancelled'")];

/// A status in quotes in our word, whatever its letters; another text as it is.
fn status(quoted: &str) -> &str {
    let known = STATUSES.iter().find(|(theirs, ours)| theirs.eq_ignore_ascii_case(quoted) || ours.eq_ignore_ascii_case(quoted));
    known.map_or(quoted, |(_, ours)| ours)
}

/// The family that a word names, `metric` as `metrics` does.
fn family(word: &str) -> Option<usize> {
    FAMILIES.iter().position(|(prefix, _, _)| *prefix == word || prefix.strip_suffix('s') == Some(word))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// A text or a quoted name, its quotes included; a doubled quote stands for one.
fn quoted_part(text: &str, quote: char) -> Result<&str> {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return Ok(&text[..at]);
        }
        at += 1;
    }
    Err(Error::plan("gradframe runs", format!("{quote} opens what nothing closes: {text}")))
}

/// The name behind `metrics.`, and what comes after it.
fn name(text: &str) -> Result<(String, &str)> {
    // MLflow's filters have backticks around names, SQL has quotation marks.
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '`')) {
        let part = quoted_part(text, quote)?;
        let doubled = String::from_iter([quote, quote]);
        return Ok((part[1..part.len() - 1].replace(&doubled, &quote.to_string()), &text[part.len()..]));
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '/')).unwrap_or(text.len());
    if end == 0 {
        return Err(Error::plan("gradframe runs", format!("a name is missing before `{text}`")));
    }
    Ok((text[..end].to_owned(), &text[end..]))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> (String, Vec<String>) {
        let mut used = Used::new();
        let text = rewrite(text, &mut used).unwrap();
        (text, used.into_iter().map(|(family, name)| format!("{}:{name}", FAMILIES[family].0)).collect())
    }

    #[test]
    fn names_of_families_become_columns() {
        let (text, used) = rewritten("metrics.val/loss < 0.5 AND params.lr='0.1' OR tags.\"my team\" = 'metrics.x'");
        assert_eq!(text, r#""metrics.val/loss" < 0.5 AND "params.lr"='0.1' OR "tags.my team" = 'metrics.x'"#);
        assert_eq!(used, ["metrics:val/loss", "params:lr", "tags:my team"]);
        assert_eq!(rewritten("max(min.loss) - metrics.loss-1").0, r#"max("min.loss") - "metrics.loss"-1"#);
        assert_eq!(rewritten("metrics.`val loss` < 1 AND tags.`a``b` = '`'").0, r#""metrics.val loss" < 1 AND "tags.a`b" = '`'"#);
        assert_eq!(rewritten("metric.loss = param.x").0, r#""metrics.loss" = "params.x""#);
        assert_eq!(rewritten("'it''s metrics.x'").1, Vec::<String>::new());
    }

    #[test]
    fn a_status_is_known_by_mlflow_s_word_too() {
        for (text, expected) in [
            ("status = 'FINISHED'", "status = 'finished'"),
            ("status='Finished' AND title = 'FAILED'", "status='finished' AND title = 'FAILED'"),
            ("STATUS NOT IN ('KILLED', 'failed', 'x')", "STATUS NOT IN ('cancelled', 'failed', 'x')"),
            ("tags.status = 'FAILED' OR status <> 'RUNNING'", "\"tags.status\" = 'FAILED' OR status <> 'running'"),
            ("title LIKE 'FINISHED'", "title LIKE 'FINISHED'"),
        ] {
            assert_eq!(rewritten(text).0, expected);
        }
    }

    #[test]
    fn runs_are_chosen_first_where_more_is_shown_than_looked_at() {
        let wish = Wish { columns: Some("run, metrics.a, params.b"), sort: Some("metrics.a"), limit: 3, ..Wish::default() };
        let first = chosen(&wish).unwrap().unwrap();
        assert!(first.starts_with("SELECT run FROM") && first.contains("name = 'a'") && !first.contains("'b'"), "{first}");
        let second = query(&wish, Some(&["it's".to_owned()])).unwrap();
        assert_eq!(second.matches("run IN ('it''s')").count(), 3, "{second}");
        assert_eq!(chosen(&Wish { columns: Some("run, metrics.a"), ..wish }).unwrap(), None);
        assert_eq!(chosen(&Wish { limit: 5000, ..wish }).unwrap(), None);
    }

    #[test]
    fn parameters_that_are_numbers_are_sorted_as_such() {
        let sorted = numbers_first("params.lr DESC, started, min(params.a, 'x,y'), tags.\"a, b\"").unwrap();
        assert_eq!(
            sorted,
            "try_cast(params.lr AS double) DESC NULLS LAST, params.lr DESC NULLS LAST,  started,  min(params.a, 'x,y'), \
             try_cast(tags.\"a, b\" AS double) ASC NULLS LAST, tags.\"a, b\" ASC NULLS LAST"
        );
    }

    #[test]
    fn what_does_not_end_is_said() {
        for wrong in ["title = 'x", "metrics.\"loss", "metrics. < 1"] {
            assert_eq!(rewrite(wrong, &mut Used::new()).unwrap_err().kind(), "Plan", "{wrong}");
        }
    }
}
