//! Tests that ask for a device, on an emulated one: CUDA's driver and compiler are replaced by `emulated.cpp`, in a process of
//! its own. And what is said where a driver or a library is missing, or is not what its name says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use gradframe_gpu::blas;
use gradframe_gpu::device::{Device, MEMORY_VARIABLE};
use xxhash_rust::xxh3::xxh3_128;

/// A folder of libraries, which stays as long as this.
struct Libraries {
    folder: PathBuf,
}

impl Libraries {
    /// With the emulated ones under these names. None, said on the terminal, where there is no C++ compiler.
    fn build(name: &str, libraries: &[&str]) -> Option<Self> {
        if cfg!(not(target_os = "linux")) || Command::new("c++").arg("--version").output().is_err() {
            println!("skipped: no C++ compiler (`c++`) to build an emulated driver with");
            return None;
        }
        let folder = env::temp_dir().join(format!("gradframe-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("shim.h"), include_str!("shim.h")).unwrap();
        let this = Libraries { folder };
        libraries.iter().for_each(|library| this.add(library, include_str!("emulated.cpp")));
        Some(this)
    }

    /// One more, of this source; each source is compiled once.
    fn add(&self, library: &str, source: &str) {
        let known = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let known = if known.is_dir() { known.to_path_buf() } else { env::temp_dir() };
        let compiled = known.join(format!("emulated-{:032x}.so", xxh3_128(source.as_bytes())));
        if !compiled.exists() {
            let (text, part) = (self.folder.join("library.cpp"), self.folder.join("library.part"));
            fs::write(&text, source).unwrap();
            let mut compiler = Command::new("c++");
            compiler
                .args(["-std=c++17", "-O1", "-w", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-o"])
                .arg(&part)
                .arg(text)
                .arg("-ldl");
            let output = compiler.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let beside = compiled.with_extension(std::process::id().to_string());
            fs::copy(&part, &beside).unwrap();
            fs::rename(&beside, &compiled).unwrap(); // whole or not at all
        }
        fs::copy(compiled, self.folder.join(library)).unwrap();
    }

    /// What these tests print in a process that finds no other libraries than these. It has to end well.
    fn run(&self, tests: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(tests).args(["--nocapture", "--include-ignored", "--test-threads=1"]);
        for variable in ["VIRTUAL_ENV", "CONDA_PREFIX", "CUDA_HOME", "CUDA_PATH", "GRADFRAME_NVRTC", "GRADFRAME_CUBLASLT"] {
            command.env_remove(variable);
        }
        command.env("LD_LIBRARY_PATH", &self.folder).env("EMULATED_FOLDER", &self.folder).env("GRADFRAME_CUDA_CACHE", "");
        command.env("PATH", "/usr/bin:/bin").env("GRADFRAME_CUBLASLT", &self.folder).envs(variables.iter().copied());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// What opening the device says: see `what_opening_says`.
    fn opened(&self, variables: &[(&str, &str)]) -> String {
        let said = self.run(&["emulated::what_opening_says", "--exact"], variables);
        said.lines().find_map(|line| line.split_once("opened: ")).map(|(_, rest)| rest.to_owned()).unwrap()
    }
}

impl Drop for Libraries {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

const ALL: [&str; 3] = ["libcuda.so", "libnvrtc.so", "libcublasLt.so"];

#[test]
#[ignore = "run by others, in a process with other libraries"]
fn what_opening_says() {
    match Device::open(0) {
        Ok(device) => {
            let products = if blas::is_found() { "with" } else { "without" };
            println!("opened: {} {} bytes, {products} cuBLASLt", device.name().unwrap(), device.memory_budget());
        }
        Err(error) => println!("opened: {} {error}", error.kind()),
    }
}

/// These tests pass on a device whose streams run as late as they may.
fn pass_emulated(name: &str, tests: &[&str], variables: &[(&str, &str)]) {
    let Some(libraries) = Libraries::build(name, &ALL) else { return };
    let said = libraries.run(tests, variables);
    assert!(!said.contains("skipped") && !said.contains("running 0 tests"), "{said}");
}

#[test]
fn memory_copies_and_repeated_runs_are_right_on_an_emulated_device() {
    pass_emulated("runtime", &["runtime::", "steps::"], &[]);
}

#[test]
fn loops_are_right_on_an_emulated_device() {
    pass_emulated("loops", &["device::loops"], &[]);
}

#[test]
fn what_cannot_be_captured_runs_kernel_by_kernel() {
    pass_emulated(
        "uncaptured",
        &["runtime::results_that_are_held", "runtime::a_training", "steps::"],
        &[("EMULATED_NO_GRAPHS", "1")],
    );
}

#[test]
fn a_device_with_little_memory_says_so() {
    pass_emulated("little", &["runtime::what_does_not_fit", "runtime::more_than"], &[("EMULATED_MEMORY_MB", "64")]);
}

#[test]
fn the_budget_is_what_the_environment_says() {
    let Some(libraries) = Libraries::build("budget", &ALL) else { return };
    let opened = |value| libraries.opened(&[(MEMORY_VARIABLE, value), ("EMULATED_MEMORY_MB", "1000")]);
    assert_eq!(opened("300 MiB"), "emulated (sm_90) 314572800 bytes, with cuBLASLt");
    assert_eq!(opened("25%"), "emulated (sm_90) 262144000 bytes, with cuBLASLt");
    assert_eq!(opened(""), "emulated (sm_90) 838860800 bytes, with cuBLASLt");
    let wrong = opened("a lot");
    assert!(wrong.starts_with("Plan cuda: GRADFRAME_CUDA_MEMORY is `a lot`"), "{wrong}");
}

#[test]
fn a_driver_that_does_not_work_is_an_error_that_says_why() {
    let Some(libraries) = Libraries::build("driver", &ALL) else { return };
    let old = libraries.opened(&[("EMULATED_VERSION", "11040")]);
    assert!(old.starts_with("NoDevice cuda: the driver is for CUDA 11.4, and 12.0 is needed; hint: "), "{old}");
    let mismatch = libraries.opened(&[("EMULATED_INIT", "803")]);
    assert!(mismatch.contains("of different versions; hint: restart"), "{mismatch}");
    let none = libraries.opened(&[("EMULATED_INIT", "100")]);
    assert!(none.starts_with("NoDevice cuda: the driver finds no device; hint: "), "{none}");
    let other = libraries.opened(&[("EMULATED_INIT", "999")]);
    assert!(other.starts_with("NoDevice cuda: device 0 cannot be used; hint: "), "{other}");
}

#[test]
fn libraries_that_are_missing_or_something_else_are_named() {
    let Some(libraries) = Libraries::build("missing", &["libcuda.so"]) else { return };
    if has_library(Path::new("/usr/lib"), "libnvrtc.so") || Path::new("/usr/local/cuda").exists() {
        return println!("skipped: this machine has CUDA's libraries");
    }
    let missing = libraries.opened(&[]);
    assert!(missing.starts_with("NoDevice nvrtc: libnvrtc was not found; hint: install it"), "{missing}");
    libraries.add("libnvrtc.so", "extern \"C\" int something() { return 0; }");
    let other = libraries.opened(&[]);
    assert!(other.starts_with("NoDevice nvrtc: "), "{other}");
    libraries.add("libnvrtc.so", include_str!("emulated.cpp"));
    assert!(libraries.opened(&[]).ends_with("without cuBLASLt"));
    libraries.add("libcublasLt.so", "extern \"C\" int something() { return 0; }");
    assert!(libraries.opened(&[]).ends_with("without cuBLASLt"));
    libraries.add("libcuda.so", "extern \"C\" int something() { return 0; }");
    let other = libraries.opened(&[]);
    assert!(other.starts_with("NoDevice cuda: libcuda has no `cuInit`"), "{other}");
    fs::remove_file(libraries.folder.join("libcuda.so")).unwrap();
    let none = libraries.opened(&[]);
    assert!(none.starts_with("NoDevice cuda: "), "{none}");
}

fn has_library(folder: &Path, name: &str) -> bool {
    let found = Command::new("find").arg(folder).args(["-name", &format!("{name}*")]).output();
    found.is_ok_and(|found| !found.stdout.is_empty())
}
