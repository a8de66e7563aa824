//! Completion: names where names stand, columns of the tables that the statement names, keywords, functions, paths.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use gradframe::Session;
use reedline::{Completer, Span, Suggestion};
use tokio::runtime::Handle;

use super::commands;
use super::lexer::{Kind, Piece, pieces};
use super::words::{KEYWORDS, LOG_TABLES, ML_FUNCTIONS, is_keyword};

/// How long what was found out about names is believed: other processes make tables, too.
const FRESH: Duration = Duration::from_secs(3);
/// A key press waits no longer for the columns of a table.
const PATIENCE: Duration = Duration::from_millis(300);
/// More than this nobody reads.
const SUGGESTIONS_MAX: usize = 100;

/// Completes from the session's catalog.
pub struct SqlCompleter {
    session: Session,
    runtime: Handle,
    columns: HashMap<String, (Instant, Vec<String>)>,
}

/// Where the cursor is.
struct Context<'a> {
    text: &'a str,
    /// Pieces before the word that is being typed, without spaces and comments.
    before: Vec<Piece>,
    /// What is typed of the word.
    prefix: &'a str,
    start: usize,
}

impl SqlCompleter {
    /// To be called on a thread of the runtime.
    pub fn new(session: Session) -> Self {
        SqlCompleter { session, runtime: Handle::current(), columns: HashMap::new() }
    }

    fn statement(&mut self, text: &str, cursor: usize) -> (Vec<String>, usize) {
        let typed = &text[..cursor];
        let typed_pieces = pieces(typed);
        if let Some(open) = typed_pieces.last().filter(|last| last.kind == Kind::Text && !last.closed) {
            return paths(&typed[open.range.start + 1..], open.range.start + 1);
        }
        let context = Context::of(typed, typed_pieces);
        let mut found = match context.qualifier() {
            Some(qualifier) => self.qualified(text, qualifier, &context),
            None => self.unqualified(text, &context),
        };
        found.retain(|name| starts_with(name, context.prefix));
        (found, context.start)
    }

    /// What may follow `qualifier.`.
    fn qualified(&mut self, text: &str, qualifier: &str, context: &Context) -> Vec<String> {
        match qualifier.to_ascii_lowercase().as_str() {
            "ml" => ML_FUNCTIONS.iter().map(|name| in_case_of(name, context.prefix) + "(").collect(),
            "gradframe" => owned(LOG_TABLES),
            "public" => self.relations(),
            name => {
                let table = alias_target(text, name).unwrap_or_else(|| name.to_owned());
                self.columns_of(&table)
            }
        }
    }

    fn unqualified(&mut self, text: &str, context: &Context) -> Vec<String> {
        let previous = context.previous_word().unwrap_or_default().to_ascii_uppercase();
        let model_comes = previous == "MODEL" || (previous == "EXISTS" && context.says("MODEL"));
        if model_comes {
            return self.models();
        }
        if context.relation_comes() {
            let mut found = self.relations();
            found.extend(self.table_functions());
            found.extend(["gradframe.".to_owned(), in_case_of("ML", context.prefix) + "."]);
            return found;
        }
        let mut found = self.columns_in(text);
        if context.prefix.is_empty() && !found.is_empty() {
            return found;
        }
        found.extend(KEYWORDS.iter().map(|word| in_case_of(word, context.prefix)));
        if !context.prefix.is_empty() {
            found.extend(self.functions());
            found.extend(self.relations());
        }
        found
    }

    /// Columns of every table that the statement names.
    fn columns_in(&mut self, text: &str) -> Vec<String> {
        let mut relations = self.relations();
        relations.extend(LOG_TABLES.iter().map(|table| format!("gradframe.{table}")));
        let mut found = Vec::new();
        for named in named_relations(text) {
            if named.starts_with('\'') || relations.contains(&named) {
                found.extend(self.columns_of(&named));
            }
        }
        found
    }

