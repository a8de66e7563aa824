//! MLflow's filter language, with OR and parentheses beside its AND: read into conditions, written as SQL.

mod lexer;
mod pages;
mod parser;
mod place;
mod sql;

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::answer::Failure;
pub use pages::Page;
pub use parser::Key;
use parser::{Condition, Operator, Value};
pub use place::Place;

/// The attributes of all such things that are numbers; their other attributes are texts.
const NUMBERS: [&str; 12] = [
    "experiment_id",
    "creation_time",
    "last_update_time",
    "creation_timestamp",
    "last_updated_timestamp",
    "version_number",
    "timestamp",
    "timestamp_ms",
    "execution_time",
    "execution_time_ms",
    "end_time",
    "end_time_ms",
];

/// The query for runs in order, of which each row says its [`Place`]; those behind one.
pub fn runs(experiments: &[&str], filter: &str, order: &[String], after: Option<&Place>) -> Result<String, Failure> {
    sql::runs(experiments, parser::parse(filter)?.as_ref(), order, after)
}

/// A filter of things that are looked at one by one: experiments, models.
#[derive(Debug)]
pub struct Filter(Option<Condition>);

impl Filter {
    /// Errors: for what is no filter, and for an attribute that is none of these.
    pub fn read(filter: &str, attributes: &[&str]) -> Result<Self, Failure> {
        let filter = Filter(parser::parse(filter)?);
        filter.keys().iter().try_for_each(|key| check_attribute(key, attributes))?;
        Ok(filter)
    }

    /// All names that are compared.
    pub fn keys(&self) -> BTreeSet<Key> {
        let mut keys = BTreeSet::new();
        self.0.iter().for_each(|condition| condition.collect_keys(&mut keys));
        keys
    }

    /// Errors: for a comparison with what a name is not of, and of a name that has no kind.
    pub fn check(&self, kind: &dyn Fn(&Key) -> Option<Kind>) -> Result<(), Failure> {
        self.0.as_ref().map_or(Ok(()), |condition| check(condition, kind))
    }

    /// Whether the thing passes whose names have these values.
    pub fn holds(&self, value: &dyn Fn(&Key) -> Option<String>) -> bool {
        self.holds_of_any(&|key| value(key).into_iter().collect())
    }

    /// Whether the thing passes some of whose values a condition has to hold of.
    pub fn holds_of_any(&self, values: &dyn Fn(&Key) -> Vec<String>) -> bool {
        self.0.as_ref().is_none_or(|condition| holds(condition, values))
    }
}

/// What a name is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    /// A number by which something is known: it may stand in quotes, and is in no order as a text then.
    Identifier,
    /// A text or a number.
    Any,
}

/// What a thing is sorted by, as texts; None of what it has not.
type Values = Vec<Option<String>>;

/// The order of things that are looked at one by one.
#[derive(Debug)]
pub struct Order(Vec<(Key, bool)>);

impl Order {
    /// `ties`, names behind commas, is the order of what is equal otherwise. Errors: for an attribute that is none of these.
    pub fn read(order: &[String], attributes: &[&str], ties: &str) -> Result<Self, Failure> {
        let mut keys = order.iter().map(|text| sql::sort_key(text)).collect::<Result<Vec<_>, _>>()?;
        keys.iter().try_for_each(|(key, _)| check_attribute(key, attributes))?;
        let ties = ties.split(',').map(|text| sql::sort_key(text.trim())).collect::<Result<Vec<_>, _>>()?;
        keys.extend(ties);
        Ok(Order(keys))
    }

    /// Itself. Errors: for a name that has no kind: no such thing has it.
    pub fn check(self, kind: &dyn Fn(&Key) -> Option<Kind>) -> Result<Self, Failure> {
        match self.0.iter().find(|(key, _)| kind(key).is_none()) {
            Some((key, _)) => Err(no_name(key)),
            None => Ok(self),
        }
    }

    /// The names that it goes by.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values of a thing that it is sorted by. The value of a name may depend on where in the order it stands, counted from 0.
    fn values<T>(&self, thing: &T, value: &impl Fn(&T, usize, &Key) -> Option<String>) -> Values {
        self.0.iter().enumerate().map(|(at, (key, _))| value(thing, at, key)).collect()
    }

