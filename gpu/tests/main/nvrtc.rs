//! Every form of kernel compiles, for one of two architectures with one of two widths of positions in turn. No GPU is needed,
//! only NVIDIA's compiler.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gradframe_gpu::nvrtc::{Nvrtc, Width};
use gradframe_gpu::print::prelude;

use rayon::prelude::*;

use crate::cases::{Which, cases, wants_both};

/// Kernels of a module: a compiler starts up once for all of them.
const KERNELS_PER_MODULE: usize = 60;
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
    let mut sources: Vec<&str> = kernels.iter().map(|kernel| kernel.source.as_str()).collect();
    if !wants_both() {
        let mut forms = HashSet::new();
        sources.retain(|source| forms.insert(form(source)));
    }
    // Neighbours are of one kind in two types mostly: so each kind is compiled for both targets.
    let in_turn = |n: usize| sources.iter().copied().skip(n).step_by(TARGETS.len()).collect();
    let of_targets: [Vec<&str>; 2] = [0, 1].map(|n| if wants_both() { sources.clone() } else { in_turn(n) });
    let of_targets = TARGETS.iter().zip(&of_targets);
    let modules: Vec<_> = of_targets.flat_map(|(t, own)| own.chunks(KERNELS_PER_MODULE).map(move |part| (t, part))).collect();
    modules.par_iter().for_each(|((architecture, width), part)| {
        let entries = part.join("\n");
        let source = format!("{}\n{entries}", prelude(&entries));
        let code = nvrtc.compile(&source, architecture, *width).unwrap_or_else(|error| panic!("{architecture}: {error}"));
        assert!(!code.is_empty());
    });
    let (version, seconds) = (nvrtc.version(), start.elapsed().as_secs());
    let (each, all, compiled) = (if wants_both() { "each" } else { "in turn" }, kernels.len(), sources.len());
    println!("NVRTC {}.{}: {compiled} forms of {all} kernels, {each} for {TARGETS:?}, {seconds} s", version.0, version.1);
}

/// A source without its numbers: kernels that differ in sizes, widths and constants alone compile alike.
fn form(source: &str) -> String {
    source.split(|c: char| c.is_ascii_digit()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("0")
}

#[test]
fn an_error_quotes_the_source() {
    let Some(nvrtc) = nvrtc() else { return };
    let error = nvrtc.compile("__global__ void broken() { nonsense; }", "sm_90", Width::Wide).unwrap_err();
    assert_eq!(error.kind(), "Internal");
    assert!(error.to_string().contains("nonsense"), "{error}");
}
