//! Contractions: operands become batches of matrices, products go to `gemm` or, where one side is a vector, to `gemv`; products in
//! f32 with columns that are kept in panels to those, of two bf16 to `halves`, of few rows of f32 with bf16 to `mixed`, if they lie well.

use gradframe_ml_core::{DType, Error, Result, Shape};
use half::bf16;

use super::bytes::{Plain, as_bytes, bytes_of_mut, typed, typed_mut};
use super::gemm::{Batch, Matrix, Scalar, multiply};
use super::gemv::multiply_vector;
use super::source::{self, Source};
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, cast, halves, mixed, product};
#[cfg(target_arch = "x86_64")]
use super::{gemm, product::laid::Panels};
use crate::schedule::{Dot, Load, computed_in};

/// One operand with its sizes known: `[batch, free, contracted]`, wherever its elements lie.
struct Operand {
    dims: Vec<usize>,
    strides: Vec<isize>,
    offset: isize,
    groups: [Vec<usize>; 3],
}

/// Runs the kernel.
pub fn run(kernel: &Dot, env: &Env, output: &mut [u8]) -> Result<()> {
    match computed_in(env.schedule.buffers[kernel.output.index()].dtype) {
        DType::F32 => run_typed::<f32>(kernel, env, output),
        DType::F64 => run_typed::<f64>(kernel, env, output),
        DType::I64 => run_typed::<i64>(kernel, env, output),
        DType::U64 => run_typed::<u64>(kernel, env, output),
        other => Err(Error::internal("dot", format!("is not computed in {other}"))),
    }
}

fn run_typed<T: Scalar>(kernel: &Dot, env: &Env, output: &mut [u8]) -> Result<()> {
    let dtype = env.schedule.buffers[kernel.output.index()].dtype;
    let wide = computed_in(dtype);
    let dims = &kernel.dims;
    let side = |pairs: &[(usize, usize)], left: bool| pairs.iter().map(|p| if left { p.0 } else { p.1 }).collect::<Vec<_>>();
    let free_left = dims.free_left(kernel.left_shape.rank());
    let free_right = dims.free_right(kernel.right_shape.rank());
    let left_groups = [side(&dims.batch, true), free_left, side(&dims.contract, true)];
    let right_groups = [side(&dims.batch, false), free_right, side(&dims.contract, false)];
    let left = Operand::bind(&kernel.left, &kernel.left_shape, left_groups, env)?;
    let right = Operand::bind(&kernel.right, &kernel.right_shape, right_groups, env)?;
    if dtype == DType::F32 {
        let sides = (&left, &right);
        let is_done = multiply_by_panels(kernel, sides, env, output)?
            || multiply_halves(kernel, sides, env, output)?
            || multiply_mixed(kernel, sides, env, output)?;
        if is_done {
            return Ok(());
        }
    }
    let (left_values, right_values) = (widened::<T>(&kernel.left, env, wide)?, widened::<T>(&kernel.right, env, wide)?);
    let (mut left_packed, mut right_packed) = (Packed::default(), Packed::default());
    let a = left.matrix(left_values.get(), &mut left_packed);
    let b = right.matrix(right_values.get(), &mut right_packed);
    if wide == dtype {
        return multiply_all(&a, &b, env, typed_mut(output));
    }
    let mut product = vec![T::default(); output.len() / dtype.size_bytes()];
    multiply_all(&a, &b, env, &mut product)?;
    cast::cast(wide, dtype, as_bytes(&product), output);
    Ok(())
}

/// Products of two bf16 matrices, where they lie. False, with nothing done, of others.
fn multiply_halves(kernel: &Dot, (left, right): (&Operand, &Operand), env: &Env, output: &mut [u8]) -> Result<bool> {
    let values = |load: &Load| match env.schedule.buffers[load.buffer.index()].dtype {
        DType::BF16 => Some(typed::<bf16>(env.bytes(load.buffer.index()))),
        _ => None,
    };
    let (Some(left_values), Some(right_values)) = (values(&kernel.left), values(&kernel.right)) else { return Ok(false) };
    let (mut left_packed, mut right_packed) = (Packed::default(), Packed::default());
    let (a, b) = (left.matrix(left_values, &mut left_packed), right.matrix(right_values, &mut right_packed));
    halves::multiply(&a, &b, env.workers, typed_mut(output))
}

