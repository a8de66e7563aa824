//! Names of artifacts: `plots/loss.png`, never a way to another place.

use gradframe_ml_core::{Error, Result};

/// A longer one is no name.
const BYTES_MAX: usize = 1024;

/// Errors: `Plan` unless it is a relative path of ordinary parts.
pub fn check_path(path: &str) -> Result<()> {
    let wrong = |what: &str| Err(Error::plan("artifact", format!("`{}` {what}", path.escape_debug())));
    if path.is_empty() {
        return Err(Error::plan("artifact", "the name is empty, expected a path such as `plots/loss.png`"));
    }
    if path.len() > BYTES_MAX {
        return Err(Error::plan("artifact", format!("a name has {} bytes, expected at most {BYTES_MAX}", path.len())));
    }
    if path.contains(['\\', '\0']) || path.chars().any(char::is_control) {
        return wrong("holds a backslash or a control character; parts are separated by `/`");
    }
    // `C:/x` is a place on a drive to some; `a:b` is a name.
    if let [letter, b':', b'/', ..] | [letter, b':'] = path.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return wrong("begins with a drive, expected a relative path");
    }
    for part in path.split('/') {
        match part {
            "" => return wrong("is no relative path: a part of it is empty"),
            "." | ".." => return wrong("leads elsewhere by `.` or `..`, expected a path of ordinary parts"),
            _ => {}
        }
    }
    Ok(())
}

/// Whether one of two names is that of a directory which the other is in.
pub fn is_in_the_way(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_directory() {
        for (one, other, expected) in [
            ("n", "n/x", true),
            ("a/b", "a/b/c/d", true),
            ("n", "n", false),
            ("n", "nx", false),
            ("n", "n.x/y", false),
            ("a/b", "b", false),
        ] {
            assert_eq!((is_in_the_way(one, other), is_in_the_way(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn ordinary_paths_pass() {
        for path in ["a", "plots/loss curve.png", "é/🦀.txt", "a/.hidden", "..a/b..", "xy:z", "a:b", "a:b/c", "d/a:b"] {
            check_path(path).unwrap();
        }
    }

    #[test]
    fn ways_out_do_not() {
        let long = "a/".repeat(600) + "b";
        let wrong = [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/./b",
            "a//b",
            "a/",
            "a\\..\\b",
            "C:/x",
            "C:",
            "a\0b",
            "a\nb",
            ".",
            "..",
            &long,
        ];
        for path in wrong {
            assert_eq!(check_path(path).unwrap_err().kind(), "Plan", "{path:?}");
        }
    }
}
