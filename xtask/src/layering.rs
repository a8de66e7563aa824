//! Who may depend on whom: the arrows of ARCHITECTURE.md, checked against the manifests and the code.

use serde_json::Value;

use crate::process::{Result, cargo, output_of};
use crate::source::{Source, rust_files};

/// The arrows: what each package may depend on, and through it on what that may. A package that is not here is a complaint.
const ARROWS: &[(&str, &[&str])] = &[
    ("gradframe-ml-core", &[]),
    ("gradframe-ml-numeric", &[]),
    ("gradframe-ml-kernels", &["gradframe-ml-core", "gradframe-ml-numeric"]),
    ("gradframe-ml-learn", &["gradframe-ml-kernels"]),
    ("gradframe-ml-models", &["gradframe-ml-kernels"]),
    ("gradframe-ml-array", &["gradframe-ml-learn"]),
    ("gradframe-ml-nn", &["gradframe-ml-array"]),
    ("gradframe-gpu", &["gradframe-ml-kernels"]),
    ("gradframe-plan", &["gradframe-ml-learn", "gradframe-ml-models"]),
    ("gradframe-sql", &["gradframe-plan"]),
    ("gradframe-connectors", &["gradframe-plan"]),
    ("gradframe-exec", &["gradframe-plan", "gradframe-gpu"]),
    ("gradframe", &["gradframe-exec", "gradframe-sql", "gradframe-connectors", "gradframe-ml-nn"]),
    ("gradframe-server", &["gradframe"]),
    ("gradframe-cli", &["gradframe", "gradframe-server"]),
    // The `gradframe` command that pip installs is the command line's own code.
    ("gradframe-python", &["gradframe", "gradframe-cli"]),
    ("gradframe-tests", &["gradframe"]),
    ("xtask", &[]),
];

/// Bindings and tests see the engine alone, never what is below it.
const ONLY_DIRECT: &[&str] = &["gradframe-server", "gradframe-cli", "gradframe-python", "gradframe-tests"];

const ML: &[&str] = &[
    "gradframe-ml-core",
    "gradframe-ml-numeric",
    "gradframe-ml-kernels",
    "gradframe-ml-learn",
    "gradframe-ml-models",
    "gradframe-ml-array",
    "gradframe-ml-nn",
];

/// Libraries from outside that only some packages may use.
const CONFINED: &[(&str, &[&str])] = &[
    ("pyo3", &["gradframe-python"]),
    ("pyo3-arrow", &["gradframe-python"]),
    ("numpy", &["gradframe-python"]),
    ("rusqlite", &["gradframe-connectors"]),
    ("gemm", &["gradframe-ml-kernels"]),
    ("faer", &["gradframe-ml-numeric"]),
    ("rustfft", &["gradframe-ml-numeric"]),
    ("memmap2", &["gradframe-exec", "gradframe-ml-models"]),
    ("tokenizers", &["gradframe-ml-models"]),
    ("minijinja", &["gradframe-ml-models"]),
    ("cudarc", &["gradframe-gpu"]),
    ("libloading", &["gradframe-gpu"]),
    ("httparse", &["gradframe-server"]),
    ("clap", &["gradframe-cli"]),
    ("reedline", &["gradframe-cli"]),
];

/// Libraries that nothing under `ml/` may use: it has no query engine, no SQL, no files and no Arrow but its buffers.
const ABSENT_FROM_ML: &[&str] = &["arrow", "datafusion", "object_store", "parquet", "sqlparser", "tokio"];

/// Code that may stand only under some paths. Each `map.rs` is one call that maps a file: a temporary one (decision 0030), one of
/// weights (decision 0133). `given.rs` calls what others give through Arrow's C interface, `rebased.rs` cuts it (decision 0178).
const CONFINED_CODE: &[(&str, &[&str])] = &[(
    "unsafe",
    &[
        "ml/kernels/",
        "gpu/",
        "exec/src/spill/map.rs",
        "ml/models/src/files/map.rs",
        "bindings/python/src/interop/given.rs",
        "bindings/python/src/interop/rebased.rs",
    ],
)];

/// Where `ml` reads and writes files: directories of pretrained models.
const FILES_OF_ML: &str = "ml/models/src/files/";

/// Code that may not stand under some paths: `plan` and `ml` do no input or output. An example is a program of its own,
/// which reads its arguments and its data; a test may read samples.
const ABSENT_CODE: &[(&str, &[&str])] = &[
    ("std::fs", &["ml/", "plan/src/", "sql/src/"]),
    ("std::net", &["ml/", "plan/src/", "sql/src/", "exec/src/"]),
    ("tokio::fs", &["plan/src/", "sql/src/"]),
    ("std::env", &["ml/", "plan/src/", "sql/src/", "exec/src/"]),
];

/// A package and the names of what it depends on, tests included.
struct Package {
    name: String,
    dependencies: Vec<String>,
}

