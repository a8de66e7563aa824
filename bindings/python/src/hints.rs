//! What helps against a reading error, in the words of the Python functions that read: engine hints are in SQL's.

use std::cell::Cell;

/// SQL's words and Python's; `{}` stands for a name or a text in quotes.
const WORDS: [(&str, &str); 6] = [
    ("types => {{}: 'VARCHAR'}", "schema_overrides={{}: gf.String}"),
    ("null_value => {}", "null_values={}"),
    ("union_by_name => true", "union_by_name=True"),
    ("hive_partitioning => false", "hive_partitioning=False"),
    ("quote => ''", "quote_char=''"),
    ("schema_infer_rows", "infer_schema_length"),
];

thread_local! {
    static IN_SQL: Cell<bool> = const { Cell::new(false) };
}

/// Errors of this call, on this thread, are about a text in SQL.
pub fn of_sql<T>(call: impl FnOnce() -> T) -> T {
    let before = IN_SQL.replace(true);
    let answer = call();
    IN_SQL.set(before);
    answer
}

/// A message with its hint in Python's words, unless it is about SQL.
pub fn in_python(message: String) -> String {
    let Some((what, hint)) = message.rsplit_once("; hint: ") else { return message };
    if IN_SQL.get() || !what.starts_with("read_") {
        return message;
    }
    format!("{what}; hint: {}", WORDS.iter().fold(hint.to_owned(), |hint, (sql, python)| replaced(&hint, sql, python)))
}

fn replaced(hint: &str, sql: &str, python: &str) -> String {
    let Some((before, after)) = sql.split_once("{}") else { return hint.replace(sql, python) };
    let Some((head, rest)) = hint.split_once(before) else { return hint.to_owned() };
    // The name or text, up to the quote that ends it.
    let Some(end) = rest.strip_prefix('\'').and_then(|inside| inside.find('\'')).map(|at| at + 2) else { return hint.to_owned() };
    let Some(tail) = rest[end..].strip_prefix(after) else { return hint.to_owned() };
    format!("{head}{}{tail}", python.replacen("{}", &rest[..end], 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_speak_python_but_for_sql() {
        let said = "read_csv: column `a` is Int64, got `xx`; hint: types => {'a': 'VARCHAR'}, or a greater schema_infer_rows, or null_value => 'xx'";
        let python = "read_csv: column `a` is Int64, got `xx`; hint: schema_overrides={'a': gf.String}, or a greater infer_schema_length, or null_values='xx'";
        assert_eq!(in_python(said.to_owned()), python);
        assert_eq!(of_sql(|| in_python(said.to_owned())), said);
        assert_eq!(in_python("query: no; hint: union_by_name => true".to_owned()), "query: no; hint: union_by_name => true");
    }
}
