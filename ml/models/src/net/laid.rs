//! Matrices of a checkpoint as products of many rows read them: copies, made once when a network is compiled.

use gradframe_ml_core::graph::DotDims;
use gradframe_ml_core::{DType, NodeId, Result, Shape, Tensor};
use gradframe_ml_kernels::cpu::panel_columns;

use super::Net;
use crate::weights::as_f32;

impl Net<'_> {
    /// x [.., I] times the rows of the f32 matrix `name` [O, I], which is kept in panels of columns, or turned where the processor knows none.
    pub(super) fn times_laid(&mut self, x: NodeId, name: &str, [rows, columns]: [usize; 2]) -> Result<NodeId> {
        let Some(width) = panel_columns().filter(|width| rows % width == 0) else {
            let matrix = self.argument(format!("{name} turned"), DType::F32, &[columns, rows], |weights| {
                let tensor = as_f32(&weights.tensor(name, &[rows, columns])?)?;
                Tensor::from_vec(&[columns, rows], turned(tensor.values()?, [rows, columns]))
            })?;
            return self.g.matmul(x, matrix);
        };
        let shape = [rows / width, columns, width];
        let panels = self.argument(format!("{name} in panels"), DType::F32, &shape, |weights| {
            let tensor = as_f32(&weights.tensor(name, &[rows, columns])?)?;
            let panels = tensor.values::<f32>()?.chunks_exact(width * columns);
            Tensor::from_vec(&shape, panels.flat_map(|panel| turned(panel, [width, columns])).collect::<Vec<f32>>())
        })?;
        let mut dims = self.g.ty(x).shape.dims().to_vec();
        let last = dims.len().saturating_sub(1);
        let by_middle = DotDims { batch: Default::default(), contract: [(last, 1)].into_iter().collect() };
        let product = self.g.dot(x, panels, by_middle)?;
        dims[last] = rows.into();
        self.g.reshape(product, &Shape::new(dims))
    }
}

/// A matrix [R, C] as [C, R], in squares that stay in a cache.
pub(super) fn turned(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    const SIDE: usize = 32;
    let mut turned = vec![0.0; values.len()];
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
