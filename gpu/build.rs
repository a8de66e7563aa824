//! Makes the tests of `ml/kernels` callable here: their programs are what every kernel that is printed is tested on.
//!
//! Each test file becomes a module that also lists its tests; in place of `crate::check`, which runs and compares there,
//! they meet the one in `tests/main/check.rs`, which collects. A test that is added there is so tested here. Those of loops and
//! choices stand apart: only a device runs them.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Test files that hold no tests.
const HELPERS: [&str; 3] = ["main", "check", "given"];

fn main() -> io::Result<()> {
    let folder = Path::new("../ml/kernels/tests/main");
    println!("cargo:rerun-if-changed={}", folder.display());
    println!("cargo:rerun-if-changed=build.rs");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let (mut modules, mut all) = (String::new(), String::new());
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        if !HELPERS.contains(&name.as_ref()) {
            modules += &module(&name, &fs::read_to_string(file)?);
            all += &format!("{name}::ALL, ");
        }
    }
    let loops = module("loops", &fs::read_to_string(folder.join("control/mod.rs"))?);
    let list = format!(
        "{modules}{loops}\n/// A test's name and the test.\npub type Test = (&'static str, fn());\npub const ALL: &[&[Test]] = &[{all}];\n"
    );
    fs::write(Path::new(&env::var("OUT_DIR").unwrap_or_default()).join("kernel_tests.rs"), list)
}

/// The file as a module: without its header, its modules and its test attributes, and with a list of what they stood before.
fn module(name: &str, text: &str) -> String {
    let (mut code, mut tests, mut is_test) = (String::new(), Vec::new(), false);
    for line in text.lines().filter(|line| !line.starts_with("//!") && !line.starts_with("mod ")) {
        if line.trim() == "#[test]" {
            is_test = true;
            continue;
        }
        if let (true, Some(rest)) = (is_test, line.trim().strip_prefix("fn ")) {
            tests.push(rest.split('(').next().unwrap_or_default().to_owned());
            is_test = false;
        }
        code += line;
        code.push('\n');
    }
    let list: String = tests.iter().map(|test| format!("(\"{name}::{test}\", {test} as fn()), ")).collect();
    format!("pub mod {name} {{\n{code}\npub const ALL: &[super::Test] = &[{list}];\n}}\n")
}
