//! The contractions of every program that the tests of `ml/kernels` compile.

use std::collections::BTreeMap;

use super::{Alone, is_described};
use crate::cases::{Which, cases};

/// Multiplications beyond which the interpreter takes too long.
const WORK_MAX: usize = 2_000_000;

#[test]
fn contractions_of_the_tests_are_products() {
    let (mut mapped, mut described, mut large, mut printed) = (0, 0, 0, BTreeMap::new());
    for (case, _) in &cases(Which::All).cases {
        for alone in Alone::all(&case.program, &case.inputs) {
            let Some(product) = alone.product() else {
                let dtype = |buffer: gradframe_ml_kernels::schedule::BufferId| alone.schedule.buffers[buffer.index()].dtype;
                let kernel = &alone.kernel;
                let kind = format!("{} {} -> {}", dtype(kernel.left.buffer), dtype(kernel.right.buffer), dtype(kernel.output));
                *printed.entry(kind).or_insert(0) += 1;
                continue;
            };
            mapped += 1;
            described += usize::from(is_described(&product));
            if alone.multiplications() > WORK_MAX {
                large += 1;
                continue;
            }
            if let Some(difference) = alone.difference(&product) {
                panic!("{difference}\n{product:?}\n{:?}", alone.kernel);
            }
        }
    }
    println!("{mapped} contractions are products ({large} too large to compute here; {described} described to cuBLASLt)");
    println!("printed instead, by types: {printed:?}");
    assert!(mapped > 0);
}
