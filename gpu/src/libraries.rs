//! NVIDIA's libraries: looked for when they are needed, in the places where systems, CUDA's toolkit, conda and Python's
//! packages put them, and loaded by path so that they are there when they are asked for by name.

use std::env;
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Library {
    /// Its name without what systems add: `nvrtc` is `libnvrtc.so.13`, or `nvrtc64_130_0.dll`.
    pub stem: &'static str,
    /// The environment variable that names the library, or a folder that holds it.
    pub variable: &'static str,
}

impl Library {
    /// Loads the one that the variable names, else one of `candidates`, else one that the system finds by name, else one of
    /// [`folders`]. False if there is none; `is_present` asks for it by name.
    pub fn load(&self, candidates: &[PathBuf], is_present: impl Fn() -> bool) -> bool {
        let named = env::var_os(self.variable).map(PathBuf::from);
        if !named.iter().chain(candidates).any(|path| self.load_from(path)) && !is_present() {
            folders().iter().any(|folder| self.load_from(folder));
        }
        is_present()
    }

    /// Loads it by its path, or from its folder. False if it does not load.
    fn load_from(&self, path: &Path) -> bool {
        let Some(file) = (if path.is_dir() { self.newest_in(path) } else { Some(path.to_path_buf()) }) else { return false };
        // SAFETY: loading runs the library's own initialisers; it is NVIDIA's, or what the user named.
        match unsafe { libloading::Library::new(file) } {
            Ok(library) => {
                std::mem::forget(library); // stays for the life of the process
                true
            }
            Err(_) => false,
        }
    }

    fn newest_in(&self, folder: &Path) -> Option<PathBuf> {
        entries(folder).into_iter().rfind(|path| self.is_file(&path.file_name().unwrap_or_default().to_string_lossy()))
    }

    fn is_file(&self, name: &str) -> bool {
        let is_dll = name.starts_with(&format!("{}64_", self.stem)) && name.ends_with(".dll") && !name.contains("builtins");
        is_dll || name.starts_with(&format!("lib{}.so", self.stem))
    }
}

/// Folders that may hold the libraries, beside those that the system searches: of CUDA's toolkit, and of the Python
/// environments that are active, that run this process or that are on the path.
pub fn folders() -> Vec<PathBuf> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let toolkits = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(variable).chain(["/usr/local/cuda".into()]);
    let own = toolkits.flat_map(|root| ["lib64", "lib", "bin/x64", "bin"].map(|folder| root.join(folder)));
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(variable);
    let process = env::args_os().next().map(PathBuf::from).and_then(|program| Some(program.parent()?.to_path_buf()));
    let path = variable("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let pythons = process.into_iter().chain(path).filter(|folder| has_python(folder));
    let environments = active.chain(pythons.filter_map(|folder| Some(environment(&folder)?.to_path_buf())));
    let mut folders: Vec<PathBuf> = own.chain(environments.flat_map(|root| of_environment(&root))).collect();
    let mut seen = Vec::new();
    folders.retain(|folder| {
        folder.is_dir() && !seen.contains(folder) && {
            seen.push(folder.clone());
            true
        }
    });
    folders
}

fn has_python(folder: &Path) -> bool {
    ["python3", "python", "python.exe"].iter().any(|name| folder.join(name).exists())
}

/// The environment whose programs lie in a folder: `bin` or `Scripts` of it, or itself.
fn environment(programs: &Path) -> Option<&Path> {
    let is_inside = programs.file_name().is_some_and(|name| name == "bin" || name == "Scripts");
    if is_inside { programs.parent() } else { Some(programs) }
}

/// The folders of conda's libraries and of `nvidia-*` wheels: `lib/python3.12/site-packages/nvidia/cu13/lib`.
fn of_environment(root: &Path) -> Vec<PathBuf> {
    let versions = entries(&root.join("lib"))
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3")));
    let packages = versions.chain([root.join("Lib")]).flat_map(|lib| entries(&lib.join("site-packages/nvidia")));
    let wheels = packages.flat_map(|package| ["lib", "bin/x86_64", "bin"].map(|folder| package.join(folder)));
    wheels.chain(["lib", "Library/bin"].map(|folder| root.join(folder))).collect()
}

/// What a folder holds, in order of names; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_each_system_are_known_by_their_names() {
        let nvrtc = Library { stem: "nvrtc", variable: "GRADFRAME_NVRTC" };
        for name in ["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12.8.61", "nvrtc64_130_0.dll"] {
            assert!(nvrtc.is_file(name), "{name}");
        }
        for name in ["libnvrtc-builtins.so.13.0", "libnvrtc_static.a", "nvrtc64_130_0.lib", "libcublasLt.so.13"] {
            assert!(!nvrtc.is_file(name), "{name}");
        }
    }

    #[test]
    fn wheels_of_an_environment_are_found() {
        let root = tempfile::tempdir().unwrap();
        let lib = root.path().join("lib/python3.12/site-packages/nvidia/cu13/lib");
        std::fs::create_dir_all(&lib).unwrap();
        std::fs::write(lib.join("libcublasLt.so.13"), "").unwrap();
        std::fs::write(lib.join("libcublas.so.13"), "").unwrap();
        let found = of_environment(root.path());
        assert!(found.contains(&lib), "{found:?}");
        let lt = Library { stem: "cublasLt", variable: "GRADFRAME_CUBLASLT" };
        assert_eq!(lt.newest_in(&lib), Some(lib.join("libcublasLt.so.13")));
        assert_eq!(environment(&root.path().join("bin")), Some(root.path()));
    }
}
