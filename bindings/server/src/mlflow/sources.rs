//! What the source of a version may be. A client that loads the version goes where its source leads, and runs what is there: a source that
//! names a place of the client's own machine, or leads out of what it names, is refused, as MLflow's server does.

use percent_encoding::percent_decode_str;

use super::answer::Failure;

/// Errors: for a path of a machine, and for a way out by `..`, however it is escaped. Runs here keep no artifacts in directories of which a
/// client knows, so that no such path is one of a run.
pub fn check(source: &str) -> Result<(), Failure> {
    let whole = decoded(source);
    let wrong = |why: &str| Err(Failure::invalid(format!("Invalid model version source: '{source}'. {why}")));
    if [source, &whole].into_iter().any(is_local) {
        return wrong(
            "It is a path of a machine; expected where a server keeps it, such as runs:/RUN/PATH, models:/NAME or s3://...",
        );
    }
    if whole.contains('\0') || whole.split('/').any(|part| matches!(part, "." | "..")) {
        return wrong("It leads elsewhere by `.` or `..`; expected an absolute path without such parts");
    }
    Ok(())
}

/// Without escapes, and without escapes of escapes.
fn decoded(source: &str) -> String {
    let mut text = source.to_owned();
    // Each time it gets shorter, or stays.
    loop {
        let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if next == text {
            return text;
        }
        text = next;
    }
}

/// Whether an address is one of the machine that reads it: without a scheme, of files, or of a disk of Windows.
fn is_local(source: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    match source.split_once(':') {
        Some((scheme, _)) => scheme.len() < 2 || !scheme.bytes().all(is_part) || scheme.eq_ignore_ascii_case("file"),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_no_places_of_a_client() {
        for source in [
            "runs:/4a/model",
            "models:/m-1",
            "models:/fare's/3",
            "mlflow-artifacts:/1/run/artifacts/model",
            "mlflow-artifacts://host:5000/1/run/artifacts/a b",
            "s3://bucket/a..b/...",
            "dbfs:/x",
            "https://host/a?b=1",
        ] {
            assert_eq!(check(source), Ok(()), "{source}");
        }
        for source in [
            "",
            "x",
            "/etc/passwd",
            "./x",
            "a/b:c",
            "file:///etc",
            "FILE:/etc",
            "file://host/etc",
            "C:\\models",
            "mlflow-artifacts:/../../x",
            "mlflow-artifacts:/..%2f..%252f..",
            "mlflow-artifacts:/1/%2e%2e/2",
            "runs:/../..",
            "s3://b/./x",
            "%2Fetc",
            "fi%6ce:///etc",
            "s3://b/%00",
        ] {
            assert!(check(source).is_err(), "{source}");
        }
    }
}
