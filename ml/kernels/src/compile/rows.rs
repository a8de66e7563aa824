//! Finds the rows of a row kernel: which axes the reductions inside a fused chain fold.

use gradframe_ml_core::graph::Kind;
use gradframe_ml_core::{Dim, Function, NodeId, Shape};
use rustc_hash::FxHashSet;

use super::leaves::Leaves;
use super::view::{self, View};
use super::{CompileOptions, Work};
use crate::schedule::AxisMap;

/// Elements of a row that several registers of can still stay in cache.
const ROW_ELEMENTS_MAX: usize = 16 * 1024;

/// The same for a device, whose registers hold what was read of a row: the scores of a vocabulary.
const DEVICE_ROW_ELEMENTS_MAX: usize = 64 * 1024;

/// The domain of a fused kernel.
pub struct Rows {
    /// Axes over which rows are independent.
    pub outer: Shape,
    /// Axes of a row; empty for a pointwise kernel.
    pub row: Shape,
    /// The kernel's result as seen from its domain.
    pub root_view: View,
    /// True if the result has one value an element, false if one a row.
    pub root_is_element: bool,
}

impl Rows {
    /// The domain of a pointwise kernel.
    pub fn none(shape: &Shape) -> Self {
        Rows { outer: shape.clone(), row: Shape::scalar(), root_view: view::identity(shape.rank()), root_is_element: true }
    }

    /// The domain of a pointwise kernel with two axes in place of one, of which the second is `inner` long.
    pub fn with_split_axis(&self, axis: usize, inner: usize) -> Option<Self> {
        let first = self.outer.dims()[axis].divided(inner)?;
        let outer = self.outer.with(axis, inner.into()).insert(axis, first);
        let root_view = view::on_split_axis(&self.root_view, axis, inner);
        Some(Rows { outer, row: self.row.clone(), root_view, root_is_element: self.root_is_element })
    }
}

/// The rows on which `root` can be computed with reductions inside; None if there are none.
pub fn rows_of(function: &Function, options: CompileOptions, leaves: &Leaves, root: NodeId, work: &mut Work) -> Option<Rows> {
    let shape = &function.graph.ty(root).shape;
    fused_reductions(function, options, leaves, root, work)
        .into_iter()
        .find_map(|(operand, folded)| fitted(shape, operand, folded))
}

/// The row domain over `operand`, of which the last `folded` axes are a row, if a result of this shape lives on it.
fn fitted(root: &Shape, operand: &Shape, folded: usize) -> Option<Rows> {
    let outer_rank = operand.rank() - folded;
    let part = |dims: &[Dim]| Shape::new(dims.iter().cloned());
    let (outer, row) = (part(&operand.dims()[..outer_rank]), part(&operand.dims()[outer_rank..]));
    if root == operand {
        return Some(Rows { outer, row, root_view: view::identity(operand.rank()), root_is_element: true });
    }
    let long = |shape: &Shape| (0..shape.rank()).filter(|&i| !shape.dims()[i].is_one()).collect::<Vec<usize>>();
    let (of_root, of_outer) = (long(root), long(&outer));
    let fits = of_root.len() == of_outer.len() && of_root.iter().zip(&of_outer).all(|(&r, &o)| root.dims()[r] == outer.dims()[o]);
    fits.then(|| {
        let mut root_view = vec![AxisMap::zero(); root.rank()];
        of_root.iter().zip(&of_outer).for_each(|(&r, &o)| root_view[r] = AxisMap::identity(o));
        Rows { outer, row, root_view, root_is_element: false }
    })
}

/// The reductions over short last axes that can be reached from `root` without going through memory.
fn fused_reductions<'a>(
    function: &'a Function,
    options: CompileOptions,
    leaves: &Leaves,
    root: NodeId,
    work: &mut Work,
) -> Vec<(&'a Shape, usize)> {
    let graph = &function.graph;
    let (mut found, mut stack) = (Vec::new(), vec![root]);
    let mut visited = FxHashSet::default();
    while let Some(id) = stack.pop() {
        let stored = leaves.get(graph, id).is_some() || (id != root && leaves.is_pinned(id));
        if stored || !visited.insert(id) {
            continue;
        }
        let node = graph.node(id);
        if let Kind::Reduce { axes, .. } = &node.kind {
            let operand = &graph.ty(node.inputs[0]).shape;
            if is_short_and_last(operand, axes, options) {
                found.push((operand, axes.len()));
            }
        }
        stack.extend(&node.inputs);
    }
    work.searched += visited.len();
    found
}

pub(super) fn is_short_and_last(operand: &Shape, axes: &[usize], options: CompileOptions) -> bool {
    let first = operand.rank() - axes.len();
    let size = |dim: &Dim| dim.as_fixed().or(options.short_symbols.then_some(1));
    let most = if options.on_device { DEVICE_ROW_ELEMENTS_MAX } else { ROW_ELEMENTS_MAX };
    let elements: Option<usize> = operand.dims()[first..].iter().map(size).product();
    !axes.is_empty() && axes.iter().copied().eq(first..operand.rank()) && elements.is_some_and(|n| (1..=most).contains(&n))
}
