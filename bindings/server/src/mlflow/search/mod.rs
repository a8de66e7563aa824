//! MLflow's filter language, with OR and parentheses beside its AND: read into conditions, written as SQL.

mod lexer;
mod parser;
mod sql;

use gradframe::Experiment;

use super::answer::Failure;
use parser::{Condition, Key, Operator, Value};

/// The query for the names of runs, in order.
pub fn runs(experiments: &[&str], filter: &str, order: &[String]) -> Result<String, Failure> {
    sql::runs(experiments, parser::parse(filter)?.as_ref(), order)
}

/// A filter of experiments.
pub struct ExperimentFilter(Option<Condition>);

/// Errors: for what is no filter.
pub fn experiments(filter: &str) -> Result<ExperimentFilter, Failure> {
    Ok(ExperimentFilter(parser::parse(filter)?))
}

impl ExperimentFilter {
    /// Whether the experiment passes.
    pub fn holds(&self, experiment: &Experiment) -> bool {
        self.0.as_ref().is_none_or(|condition| holds(condition, experiment))
    }
}

fn holds(condition: &Condition, experiment: &Experiment) -> bool {
    match condition {
        Condition::And(all) => all.iter().all(|one| holds(one, experiment)),
        Condition::Or(any) => any.iter().any(|one| holds(one, experiment)),
        Condition::Compare(key, operator, value) => {
            let found = match key {
                Key::Tag(name) => experiment.tags.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()),
                Key::Attribute(name) if name == "name" => Some(experiment.name.clone()),
                Key::Attribute(name) if name == "experiment_id" => Some(experiment.id.to_string()),
                Key::Attribute(_) => Some((experiment.created_us / 1000).to_string()),
                Key::Metric(_) | Key::Param(_) => None,
            };
            found.is_some_and(|found| compares(&found, *operator, value))
        }
        Condition::IsNull(Key::Tag(name), negated) => experiment.tags.iter().any(|(of, _)| of == name) == *negated,
        Condition::IsNull(_, negated) => *negated,
        Condition::In(Key::Attribute(name), values, negated) if name == "name" => values.contains(&experiment.name) != *negated,
        Condition::In(..) => false,
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
    fn experiments_are_filtered() {
        let tags = vec![("team".to_owned(), "a".to_owned())];
        let experiment = Experiment { id: 3, name: "Taxi".into(), created_us: 5_000_000, deleted: false, tags };
        for (filter, expected) in [
            ("name = 'Taxi'", true),
            ("name ILIKE 'taxi%'", true),
            ("name LIKE 'taxi%'", false),
            ("tags.team = 'a'", true),
            ("tags.team != 'a' OR creation_time > 4000", true),
            ("tags.none = 'x'", false),
            ("name != 'Taxi'", false),
        ] {
            assert_eq!(experiments(filter).unwrap().holds(&experiment), expected, "{filter}");
        }
    }
}
