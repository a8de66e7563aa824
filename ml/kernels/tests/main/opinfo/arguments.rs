//! The arguments of a sample, by place or name.

use gradframe_ml_core::{Error, NodeId, Result};
use serde_json::Value;

use super::sample::Sample;

/// The arguments of a case, tensors as nodes.
pub struct Arguments<'a> {
    sample: &'a Sample,
    nodes: &'a [NodeId],
}

/// One argument.
#[derive(Debug, Clone)]
pub enum Argument {
    /// A tensor.
    Node(NodeId),
    /// A number, a truth value as 0 or 1.
    Number(f64),
    /// A word.
    Text(String),
    /// Several.
    List(Vec<Argument>),
    /// Not given.
    None,
}

impl<'a> Arguments<'a> {
    /// The arguments of `sample`, whose tensors are `nodes`.
    pub fn bind(sample: &'a Sample, nodes: &'a [NodeId]) -> Self {
        Arguments { sample, nodes }
    }

    /// The argument at a place, counted from the input, or of a name.
    pub fn get(&self, place: usize, name: &str) -> Argument {
        let value = self.sample.positional.get(place).unwrap_or(&self.sample.named[name]);
        self.argument(value)
    }

    /// The argument of a name.
    pub fn named(&self, name: &str) -> Argument {
        self.argument(&self.sample.named[name])
    }

    /// How many arguments stand by place.
    pub fn places(&self) -> usize {
        self.sample.positional.len()
    }

    /// True if there is nothing by a name that is not among these.
    pub fn names_are(&self, known: &[&str]) -> bool {
        self.sample.named.as_object().is_none_or(|o| o.keys().all(|k| known.contains(&k.as_str())))
    }

    /// The tensor at a place.
    pub fn node(&self, place: usize) -> Option<NodeId> {
        self.get(place, "").node()
    }

    /// The tensor at a place or of a name. Errors: [`unknown`] if there is none.
    pub fn tensor(&self, place: usize, name: &str) -> Result<NodeId> {
        self.get(place, name).node().ok_or_else(unknown)
    }

    /// The number at a place or of a name; the default if nothing was given.
    pub fn number(&self, place: usize, name: &str, default: f64) -> Result<f64> {
        let argument = self.get(place, name);
        if argument.is_none() { Ok(default) } else { argument.number().ok_or_else(unknown) }
    }

    /// The whole number at a place or of a name; the default if nothing was given.
    pub fn integer(&self, place: usize, name: &str, default: i64) -> Result<i64> {
        let number = self.number(place, name, default as f64)?;
        Ok(number as i64)
    }

    /// The word at a place or of a name.
    pub fn text(&self, place: usize, name: &str) -> Option<String> {
        if let Argument::Text(text) = self.get(place, name) { Some(text) } else { None }
    }

    /// The whole numbers at a place or of a name. Errors: [`unknown`] if there are none.
    pub fn sizes(&self, place: usize, name: &str) -> Result<Vec<usize>> {
        let list = self.get(place, name).integers().ok_or_else(unknown)?;
        list.into_iter().map(|n| usize::try_from(n).map_err(|_| unknown())).collect()
    }

    /// The axis at a place or of a name, counted from the end if negative.
    pub fn axis(&self, place: usize, name: &str, default: i64, rank: usize) -> Result<usize> {
        axis(self.integer(place, name, default)?, rank).ok_or_else(unknown)
    }

    /// Refuses names that are not among these.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        if self.names_are(known) { Ok(()) } else { Err(unknown()) }
    }

    /// All tensors by place, those of lists too.
    pub fn all_nodes(&self) -> Vec<NodeId> {
        fn walk(argument: Argument, found: &mut Vec<NodeId>) {
            match argument {
                Argument::Node(node) => found.push(node),
                Argument::List(list) => list.into_iter().for_each(|a| walk(a, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        (0..self.places()).for_each(|i| walk(self.get(i, ""), &mut found));
        found
    }

    fn argument(&self, value: &Value) -> Argument {
        if let Some(key) = value["tensor"].as_str() {
            let place = self.sample.tensors.iter().position(|t| t.0 == key);
            return place.map_or(Argument::None, |i| Argument::Node(self.nodes[i]));
        }
        for list in ["list", "tuple"] {
            if let Some(list) = value[list].as_array() {
                return Argument::List(list.iter().map(|v| self.argument(v)).collect());
            }
        }
        if let Some(name) = value["dtype"].as_str() {
            return Argument::Text(name.to_owned());
        }
        match &value["py"] {
            Value::Number(n) => n.as_f64().map_or(Argument::None, Argument::Number),
            Value::Bool(b) => Argument::Number(f64::from(*b)),
            Value::String(s) => Argument::Text(s.clone()),
            _ => Argument::None,
        }
    }
}

impl Argument {
    /// The tensor.
    pub fn node(&self) -> Option<NodeId> {
        if let Argument::Node(node) = self { Some(*node) } else { None }
    }

    /// The number.
    pub fn number(&self) -> Option<f64> {
        if let Argument::Number(n) = self { Some(*n) } else { None }
    }

    /// The whole number.
    pub fn integer(&self) -> Option<i64> {
        self.number().filter(|n| n.fract() == 0.0).map(|n| n as i64)
    }

    /// True for a number that is not 0.
    pub fn is_true(&self) -> bool {
        self.number().is_some_and(|n| n != 0.0)
    }

    /// True if nothing was given.
    pub fn is_none(&self) -> bool {
        matches!(self, Argument::None)
    }

    /// The whole numbers of a list, or the one.
    pub fn integers(&self) -> Option<Vec<i64>> {
        match self {
            Argument::List(list) => list.iter().map(Argument::integer).collect(),
            other => other.integer().map(|n| vec![n]),
        }
    }
}

/// An axis counted from the end if negative.
pub fn axis(place: i64, rank: usize) -> Option<usize> {
    let place = if place < 0 { place + rank.max(1) as i64 } else { place };
    usize::try_from(place).ok().filter(|&a| a < rank.max(1))
}

/// What a counterpart says of arguments that it does not know.
pub fn unknown() -> Error {
    Error::not_implemented("opinfo", "no counterpart")
}

/// None for [`unknown`].
pub fn known(built: Result<Vec<NodeId>>) -> super::Built {
    match built {
        Err(Error::NotImplemented(detail)) if detail.op == "opinfo" => None,
        other => Some(other),
    }
}
