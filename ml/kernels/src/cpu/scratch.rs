//! Memory that runs of a program use again and again.

use arrow_buffer::MutableBuffer;
use gradframe_ml_core::{Error, Result, Tensor};
use rustc_hash::FxHashMap;

/// Of the widest element type.
const ALIGNMENT_BYTES: usize = 8;
/// Results that are kept for later ones of the same size, at most.
const POOLED_MAX: usize = 256;

/// What bytes are in tests until a kernel writes them: as floats, numbers that no test expects.
#[cfg(not(all(not(debug_assertions), any(target_arch = "x86_64", target_arch = "aarch64"))))]
const UNWRITTEN: u8 = 0xa5;

/// Bytes from which on the allocator is asked before: it takes microseconds then, a thousandth of filling the memory.
const ASKED_BYTES_MIN: usize = 256 * 1024 * 1024;

/// Memory that runs of a program use again. One for each thread that runs programs side by side.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The schedule's slots.
    pub(super) slots: Vec<MutableBuffer>,
    /// Memory of tensors that nobody needs any more.
    pool: Vec<MutableBuffer>,
    /// Bytes that a run may hold.
    budget_bytes: Option<usize>,
    /// For schedules inside the program's: by the number of their kernel, and which of its schedules it is.
    nested: FxHashMap<(usize, usize), Scratch>,
}

impl Scratch {
    /// Empty; it grows to what programs need.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empty; a run that would hold more than this many bytes of results and intermediate ones is refused before it
    /// takes any.
    pub fn with_budget(bytes: usize) -> Self {
        Scratch { budget_bytes: Some(bytes), ..Self::default() }
    }

    /// Refuses a run that holds `needed` bytes. Errors: `Resources` with both sizes.
    pub(super) fn check_budget(&self, needed: usize) -> Result<()> {
        match self.budget_bytes {
            Some(budget) if needed > budget => {
                let what = format!("needs {needed} bytes for results and intermediate ones, the budget is {budget}");
                Err(Error::resources("run", what).hint("use smaller batches, or raise the memory limit"))
            }
            _ => Ok(()),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let own: usize = self.slots.iter().chain(&self.pool).map(MutableBuffer::capacity).sum();
        own + self.nested.values().map(Scratch::bytes).sum::<usize>()
    }

    /// Takes back the memory of a tensor, for a later result of the same size. Nothing happens if somebody else still
    /// holds the tensor.
    pub fn recycle(&mut self, tensor: Tensor) {
        if let Ok(memory) = tensor.into_buffer().into_mutable() {
            self.keep(memory);
        }
    }

    /// Takes memory for a later result of the same size.
    pub(super) fn keep(&mut self, memory: MutableBuffer) {
        if memory.is_empty() || memory.as_ptr().align_offset(ALIGNMENT_BYTES) != 0 {
            return;
        }
        if self.pool.len() == POOLED_MAX {
            self.pool.remove(0); // the one that has waited longest
        }
        self.pool.push(memory);
    }

    /// The memory of a schedule inside the program's, taken out while that runs.
    pub(super) fn take_nested(&mut self, kernel: usize, which: usize) -> Scratch {
        self.nested.remove(&(kernel, which)).unwrap_or_default()
    }

    /// Puts it back.
    pub(super) fn give_nested(&mut self, kernel: usize, which: usize, scratch: Scratch) {
        self.nested.insert((kernel, which), scratch);
    }

    /// Memory of this many bytes, with anything in it.
    pub(super) fn memory(&mut self, bytes: usize, first: First) -> MutableBuffer {
        match self.pool.iter().rposition(|m| m.len() == bytes) {
            Some(i) => self.pool.swap_remove(i),
            None => new_memory(bytes, first),
        }
    }
}

/// What new memory is for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// A kernel that writes every byte before one is read: clearing it would take a fifth of the time of a square root.
    Written,
    /// Any kernel.
    Any,
}

/// New memory of this many bytes.
pub(super) fn new_memory(bytes: usize, first: First) -> MutableBuffer {
    match first {
        First::Written => found(bytes),
        First::Any => MutableBuffer::from_len_zeroed(bytes),
    }
}

/// Memory with whatever the machine has there.
#[cfg(all(not(debug_assertions), any(target_arch = "x86_64", target_arch = "aarch64")))]
fn found(bytes: usize) -> MutableBuffer {
    let mut memory = MutableBuffer::with_capacity(bytes);
    // SAFETY: there is room for so many. To the compiler the routine writes all of them, as it is given their address and may write: so they are
    // bytes as any, not unwritten ones, which no slice should hold (decision 235). It does nothing; what the machine has there is what it wrote.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) memory.as_mut_ptr(), options(nostack, preserves_flags));
        memory.set_len(bytes);
    }
    memory
}

/// The same where nobody can say that it was written, and in tests: one that reads a byte before a kernel writes it sees that.
#[cfg(not(all(not(debug_assertions), any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn found(bytes: usize) -> MutableBuffer {
    let mut memory = MutableBuffer::with_capacity(bytes);
    memory.resize(bytes, UNWRITTEN);
    memory
}

/// Refuses a buffer that the allocator does not give: taken without asking, it would end the process.
/// Errors: `Resources` with its size.
pub(super) fn check_available(bytes: usize) -> Result<()> {
    if bytes < ASKED_BYTES_MIN {
        return Ok(());
    }
    let mut asked = Vec::<u8>::new();
    let answer = asked.try_reserve_exact(bytes);
    std::hint::black_box(&mut asked); // memory that nobody uses might never be asked for
    answer.map_err(|error| Error::resources("run", format!("{bytes} bytes of memory are not to be had")).because(error))
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::{DType, Dim, Function, Graph, Shape};

    use super::*;
    use crate::{Threads, compile};

    /// The outer product of a vector with itself: n^2 results of n arguments.
    fn outer() -> Function {
        let mut g = Graph::new();
        let x = g.input("x", Type::new(DType::F64, Shape::new([Dim::symbol("N")])));
        let y = g.dot(x, x, Default::default()).unwrap();
        Function::new(g, vec![y]).unwrap()
    }

    #[test]
    fn new_memory_is_as_long_as_asked_and_clear_unless_all_of_it_is_written() {
        for bytes in [0, 1, 63, 64, 1000] {
            assert_eq!(new_memory(bytes, First::Written).len(), bytes);
            assert_eq!(new_memory(bytes, First::Any).as_slice(), vec![0; bytes]);
        }
    }

    #[test]
    fn a_run_over_its_budget_is_refused_before_it_takes_memory() {
        let program = compile(&outer()).unwrap();
        let mut scratch = Scratch::with_budget(8 * 100);
        let vector = |n: usize| Tensor::from_vec(&[n], vec![1.0; n]).unwrap();
        assert!(program.run_with(&[vector(10)], &mut scratch, Threads::One).is_ok());
        let held = scratch.bytes();
        let error = program.run_with(&[vector(1000)], &mut scratch, Threads::One).unwrap_err();
        assert_eq!(error.kind(), "Resources");
        assert!(error.to_string().contains("needs 8000000 bytes"), "{error}");
        assert_eq!(scratch.bytes(), held);
    }
}
