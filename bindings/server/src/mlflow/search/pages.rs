//! Pages of things that are looked at one by one: each goes on behind the last one of the page before.
//!
//! A token that counted rows would repeat some where others have come in between.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::answer::Failure;
use super::place::no_token;
use super::{Key, Order, Values};

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// What the page before said of the next; None of the first.
    pub token: Option<&'a str>,
    /// How many there are on it at most.
    pub limit: usize,
}

impl Page<'_> {
    /// Its things in order, and the token of the next one. `value` gives the value of a name, which may depend on where in the order it
    /// stands, counted from 0; the last names of an order are unique. Errors: for a token of another order, or of another server.
    pub fn of<T>(
        self,
        things: Vec<T>,
        order: &Order,
        value: impl Fn(&T, usize, &Key) -> Option<String>,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let behind = self.token.map(|token| read(token, order)).transpose()?;
        let mut rows: Vec<(Values, T)> = things.into_iter().map(|thing| (order.values(&thing, &value), thing)).collect();
        if let Some(behind) = &behind {
            rows.retain(|(values, _)| order.compare(values, behind).is_gt());
        }
        rows.sort_by(|(a, _), (b, _)| order.compare(a, b));
        let is_last = rows.len() <= self.limit;
        rows.truncate(self.limit);
        let next = rows.last().filter(|_| !is_last).map(|(values, _)| token(values));
        Ok((rows.into_iter().map(|(_, thing)| thing).collect(), next))
    }
}

fn token(values: &Values) -> String {
    URL_SAFE_NO_PAD.encode(json!(values).to_string())
}

fn read(token: &str, order: &Order) -> Result<Values, Failure> {
    let value = |value: &Value| match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        _ => None,
    };
    let said: Option<Value> = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let values: Option<Values> = said.as_ref().and_then(Value::as_array).and_then(|list| list.iter().map(value).collect());
    values.filter(|values| values.len() == order.keys().count()).ok_or_else(no_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(by: &str) -> Order {
        let by: Vec<String> = Some(by.to_owned()).filter(|by| !by.is_empty()).into_iter().collect();
        Order::read(&by, &["name"], "name").unwrap()
    }

    /// A name, and the value of the metric `acc`.
    type Thing = (&'static str, Option<f64>);

    fn value(thing: &Thing, _: usize, key: &Key) -> Option<String> {
        match key {
            Key::Metric(_) => thing.1.map(|value| value.to_string()),
            _ => Some(thing.0.to_owned()),
        }
    }

    #[test]
    fn pages_neither_repeat_nor_skip_where_others_come_and_go_in_between() {
        let all: [Thing; 6] =
            [("d", Some(0.5)), ("b", None), ("f", Some(f64::NAN)), ("a", Some(0.5)), ("c", Some(2.0)), ("e", None)];
        for (by, sorted) in [("", "abcdef"), ("name DESC", "fedcba"), ("metrics.acc", "adcfbe"), ("metrics.acc DESC", "cadfbe")] {
            let (order, mut found, mut token) = (order(by), String::new(), None);
            for round in 0.. {
                // What is before the page that was read last comes in as soon as it has been read.
                let new: Vec<Thing> = ["", "0", "00"].iter().take(round).map(|name| (*name, Some(f64::INFINITY))).collect();
                let new = if by.ends_with("DESC") && by.starts_with('m') || by.is_empty() { new } else { vec![] };
                let things = [all.to_vec(), new].concat();
                let page = Page { token: token.as_deref(), limit: 2 }.of(things, &order, value).unwrap();
                found.extend(page.0.iter().map(|(name, _)| *name));
                token = page.1;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(found, sorted, "{by}");
        }
    }

    #[test]
    fn what_is_no_token_of_the_order_is_refused() {
        let by_name = Page { token: None, limit: 1 }.of(vec![("a", None), ("b", None)], &order(""), value).unwrap().1.unwrap();
        for (token, by) in [("2", ""), ("", ""), (by_name.as_str(), "metrics.acc"), ("W10", ""), ("WzFd", "")] {
            assert!(Page { token: Some(token), limit: 1 }.of(vec![("a", None)], &order(by), value).is_err(), "{token} {by}");
        }
    }
}
