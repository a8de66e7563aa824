//! Failures as MLflow's client knows them: a status, a code of its protocol, a message.

use gradframe::Error;
use serde_json::json;

use crate::http::Response;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    status: u16,
    code: &'static str,
    message: String,
}

impl Failure {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Failure { status, code, message: message.into() }
    }

    /// The call's arguments are wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Failure::new(400, "INVALID_PARAMETER_VALUE", message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Failure::new(404, "RESOURCE_DOES_NOT_EXIST", message)
    }

    /// What it is about is in no state for that.
    pub fn invalid_state(message: impl Into<String>) -> Self {
        Failure::new(400, "INVALID_STATE", message)
    }

    /// The name is taken.
    pub fn exists(message: impl Into<String>) -> Self {
        Failure::new(400, "RESOURCE_ALREADY_EXISTS", message)
    }

    /// MLflow has it, this server not.
    pub fn not_built(message: impl Into<String>) -> Self {
        Failure::new(501, "NOT_IMPLEMENTED", message)
    }

    pub fn too_long(message: impl Into<String>) -> Self {
        Failure::new(413, "INVALID_PARAMETER_VALUE", message)
    }

    /// Asked by somebody's page in a browser, not by a client.
    pub fn foreign(message: impl Into<String>) -> Self {
        Failure::new(403, "PERMISSION_DENIED", message)
    }

    pub fn unauthenticated() -> Self {
        Failure::new(401, "UNAUTHENTICATED", "a token is needed: set MLFLOW_TRACKING_TOKEN")
    }

    pub fn response(&self) -> Response {
        Response::json(self.status, &json!({ "error_code": self.code, "message": self.message }))
    }
}

/// What errors say of things that there are not.
const MISSING: [&str; 6] =
    ["unknown run", "there is no number", "has no artifact", "not found", "unknown model", "has no version"];

/// A message without what is in backticks: names and values of a client's, in which may be any words.
fn without_quoted(message: &str) -> String {
    message.split('`').step_by(2).collect()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let said = without_quoted(&message);
        match error {
            Error::Plan(_) if MISSING.iter().any(|of| said.contains(of)) => Failure::not_found(message),
            Error::Plan(_) if said.contains("is there already") => Failure::exists(message),
            Error::Plan(_) | Error::DType(_) | Error::Shape(_) | Error::OutOfBounds(_) | Error::Execution(_) => {
                Failure::invalid(message)
            }
            Error::NotImplemented(_) => Failure::not_built(message),
            Error::Resources(_) => Failure::new(500, "RESOURCE_EXHAUSTED", message),
            _ => Failure::new(500, "INTERNAL_ERROR", message),
        }
    }
}

/// Compares all of both, so that the time taken does not tell where they differ.
pub fn equal(said: &str, token: &str) -> bool {
    let differing = said.bytes().zip(token.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b));
    differing == 0 && said.len() == token.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_do_not_hang_on_a_client_s_words() {
        for (message, code) in [
            ("unknown run `x`", "RESOURCE_DOES_NOT_EXIST"),
            ("`not` has no artifact `found`", "RESOURCE_DOES_NOT_EXIST"),
            ("parameter `p` is `unknown run` already, got `not found`", "INVALID_PARAMETER_VALUE"),
            ("`not found` is there already", "RESOURCE_ALREADY_EXISTS"),
            ("`is there already` is no name", "INVALID_PARAMETER_VALUE"),
        ] {
            assert_eq!(Failure::from(Error::plan("run", message)).code, code, "{message}");
        }
    }

    #[test]
    fn tokens_are_equal_or_not() {
        assert!(equal("secret", "secret"));
        for other in ["", "secre", "secrets", "Secret"] {
            assert!(!equal(other, "secret"), "{other}");
        }
    }
}
