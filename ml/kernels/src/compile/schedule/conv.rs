//! Convolutions as products of matrices: each window becomes a column, c k tall, in a buffer of its own; then the weights are
//! multiplied with the columns of each image, or with what comes back for them.
//!
//! With x [B, c, n..], w [o, c, k..], y [B, o, m..] and columns X [B, c k, m]: y = w X; the sum for w is that of y X' over all images;
//! what comes back to x is w' y, of which each element gathers those places of columns that it was read into.

use gradframe_ml_core::graph::{Conv, ConvOf, DotDims, Node, ReduceOp, Window};
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};

use super::Scheduler;
use crate::compile::registers;
use crate::compile::view;
use crate::schedule::{AxisMap, BufferId, Chain, Dot, Fold, Instr, Kernel, Level, Load, Loop, Value, ValueId, computed_in};

/// True of a convolution that is computed as a product: of one group of floats; what comes back goes to neighbouring windows alone.
pub fn is_product(graph: &Graph, node: &Node, own: &Conv) -> bool {
    let has_sizes = |id: &NodeId| graph.ty(*id).shape.dims()[1..].iter().all(|dim| dim.as_fixed().is_some());
    let is_reversible = own.of != ConvOf::Input || own.windows.iter().all(|window| window.stride == 1);
    own.groups.is_one()
        && node.ty.dtype.is_float()
        && is_reversible
        && node.inputs.iter().all(has_sizes)
        && own.counts().is_some()
}

/// The sizes of a convolution.
struct Sizes {
    images: Dim,
    channels: Dim,
    outputs: Dim,
    /// k.. and m..
    windows: Vec<Dim>,
    counts: Vec<Dim>,
}

impl Sizes {
    fn of(own: &Conv, shapes: [&Shape; 3]) -> Self {
        let [first, second] = own.of.operands();
        let roles = [first, second, own.of];
        let shape = |role: ConvOf| shapes[roles.iter().position(|r| *r == role).unwrap_or(2)].dims();
        let (weight, output) = (shape(ConvOf::Weight), shape(ConvOf::Output));
        Sizes {
            images: output[0].clone(),
            channels: weight[1].clone(),
            outputs: weight[0].clone(),
            windows: weight[2..].to_vec(),
            counts: output[2..].to_vec(),
        }
    }

    /// [B, c, k.., m..]
    fn columns(&self) -> Shape {
        let front = [self.images.clone(), self.channels.clone()];
        Shape::new(front.into_iter().chain(self.windows.iter().chain(&self.counts).cloned()))
    }

    /// c k
    fn height(&self) -> Dim {
        product(&self.windows, &self.channels)
    }

    /// m, places of an image.
    fn places(&self) -> Dim {
        product(&self.counts, &Dim::fixed(1))
    }
}

/// All of these are fixed.
fn product(dims: &[Dim], first: &Dim) -> Dim {
    Dim::fixed(dims.iter().chain([first]).filter_map(Dim::as_fixed).product())
}

impl Scheduler<'_> {
    /// The kernels of a convolution that [`is_product`]; gives the last one.
    pub(super) fn convolution(&mut self, id: NodeId, node: &Node, own: &Conv) -> Result<Kernel> {
        let ((a, a_shape), (b, b_shape)) = (self.buffer(node.inputs[0])?, self.buffer(node.inputs[1])?);
        let sizes = Sizes::of(own, [&a_shape, &b_shape, &node.ty.shape]);
        let weight = Shape::new([sizes.outputs.clone(), sizes.height()]); // [o, c k]
        let output = Shape::new([sizes.images.clone(), sizes.outputs.clone(), sizes.places()]); // [B, o, m]
        match own.of {
            ConvOf::Output => {
                let columns = self.columns(own, &sizes, a, &a_shape, node.ty.dtype)?;
                let output = self.define_temporary(id);
                Ok(dot(repeated(b, &weight, &sizes.images, [1, 2]), columns, (2, 1), output))
            }
            ConvOf::Weight => {
                let columns = self.columns(own, &sizes, a, &a_shape, node.ty.dtype)?;
                let by_image = Shape::new([sizes.images.clone(), sizes.outputs.clone(), sizes.height()]);
                let parts = self.temporary(computed_in(node.ty.dtype), &by_image);
                self.kernels.push(dot(whole(b, &output), columns, (2, 2), parts));
                let inner = by_image.without(&[0]);
                let folded = Shape::new([sizes.images]);
                let chain = loaded(whole(parts, &by_image).0, computed_in(node.ty.dtype));
                Ok(fold((Shape::scalar(), folded, inner), chain, self.define_temporary(id)))
            }
            ConvOf::Input => {
                let turned = repeated(a, &weight, &sizes.images, [2, 1]);
                let columns = sizes.columns();
                let back = self.temporary(computed_in(node.ty.dtype), &columns);
                self.kernels.push(dot(turned, whole(b, &output), (2, 1), back));
                let load = Load { buffer: back, shape: columns, axes: returned(own), padded: true };
                let (images, places) = (node.ty.shape.dims()[..2].to_vec(), node.ty.shape.dims()[2..].to_vec());
                let groups = (Shape::new(images), Shape::new(sizes.windows), Shape::new(places));
                Ok(fold(groups, loaded(load, computed_in(node.ty.dtype)), self.define_temporary(id)))
            }
        }
    }

    /// X as [B, c k, m], put together unless it is x itself.
    fn columns(&mut self, own: &Conv, sizes: &Sizes, x: BufferId, shape: &Shape, dtype: DType) -> Result<(Load, Shape)> {
        let flat = Shape::new([sizes.images.clone(), sizes.height(), sizes.places()]);
        if own.windows.iter().all(|window| *window == Window::of(1)) {
            return Ok(whole(x, &flat));
        }
        let padded = own.windows.iter().any(|window| window.padding > 0);
        let (outer, buffer) = (sizes.columns(), self.temporary(dtype, &sizes.columns()));
        let axes = taken(own).ok_or_else(|| Error::internal("conv", "places that are no sums of positions"))?;
        let chain = loaded(Load { buffer: x, shape: shape.clone(), axes, padded }, dtype);
        let stores = vec![(ValueId(0), buffer)];
        self.kernels.push(Kernel::Loop(Box::new(Loop { outer, row: Shape::scalar(), chain, stores })));
        Ok(whole(buffer, &flat))
    }
}

