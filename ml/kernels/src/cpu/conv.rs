//! Convolutions: windows of an image are laid side by side, a strip at a time that stays in cache, and multiplied by the
//! weights. All windows of all images are never there at once.
//!
//! A strip is `[c k, positions]`: for each channel and place in a window, the elements there for some output positions.

#[cfg(target_arch = "x86_64")]
mod direct;

use gradframe_ml_core::graph::{Conv, ConvOf};
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::{as_bytes, bytes_of_mut, typed, typed_mut};
use super::gemm::{Matrix, Scalar, Tile};
use super::windows::{Geometry, Strip};
use super::{Env, cast, product, tasks};
use crate::schedule::{BufferId, Library, computed_in};

/// Parts into which the images of a sum over images are cut: fixed, so that its bits do not depend on threads.
const PARTS_MAX: usize = 16;
/// Elements of all parts' weights, at most.
const PARTS_ELEMENTS_MAX: usize = 4 << 20;

/// Runs the kernel.
pub fn run(kernel: &Library, conv: &Conv, env: &Env, output: &mut [u8]) -> Result<()> {
    match computed_in(env.schedule.buffers[kernel.output.index()].dtype) {
        DType::F32 if run_direct(kernel, conv, env, output)? => Ok(()),
        DType::F32 => run_typed::<f32>(kernel, conv, env, output),
        DType::F64 => run_typed::<f64>(kernel, conv, env, output),
        DType::I64 => run_typed::<i64>(kernel, conv, env, output),
        DType::U64 => run_typed::<u64>(kernel, conv, env, output),
        other => Err(Error::internal("conv", format!("is not computed in {other}"))),
    }
}

fn run_typed<T: Scalar>(kernel: &Library, conv: &Conv, env: &Env, output: &mut [u8]) -> Result<()> {
    let dtype = env.schedule.buffers[kernel.output.index()].dtype;
    let wide = computed_in(dtype);
    let [(a, a_shape), (b, b_shape)] = &kernel.operands[..] else {
        return Err(Error::internal("conv", "has not two operands"));
    };
    let (mut own_a, mut own_b) = (Vec::new(), Vec::new());
    let (a, b) = (widened::<T>(*a, wide, env, &mut own_a), widened::<T>(*b, wide, env, &mut own_b));
    let result = env.schedule.buffers[kernel.output.index()].shape.eval(env.sizes)?;
    let plan = Plan::of(conv, &a_shape.eval(env.sizes)?, &b_shape.eval(env.sizes)?, &result)?;
    if wide == dtype {
        return plan.run(a, b, env, typed_mut(output));
    }
    let mut sums = vec![T::default(); output.len() / dtype.size_bytes()];
    plan.run(a, b, env, &mut sums)?;
    cast::cast(wide, dtype, as_bytes(&sums), output);
    Ok(())
}

/// Without windows laid side by side, where kernels for that fit. False, with nothing done, where they do not.
#[cfg(target_arch = "x86_64")]
fn run_direct(kernel: &Library, conv: &Conv, env: &Env, output: &mut [u8]) -> Result<bool> {
    let is_f32 = |id: BufferId| env.schedule.buffers[id.index()].dtype == DType::F32;
    let [(a, a_shape), (b, b_shape)] = &kernel.operands[..] else { return Ok(false) };
    if !super::gemm::has_own_kernels() || ![*a, *b, kernel.output].into_iter().all(is_f32) {
        return Ok(false);
    }
    let result = env.schedule.buffers[kernel.output.index()].shape.eval(env.sizes)?;
    let plan = Plan::of(conv, &a_shape.eval(env.sizes)?, &b_shape.eval(env.sizes)?, &result)?;
    let (a, b, output) = (typed::<f32>(env.bytes(a.index())), typed::<f32>(env.bytes(b.index())), typed_mut::<f32>(output));
    let Some(direct) = direct::Direct::of(conv, [plan.groups, plan.channels, plan.outputs]) else { return Ok(false) };
    if a.is_empty() || b.is_empty() || output.is_empty() {
        return Ok(false);
    }
    match conv.of {
        ConvOf::Output => direct.forward(a, b, env.workers, output)?,
        ConvOf::Input => direct.to_input(a, b, env.workers, output)?,
        ConvOf::Weight => {
            let mut parts = Parts::of(&plan, b.len(), output.len());
            direct.to_weights(a, b, env.workers, &mut parts)?;
            parts.finish(&plan, output);
        }
    }
    Ok(true)
}

