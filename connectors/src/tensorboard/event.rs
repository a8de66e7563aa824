//! What event files say.

/// A value that was logged.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Seconds since 1970, UTC.
    pub wall_time: f64,
    pub step: i64,
    /// The name, also called tag.
    pub tag: String,
    pub value: Value,
}

/// What can be logged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Kept in 32 bits by most writers, us among them.
    Scalar(f64),
    Histogram(Vec<Bin>),
    /// Files of images, at least one.
    Images(Vec<Vec<u8>>),
    Text(String),
    /// Files of sounds.
    Sounds(Vec<Vec<u8>>),
    /// Parameters by name.
    Start(Vec<(String, Param)>),
    End(Status),
    /// A program that was interrupted goes on from the event's step: what was logged before of that step and later ones was not to be.
    Restart,
    /// A value for a plugin that is not known here, by its name.
    Other(String),
}

/// So many values between two edges.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bin {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
}

/// A hyper-parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Param {
    Number(f64),
    Truth(bool),
    Text(String),
}

/// How a run has ended, if it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Status {
    #[default]
    Unknown,
    Succeeded,
    Failed,
    Running,
}

impl Value {
    /// Whether it was logged of a step, as what belongs to the whole run was not.
    pub fn is_of_a_step(&self) -> bool {
        match self {
            Value::Scalar(_) | Value::Histogram(_) | Value::Images(_) | Value::Text(_) | Value::Sounds(_) => true,
            Value::Start(_) | Value::End(_) | Value::Restart | Value::Other(_) => false,
        }
    }
}

impl Param {
    /// What a text means: a number or truth where it is one, since TensorBoard sorts and draws those by their value.
    pub fn of(text: &str) -> Self {
        match text {
            "true" | "True" => Param::Truth(true),
            "false" | "False" => Param::Truth(false),
            // What is not finite has no place in TensorBoard's answers.
            text => match text.parse() {
                Ok(number) if f64::is_finite(number) => Param::Number(number),
                _ => Param::Text(text.to_owned()),
            },
        }
    }

    /// As text: whole numbers without a point, others in as few digits as tell them apart.
    pub fn into_text(self) -> String {
        match self {
            Param::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
            Param::Number(number) => format!("{number:?}"),
            Param::Truth(truth) => truth.to_string(),
            Param::Text(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_come_back_as_the_text_they_were() {
        for text in ["0.1", "3", "-7", "1e-5", "true", "adam", "", "nan", "inf", "1e400", "é"] {
            assert_eq!(Param::of(text).into_text(), text);
        }
        assert_eq!(Param::of("1e-05"), Param::Number(1e-5));
        assert_eq!(Param::of("True"), Param::Truth(true));
        assert!(matches!(Param::of("infinity"), Param::Text(_)));
    }
}
