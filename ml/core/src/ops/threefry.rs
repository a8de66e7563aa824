//! `Threefry`: the block cipher Threefry-2x32 with 20 rounds, elementwise. It carries no derivative.
//!
//! Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.

use super::{Batched, Realised, Rules, Site, arity, batch_elementwise, check_same_shape};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId, Type};
use crate::shape::Dim;
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Threefry`].
pub struct Threefry;

impl Rules for Threefry {
    fn name(&self) -> &'static str {
        "threefry"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [key, counter] = arity(self.name(), operands)?;
        if let Some(wrong) = operands.iter().find(|t| t.dtype != DType::U64) {
            return Err(Error::dtype(self.name(), format!("expected key and counter of u64, got {}", wrong.dtype)));
        }
        check_same_shape(self.name(), key, counter)?;
        Ok((*key).clone())
    }

    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [keys, counters] = arity(self.name(), operands)?;
        let words = keys.values::<u64>()?.iter().zip(counters.values::<u64>()?).map(|(&k, &c)| encrypt(k, c));
        Tensor::from_vec(out.shape, words.collect::<Vec<u64>>())
    }

    fn jvp(&self, _: &mut Graph, _: &Site, _: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        Ok(None)
    }

    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        batch_elementwise(g, Kind::Threefry, operands, size)
    }
}

const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
const PARITY: u32 = 0x1BD1_1BDA;

/// The cipher on one block. The high 32 bits of each word are the first half.
pub(crate) fn encrypt(key: u64, counter: u64) -> u64 {
    let halves = |word: u64| ((word >> 32) as u32, word as u32);
    let (k0, k1) = halves(key);
    let (c0, c1) = halves(counter);
    let schedule = [k0, k1, PARITY ^ k0 ^ k1];
    let (mut x0, mut x1) = (c0.wrapping_add(k0), c1.wrapping_add(k1));
    for round in 0..20 {
        x0 = x0.wrapping_add(x1);
        x1 = x1.rotate_left(ROTATIONS[round % 8]) ^ x0;
        if round % 4 == 3 {
            let injection = round / 4 + 1;
            x0 = x0.wrapping_add(schedule[injection % 3]);
            x1 = x1.wrapping_add(schedule[(injection + 1) % 3]).wrapping_add(injection as u32);
        }
    }
    (x0 as u64) << 32 | x1 as u64
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, words};

    pub fn rows() -> Vec<Row> {
        vec![Row::new("threefry", "a block", [words(&[7, 8]), words(&[0, u64::MAX])], |g, x| g.threefry(x[0], x[1]))]
    }

    /// Source: the known answers of the Random123 distribution.
    #[test]
    fn agrees_with_the_known_answers() {
        let answers = [
            (0, 0, 0x6b20_0159_99ba_4efe),
            (u64::MAX, u64::MAX, 0x1cb9_96fc_bb00_2be7),
            (0x1319_8a2e_0370_7344, 0x243f_6a88_85a3_08d3, 0xc492_3a9c_483d_f7a0),
        ];
        for (key, counter, expected) in answers {
            assert_eq!(super::encrypt(key, counter), expected, "key {key:x}, counter {counter:x}");
        }
    }
}