/// Every import against the arrows, one line each; empty when all is well.
pub fn complaints() -> Result<Vec<String>> {
    let packages = packages()?;
    let files = rust_files()?;
    Ok(packages.iter().flat_map(package_complaints).chain(files.iter().flat_map(code_complaints)).collect())
}

fn packages() -> Result<Vec<Package>> {
    let json = output_of(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata: no packages")?;
    Ok(packages.iter().map(package).collect())
}

fn package(json: &Value) -> Package {
    let dependencies = json["dependencies"].as_array().into_iter().flatten().map(name_of).collect();
    Package { name: name_of(json), dependencies }
}

fn name_of(json: &Value) -> String {
    json["name"].as_str().unwrap_or_default().to_owned()
}

fn package_complaints(package: &Package) -> Vec<String> {
    let Some(allowed) = reachable(&package.name) else {
        return vec![format!("{}: a package without arrows; add it to xtask/src/layering.rs and ARCHITECTURE.md", package.name)];
    };
    let of_workspace = package.dependencies.iter().filter(|name| direct(name).is_some());
    let against = of_workspace.filter(|name| !allowed.contains(&name.as_str()));
    let confined = package.dependencies.iter().filter(|name| is_confined(name, &package.name));
    against.chain(confined).map(|name| format!("{} must not depend on {name}", package.name)).collect()
}

fn direct(package: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(name, _)| *name == package).map(|(_, targets)| *targets)
}

/// Where the arrows lead from a package; one step for `ONLY_DIRECT`.
fn reachable(package: &str) -> Option<Vec<&'static str>> {
    let mut found = direct(package)?.to_vec();
    let mut next = 0;
    while !ONLY_DIRECT.contains(&package) && next < found.len() {
        let further = direct(found[next]).unwrap_or_default();
        found.extend(further);
        next += 1;
    }
    Some(found)
}

fn is_confined(dependency: &str, package: &str) -> bool {
    let elsewhere = CONFINED.iter().any(|(name, homes)| *name == dependency && !homes.contains(&package));
    let banned = |name: &&str| dependency == *name || dependency.strip_prefix(*name).is_some_and(|rest| rest.starts_with('-'));
    let allowed_arrow = matches!(dependency, "arrow-buffer" | "arrow-schema");
    elsewhere || ML.contains(&package) && !allowed_arrow && ABSENT_FROM_ML.iter().any(banned)
}

fn code_complaints(file: &Source) -> Vec<String> {
    file.code_lines().flat_map(|(number, code)| line_complaints(&file.path, number, &code)).collect()
}

fn line_complaints(path: &str, number: usize, code: &str) -> Vec<String> {
    let under = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    let misplaced = CONFINED_CODE.iter().filter(|(word, homes)| has_word(code, word) && !under(homes));
    let is_program = path.contains("/examples/") || path.contains("/tests/");
    let may_read = |word: &str| is_program || word == "std::fs" && path.starts_with(FILES_OF_ML);
    let banned = ABSENT_CODE.iter().filter(|(word, folders)| !may_read(word) && has_word(code, word) && under(folders));
    misplaced.chain(banned).map(|(word, _)| format!("{path}:{number}: `{word}` does not belong here")).collect()
}

/// Whether `code` holds `word` with no letter, digit or underscore on either side.
fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(start, _)| {
        !part_of_name(code[..start].chars().next_back()) && !part_of_name(code[start + word.len()..].chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_import_goes_against_the_arrows() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_dependency_is_named() {
        let check = |name: &str, dependency: &str| {
            package_complaints(&Package { name: name.into(), dependencies: vec![dependency.into()] })
        };
        assert_eq!(check("gradframe-plan", "gradframe-sql"), ["gradframe-plan must not depend on gradframe-sql"]);
        assert_eq!(check("gradframe-ml-core", "datafusion-expr"), ["gradframe-ml-core must not depend on datafusion-expr"]);
        assert_eq!(check("gradframe-engine", "arrow").len(), 1, "an unknown package is a complaint");
        assert!(check("gradframe-ml-learn", "arrow-schema").is_empty());
        assert_eq!(check("gradframe-cli", "rusqlite").len(), 1);
        assert!(check("gradframe-sql", "gradframe-ml-core").is_empty(), "arrows may be followed further");
        assert_eq!(check("gradframe-cli", "gradframe-plan").len(), 1, "but not from the bindings");
    }

    #[test]
    fn code_is_confined_to_its_rooms() {
        assert_eq!(line_complaints("plan/src/a.rs", 3, "use std::fs;"), ["plan/src/a.rs:3: `std::fs` does not belong here"]);
        assert!(line_complaints("ml/kernels/examples/a.rs", 3, "use std::fs;").is_empty());
        assert_eq!(line_complaints("engine/src/a.rs", 1, "unsafe { }").len(), 1);
        assert!(line_complaints("ml/kernels/src/a.rs", 1, "unsafe { }").is_empty());
        assert!(line_complaints("engine/src/a.rs", 1, "deny(unsafe_code)").is_empty());
    }
}