/// Products of few rows of f32 with a bf16 matrix, where it lies. False, with nothing done, of others.
fn multiply_mixed(kernel: &Dot, (left, right): (&Operand, &Operand), env: &Env, output: &mut [u8]) -> Result<bool> {
    let dtype = |load: &Load| env.schedule.buffers[load.buffer.index()].dtype;
    if (dtype(&kernel.left), dtype(&kernel.right)) != (DType::F32, DType::BF16) || left.size(1) > mixed::ROWS_MAX {
        return Ok(false);
    }
    let (mut left_packed, mut right_packed) = (Packed::default(), Packed::default());
    let a = left.matrix(typed::<f32>(env.bytes(kernel.left.buffer.index())), &mut left_packed);
    let b = right.matrix(typed::<bf16>(env.bytes(kernel.right.buffer.index())), &mut right_packed);
    mixed::multiply(&a, &b, env.workers, typed_mut(output))
}

/// Products of an f32 matrix with columns that are kept in panels, where they lie. False, with nothing done, of others.
#[cfg(target_arch = "x86_64")]
fn multiply_by_panels(kernel: &Dot, (left, right): (&Operand, &Operand), env: &Env, output: &mut [u8]) -> Result<bool> {
    let is_single = |load: &Load| env.schedule.buffers[load.buffer.index()].dtype == DType::F32;
    let Some((first, pitch)) = right.panels() else { return Ok(false) };
    let is_known = is_single(&kernel.left) && is_single(&kernel.right) && left.size(0) == 1;
    if !is_known || output.is_empty() || left.size(2) == 0 {
        return Ok(false);
    }
    let mut packed = Packed::default();
    let a = left.matrix(typed::<f32>(env.bytes(kernel.left.buffer.index())), &mut packed);
    let values = &typed::<f32>(env.bytes(kernel.right.buffer.index()))[first..];
    gemm::laid::multiply_by_panels(&a, (Panels { values, pitch }, right.size(1)), env.workers, typed_mut(output))?;
    Ok(true)
}

#[cfg(not(target_arch = "x86_64"))]
fn multiply_by_panels(_: &Dot, _: (&Operand, &Operand), _: &Env, _: &mut [u8]) -> Result<bool> {
    Ok(false)
}

/// The elements of an operand, converted where its type is not one that is computed in.
enum Values<'a, T> {
    Own(Vec<T>),
    Borrowed(&'a [T]),
}

impl<T> Values<'_, T> {
    fn get(&self) -> &[T] {
        match self {
            Values::Own(v) => v,
            Values::Borrowed(v) => v,
        }
    }
}

fn widened<'a, T: Scalar>(load: &Load, env: &Env<'a>, wide: DType) -> Result<Values<'a, T>> {
    let (bytes, dtype) = (env.bytes(load.buffer.index()), env.schedule.buffers[load.buffer.index()].dtype);
    if dtype == wide {
        return Ok(Values::Borrowed(typed(bytes)));
    }
    let (width, per_task) = (dtype.size_bytes(), TASK_BYTES_MIN / size_of::<T>());
    let mut values = vec![T::default(); bytes.len() / width];
    tasks::for_each_chunk(env.workers, &mut values, per_task, |task, values| {
        let from = &bytes[task * per_task * width..][..values.len() * width];
        cast::cast(dtype, wide, from, bytes_of_mut(values));
        Ok(())
    })?;
    Ok(Values::Own(values))
}

impl Operand {
    fn bind(load: &Load, shape: &Shape, groups: [Vec<usize>; 3], env: &Env) -> Result<Self> {
        let (offset, strides) = source::strides(load, shape.rank(), env.sizes)?;
        Ok(Operand { dims: shape.eval(env.sizes)?, strides: strides.to_vec(), offset, groups })
    }

    /// Matrices, rows or columns: the elements of a group of axes.
    fn size(&self, group: usize) -> usize {
        self.groups[group].iter().map(|&axis| self.dims[axis]).product()
    }