#[cfg(not(target_arch = "x86_64"))]
fn run_direct(_: &Library, _: &Conv, _: &Env, _: &mut [u8]) -> Result<bool> {
    Ok(false)
}

/// The elements of a buffer in the type that is computed in.
fn widened<'a, T: Scalar>(buffer: BufferId, wide: DType, env: &Env<'a>, own: &'a mut Vec<T>) -> &'a [T] {
    let (bytes, dtype) = (env.bytes(buffer.index()), env.schedule.buffers[buffer.index()].dtype);
    if dtype == wide {
        return typed(bytes);
    }
    own.resize(bytes.len() / dtype.size_bytes(), T::default());
    cast::cast(dtype, wide, bytes, bytes_of_mut(own));
    own
}

/// A convolution with its sizes known.
struct Plan<'a> {
    of: ConvOf,
    groups: usize,
    /// Channels of a group, in and out.
    channels: usize,
    outputs: usize,
    /// Elements of a window, of an input channel, and of an output channel.
    window: usize,
    input: usize,
    output: usize,
    geometry: Geometry<'a>,
}

impl<'a> Plan<'a> {
    fn of(conv: &'a Conv, a: &[usize], b: &[usize], result: &[usize]) -> Result<Self> {
        let counts = conv.counts().ok_or_else(|| Error::internal("conv", "no window fits"))?;
        let (x, w, y) = match conv.of {
            ConvOf::Output => (a, b, result),
            ConvOf::Input => (result, a, b),
            ConvOf::Weight => (a, result, b),
        };
        let (groups, channels) = (x[1].checked_div(w[1]).unwrap_or(1).max(1), w[1]);
        let outputs = y[1] / groups;
        let window = conv.windows.iter().map(|w| w.size).product();
        let (input, output) = (product(&conv.sizes), product(&counts));
        let geometry = Geometry::of(&conv.windows, &conv.sizes, counts, channels);
        Ok(Plan { of: conv.of, groups, channels, outputs, window, input, output, geometry })
    }

    fn run<T: Scalar>(&self, a: &[T], b: &[T], env: &Env, result: &mut [T]) -> Result<()> {
        match self.of {
            _ if result.is_empty() => Ok(()),
            _ if a.is_empty() || b.is_empty() => {
                result.fill(T::default());
                Ok(())
            }
            ConvOf::Output => self.forward(a, b, env, result),
            ConvOf::Input => self.to_input(a, b, env, result),
            ConvOf::Weight => self.to_weights(a, b, env, result),
        }
    }

    /// Elements of a row of weights.
    fn row(&self) -> usize {
        self.channels * self.window
    }

    /// Memory for the longest strip.
    fn scratch<T: Scalar>(&self) -> Vec<T> {
        vec![T::default(); self.row() * self.geometry.strip_positions()]
    }

