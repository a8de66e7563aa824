//! The state of the code for trainings, of which there may be a thousand in a row: git is asked now and then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gradframe_plan::services::CodeState;
use parking_lot::Mutex;

use super::code::code_state;

/// An answer is good for so many times what it took to get: asking takes a fiftieth of the time at most.
const WORTH: u32 = 50;
/// An answer is good for no longer, whatever it took: who has changed the code a minute ago sees it.
const GOOD_FOR_MAX: Duration = Duration::from_secs(60);
/// How long one waits for the answers that are kept: a process that was forked in an unlucky moment has a lock that nobody opens.
const PATIENCE: Duration = Duration::from_millis(200);

/// What git has said of a directory.
struct Answer {
    state: CodeState,
    good_until: Instant,
}

static ANSWERS: Mutex<BTreeMap<PathBuf, Answer>> = Mutex::new(BTreeMap::new());

/// The state of the repository around a directory as [`code_state`] gives it, or as it gave it a moment ago: for as long as asking would
/// take a noticeable part of the time, a minute at the most.
pub fn recent_code_state(directory: &Path) -> CodeState {
    let Ok(directory) = std::path::absolute(directory) else { return CodeState::default() };
    let known = |answer: &Answer| (Instant::now() < answer.good_until).then(|| answer.state.clone());
    let kept = ANSWERS.try_lock_for(PATIENCE).and_then(|answers| answers.get(&directory).and_then(known));
    kept.unwrap_or_else(|| ask(directory))
}

/// Nobody waits for another's answer: two that ask at once both do.
fn ask(directory: PathBuf) -> CodeState {
    let begun = Instant::now();
    let state = code_state(&directory);
    let good_for = begun.elapsed().saturating_mul(WORTH).min(GOOD_FOR_MAX);
    if let Some(mut answers) = ANSWERS.try_lock_for(PATIENCE) {
        answers.insert(directory, Answer { state: state.clone(), good_until: Instant::now() + good_for });
    }
    state
}

#[cfg(test)]
mod tests {
    use super::super::code::tests::{committed, run};
    use super::*;

    #[test]
    fn git_is_asked_seldom_and_what_has_changed_is_seen() {
        let place = committed("train.py", "lr = 1\n");
        let first = recent_code_state(place.path());
        assert!(first.commit.is_some() && first.diff.is_none(), "{first:?}");
        std::fs::write(place.path().join("train.py"), "lr = 2\n").unwrap();
        let begun = Instant::now();
        let again = (0..1000).map(|_| recent_code_state(place.path())).collect::<Vec<_>>();
        // A thousand answers of git's own would take ten seconds and more.
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        assert!(again.iter().all(|state| state.commit == first.commit));

        ANSWERS.lock().values_mut().for_each(|answer| answer.good_until = Instant::now());
        assert!(recent_code_state(place.path()).diff.unwrap().contains("+lr = 2"));
        run(place.path(), &["commit", "--quiet", "-a", "-m", "second"]);
        ANSWERS.lock().values_mut().for_each(|answer| answer.good_until = Instant::now());
        assert_ne!(recent_code_state(place.path()).commit, first.commit);
    }

    #[test]
    fn directories_have_states_of_their_own() {
        let (one, other) = (committed("a.py", "1\n"), tempfile::tempdir().unwrap());
        assert!(recent_code_state(one.path()).commit.is_some());
        assert_eq!(recent_code_state(other.path()), CodeState::default());
        assert!(recent_code_state(one.path()).commit.is_some());
    }
}
