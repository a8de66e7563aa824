//! `gradframe doctor`: what this machine has for us, and what is missing.

use gradframe::doctor::{Finding, doctor};

use crate::exit::Result;
use crate::output::print_line;

/// Prints a line a finding. What is missing is no error: nothing of it is needed by what does not ask for it.
pub fn run() -> Result<()> {
    doctor().iter().try_for_each(|finding| print_line(&line(finding)))
}

fn line(finding: &Finding) -> String {
    let Finding { name, found, is_missing, hint } = finding;
    let found = if *is_missing { format!("missing: {found}") } else { found.clone() };
    let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
    format!("{name:<12} {found}{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_what_to_do() {
        let there = Finding { name: "arrow", found: "59.0.0".into(), is_missing: false, hint: None };
        assert_eq!(line(&there), "arrow        59.0.0");
        let (found, hint) = ("no driver is loaded".into(), Some("install it".into()));
        let missing = Finding { name: "cuda driver", found, is_missing: true, hint };
        assert_eq!(line(&missing), "cuda driver  missing: no driver is loaded; hint: install it");
    }
}