    /// Which of two things comes first; whatever the direction, what has no value is last, and before that a NaN.
    fn compare(&self, a: &Values, b: &Values) -> Ordering {
        for (((key, descending), a), b) in self.0.iter().zip(a).zip(b) {
            let by_rank = rank(key, a.as_deref()).cmp(&rank(key, b.as_deref()));
            let order = by_rank.then_with(|| match (a, b) {
                (Some(a), Some(b)) if *descending => compared(key, b, a),
                (Some(a), Some(b)) => compared(key, a, b),
                _ => Ordering::Equal,
            });
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// Values of a greater rank come later in both directions.
fn rank(key: &Key, value: Option<&str>) -> u8 {
    match value {
        None => 2,
        Some(text) if is_number(key) && text.parse::<f64>().is_ok_and(f64::is_nan) => 1,
        Some(_) => 0,
    }
}

/// By what the name is of, never by how two of its values read: texts of which some read as numbers have no order of that kind.
fn compared(key: &Key, a: &str, b: &str) -> Ordering {
    match (is_number(key), a.parse::<f64>(), b.parse::<f64>()) {
        (true, Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn is_number(key: &Key) -> bool {
    match key {
        Key::Metric(_) => true,
        Key::Attribute(name) => NUMBERS.contains(&name.as_str()),
        _ => false,
    }
}

fn check_attribute(key: &Key, attributes: &[&str]) -> Result<(), Failure> {
    match key {
        Key::Attribute(name) if !attributes.contains(&name.as_str()) => {
            Err(Failure::invalid(format!("`{name}` is nothing to compare here, expected one of {}", attributes.join(", "))))
        }
        _ => Ok(()),
    }
}

fn check(condition: &Condition, kind: &dyn Fn(&Key) -> Option<Kind>) -> Result<(), Failure> {
    let kind_of = |key| kind(key).ok_or_else(|| no_name(key));
    match condition {
        Condition::And(all) | Condition::Or(all) => all.iter().try_for_each(|one| check(one, kind)),
        Condition::IsNull(key, _) => kind_of(key).map(|_| ()),
        Condition::In(key, ..) if kind_of(key)? == Kind::Number => {
            Err(Failure::invalid(format!("`{key}` is a number, compared with texts")))
        }
        Condition::In(..) => Ok(()),
        Condition::Compare(key, operator, value) => match (kind_of(key)?, value) {
            (Kind::Identifier, Value::Text(text)) if !is_identifier(*operator, text) => Err(number_with_text(key, text)),
            (Kind::Number, Value::Text(text)) => Err(number_with_text(key, text)),
            (Kind::Text, Value::Number(number)) => Err(text_with_number(key, *number)),
            _ => Ok(()),
        },
    }
}

fn no_name(key: &Key) -> Failure {
    Failure::invalid(format!("`{key}` is nothing to compare here"))
}

/// Whether a number in quotes is compared as one.
fn is_identifier(operator: Operator, text: &str) -> bool {
    matches!(operator, Operator::Eq | Operator::NotEq) && !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

fn number_with_text(key: &Key, text: &str) -> Failure {
    Failure::invalid(format!("`{key}` is a number, compared with the text '{text}'"))
}

fn text_with_number(key: &Key, number: f64) -> Failure {
    Failure::invalid(format!("`{key}` is a text, compared with {number}; put it in quotes"))
}

fn holds(condition: &Condition, values: &dyn Fn(&Key) -> Vec<String>) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|one| holds(one, values)),
        Condition::Or(any) => any.iter().any(|one| holds(one, values)),
        Condition::Compare(key, operator, with) => values(key).iter().any(|found| compares(found, *operator, with)),
        Condition::IsNull(key, negated) => values(key).is_empty() != *negated,
        Condition::In(key, among, negated) => values(key).iter().any(|found| among.contains(found) != *negated),
    }
}

fn compares(found: &str, operator: Operator, value: &Value) -> bool {
    if let (Value::Number(number), Ok(found)) = (value, found.parse::<f64>()) {
        return operator.holds(found.partial_cmp(number));
    }
    let Value::Text(text) = value else { return false };
    match operator {
        Operator::Like => like(found, text),
        Operator::ILike => like(&found.to_lowercase(), &text.to_lowercase()),
        operator => operator.holds(Some(found.cmp(text))),
    }
}

/// SQL's LIKE: `%` is any text, `_` any character.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut in_pattern) = (0, 0);
    // Where the last `%` was, and how much of the text it takes.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(in_pattern) {
            Some('%') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(c) if *c == '_' || *c == text[at] => (at, in_pattern) = (at + 1, in_pattern + 1),
            _ => {
                let Some((place, taken)) = star else { return false };
                (at, in_pattern) = (taken + 1, place + 1);
                star = Some((place, taken + 1));
            }
        }
    }
    pattern[in_pattern..].iter().all(|c| *c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_sql_s() {
        for (text, pattern, expected) in [
            ("taxi", "%ax%", true),
            ("taxi", "t_xi", true),
            ("taxi", "ax", false),
            ("", "%", true),
            ("aab", "%ab", true),
            ("abc", "a%d", false),
            ("a%b", "a%b", true),
        ] {
            assert_eq!(like(text, pattern), expected, "{text} {pattern}");
        }
    }

    #[test]
    fn things_are_filtered_and_sorted() {
        let value = |key: &Key| match key {
            Key::Tag(name) if name == "team" => Some("a".to_owned()),
            Key::Attribute(name) if name == "name" => Some("Taxi".to_owned()),
            Key::Attribute(_) => Some("5000".to_owned()),
            _ => None,
        };
        for (filter, expected) in [
            ("name = 'Taxi'", true),
            ("name ILIKE 'taxi%'", true),
            ("name LIKE 'taxi%'", false),
            ("tags.team = 'a'", true),
            ("tags.team != 'a' OR creation_time > 4000", true),
            ("tags.none = 'x'", false),
            ("name IN ('x', 'Taxi')", true),
            ("name != 'Taxi'", false),
        ] {
            let filter = Filter::read(filter, &["name", "creation_time"]).unwrap();
            assert_eq!(filter.holds(&value), expected, "{filter:?}");
        }
        assert!(Filter::read("colour = 'red'", &["name"]).is_err());
        let kind = |key: &Key| match key {
            Key::Attribute(name) => Some(match name.as_str() {
                "name" => Kind::Text,
                "version" => Kind::Identifier,
                _ => Kind::Number,
            }),
            _ => None,
        };
        for (filter, well) in [
            ("name = 'x' AND time > 1", true),
            ("time = 'x'", false),
            ("name LIKE 'x' OR name = 1", false),
            ("time IN ('x')", false),
            ("metrics.a > 1", false),
            ("tags.a IS NULL", false),
            ("version = '1' AND version != 2 AND version IN ('1', '2') AND version > 1", true),
            ("version LIKE '1'", false),
            ("version > '1'", false),
            ("version = 'one'", false),
        ] {
            let read = Filter::read(filter, &["name", "time", "version"]).unwrap();
            assert_eq!(read.check(&kind).is_ok(), well, "{filter}");
        }
        for (order, well) in
            [("name DESC", true), ("time", true), ("metrics.a", false), ("params.a", false), ("datasets.name", false)]
        {
            let read = Order::read(&[order.into()], &["name", "time"], "name").unwrap();
            assert_eq!(read.check(&kind).is_ok(), well, "{order}");
        }
    }

    fn sort<T: Clone>(order: &str, things: &mut Vec<T>, value: impl Fn(&T, &Key) -> Option<String>) {
        let order: Vec<String> = Some(order.to_owned()).filter(|order| !order.is_empty()).into_iter().collect();
        let order = Order::read(&order, &["name", "creation_time"], "name").unwrap();
        let page = Page { token: None, limit: things.len() };
        *things = page.of(things.clone(), &order, |thing, _, key| value(thing, key)).unwrap().0;
    }

    #[test]
    fn names_are_sorted_as_texts_and_numbers_as_numbers() {
        for (order, sorted) in [
            ("name", ["10", "1e", "9", "nan"]),
            ("tags.a DESC", ["nan", "9", "1e", "10"]),
            ("params.a", ["10", "1e", "9", "nan"]),
        ] {
            let mut things = vec!["9", "nan", "1e", "10"];
            sort(order, &mut things, |thing, _| Some((*thing).to_owned()));
            assert_eq!(things, sorted, "{order}");
        }
        for order in ["creation_time", "metrics.a"] {
            let mut things = vec!["10", "-inf", "9", "1e3"];
            sort(order, &mut things, |thing, _| Some((*thing).to_owned()));
            assert_eq!(things, ["-inf", "9", "10", "1e3"], "{order}");
        }
    }

    #[test]
    fn a_nan_is_behind_all_numbers_and_what_is_not_there_last() {
        let value = |thing: &&str, _: &Key| Some((*thing).to_owned()).filter(|text| text != "none");
        for (order, sorted) in
            [("metrics.a", ["-inf", "0.5", "inf", "NaN", "none"]), ("metrics.a DESC", ["inf", "0.5", "-inf", "NaN", "none"])]
        {
            let mut things = vec!["NaN", "0.5", "none", "-inf", "inf"];
            sort(order, &mut things, value);
            assert_eq!(things, sorted, "{order}");
        }
    }

    #[test]
    fn thousands_of_names_of_which_some_read_as_numbers_are_sorted() {
        let mut names: Vec<String> =
            (0..4000_u64).map(|i| format!("{:x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44)).collect();
        names.extend(["nan", "inf", "Infinity", "1e9", "-0"].map(str::to_owned));
        let mut sorted = names.clone();
        sorted.sort();
        sort("", &mut names, |name, _| Some(name.clone()));
        assert_eq!(names, sorted);
    }
}
