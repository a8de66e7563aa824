//! One build of the big dependencies for every selection of packages.
//!
//! Cargo turns on a dependency's features for the packages it was asked to build, so the command line, the tests and the
//! Python extension could each get a DataFusion of their own: many minutes every time. The root manifest lists what
//! must be on for all of them to be the same; this checks that it still suffices.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::{Result, cargo, output_of};

/// What `xtask` builds: the demo, the tests, the Python package.
const SELECTIONS: [&[&str]; 3] = [
    &["--package", "gradframe-cli", "--package", "gradframe-tests", "--edges", "normal"],
    &["--edges", "normal,dev"],
    &["--package", "gradframe-python", "--edges", "normal"],
];

/// A dependency whose features matter most: all that is between it and the leaves must agree.
const BIG: &str = "datafusion";

/// Features by package, those of proc macros left out: they are built for the host, apart.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Dependencies of DataFusion that have other features in some selection; empty when all is well.
pub fn complaints() -> Result<Vec<String>> {
    let below = features(&["--package", BIG, "--edges", "normal"])?;
    let selections = SELECTIONS.into_iter().map(features).collect::<Result<Vec<_>>>()?;
    let differing = below.keys().filter(|package| {
        let mut seen = selections.iter().filter_map(|features| features.get(*package));
        let first = seen.next();
        seen.any(|other| Some(other) != first)
    });
    Ok(differing.map(|package| complaint(package, &selections)).collect())
}

fn features(selection: &[&str]) -> Result<Features> {
    let tree = output_of(cargo(&["tree", "--prefix", "none", "--format", "{p}|{f}"]).args(selection))?;
    Ok(parse(&tree))
}

fn parse(tree: &str) -> Features {
    let mut found = Features::new();
    for line in tree.lines().filter(|line| !line.contains("(proc-macro)")) {
        if let Some((package, features)) = line.trim_end_matches(" (*)").split_once('|') {
            found.entry(package.to_owned()).or_default().extend(features.split(',').map(str::to_owned));
        }
    }
    found
}

fn complaint(package: &str, selections: &[Features]) -> String {
    let sets: BTreeSet<_> = selections.iter().filter_map(|features| features.get(package)).collect();
    let all: BTreeSet<_> = sets.iter().flat_map(|set| set.iter()).collect();
    let missing: BTreeSet<_> = all.into_iter().filter(|feature| sets.iter().any(|set| !set.contains(*feature))).collect();
    format!("{package}: {missing:?} is on for some selections of packages only; turn it on in the root Cargo.toml and plan's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selection_builds_the_same_datafusion() {
        assert_eq!(complaints().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_differing_feature_is_named() {
        let (one, two) = (parse("a v1|x,y\nb v1|"), parse("a v1|y (*)\nmacro v1 (proc-macro)|z"));
        assert_eq!(one["a v1"].len(), 2);
        assert!(!two.contains_key("macro v1 (proc-macro)"));
        assert!(complaint("a v1", &[one, two]).contains("{\"x\"}"));
    }
}
