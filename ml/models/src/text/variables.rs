//! What a template of conversations is given, under names: texts, numbers, and lists and maps of such, in their order.

use minijinja::Value;

/// A value of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum Variable {
    /// `none`.
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Any other.
    Number(f64),
    /// A text.
    Text(String),
    /// Values in their order.
    List(Vec<Variable>),
    /// Values by name, in their order.
    Map(Vec<(String, Variable)>),
}

impl Variable {
    /// Bytes of the texts in it.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Variable::Text(text) => text.len(),
            Variable::List(items) => items.iter().map(Variable::bytes).sum(),
            Variable::Map(entries) => entries.iter().map(|(name, value)| name.len() + value.bytes()).sum(),
            Variable::Nothing | Variable::Flag(_) | Variable::Whole(_) | Variable::Number(_) => 0,
        }
    }
}

impl From<Variable> for Value {
    fn from(variable: Variable) -> Value {
        match variable {
            Variable::Nothing => Value::from(()),
            Variable::Flag(value) => Value::from(value),
            Variable::Whole(value) => Value::from(value),
            Variable::Number(value) => Value::from(value),
            Variable::Text(value) => Value::from(value),
            Variable::List(items) => items.into_iter().map(Value::from).collect::<Vec<_>>().into(),
            Variable::Map(entries) => Value::from_pairs(entries),
        }
    }
}

impl From<&str> for Variable {
    fn from(text: &str) -> Self {
        Variable::Text(text.to_owned())
    }
}
