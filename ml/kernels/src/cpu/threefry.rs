//! Threefry-2x32-20 over blocks. Source: Salmon et al. 2011.

use super::simd::{Operand, binary};

const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
const PARITY: u32 = 0x1BD1_1BDA;

/// `dst[i]` = the cipher of `counters[i]` under `keys[i]`.
pub fn encrypt(keys: &[u64], counters: &[u64], dst: &mut [u64]) {
    binary(Operand::Block(keys), Operand::Block(counters), dst, block);
}

#[inline(always)]
fn block(key: u64, counter: u64) -> u64 {
    let halves = |word: u64| ((word >> 32) as u32, word as u32);
    let ((k0, k1), (c0, c1)) = (halves(key), halves(counter));
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