    /// The operand as matrices; copied into `packed` if rows or columns have no stride of their own.
    fn matrix<'v, T: Plain>(&self, values: &'v [T], packed: &'v mut Packed<T>) -> Matrix<'v, T> {
        let sizes = [0, 1, 2].map(|group| self.size(group));
        let [batches, rows, columns] = sizes;
        let strides = [0, 1, 2].map(|g| self.stride(&self.groups[g]));
        if let ([batch, Some(row), Some(column)], Ok(first)) = (strides, usize::try_from(self.offset))
            && self.groups[0].iter().all(|&axis| self.strides[axis] >= 0)
        {
            let batch = match batch {
                Some(distance) => Batch::Even(distance),
                None => Batch::Places(packed.places_of(self)),
            };
            return Matrix { values, first, batches, rows, columns, batch, row, column };
        }
        let order: Vec<usize> = self.groups.iter().flatten().copied().collect();
        let dims: Vec<usize> = order.iter().map(|&a| self.dims[a]).collect();
        let strides: Vec<isize> = order.iter().map(|&a| self.strides[a]).collect();
        packed.values.resize(product(&dims), T::default());
        Source::strided(as_bytes(values), size_of::<T>(), &dims, &strides, self.offset).read(0, bytes_of_mut(&mut packed.values));
        Matrix::dense(&packed.values, [batches, rows, columns])
    }

    /// Where columns that are kept in panels begin, and elements from one to the next: axes [C / W, K, W] of memory, of which the middle one is
    /// contracted.
    #[cfg(target_arch = "x86_64")]
    fn panels(&self) -> Option<(usize, usize)> {
        let ([], [number, lane], [depth]) = (&self.groups[0][..], &self.groups[1][..], &self.groups[2][..]) else { return None };
        let (width, first) = (super::panel_columns()?, usize::try_from(self.offset).ok()?);
        let pitch = self.dims[*depth] * width;
        let strides = [*number, *depth, *lane].map(|axis| self.strides[axis]);
        let is_laid = self.dims[*lane] == width && strides == [pitch as isize, width as isize, 1];
        is_laid.then_some((first, pitch))
    }

    /// The distance between neighbours of a group of axes walked as one; None if it varies or is negative.
    fn stride(&self, axes: &[usize]) -> Option<isize> {
        let mut stride = None;
        let mut next = 0;
        for &axis in axes.iter().rev().filter(|&&a| self.dims[a] != 1) {
            match stride {
                None => stride = Some(self.strides[axis]),
                Some(_) if self.strides[axis] != next => return None,
                Some(_) => {}
            }
            next = self.strides[axis] * self.dims[axis] as isize;
        }
        Some(stride.unwrap_or(0)).filter(|&s| s >= 0)
    }
}

/// What an operand's matrices need beside its elements: a copy of them in order, or where each matrix begins.
#[derive(Default)]
struct Packed<T> {
    values: Vec<T>,
    places: Vec<isize>,
}

impl<T> Packed<T> {
    fn places_of(&mut self, operand: &Operand) -> &[isize] {
        self.places.push(0);
        for &axis in &operand.groups[0] {
            let (size, stride) = (operand.dims[axis] as isize, operand.strides[axis]);
            self.places = self.places.iter().flat_map(|place| (0..size).map(move |i| place + i * stride)).collect();
        }
        &self.places
    }
}

/// `output[b, i, j] = sum_k left[b, i, k] right[b, j, k]`.
fn multiply_all<T: Scalar>(left: &Matrix<T>, right: &Matrix<T>, env: &Env, output: &mut [T]) -> Result<()> {
    if output.is_empty() {
        return Ok(());
    }
    if left.columns == 0 {
        output.fill(T::default());
        return Ok(());
    }
    if left.batches == 1 && right.rows == 1 && multiply_vector(left, right, env.workers, output)? {
        return Ok(());
    }
    if left.batches == 1 && left.rows == 1 && multiply_vector(right, left, env.workers, output)? {
        return Ok(());
    }
    multiply(left, right, env.workers, output)
}
