//! Where a page of runs ends, as its token says it to the client that asks for the next one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::answer::Failure;

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub run: String,
    pub started_us: i64,
    /// What it was sorted by, as texts; None of what had no value.
    pub values: Vec<Option<String>>,
}

impl Place {
    /// Of a row of the query of [`super::runs`].
    pub fn of_row(row: &[Option<String>]) -> Option<Self> {
        let [Some(run), Some(started), values @ ..] = row else { return None };
        Some(Place { run: run.clone(), started_us: started.parse().ok()?, values: values.to_vec() })
    }

    pub fn token(&self) -> String {
        URL_SAFE_NO_PAD.encode(json!([self.run, self.started_us, self.values]).to_string())
    }

    /// Errors: for what is none of ours.
    pub fn read(token: &str) -> Result<Self, Failure> {
        Self::decode(token).ok_or_else(no_token)
    }

    fn decode(token: &str) -> Option<Self> {
        let said: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let [Value::String(run), started, Value::Array(values)] = said.as_array()?.as_slice() else { return None };
        let value = |value: &Value| match value {
            Value::Null => Some(None),
            Value::String(text) => Some(Some(text.clone())),
            _ => None,
        };
        let values = values.iter().map(value).collect::<Option<_>>()?;
        Some(Place { run: run.clone(), started_us: started.as_i64()?, values })
    }
}

/// A token of another search, or of another server.
pub fn no_token() -> Failure {
    Failure::invalid("the page token is none of this server's, or of another search")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_token() {
        let row = [Some("20261128-1"), Some("-5"), Some("NaN"), None, Some("é 'x' \u{0}")].map(|text| text.map(str::to_owned));
        let place = Place::of_row(&row).unwrap();
        assert_eq!(Place::read(&place.token()).unwrap(), place);
        assert!(Place::of_row(&row[..1]).is_none());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let forged = |json: &str| URL_SAFE_NO_PAD.encode(json);
        for wrong in ["", "7", "!", &forged("[]"), &forged(r#"["a","1",[]]"#), &forged(r#"["a",1,[2]]"#), &forged(r#"["a",1]"#)] {
            assert!(Place::read(wrong).is_err(), "{wrong}");
        }
    }
}
