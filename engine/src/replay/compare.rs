//! What two runs say, and where they differ.

use std::collections::{BTreeMap, BTreeSet};

use super::{CODE, Difference, LOGGED};

/// What is known of a run, by kind and name.
pub(super) type Facts = BTreeMap<(String, String), String>;

/// Kinds of what surrounds a run, and why a replay knows nothing of one that the run knows.
const SURROUNDING: [(&str, &str); 3] = [
    (CODE, "the run comes from a repository, and the replay was started where there is none, or told not to look"),
    ("python", "the run was Python's, and the replay is not"),
    ("package", "the run knows its packages, and the replay none"),
];

/// What is known of both and differs, or is known of the data of one. A run of an earlier build knows less of what surrounds it.
pub(super) fn differing(before: &Facts, now: &Facts) -> Vec<Difference> {
    let known: BTreeSet<&str> = before.keys().map(|(what, _)| what.as_str()).chain(LOGGED).collect();
    let keys: BTreeSet<_> = before.keys().chain(now.keys()).filter(|(what, _)| known.contains(what.as_str())).collect();
    let differing = keys.into_iter().filter(|key| before.get(*key) != now.get(*key));
    differing
        .map(|key| Difference {
            what: key.0.clone(),
            name: key.1.clone(),
            before: before.get(key).cloned(),
            now: now.get(key).cloned(),
        })
        .collect()
}

/// What a run does not say, and so nobody can compare.
pub(super) fn unknown(facts: &Facts) -> Vec<String> {
    let has = |kind: &str| facts.keys().any(|(what, _)| what == kind);
    let data = "data: the run names no data set (a training does, run.iter_batches, run.log_input)";
    let code = "code: the run knows of no repository, and of no file of its program";
    [(has("data"), data), (has(CODE), code)].iter().filter(|(has, _)| !has).map(|(_, said)| (*said).to_owned()).collect()
}

/// What surrounds a run, which a replay may know nothing of at all: a training of Python's that is repeated from the command line, or
/// elsewhere than in its repository. That is no difference of each package. It is taken out of `before`, and said.
pub(super) fn not_seen(before: &mut Facts, now: &Facts) -> Vec<String> {
    let seen = |facts: &Facts, kind: &str| facts.keys().any(|(what, _)| what == kind);
    let unseen: Vec<_> = SURROUNDING.iter().filter(|(kind, _)| seen(before, kind) && !seen(now, kind)).collect();
    before.retain(|(what, _), _| unseen.iter().all(|(kind, _)| kind != what));
    unseen.into_iter().map(|(kind, why)| format!("{kind}: {why}")).collect()
}

/// The files of a patch of git's, each with what is changed in it.
pub(super) fn changed_files(patch: &str) -> impl Iterator<Item = (String, String)> {
    const BEGINS: &str = "diff --git ";
    let starts = patch.match_indices(BEGINS).map(|(at, _)| at).filter(|at| *at == 0 || patch.as_bytes()[at - 1] == b'\n');
    let starts: Vec<usize> = starts.chain([patch.len()]).collect();
    let file = |text: &str| {
        let line = text.lines().next().unwrap_or_default().trim_start_matches(BEGINS);
        // `a/NAME b/NAME`, of which both are equal unless the file was moved.
        line.rsplit_once(" b/").map_or(line, |(_, name)| name).to_owned()
    };
    let of: Vec<(String, String)> =
        starts.windows(2).map(|ends| &patch[ends[0]..ends[1]]).map(|text| (file(text), text.to_owned())).collect();
    of.into_iter()
}

/// What points say, by name, step and place.
pub(super) type Values = BTreeMap<(String, i64, usize), f64>;

/// The points that differ, or that one of both lacks; numbers within `tolerance` of each other, relative to the larger, do not.
pub(super) fn apart(before: &Values, now: &Values, tolerance: Option<f64>) -> Vec<Difference> {
    let keys: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let equal = |a: f64, b: f64| match tolerance {
        None => a.to_bits() == b.to_bits(),
        Some(tolerance) => a.to_bits() == b.to_bits() || (a - b).abs() <= tolerance * a.abs().max(b.abs()),
    };
    let differing = keys.into_iter().filter_map(|key| {
        let (a, b) = (before.get(key).copied(), now.get(key).copied());
        let same = a.zip(b).is_some_and(|(a, b)| equal(a, b));
        let shown = |value: Option<f64>| value.map(|value| format!("{value:?}"));
        let name = || format!("{} at step {}", key.0, key.1);
        (!same).then(|| Difference { what: "value".into(), name: name(), before: shown(a), now: shown(b) })
    });
    differing.collect()
}

#[cfg(test)]
mod tests {
    use super::super::TOLERANCE;
    use super::*;

    fn values(of: &[f64]) -> Values {
        of.iter().enumerate().map(|(step, value)| (("loss".to_owned(), step as i64, 0), *value)).collect()
    }

    #[test]
    fn values_are_compared_bit_for_bit_or_within_a_tolerance() {
        assert_eq!(apart(&values(&[f64::NAN, 0.1]), &values(&[f64::NAN, 0.1]), None), []);
        let near = apart(&values(&[0.1]), &values(&[0.1 + f64::EPSILON]), None);
        assert_eq!((near.len(), near[0].name.as_str()), (1, "loss at step 0"));
        assert_eq!(apart(&values(&[0.1]), &values(&[0.1 + f64::EPSILON]), Some(TOLERANCE)), []);
        assert_eq!(apart(&values(&[1.0]), &values(&[1.1]), Some(TOLERANCE)).len(), 1);
        assert_eq!(apart(&values(&[1.0, 2.0]), &values(&[1.0]), None)[0].now, None);
    }

    #[test]
    fn a_patch_is_told_file_by_file() {
        let patch = "diff --git a/a b.py b/a b.py\n-x\n+diff --git no\ndiff --git a/c.py b/d.py\nrename\n";
        let files: Vec<(String, String)> = changed_files(patch).collect();
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let first = "diff --git a/a b.py b/a b.py\n-x\n+diff --git no\n";
        assert_eq!(files, [file("a b.py", first), file("d.py", "diff --git a/c.py b/d.py\nrename\n")]);
        assert_eq!(changed_files("").count(), 0);
    }

    #[test]
    fn what_a_replay_cannot_see_is_said_once() {
        let fact = |what: &str, name: &str, value: &str| ((what.to_owned(), name.to_owned()), value.to_owned());
        let facts =
            [fact("package", "a", "1"), fact("package", "b", "2"), fact("code", "commit", "x"), fact("machine", "cpu", "c")];
        let mut before = Facts::from(facts);
        let said = not_seen(&mut before, &Facts::from([fact("code", "commit", "y")]));
        assert_eq!((said.len(), said[0].starts_with("package: ")), (1, true), "{said:?}");
        let kinds: Vec<&str> = before.keys().map(|(what, _)| what.as_str()).collect();
        assert_eq!(kinds, ["code", "machine"]);
    }

    #[test]
    fn what_an_earlier_build_did_not_know_is_no_difference() {
        let fact = |what: &str, name: &str, value: &str| ((what.to_owned(), name.to_owned()), value.to_owned());
        let before = Facts::from([fact("data", "rows", "3")]);
        let now = Facts::from([fact("data", "rows", "4"), fact("machine", "cpu", "x")]);
        let found = differing(&before, &now);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].before.as_deref(), found[0].now.as_deref()), (Some("3"), Some("4")));
    }
}