    /// Empty if there is no such table, or it takes long to find out.
    fn columns_of(&mut self, relation: &str) -> Vec<String> {
        if let Some((at, columns)) = self.columns.get(relation).filter(|(at, _)| at.elapsed() < FRESH) {
            let _ = at;
            return columns.clone();
        }
        let session = self.session.clone();
        let looked_up = async {
            let frame = match relation.starts_with('\'') {
                true => session.sql(&format!("SELECT * FROM {relation}")).await,
                false => session.table(relation).await,
            };
            frame.map(|frame| frame.columns()).unwrap_or_default()
        };
        let columns = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, looked_up).await }).unwrap_or_default();
        let columns: Vec<String> = columns.iter().map(|column| as_written(column)).collect();
        self.columns.insert(relation.to_owned(), (Instant::now(), columns.clone()));
        columns
    }

    fn relations(&self) -> Vec<String> {
        let schema = self.session.context().catalog("main").and_then(|catalog| catalog.schema("public"));
        schema.map(|schema| schema.table_names()).unwrap_or_default().iter().map(|name| as_written(name)).collect()
    }

    fn models(&self) -> Vec<String> {
        self.session.models().unwrap_or_default().iter().map(|name| as_written(name)).collect()
    }

    fn functions(&self) -> Vec<String> {
        let state = self.session.context().state();
        let names =
            state.scalar_functions().keys().chain(state.aggregate_functions().keys()).chain(state.window_functions().keys());
        let mut names: Vec<String> = names.map(|name| format!("{name}(")).collect();
        names.sort();
        names.dedup();
        names
    }

    fn table_functions(&self) -> Vec<String> {
        let state = self.session.context().state();
        let known = ["read_csv", "read_parquet"].into_iter().map(str::to_owned);
        known.chain(state.table_functions().keys().cloned()).map(|name| format!("{name}(")).collect()
    }

    /// What may follow a command.
    fn argument(&self, text: &str) -> (Vec<String>, usize) {
        let Some((command, argument)) = text.split_once(' ') else { return (owned(commands::NAMES), 0) };
        let start = text.len() - argument.len();
        let mut found = match command {
            "\\d" => [self.relations(), self.models()].concat(),
            "\\dm" => self.models(),
            "\\format" => owned(&["table", "csv", "json", "parquet", "arrow"]),
            "\\x" | "\\timing" | "\\pager" => owned(&["on", "off"]),
            "\\i" | "\\o" => return paths(argument, start),
            _ => vec![],
        };
        found.retain(|name| starts_with(name, argument));
        (found, start)
    }
}

impl Completer for SqlCompleter {
    fn complete(&mut self, line: &str, cursor: usize) -> Vec<Suggestion> {
        let (mut found, start) = match line.starts_with('\\') {
            true => {
                let (mut found, start) = self.argument(&line[..cursor]);
                found.retain(|name| starts_with(name, &line[start..cursor]));
                (found, start)
            }
            false => self.statement(line, cursor),
        };
        let mut seen = std::collections::HashSet::new();
        found.retain(|name| seen.insert(name.clone()));
        found.truncate(SUGGESTIONS_MAX);
        let span = Span::new(start, cursor);
        found.into_iter().map(|value| Suggestion { value, span, ..Suggestion::default() }).collect()
    }
}

impl<'a> Context<'a> {
    fn of(text: &'a str, pieces: Vec<Piece>) -> Self {
        let typing = pieces.last().filter(|last| last.kind == Kind::Word || last.kind == Kind::QuotedName && !last.closed);
        let Range { start, .. } = typing.map_or(text.len()..text.len(), |piece| piece.range.clone());
        let before = pieces.into_iter().filter(|piece| piece.counts() && piece.range.end <= start).collect();
        Context { text, before, prefix: &text[start..], start }
    }

    /// The name before a dot right before the cursor.
    fn qualifier(&self) -> Option<&'a str> {
        let [.., name, dot] = &self.before[..] else { return None };
        let touches = dot.range.end == self.start && name.range.end == dot.range.start;
        (touches && dot.of(self.text) == "." && name.kind == Kind::Word).then(|| name.of(self.text))
    }

    fn previous_word(&self) -> Option<&'a str> {
        self.before.last().filter(|piece| piece.kind == Kind::Word).map(|piece| piece.of(self.text))
    }

    fn says(&self, word: &str) -> bool {
        self.before.iter().any(|piece| piece.of(self.text).eq_ignore_ascii_case(word))
    }

    /// True right after FROM and its like, and after a comma in a list of tables.
    fn relation_comes(&self) -> bool {
        let introduces = |word: &str| {
            ["FROM", "JOIN", "INTO", "TABLE", "UPDATE", "DESCRIBE"].iter().any(|known| word.eq_ignore_ascii_case(known))
        };
        if self.previous_word().is_some_and(introduces) {
            return true;
        }
        let mut words = self.before.iter().rev().map(|piece| piece.of(self.text));
        words.next() == Some(",") && words.find(|word| is_keyword(word)).is_some_and(|word| word.eq_ignore_ascii_case("FROM"))
    }
}