/// For positions in [B, c, k.., m..], those in x: m stride + k dilation - padding.
fn taken(own: &Conv) -> Option<Vec<AxisMap>> {
    let axes = own.windows.len();
    let place = |(axis, window): (usize, &Window)| {
        let (k, m) = (AxisMap::identity(2 + axis), AxisMap::identity(2 + axes + axis));
        let place = k.times(window.dilation as i64)?.plus(&m.times(window.stride as i64)?)?;
        Some(AxisMap { start: place.start.plus(-(window.padding as i64)), ..place })
    };
    let places = own.windows.iter().enumerate().map(place);
    [0, 1].map(|axis| Some(AxisMap::identity(axis))).into_iter().chain(places).collect()
}

/// For positions in [B, c], k.., [n..], those in columns: n + padding - k dilation; windows lie side by side.
fn returned(own: &Conv) -> Vec<AxisMap> {
    let axes = own.windows.len();
    let place = |(axis, window): (usize, &Window)| AxisMap {
        start: Dim::fixed(window.padding),
        terms: [(2 + axis, -(window.dilation as i64)), (2 + axes + axis, 1)].into_iter().collect(),
    };
    let front = (0..2 + axes).map(AxisMap::identity);
    front.chain(own.windows.iter().enumerate().map(place)).collect()
}

/// All of a buffer, under a shape.
fn whole(buffer: BufferId, shape: &Shape) -> (Load, Shape) {
    (Load { buffer, shape: shape.clone(), axes: view::identity(shape.rank()), padded: false }, shape.clone())
}

/// A matrix for each image, the same for all; its axes are these of the three.
fn repeated(buffer: BufferId, matrix: &Shape, images: &Dim, axes: [usize; 2]) -> (Load, Shape) {
    let dims = matrix.dims();
    let mut shape = vec![images.clone(); 3];
    axes.into_iter().zip(dims).for_each(|(axis, dim)| shape[axis] = dim.clone());
    let axes = axes.map(AxisMap::identity).to_vec();
    (Load { buffer, shape: matrix.clone(), axes, padded: false }, Shape::new(shape))
}

/// The product of each image's matrices along these axes.
fn dot(left: (Load, Shape), right: (Load, Shape), contract: (usize, usize), output: BufferId) -> Kernel {
    let dims = DotDims { batch: [(0, 0)].into_iter().collect(), contract: [contract].into_iter().collect() };
    let ((left, left_shape), (right, right_shape)) = (left, right);
    Kernel::Dot(Box::new(Dot { dims, left, left_shape, right, right_shape, output }))
}

/// The chain that is one load.
fn loaded(load: Load, dtype: DType) -> Chain {
    let value = Value { instr: Instr::Load(load), dtype, level: Level::Element };
    registers::assigned(Chain { values: vec![value], registers: Vec::new() })
}

fn fold((outer, folded, inner): (Shape, Shape, Shape), chain: Chain, output: BufferId) -> Kernel {
    let (value, op) = (ValueId(0), ReduceOp::Sum);
    Kernel::Fold(Box::new(Fold { outer, folded, inner, chain, value, op, output }))
}
