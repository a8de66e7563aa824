//! NumPy's archives: zip files of arrays.

use std::collections::HashMap;
use std::path::Path;

use gradframe_ml_core::{DType, Tensor};

/// The arrays of an archive by name. An array of a type that we do not have is left out.
pub fn read(path: &Path) -> HashMap<String, Tensor> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let entries = entries(&bytes);
    entries.into_iter().filter_map(|(name, data)| Some((name, array(&data)?))).collect()
}

fn word(bytes: &[u8], at: usize, width: usize) -> usize {
    bytes[at..at + width].iter().rev().fold(0, |n, &b| n << 8 | usize::from(b))
}

/// Names without their ending, and contents. Sizes are taken from the directory at the end of the file.
fn entries(zip: &[u8]) -> Vec<(String, Vec<u8>)> {
    let end = (0..=zip.len() - 22).rev().find(|&at| zip[at..].starts_with(b"PK\x05\x06")).unwrap();
    let (count, mut at) = (word(zip, end + 10, 2), word(zip, end + 16, 4));
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let (method, packed) = (word(zip, at + 10, 2), word(zip, at + 20, 4));
        let (name, extra, comment) = (word(zip, at + 28, 2), word(zip, at + 30, 2), word(zip, at + 32, 2));
        let local = word(zip, at + 42, 4);
        let text = String::from_utf8_lossy(&zip[at + 46..at + 46 + name]).into_owned();
        let start = local + 30 + word(zip, local + 26, 2) + word(zip, local + 28, 2);
        let data = &zip[start..start + packed];
        let data = if method == 0 { data.to_vec() } else { miniz_oxide::inflate::decompress_to_vec(data).unwrap() };
        found.push((text.trim_end_matches(".npy").to_owned(), data));
        at += 46 + name + extra + comment;
    }
    found
}

/// An array of format 1: a header in Python's notation, then the elements.
fn array(npy: &[u8]) -> Option<Tensor> {
    let length = word(npy, 8, 2);
    let header = String::from_utf8_lossy(&npy[10..10 + length]).into_owned();
    let after = |key: &str| header.split_once(key).map(|(_, rest)| rest);
    let code = after("'descr': '")?.split('\'').next()?.to_owned();
    let shape = after("'shape': (")?.split(')').next()?.to_owned();
    let shape: Vec<usize> = shape.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    if !header.contains("'fortran_order': False") {
        return None;
    }
    let mut data = arrow_buffer::MutableBuffer::new(npy.len());
    data.extend_from_slice(&npy[10 + length..]);
    Tensor::try_new(dtype(code.trim_start_matches(['<', '|']))?, &shape, data.into()).ok()
}

fn dtype(code: &str) -> Option<DType> {
    Some(match code {
        "f8" => DType::F64,
        "f4" => DType::F32,
        "f2" => DType::F16,
        "i8" => DType::I64,
        "i4" => DType::I32,
        "i2" => DType::I16,
        "i1" => DType::I8,
        "u1" => DType::U8,
        "u2" => DType::U16,
        "u4" => DType::U32,
        "u8" => DType::U64,
        "b1" => DType::Bool,
        _ => return None,
    })
}
