//! Every kernel compiles, for two architectures and both widths of positions. No GPU is needed, only NVIDIA's compiler.

use std::path::{Path, PathBuf};
use std::time::Instant;

use gradframe_gpu::nvrtc::{Nvrtc, Width};
use gradframe_gpu::print::prelude;

use rayon::prelude::*;

use crate::cases::{Which, cases, is_full};

/// Kernels of a module: a compiler starts up once for all of them.
const KERNELS_PER_MODULE: usize = 200;
const TARGETS: [(&str, Width); 2] = [("sm_80", Width::Narrow), ("sm_90", Width::Wide)];

/// Where `cargo xtask test` and pip put the library: the project's virtual environment.
pub fn candidates() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/lib");
    let pythons = std::fs::read_dir(root).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
    pythons
        .flat_map(|p| ["cu13", "cuda_nvrtc"].map(|cuda| p.join("site-packages/nvidia").join(cuda).join("lib")))
        .filter(|folder| folder.is_dir())
        .collect()
}

/// The compiler; None, said on the terminal, where there is none.
fn nvrtc() -> Option<Nvrtc> {
    Nvrtc::find(&candidates()).inspect_err(|missing| println!("skipped: {missing}")).ok()
}

#[test]
fn every_kernel_of_the_tests_compiles() {
    let Some(nvrtc) = nvrtc() else { return };
    let start = Instant::now();
    let kernels = cases(Which::Fixed).kernels.all;
    let targets = if is_full() { &TARGETS[..] } else { &TARGETS[1..] };
    let modules: Vec<_> = targets.iter().flat_map(|t| kernels.chunks(KERNELS_PER_MODULE).map(move |part| (t, part))).collect();
    modules.par_iter().for_each(|((architecture, width), part)| {
        let entries: Vec<&str> = part.iter().map(|k| k.source.as_str()).collect();
        let entries = entries.join("\n");
        let source = format!("{}\n{entries}", prelude(&entries));
        let code = nvrtc.compile(&source, architecture, *width).unwrap_or_else(|error| panic!("{architecture}: {error}"));
        assert!(!code.is_empty());
    });
    let (version, seconds) = (nvrtc.version(), start.elapsed().as_secs());
    println!("NVRTC {}.{}: {} kernels, each for {targets:?}, {seconds} s", version.0, version.1, kernels.len());
}

#[test]
fn an_error_quotes_the_source() {
    let Some(nvrtc) = nvrtc() else { return };
    let error = nvrtc.compile("__global__ void broken() { nonsense; }", "sm_90", Width::Wide).unwrap_err();
    assert_eq!(error.kind(), "Internal");
    assert!(error.to_string().contains("nonsense"), "{error}");
}