    /// The weights of a group, an output a row.
    fn weights<'v, T: Scalar>(&self, w: &'v [T], group: usize) -> Matrix<'v, T> {
        let each = self.outputs * self.row();
        Matrix::dense(&w[group * each..][..each], [1, self.outputs, self.row()])
    }

    /// y = w times the windows of x, an image and a group at a time.
    fn forward<T: Scalar>(&self, x: &[T], w: &[T], env: &Env, y: &mut [T]) -> Result<()> {
        let (from, to) = (self.channels * self.input, self.outputs * self.output);
        let tasks: Vec<_> = y.chunks_mut(to).zip(x.chunks(from)).enumerate().collect();
        tasks::for_each_with(
            env.workers,
            tasks,
            || self.scratch::<T>(),
            |scratch, (i, (y, x))| {
                let weights = self.weights(w, i % self.groups);
                for strip in self.geometry.strips() {
                    strip.gather(x, self.input, scratch);
                    let windows = self.by_position(scratch, strip);
                    let tile = &mut Tile::of_columns(y, self.output, (strip.first, strip.positions));
                    T::product(&weights, &windows, tile, false);
                }
                Ok(())
            },
        )
    }

    /// x = the windows of what weights make of y, added where they overlap.
    fn to_input<T: Scalar>(&self, w: &[T], y: &[T], env: &Env, x: &mut [T]) -> Result<()> {
        let (from, to) = (self.outputs * self.output, self.channels * self.input);
        let tasks: Vec<_> = x.chunks_mut(to).zip(y.chunks(from)).enumerate().collect();
        tasks::for_each_with(
            env.workers,
            tasks,
            || self.scratch::<T>(),
            |scratch, (i, (x, y))| {
                let weights = turned(&self.weights(w, i % self.groups));
                x.fill(T::default());
                for strip in self.geometry.strips() {
                    let of_strip = Matrix { first: strip.first, rows: strip.positions, ..turned(&self.image(y)) };
                    let sums = &mut scratch[..self.row() * strip.positions];
                    T::product(&weights, &of_strip, &mut Tile::whole(sums, strip.positions), false);
                    strip.scatter(sums, self.input, x);
                }
                Ok(())
            },
        )
    }

    /// w = the windows of x times y, summed over images.
    fn to_weights<T: Scalar>(&self, x: &[T], y: &[T], env: &Env, w: &mut [T]) -> Result<()> {
        let (from, to) = (self.channels * self.input, self.outputs * self.output);
        let mut parts = Parts::of(self, y.len(), w.len());
        let (images, count) = (parts.images, parts.count);
        tasks::for_each_with(
            env.workers,
            parts.tasks(self.groups),
            || self.scratch::<T>(),
            |scratch, (i, sums)| {
                let (part, group) = (i / self.groups, i % self.groups);
                for image in part * images / count..(part + 1) * images / count {
                    let at = image * self.groups + group;
                    let (x, y) = (&x[at * from..][..from], &y[at * to..][..to]);
                    for strip in self.geometry.strips() {
                        strip.gather(x, self.input, scratch);
                        let windows = Matrix::dense(&scratch[..self.row() * strip.positions], [1, self.row(), strip.positions]);
                        let right = Matrix { first: strip.first, columns: strip.positions, ..self.image(y) };
                        T::product(&windows, &right, &mut Tile::whole(sums, self.outputs), true);
                    }
                }
                Ok(())
            },
        )?;
        parts.finish(self, w);
        Ok(())
    }

    /// An output image of a group: a channel a row.
    fn image<'v, T: Scalar>(&self, y: &'v [T]) -> Matrix<'v, T> {
        Matrix::dense(y, [1, self.outputs, self.output])
    }

    /// A strip as a matrix, a position a row.
    fn by_position<'v, T: Scalar>(&self, scratch: &'v [T], strip: &Strip) -> Matrix<'v, T> {
        turned(&Matrix::dense(&scratch[..self.row() * strip.positions], [1, self.row(), strip.positions]))
    }
}

/// Sums over images: in fixed parts, added in order. Each is `[c k, outputs]` for each group, so that what has to be turned for
/// the product is y and not its many windows.
struct Parts<T> {
    sums: Vec<T>,
    count: usize,
    images: usize,
}

impl<T: Scalar> Parts<T> {
    /// Parts of zeros, for outputs and weights of so many elements.
    fn of(plan: &Plan, outputs: usize, weights: usize) -> Self {
        let images = outputs / (plan.groups * plan.outputs * plan.output);
        let count = (PARTS_ELEMENTS_MAX / weights).clamp(1, PARTS_MAX).min(images);
        Parts { sums: vec![T::default(); count * weights], count, images }
    }

    /// The sums of each part and group.
    fn tasks(&mut self, groups: usize) -> Vec<(usize, &mut [T])> {
        let each = self.sums.len() / (self.count * groups);
        self.sums.chunks_mut(each).enumerate().collect()
    }

    /// All parts together, as weights.
    fn finish(mut self, plan: &Plan, w: &mut [T]) {
        let (sums, others) = self.sums.split_at_mut(w.len());
        for part in others.chunks_exact(sums.len()) {
            sums.iter_mut().zip(part).for_each(|(sum, &part)| *sum = sum.plus(part));
        }
        let each = plan.outputs * plan.row();
        for (sums, w) in sums.chunks_exact(each).zip(w.chunks_exact_mut(each)) {
            for (output, w) in w.chunks_exact_mut(plan.row()).enumerate() {
                w.iter_mut().zip(sums[output..].iter().step_by(plan.outputs)).for_each(|(w, &sum)| *w = sum);
            }
        }
    }
}

/// Rows as columns.
fn turned<'v, T: Scalar>(matrix: &Matrix<'v, T>) -> Matrix<'v, T> {
    Matrix { rows: matrix.columns, columns: matrix.rows, row: matrix.column, column: matrix.row, ..*matrix }
}
