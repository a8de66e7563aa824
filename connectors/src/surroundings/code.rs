//! The state of the code: git's commit, and what the files have beyond it.
//!
//! Asked of the `git` command. Where there is none, or no repository, nothing is known, and nothing fails.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use gradframe_plan::services::CodeState;

/// A longer patch is cut here, and says so: it is data rather than code.
const DIFF_BYTES_MAX: u64 = 1 << 20;

/// The state of the repository around a directory. Files that git does not track are not in it.
pub fn code_state(directory: &Path) -> CodeState {
    let Some(commit) = line(directory, &["rev-parse", "--verify", "--quiet", "HEAD"]) else { return CodeState::default() };
    CodeState { commit: Some(commit), diff: diff(directory).filter(|diff| !diff.is_empty()) }
}

/// What differs from the commit, staged or not.
fn diff(directory: &Path) -> Option<String> {
    // Whatever is said in the settings of who runs it: the names of files are read from it, and `git apply` takes it.
    let settings = ["-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "core.quotePath=false"];
    let arguments = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"];
    let mut command = git(directory);
    command.args(settings).args(arguments).args((!has_large_files(directory)).then_some("--binary")).arg("HEAD");
    let mut child = command.stdout(Stdio::piped()).spawn().ok()?;
    let mut patch = Vec::new();
    let read = child.stdout.take()?.take(DIFF_BYTES_MAX + 1).read_to_end(&mut patch);
    if patch.len() as u64 > DIFF_BYTES_MAX {
        // It would wait for ever for somebody to read the rest.
        let _ = child.kill();
        patch.truncate(DIFF_BYTES_MAX as usize);
        patch.extend_from_slice(b"\n... cut here\n");
    }
    let ended = child.wait();
    read.and(ended).ok()?;
    Some(String::from_utf8_lossy(&patch).into_owned())
}

/// Whether a file that differs is larger than a patch may be, or was. Git would pack it twice before it writes a byte: half a minute for
/// the 200 megabytes of a model.
fn has_large_files(directory: &Path) -> bool {
    let Some(top) = line(directory, &["rev-parse", "--show-toplevel"]) else { return false };
    let raw = ["diff", "--raw", "--no-abbrev", "--no-renames", "-z", "HEAD"];
    let Ok(output) = git(directory).args(raw).output() else { return false };
    let mut parts = output.stdout.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let mut blobs = String::new();
    // Modes, the content in the commit, that of the index, and what has become of it; then the name.
    while let (Some(said), Some(name)) = (parts.next(), parts.next()) {
        if Path::new(&top).join(name.as_ref()).symlink_metadata().is_ok_and(|file| file.len() > DIFF_BYTES_MAX) {
            return true;
        }
        blobs.extend(said.split(' ').nth(2).into_iter().flat_map(|blob| [blob, "\n"]));
    }
    is_any_large(directory, blobs)
}

/// Whether one of these contents, a name a line, is larger than a patch may be. What git does not know is not: what is new, a submodule.
fn is_any_large(directory: &Path, blobs: String) -> bool {
    let mut command = git(directory);
    command.args(["cat-file", "--batch-check=%(objectsize)"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return false };
    let asked = child.stdin.take();
    // It answers while it is asked.
    let asking = std::thread::spawn(move || asked.map(|mut asked| asked.write_all(blobs.as_bytes())));
    let answered = child.wait_with_output();
    drop(asking.join());
    let Ok(output) = answered else { return false };
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|size| size.parse().ok()).any(|size: u64| size > DIFF_BYTES_MAX)
}

fn line(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = git(directory).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn git(directory: &Path) -> Command {
    let mut git = Command::new("git");
    // Only looked at: no index is refreshed, no lock of a git at work beside us is taken.
    git.current_dir(directory).env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null()).stderr(Stdio::null());
    git
}

#[cfg(test)]
pub(super) mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A repository with one file, which is committed.
    pub fn committed(name: &str, text: &str) -> TempDir {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(name), text).unwrap();
        for arguments in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "first"]] {
            run(place.path(), arguments);
        }
        place
    }

    pub fn run(directory: &Path, arguments: &[&str]) {
        let named = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        assert!(git(directory).args(named).args(arguments).stdout(Stdio::null()).status().unwrap().success(), "{arguments:?}");
    }

    #[test]
    fn the_commit_and_what_is_not_committed() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(code_state(place.path()), CodeState::default(), "no repository");
        run(place.path(), &["init", "--quiet"]);
        assert_eq!(code_state(place.path()), CodeState::default(), "no commit");
        std::fs::write(place.path().join("train.py"), "lr = 1\n").unwrap();
        run(place.path(), &["add", "."]);
        run(place.path(), &["commit", "--quiet", "-m", "first"]);
        let clean = code_state(place.path());
        assert_eq!((clean.commit.as_ref().map(String::len), clean.diff), (Some(40), None));

        std::fs::write(place.path().join("train.py"), "lr = 2\n").unwrap();
        let changed = code_state(place.path());
        assert_eq!(changed.commit, clean.commit);
        assert!(changed.diff.unwrap().contains("-lr = 1\n+lr = 2\n"));
    }

    #[test]
    fn a_patch_has_its_form_whatever_git_is_set_to() {
        let place = tempfile::tempdir().unwrap();
        run(place.path(), &["init", "--quiet"]);
        for setting in ["diff.noprefix", "diff.mnemonicPrefix"] {
            run(place.path(), &["config", setting, "true"]);
        }
        std::fs::write(place.path().join("é.py"), "lr = 1\n").unwrap();
        std::fs::write(place.path().join("data.bin"), b"\0\x01").unwrap();
        run(place.path(), &["add", "."]);
        run(place.path(), &["commit", "--quiet", "-m", "first"]);
        std::fs::write(place.path().join("é.py"), "lr = 2\n").unwrap();
        std::fs::write(place.path().join("data.bin"), b"\0\x02").unwrap();
        let diff = code_state(place.path()).diff.unwrap();
        assert!(diff.contains("diff --git a/é.py b/é.py") && diff.contains("GIT binary patch"), "{diff}");
    }

    #[test]
    fn a_large_file_that_is_no_text_is_named_alone() {
        let place = tempfile::tempdir().unwrap();
        run(place.path(), &["init", "--quiet"]);
        std::fs::create_dir(place.path().join("below")).unwrap();
        let write = |large: u8, code: &str| {
            std::fs::write(place.path().join("weights.bin"), vec![large; 2 << 20]).unwrap();
            std::fs::write(place.path().join("below/train.py"), code).unwrap();
        };
        write(0, "lr = 1\n");
        run(place.path(), &["add", "."]);
        run(place.path(), &["commit", "--quiet", "-m", "first"]);
        write(1, "lr = 2\n");
        let diff = code_state(&place.path().join("below")).diff.unwrap();
        assert!(
            diff.contains("b/weights.bin differ") && diff.contains("+lr = 2") && !diff.contains("GIT binary patch"),
            "{diff}"
        );
    }

    #[test]
    fn a_large_file_that_is_gone_or_small_now_is_named_alone() {
        for now in [None, Some("small\0")] {
            let place = tempfile::tempdir().unwrap();
            run(place.path(), &["init", "--quiet"]);
            std::fs::write(place.path().join("weights.bin"), vec![0; 2 << 20]).unwrap();
            std::fs::write(place.path().join("train.py"), "lr = 1\n").unwrap();
            run(place.path(), &["add", "."]);
            run(place.path(), &["commit", "--quiet", "-m", "first"]);
            std::fs::remove_file(place.path().join("weights.bin")).unwrap();
            now.into_iter().for_each(|text| std::fs::write(place.path().join("weights.bin"), text).unwrap());
            std::fs::write(place.path().join("train.py"), "lr = 2\n").unwrap();
            let diff = code_state(place.path()).diff.unwrap();
            assert!(diff.contains("weights.bin") && diff.contains("+lr = 2") && !diff.contains("GIT binary patch"), "{diff}");
        }
    }

    #[test]
    fn a_huge_patch_is_cut() {
        let place = tempfile::tempdir().unwrap();
        run(place.path(), &["init", "--quiet"]);
        std::fs::write(place.path().join("data.csv"), "").unwrap();
        run(place.path(), &["add", "."]);
        run(place.path(), &["commit", "--quiet", "-m", "first"]);
        std::fs::write(place.path().join("data.csv"), "1,2,3\n".repeat(500_000)).unwrap();
        let diff = code_state(place.path()).diff.unwrap();
        assert!(diff.len() as u64 <= DIFF_BYTES_MAX + 20 && diff.ends_with("... cut here\n"));
    }
}
