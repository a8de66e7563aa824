//! The elements that a mask keeps: the printed entries on the host, and the method on a device.

use std::ffi::c_void;
use std::path::PathBuf;
use std::process::Command;

use gradframe_gpu::device::Device;
use gradframe_gpu::print::compact::{CLEAR, PICK, THREADS, TILE, WORDS, entries};
use gradframe_gpu::print::prelude;
use gradframe_ml_core::{DType, Tensor};

use crate::given::{numbers, tensor};

const LENGTHS: [usize; 6] = [0, 1, 17, TILE, TILE + 1, 30_001];
const TYPES: [DType; 5] = [DType::F32, DType::F64, DType::BF16, DType::U8, DType::Bool];

/// A mask that keeps every `step`th element and some others.
fn mask(count: usize, step: usize) -> Vec<bool> {
    numbers(count, 9).iter().enumerate().map(|(i, number)| i.is_multiple_of(step) || *number > 0.9).collect()
}

fn flags(mask: &[bool]) -> Tensor {
    tensor(DType::Bool, &[mask.len()], mask.iter().map(|&b| f64::from(u8::from(b))).collect())
}

/// What is kept, by the bytes of elements.
fn expected(values: &Tensor, mask: &[bool]) -> Vec<u8> {
    let elements = values.buffer().as_slice().chunks(values.dtype().size_bytes());
    elements.zip(mask).filter(|(_, is_kept)| **is_kept).flat_map(|(element, _)| element.to_vec()).collect()
}

type Entry = unsafe extern "C" fn(*mut *const c_void, u32, u32);

/// The entries for elements of this type, compiled for the host; None where there is no C++ compiler.
fn compiled(dtype: DType) -> Option<libloading::Library> {
    if Command::new("c++").arg("--version").output().is_err() {
        println!("skipped: no C++ compiler (`c++`) to run printed kernels on the host");
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("compact-{dtype}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, library) = (folder.join("entries.cpp"), folder.join("entries.so"));
    let entries = entries(dtype);
    let ways_in = format!("GF_HOST_ENTRY({CLEAR})\nGF_HOST_ENTRY({PICK})\n");
    std::fs::write(&source, format!("{}\n{}\n{entries}\n{ways_in}", include_str!("shim.h"), prelude(&entries))).unwrap();
    let mut compiler = Command::new("c++");
    compiler
        .args(["-std=c++17", "-O0", "-w", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", "-DGF_AT=int", "-o"])
        .arg(&library)
        .arg(&source);
    let output = compiler.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // SAFETY: the library is what was compiled just now, and has no initialisers.
    let loaded = unsafe { libloading::Library::new(&library) }.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    Some(loaded)
}

/// What the entries keep.
fn kept_on_host(library: &libloading::Library, values: &Tensor, mask: &[bool]) -> Vec<u8> {
    let (count, words) = (mask.len() as i64, (WORDS * mask.len().div_ceil(TILE)) as i64);
    let aligned = |bytes: &[u8]| {
        let word = |chunk: &[u8]| chunk.iter().rev().fold(0u128, |word, &b| word << 8 | u128::from(b));
        bytes.chunks(16).map(word).collect::<Vec<u128>>()
    };
    let flags: Vec<u8> = mask.iter().map(|&b| u8::from(b)).collect();
    let (from, flags) = (aligned(values.buffer().as_slice()), aligned(&flags));
    let (mut into, mut shared, mut kept) = (from.clone(), vec![!0u64; words as usize], -1i64);
    let addresses = [from.as_ptr().cast::<c_void>(), flags.as_ptr().cast(), into.as_mut_ptr().cast(), shared.as_mut_ptr().cast()];
    let of_kept: *const c_void = (&raw mut kept).cast();
    let held = |address: &*const c_void| -> *const c_void { (address as *const *const c_void).cast() };
    let number = |n: &i64| -> *const c_void { (n as *const i64).cast() };
    let mut clear = vec![held(&addresses[3]), number(&words)];
    let mut pick =
        vec![held(&addresses[0]), held(&addresses[1]), number(&count), held(&addresses[2]), held(&of_kept), held(&addresses[3])];
    // SAFETY: the entries take these arguments, and the arrays are as long as they say.
    unsafe {
        library.get::<Entry>(format!("host_{CLEAR}").as_bytes()).unwrap()(clear.as_mut_ptr(), 2, THREADS);
        library.get::<Entry>(format!("host_{PICK}").as_bytes()).unwrap()(pick.as_mut_ptr(), 3, THREADS);
    }
    let length = kept as usize * values.dtype().size_bytes();
    into.iter().flat_map(|word| word.to_le_bytes()).take(length).collect()
}

#[test]
fn what_a_mask_keeps_on_the_host() {
    for dtype in TYPES {
        let Some(library) = compiled(dtype) else { return };
        for count in LENGTHS.into_iter().filter(|&count| count > 0) {
            let values = tensor(dtype, &[count], numbers(count, 3));
            for step in [1, 2, 1000] {
                let mask = mask(count, step);
                let ours = kept_on_host(&library, &values, &mask);
                assert!(ours == expected(&values, &mask), "{dtype} [{count}], every {step}");
            }
        }
    }
}

#[test]
fn what_a_mask_keeps_on_a_device() {
    let Ok(device) = Device::open(0).inspect_err(|missing| println!("skipped: {missing}")) else { return };
    for dtype in TYPES {
        for count in LENGTHS.into_iter().chain([3_000_017]) {
            let values = tensor(dtype, &[count], numbers(count, 3));
            let there = device.put(&values).unwrap();
            for step in [1, 2, 1000] {
                let mask = mask(count, step);
                let flags = device.put(&flags(&mask)).unwrap();
                let ours = device.get(&device.filtered(&there, &flags).unwrap()).unwrap();
                assert!(ours.buffer().as_slice() == expected(&values, &mask), "{dtype} [{count}], every {step}");
            }
        }
    }
    let [line, square] =
        [[6usize].as_slice(), &[2, 3]].map(|sizes| device.put(&tensor(DType::F32, sizes, numbers(6, 1))).unwrap());
    let refused = [device.filtered(&square, &line), device.filtered(&line, &square), device.filtered(&line, &line)];
    assert_eq!(refused.map(|result| result.unwrap_err().kind()), ["Shape", "Shape", "DType"]);
}
