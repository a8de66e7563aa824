//! Matrices of a checkpoint as products of many rows read them: copies, made once when a network is compiled.

use arrow_buffer::{ArrowNativeType, Buffer};
use gradframe_ml_core::graph::DotDims;
use gradframe_ml_core::{DType, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::cpu::panel_columns;

use super::Net;
use crate::precision::Precision;
use crate::weights::{as_bf16, as_f32};

impl Net<'_> {
    /// The f32 parameter of this name and of shape [R, C], as [C, R].
    fn turned(&mut self, name: &str, [rows, columns]: [usize; 2]) -> Result<NodeId> {
        self.argument(format!("{name} turned"), DType::F32, &[columns, rows], |weights| {
            let tensor = as_f32(&weights.tensor(name, &[rows, columns])?)?;
            Tensor::from_vec(&[columns, rows], turned(tensor.values::<f32>()?, [rows, columns]))
        })
    }

    /// x [.., I] times the rows of the matrix `name` [O, I], which is kept as products of many rows read it: laid once, no run has to. In bf16 what is
    /// multiplied is rounded, and kept as f32; a matrix that the file has in bf16 is read there, which processes share.
    pub(super) fn times_laid(&mut self, x: NodeId, name: &str, [rows, columns]: [usize; 2]) -> Result<NodeId> {
        let dtype = if self.precision == Precision::F32 { DType::F32 } else { DType::BF16 };
        let is_there = dtype == DType::BF16 && self.weights.tensor(name, &[rows, columns])?.dtype() == dtype;
        let Some(width) = panel_columns(dtype).filter(|width| rows % width == 0 && !is_there) else {
            if dtype == DType::BF16 {
                return self.times_rows(x, name, [rows, columns]);
            }
            let turned = self.turned(name, [rows, columns])?;
            return self.g.matmul(x, turned);
        };
        let shape = [rows / width, columns, width];
        let panels = self.argument(format!("{name} in panels of {}", dtype.name()), dtype, &shape, |weights| {
            let tensor = weights.tensor(name, &[rows, columns])?;
            match dtype {
                DType::BF16 => in_panels::<u16>(&as_bf16(&tensor)?, &shape),
                _ => in_panels::<f32>(&as_f32(&tensor)?, &shape),
            }
        })?;
        let (x, panels) = match dtype {
            DType::BF16 => {
                let rounded = self.g.cast(x, dtype)?;
                let rounded = self.g.cast(rounded, DType::F32)?;
                (self.g.barrier(rounded)?, self.g.cast(panels, DType::F32)?)
            }
            _ => (x, panels),
        };
        let mut dims = self.g.ty(x).shape.dims().to_vec();
        let last = dims.len().saturating_sub(1);
        let product =
            self.g.dot(x, panels, DotDims { batch: Default::default(), contract: [(last, 1)].into_iter().collect() })?;
        dims[last] = rows.into();
        self.g.reshape(product, &Shape::new(dims))
    }
}

/// A matrix [P W, C] of elements as wide as `T` as [P, C, W].
fn in_panels<T: ArrowNativeType>(matrix: &Tensor, shape: &[usize; 3]) -> Result<Tensor> {
    let [_, columns, width] = *shape;
    let panels = matrix.buffer().typed_data::<T>().chunks_exact(width * columns);
    let panels: Vec<T> = panels.flat_map(|panel| turned(panel, [width, columns])).collect();
    Tensor::try_new(matrix.dtype(), shape, Buffer::from_vec(panels))
}

/// A matrix [R, C] as [C, R], in squares that stay in a cache.
pub(super) fn turned<T: Copy + Default>(values: &[T], [rows, columns]: [usize; 2]) -> Vec<T> {
    const SIDE: usize = 32;
    let mut turned = vec![T::default(); values.len()];
    for first_row in (0..rows).step_by(SIDE) {
        for first_column in (0..columns).step_by(SIDE) {
            for row in first_row..rows.min(first_row + SIDE) {
                for column in first_column..columns.min(first_column + SIDE) {
                    turned[column * rows + row] = values[row * columns + column];
                }
            }
        }
    }
    turned
}