/// Tables and files that stand after FROM, JOIN and their like, as written.
fn named_relations(text: &str) -> Vec<String> {
    let pieces: Vec<Piece> = pieces(text).into_iter().filter(Piece::counts).collect();
    let mut found = Vec::new();
    for (i, piece) in pieces.iter().enumerate() {
        let name = match piece.kind {
            Kind::Text if piece.closed => piece.of(text).to_owned(),
            Kind::Word if i >= 2 && pieces[i - 1].of(text) == "." => format!("{}.{}", pieces[i - 2].of(text), piece.of(text)),
            Kind::Word | Kind::QuotedName => piece.of(text).to_owned(),
            _ => continue,
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The table that `name` is an alias of: `trips t`, `trips AS t`.
fn alias_target(text: &str, alias: &str) -> Option<String> {
    let pieces: Vec<Piece> = pieces(text).into_iter().filter(Piece::counts).collect();
    let word = |i: usize| pieces.get(i).filter(|piece| piece.kind != Kind::Sign).map(|piece| piece.of(text));
    let stands = |i: usize| word(i).is_some_and(|word| word.eq_ignore_ascii_case(alias));
    let is_name = |word: &&str| !is_keyword(word);
    (1..pieces.len()).filter(|&i| stands(i)).find_map(|i| {
        let before = if word(i - 1).is_some_and(|word| word.eq_ignore_ascii_case("AS")) { i.checked_sub(2)? } else { i - 1 };
        word(before).filter(is_name).map(str::to_owned)
    })
}

/// Files and directories that begin so.
fn paths(typed: &str, start: usize) -> (Vec<String>, usize) {
    let (directory, prefix) =
        typed.rsplit_once('/').map_or(("", typed), |(directory, _)| (directory, &typed[directory.len() + 1..]));
    let place = if typed.starts_with('/') && directory.is_empty() {
        "/"
    } else if directory.is_empty() {
        "."
    } else {
        directory
    };
    let mut found: Vec<String> = std::fs::read_dir(Path::new(place))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_shown = name.starts_with(prefix) && (!name.starts_with('.') || prefix.starts_with('.'));
            let end = if entry.path().is_dir() { "/" } else { "" };
            is_shown.then(|| format!("{}{name}{end}", &typed[..typed.len() - prefix.len()]))
        })
        .collect();
    found.sort();
    (found, start)
}

fn starts_with(name: &str, prefix: &str) -> bool {
    let bare = |text: &str| text.trim_start_matches('"').to_lowercase();
    bare(name).starts_with(&bare(prefix))
}

/// The keyword in lower case if it is typed so.
fn in_case_of(keyword: &str, prefix: &str) -> String {
    if prefix.starts_with(char::is_lowercase) { keyword.to_lowercase() } else { keyword.to_owned() }
}

/// Quoted where the name would not come back as it is.
fn as_written(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_plain = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty();
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Completions at the end of the text, in a session with a table, a view and a model.
    fn completed(text: &str) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let session = Session::builder().in_memory().threads(1).build().unwrap();
        let made = session.block_on(session.sql(
            "CREATE TABLE trips AS SELECT 1.0 AS distance, 2.0 AS fare, 'x' AS \"Kind\";
             CREATE VIEW towns AS SELECT 1 AS population;
             CREATE MODEL fares OPTIONS (model_type = 'linear_reg', input_label_cols = ['fare']) AS
             SELECT * FROM (VALUES (1.0, 2.0), (2.0, 4.0)) AS t(distance, fare)",
        ));
        made.unwrap();
        let _inside = runtime.enter();
        let mut completer = SqlCompleter::new(session);
        completer.complete(text, text.len()).into_iter().map(|suggestion| suggestion.value).collect()
    }

    #[test]
    fn what_fits_the_place_is_offered() {
        let cases: [(&str, &[&str]); 10] = [
            ("SELECT * FROM t", &["towns", "trips"]),
            ("SELECT fare, DI", &["DISTINCT"]),
            ("SELECT * FROM trips WHERE di", &["distance", "distinct"]),
            ("SELECT * FROM trips t WHERE t.", &["distance", "fare", "\"Kind\""]),
            ("SELECT * FROM ML.PRED", &["PREDICT("]),
            ("DROP MODEL ", &["fares"]),
            ("SELECT * FROM gradframe.m", &["metrics", "models"]),
            ("\\ti", &["\\timing"]),
            ("\\d fa", &["fares"]),
            ("sel", &["select"]),
        ];
        for (text, expected) in cases {
            let found = completed(text);
            assert!(expected.iter().all(|name| found.iter().any(|found| found == name)), "{text}: {found:?}");
        }
        assert_eq!(completed("SELECT * FROM t"), ["towns", "trips"]);
    }

    #[test]
    fn paths_are_offered_inside_quotes() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("flats.csv"), "").unwrap();
        std::fs::create_dir(directory.path().join("flows")).unwrap();
        let at = directory.path().display();
        let found = completed(&format!("SELECT * FROM '{at}/fl"));
        assert_eq!(found, [format!("{at}/flats.csv"), format!("{at}/flows/")]);
    }
}
