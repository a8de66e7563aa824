//! The buffers of one run.

use arrow_buffer::{Buffer as Bytes, MutableBuffer};
use gradframe_ml_core::tensor::Element;
use gradframe_ml_core::{DType, Error, Result, Shape, Sizes, Tensor};

use crate::kernel::{BufferId, Home};
use crate::program::Program;

/// Every buffer of a run, and the sizes of its symbols.
pub struct Memory<'a> {
    program: &'a Program,
    arguments: &'a [Tensor],
    sizes: &'a Sizes,
    slots: Vec<MutableBuffer>,
}

/// A made buffer taken out to be written; `Memory::put` brings it back.
pub struct Taken {
    pub id: BufferId,
    slot: usize,
    pub bytes: MutableBuffer,
}

impl<'a> Memory<'a> {
    /// Working memory for a run; slots grow when first written.
    pub fn new(program: &'a Program, arguments: &'a [Tensor], sizes: &'a Sizes) -> Result<Self> {
        let slots = (0..program.slots()).map(|_| MutableBuffer::new(0)).collect();
        Ok(Memory { program, arguments, sizes, slots })
    }

    /// The run's sizes of a shape.
    pub fn eval(&self, shape: &Shape) -> Result<Vec<usize>> {
        shape.eval(self.sizes)
    }

    /// The run's sizes of a buffer's shape.
    pub fn shape(&self, id: BufferId) -> Result<Vec<usize>> {
        self.eval(&self.program.buffers()[id.0 as usize].ty.shape)
    }

    /// The run's symbols.
    pub fn sizes(&self) -> &Sizes {
        self.sizes
    }

    fn bytes_of(&self, id: BufferId) -> &[u8] {
        match &self.program.buffers()[id.0 as usize].home {
            Home::Argument(position) => self.arguments[*position].buffer().as_slice(),
            Home::Constant(value) => value.buffer().as_slice(),
            Home::Made { slot } => self.slots[*slot].as_slice(),
        }
    }

    /// The elements of a buffer. A slot may be longer than its buffer; the caller knows the shape.
    pub fn read<T: Element>(&self, id: BufferId) -> &[T] {
        let bytes = self.bytes_of(id);
        // SAFETY: every bit pattern is a value of the primitive types behind `Element`; only whole elements are taken.
        let (before, elements, _) = unsafe { bytes.align_to::<T>() };
        debug_assert!(before.is_empty(), "buffers are aligned to their element type");
        elements
    }

    /// The type's element size times the number of elements.
    fn size_bytes(&self, id: BufferId) -> Result<usize> {
        let ty = &self.program.buffers()[id.0 as usize].ty;
        Ok(self.eval(&ty.shape)?.iter().product::<usize>() * ty.dtype.size_bytes())
    }

    /// The element type of a buffer.
    pub fn dtype(&self, id: BufferId) -> DType {
        self.program.buffers()[id.0 as usize].ty.dtype
    }

    /// Takes a made buffer out, large enough. What it held stays.
    pub fn take(&mut self, id: BufferId) -> Result<Taken> {
        let Home::Made { slot } = self.program.buffers()[id.0 as usize].home else {
            return Err(Error::internal("program", "a kernel writes to an argument"));
        };
        let mut bytes = std::mem::replace(&mut self.slots[slot], MutableBuffer::new(0));
        let needed = self.size_bytes(id)?;
        if bytes.len() < needed {
            bytes.resize(needed, 0);
        }
        Ok(Taken { id, slot, bytes })
    }

    /// Brings a buffer back.
    pub fn put(&mut self, taken: Taken) {
        self.slots[taken.slot] = taken.bytes;
    }

    /// A buffer as a tensor; copies what was made.
    pub fn tensor(&self, id: BufferId) -> Result<Tensor> {
        let buffer = &self.program.buffers()[id.0 as usize];
        match &buffer.home {
            Home::Argument(position) => Ok(self.arguments[*position].clone()),
            Home::Constant(value) => Ok(value.clone()),
            Home::Made { slot } => {
                let bytes = &self.slots[*slot].as_slice()[..self.size_bytes(id)?];
                Tensor::try_new(buffer.ty.dtype, &self.eval(&buffer.ty.shape)?, Bytes::from(bytes))
            }
        }
    }

    /// The program's results, without copying what was made.
    pub fn into_results(mut self, program: &Program) -> Result<Vec<Tensor>> {
        let mut done: Vec<(BufferId, Tensor)> = Vec::new();
        for &id in program.outputs() {
            if done.iter().any(|(other, _)| *other == id) {
                continue;
            }
            let buffer = &program.buffers()[id.0 as usize];
            let tensor = match buffer.home {
                Home::Made { slot } => {
                    let mut bytes = std::mem::replace(&mut self.slots[slot], MutableBuffer::new(0));
                    bytes.resize(self.size_bytes(id)?, 0);
                    Tensor::try_new(buffer.ty.dtype, &self.eval(&buffer.ty.shape)?, bytes.into())?
                }
                _ => self.tensor(id)?,
            };
            done.push((id, tensor));
        }
        let find = |id: &BufferId| done.iter().find(|(other, _)| other == id).map(|(_, tensor)| tensor.clone());
        program.outputs().iter().map(|id| find(id).ok_or_else(|| Error::internal("program", "a result is missing"))).collect()
    }
}
