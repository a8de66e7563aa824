//! Transposed convolution: the gradient of a convolution in its input, as a layer of its own.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Window};
use crate::shape::{Dim, Shape};

impl Graph {
    /// x [B, C, n..], w [C, O / groups, size..] -> [B, O, (n - 1) stride - 2 padding + dilation (size - 1) + extra + 1 ..],
    /// with a window and an `extra` for each axis n: what a convolution with these windows came from.
    /// Errors: `Shape` if ranks, channels or groups do not fit; `NotImplemented` for symbolic sizes.
    pub fn conv_transpose(&mut self, x: NodeId, w: NodeId, windows: &[Window], extra: &[usize], groups: usize) -> Result<NodeId> {
        let (input, weight) = (self.ty(x).shape.clone(), self.ty(w).shape.clone());
        let axes = windows.len();
        let fits = input.rank() == axes + 2
            && weight.rank() == axes + 2
            && extra.len() == axes
            && groups > 0
            && input.dims()[1] == weight.dims()[0]
            && weight.dims()[0].as_fixed().is_some_and(|c| c % groups == 0);
        if !fits {
            let what = format!("expected [B, C, ..] and [C, O / {groups}, ..] with {axes} windows, got {input}");
            return Err(Error::shape("conv_transpose", format!("{what} and {weight}")));
        }
        let w = self.turned_weights(w, axes, groups)?;
        let mut spread = x;
        let mut plain = Vec::with_capacity(axes);
        for (i, window) in windows.iter().enumerate() {
            spread = self.spread_out(spread, i + 2, window.stride)?;
            let reach = window.dilation * window.size.saturating_sub(1);
            spread = self.pad_or_cut(spread, i + 2, reach as i64 - window.padding as i64, extra[i])?;
            plain.push(Window { stride: 1, padding: 0, ..*window });
        }
        self.conv(spread, w, &plain, groups)
    }

    /// [C, O / groups, size..] -> [O, C / groups, size..], each axis of a window reversed.
    fn turned_weights(&mut self, w: NodeId, axes: usize, groups: usize) -> Result<NodeId> {
        let own = self.ty(w).shape.clone();
        let channels = own.dims()[0].as_fixed().unwrap_or(0) / groups;
        let last: Vec<usize> = (2..axes + 2).collect();
        let flipped = self.flip(w, &last)?;
        let sizes = own.dims()[2..].iter().cloned();
        let no_form = || Error::not_implemented("conv_transpose", format!("weights {own}"));
        let each = own.dims()[1].clone();
        let outputs = Dim::fixed(groups).mul(&each).ok_or_else(no_form)?;
        let split = Shape::new([Dim::fixed(groups), Dim::fixed(channels), each].into_iter().chain(sizes.clone()));
        let split = self.reshape(flipped, &split)?;
        let turned = self.move_axis(split, 2, 1)?; // [groups, O / groups, C / groups, ..]
        self.reshape(turned, &Shape::new([outputs, Dim::fixed(channels)].into_iter().chain(sizes)))
    }

    /// `amount` zeros before and after an axis, and `extra` more after it; a negative amount cuts.
    fn pad_or_cut(&mut self, x: NodeId, axis: usize, amount: i64, extra: usize) -> Result<NodeId> {
        let rank = self.ty(x).shape.rank();
        let n = self.ty(x).shape.dims()[axis].as_fixed().unwrap_or(0) as i64;
        let (mut low, mut high) = (vec![0; rank], vec![0; rank]);
        let after = amount + extra as i64;
        (low[axis], high[axis]) = (amount.max(0) as usize, after.max(0) as usize);
        let padded = self.pad(x, &low, &high)?;
        let start = (-amount).max(0);
        let stop = amount.max(0) + n + after.max(0) - (-after).max(0);
        if stop < start {
            return Err(Error::shape("conv_transpose", format!("the padding leaves nothing of axis {axis}")));
        }
        self.slice_axis(padded, axis, start as usize, Dim::fixed(stop as usize))
    }
}
