//! Convolutions: windows of an image are laid side by side, a strip at a time that stays in cache, and multiplied by the
//! weights. All windows of all images are never there at once.
//!
//! A strip is `[c k, positions]`: for each channel and place in a window, the elements there for some output positions.

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

    /// w = y times the windows of x, summed over images: in fixed parts, added in order.
    fn to_weights<T: Scalar>(&self, x: &[T], y: &[T], env: &Env, w: &mut [T]) -> Result<()> {
        let (from, to) = (self.channels * self.input, self.outputs * self.output);
        let images = y.len() / (self.groups * to);
        let parts = (PARTS_ELEMENTS_MAX / w.len()).clamp(1, PARTS_MAX).min(images);
        let mut partials = vec![T::default(); parts * w.len()];
        let each = self.outputs * self.row();
        let tasks: Vec<_> = partials.chunks_mut(each).enumerate().collect();
        tasks::for_each_with(
            env.workers,
            tasks,
            || self.scratch::<T>(),
            |scratch, (i, partial)| {
                let (part, group) = (i / self.groups, i % self.groups);
                for image in part * images / parts..(part + 1) * images / parts {
                    let at = image * self.groups + group;
                    let (x, y) = (&x[at * from..][..from], &y[at * to..][..to]);
                    for strip in self.geometry.strips() {
                        strip.gather(x, self.input, scratch);
                        let windows = turned(&self.by_position(scratch, strip));
                        let left = Matrix { first: strip.first, columns: strip.positions, ..self.image(y) };
                        T::product(&left, &windows, &mut Tile::whole(partial, self.row()), true);
                    }
                }
                Ok(())
            },
        )?;
        let mut partials = partials.chunks_exact(w.len());
        w.copy_from_slice(partials.next().unwrap_or_default());
        partials.for_each(|partial| w.iter_mut().zip(partial).for_each(|(w, &p)| *w = w.plus(p)));
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

/// Rows as columns.
fn turned<'v, T: Scalar>(matrix: &Matrix<'v, T>) -> Matrix<'v, T> {
    Matrix { rows: matrix.columns, columns: matrix.rows, row: matrix.column, column: matrix.row, ..*matrix }
}
