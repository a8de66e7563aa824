//! Loops compiled for several instruction sets, of which the best is chosen at run time.

use std::sync::OnceLock;

/// Runs a loop compiled for the widest vectors that this processor has. The closure must be `#[inline(always)]`, and so
/// must be what it calls: only then are its instructions chosen here.
#[inline]
pub fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: the features were found.
        Level::Avx512 => return unsafe { with_avx512(work) },
        // SAFETY: the feature was found.
        Level::Avx2 => return unsafe { with_avx2(work) },
        Level::Portable => {}
    }
    work()
}

/// The vectors that this processor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 512 bits, and fused multiply-add.
    Avx512,
    /// 256 bits, and fused multiply-add.
    Avx2,
    /// Whatever the target guarantees.
    Portable,
}

/// Found once.
#[inline]
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(detected)
}

/// True if the processor multiplies pairs of bf16, besides having vectors of 512 bits.
pub fn has_pairs() -> bool {
    static HAS_PAIRS: OnceLock<bool> = OnceLock::new();
    *HAS_PAIRS.get_or_init(|| level() == Level::Avx512 && detects_pairs())
}

/// True if it multiplies pairs of bf16 faster than it would widened ones: Intel's processors take two cycles for an instruction of which AMD's begin
/// one in each, so that numbers in f32 take half as long there (decision 148).
pub fn has_fast_pairs() -> bool {
    static HAS_FAST_PAIRS: OnceLock<bool> = OnceLock::new();
    *HAS_FAST_PAIRS.get_or_init(|| has_pairs() && !is_of_intel())
}

#[cfg(target_arch = "x86_64")]
fn detects_pairs() -> bool {
    std::arch::is_x86_feature_detected!("avx512bf16")
}

#[cfg(target_arch = "x86_64")]
fn is_of_intel() -> bool {
    let maker = std::arch::x86_64::__cpuid(0);
    [maker.ebx, maker.edx, maker.ecx].map(u32::to_le_bytes).as_flattened() == b"GenuineIntel"
}

#[cfg(not(target_arch = "x86_64"))]
fn detects_pairs() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn is_of_intel() -> bool {
    false
}

fn detected() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        let avx2 = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        if avx2
            && std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512dq")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            return Level::Avx512;
        }
        if avx2 {
            return Level::Avx2;
        }
    }
    Level::Portable
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Asks for memory that is read or written soon, so that it comes while something else is computed. Only a hint.
#[inline]
pub fn fetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: changes nothing but what the caches hold; every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Copies past the caches: for results that are larger than they are, which nobody reads soon. What is written so need not
/// be read from memory before. Callers end with [`streamed`].
#[inline]
pub fn stream(src: &[u8], dst: &mut [u8]) {
    assert_eq!(src.len(), dst.len());
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};
        let head = dst.as_ptr().align_offset(64).min(dst.len());
        let (first, lines) = dst.split_at_mut(head);
        first.copy_from_slice(&src[..head]);
        let (lines, last) = lines.as_chunks_mut::<64>();
        let (from, rest) = src[head..].as_chunks::<64>();
        for (to, from) in lines.iter_mut().zip(from) {
            let (to, from) = (to.as_mut_ptr().cast::<__m128i>(), from.as_ptr().cast::<__m128i>());
            for part in 0..4 {
                // SAFETY: both are 64 bytes long, and `to` is aligned to them.
                unsafe { _mm_stream_si128(to.add(part), _mm_loadu_si128(from.add(part))) };
            }
        }
        last.copy_from_slice(rest);
    }
    #[cfg(not(target_arch = "x86_64"))]
    dst.copy_from_slice(src);
}

/// What was streamed is there for other threads.
pub fn streamed() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: orders stores, and nothing else.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// `dst[i] = f(src[i])`.
#[inline]
pub fn unary<T: Copy, U>(src: &[T], dst: &mut [U], f: impl Fn(T) -> U) {
    vectorized(
        #[inline(always)]
        || dst.iter_mut().zip(src).for_each(|(d, &s)| *d = f(s)),
    );
}

/// What a function of two operands reads.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a, T> {
    /// One number an element.
    Block(&'a [T]),
    /// One number for all.
    One(T),
    /// One number for each row of so many elements.
    Rows(&'a [T], usize),
}

/// `dst[i] = f(a[i], b[i])`.
#[inline]
pub fn binary<T: Copy, U: Copy>(a: Operand<T>, b: Operand<T>, dst: &mut [U], f: impl Fn(T, T) -> U) {
    vectorized(
        #[inline(always)]
        || match a.row().or(b.row()) {
            None => whole(a, b, dst, &f),
            Some(row) => {
                for (i, dst) in dst.chunks_exact_mut(row).enumerate() {
                    whole(a.of_row(i, row), b.of_row(i, row), dst, &f);
                }
            }
        },
    );
}

/// Of operands that are no numbers by row.
#[inline(always)]
fn whole<T: Copy, U: Copy>(a: Operand<T>, b: Operand<T>, dst: &mut [U], f: &impl Fn(T, T) -> U) {
    match (a, b) {
        (Operand::Block(a), Operand::Block(b)) => dst.iter_mut().zip(a.iter().zip(b)).for_each(|(d, (&a, &b))| *d = f(a, b)),
        (Operand::Block(a), Operand::One(b)) => dst.iter_mut().zip(a).for_each(|(d, &a)| *d = f(a, b)),
        (Operand::One(a), Operand::Block(b)) => dst.iter_mut().zip(b).for_each(|(d, &b)| *d = f(a, b)),
        (a, b) => {
            if !dst.is_empty() {
                dst.fill(f(a.first(), b.first())); // one number each
            }
        }
    }
}

impl<'a, T: Copy> Operand<'a, T> {
    /// Elements of a row, if there is a number a row.
    #[inline(always)]
    pub fn row(&self) -> Option<usize> {
        if let Operand::Rows(_, row) = self { Some(*row) } else { None }
    }

    /// The part for row `i` of `row` elements.
    #[inline(always)]
    pub fn of_row(&self, i: usize, row: usize) -> Operand<'a, T> {
        match *self {
            Operand::Block(values) => Operand::Block(&values[i * row..(i + 1) * row]),
            Operand::One(value) => Operand::One(value),
            Operand::Rows(values, _) => Operand::One(values[i]),
        }
    }

    /// The number for element `i`.
    #[inline(always)]
    pub fn at(&self, i: usize) -> T {
        match *self {
            Operand::Block(values) => values[i],
            Operand::One(value) => value,
            Operand::Rows(values, row) => values[i / row],
        }
    }

    /// The number for the first element.
    #[inline(always)]
    pub fn first(&self) -> T {
        match *self {
            Operand::Block(values) | Operand::Rows(values, _) => values[0],
            Operand::One(value) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_streamed_arrives_wherever_it_begins_and_ends() {
        let src: Vec<u8> = (0..1000u32).map(|i| i as u8).collect();
        for start in [0, 1, 8, 63, 64, 65] {
            for length in [0, 1, 63, 64, 200, 900] {
                let mut dst = vec![7u8; 1000];
                super::stream(&src[start..start + length], &mut dst[start..start + length]);
                super::streamed();
                assert_eq!(dst[start..start + length], src[start..start + length]);
                assert!(dst[..start].iter().chain(&dst[start + length..]).all(|&b| b == 7));
            }
        }
    }
}
