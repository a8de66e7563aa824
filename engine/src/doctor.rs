//! What this machine has for us, and what is missing, with where to get it.

use std::path::Path;

use gradframe_connectors::surroundings;
use gradframe_gpu::blas;
use gradframe_gpu::device::Device;
use gradframe_gpu::nvrtc::Nvrtc;

use crate::config::{SessionBuilder, default_home};
use crate::{Error, Result};

/// Something looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `memory`, `cuda device`.
    pub name: &'static str,
    /// What was found, or why nothing was.
    pub found: String,
    /// Whether it is missing. Nothing that is looked at is needed but for what its hint says.
    pub is_missing: bool,
    /// What to do about it, if it is missing and that is known.
    pub hint: Option<String>,
}

/// Looks at versions, the processor, memory, the home, and what CUDA needs. Opens the first CUDA device if there is one; no store.
pub fn doctor() -> Vec<Finding> {
    let mut findings = versions();
    findings.extend(machine());
    findings.extend(cuda());
    findings
}

impl Finding {
    fn there(name: &'static str, found: impl Into<String>) -> Self {
        Finding { name, found: found.into(), is_missing: false, hint: None }
    }

    fn of(name: &'static str, found: Result<String>) -> Self {
        match found {
            Ok(found) => Finding::there(name, found),
            Err(error) => Finding::missing(name, &error),
        }
    }

    fn missing(name: &'static str, error: &Error) -> Self {
        let detail = error.detail();
        Finding { name, found: detail.what.clone(), is_missing: true, hint: detail.hint.clone() }
    }
}

fn versions() -> Vec<Finding> {
    vec![
        Finding::there("gradframe", env!("CARGO_PKG_VERSION")),
        Finding::there("datafusion", datafusion::DATAFUSION_VERSION),
        Finding::there("arrow", arrow::ARROW_VERSION),
    ]
}

fn machine() -> Vec<Finding> {
    let known = |name: &str| surroundings::environment().get(&("machine".to_owned(), name.to_owned())).cloned();
    let unknown = || "unknown".to_owned();
    let threads = known("threads").map_or_else(String::new, |threads| format!(", {threads} threads"));
    let limit = SessionBuilder::new().memory_limit_or_default();
    let memory = format!("{}, of which queries may use {}", known("memory").unwrap_or_else(unknown), gibibytes(limit));
    vec![
        Finding::there("system", known("system").unwrap_or_else(unknown)),
        Finding::there("processor", format!("{}{threads}", known("cpu").unwrap_or_else(unknown))),
        Finding::there("vectors", vectors()),
        Finding::there("memory", memory),
        home(&default_home()),
    ]
}

fn home(home: &Path) -> Finding {
    let state = if home.exists() { "" } else { ", made by the first write" };
    Finding::there("home", format!("{}{state}", home.display()))
}

/// What kernels are chosen by.
#[cfg(target_arch = "x86_64")]
fn vectors() -> String {
    let features = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512dq", std::arch::is_x86_feature_detected!("avx512dq")),
        ("avx512bw", std::arch::is_x86_feature_detected!("avx512bw")),
        ("avx512vl", std::arch::is_x86_feature_detected!("avx512vl")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ];
    let there: Vec<&str> = features.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)).collect();
    if there.is_empty() { "of 128 bits".to_owned() } else { there.join(" ") }
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> String {
    "of 128 bits".to_owned()
}

/// The driver, the libraries and the device, each by itself: what is missing is said of each.
fn cuda() -> Vec<Finding> {
    let driver = surroundings::environment().get(&("machine".to_owned(), "gpu_driver".to_owned()));
    let driver = driver.cloned().ok_or_else(|| {
        let what = "no driver is loaded";
        Error::no_device("cuda", what).hint("install NVIDIA's driver for this system, if it has a GPU of theirs")
    });
    let compiler = Nvrtc::find(&[]).map(|nvrtc| {
        let (major, minor) = nvrtc.version();
        format!("{major}.{minor}")
    });
    let products = if blas::is_found() { Ok("found".to_owned()) } else { Err(without_products()) };
    let device = Device::open(0).and_then(|device| described(&device));
    vec![
        Finding::of("cuda driver", driver),
        Finding::of("nvrtc", compiler),
        Finding::of("cublaslt", products),
        Finding::of("cuda device", device),
    ]
}

/// Kernels of ours multiply where it is missing.
fn without_products() -> Error {
    let hint = format!(
        "large products are slower without it: pip install nvidia-cublas, and name its folder in {}",
        blas::LIBRARY.variable
    );
    Error::no_device("cublaslt", "libcublasLt was not found").hint(hint)
}

fn described(device: &Device) -> Result<String> {
    let (free, all) = device.memory()?;
    let budget = gibibytes(device.memory_budget());
    Ok(format!("{}, {} of memory, {} free, of which we may use {budget}", device.name()?, gibibytes(all), gibibytes(free)))
}

fn gibibytes(bytes: usize) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_a_hint() {
        let findings = doctor();
        for name in ["gradframe", "vectors", "memory", "nvrtc", "cublaslt", "cuda device"] {
            let finding = findings.iter().find(|finding| finding.name == name).unwrap();
            assert!(!finding.found.is_empty(), "{finding:?}");
        }
        let missing = findings.iter().filter(|finding| finding.is_missing);
        missing.for_each(|finding| assert!(finding.hint.is_some(), "{finding:?}"));
    }
}
