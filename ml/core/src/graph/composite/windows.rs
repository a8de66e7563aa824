//! Sliding windows, and what is made of them: convolution and pooling.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Conv, ConvOf, Graph, Kind, NodeId, ReduceOp, Span};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// Windows along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Elements of a window.
    pub size: usize,
    /// Distance between the first elements of neighbouring windows.
    pub stride: usize,
    /// Distance between neighbouring elements of a window.
    pub dilation: usize,
    /// Elements added before and after the axis.
    pub padding: usize,
}

impl Window {
    /// Windows of this size, one after each element, nothing added.
    pub fn of(size: usize) -> Self {
        Window { size, stride: 1, dilation: 1, padding: 0 }
    }

    /// Windows of this size that touch, nothing added: what pooling usually takes.
    pub fn apart(size: usize) -> Self {
        Window { stride: size, ..Self::of(size) }
    }

    /// The number of windows over `n` elements. None where none fits, or the window makes no sense.
    pub fn count(&self, n: usize) -> Option<usize> {
        if self.dilation == 0 {
            return None;
        }
        let span = self.dilation.checked_mul(self.size.checked_sub(1)?)?.checked_add(1)?;
        let padded = self.padding.checked_mul(2)?.checked_add(n)?;
        Some(padded.checked_sub(span)?.checked_div(self.stride)? + 1)
    }

    /// Why there is none over axis `axis` of an input, in the words of layers.
    fn misfit(&self, op: &str, axis: usize, input: &Shape) -> Error {
        let Window { size, stride, dilation, padding } = *self;
        let what = match input.dims().get(axis).and_then(Dim::as_fixed) {
            _ if size == 0 || stride == 0 || dilation == 0 => {
                format!("kernel_size {size}, stride {stride}, dilation {dilation}: expected 1 or more of each")
            }
            None => format!("axis {axis} of the input {input} has no fixed size"),
            Some(n) => {
                let spread = if dilation == 1 { String::new() } else { format!(" with dilation {dilation}") };
                let padded = if padding == 0 { String::new() } else { format!(" with padding {padding} on both sides") };
                format!("kernel_size {size}{spread} is larger than axis {axis} of the input {input}, of size {n}{padded}")
            }
        };
        Error::shape(op, what)
    }
}

impl Graph {
    /// Windows along `axis`, of fixed size n: [A.., n, B..] -> [A.., windows, size, B..]. Padding is zeros.
    /// Errors: `Shape` if the axis is not of a fixed size or no window fits. Its transpose adds overlaps up.
    pub fn unfold(&mut self, x: NodeId, axis: usize, window: Window) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let count = own.dims().get(axis).and_then(Dim::as_fixed).and_then(|n| window.count(n));
        let count = count.ok_or_else(|| window.misfit("unfold", axis, &own))?;
        if window == Window::apart(window.size) {
            return self.split_axis(x, axis, count, window.size);
        }
        let places = Shape::fixed(&[count, window.size]);
        let (start, offset) = (self.iota(DType::I64, &places, 0)?, self.iota(DType::I64, &places, 1)?);
        let number = |g: &mut Graph, n: usize| g.scalar(DType::I64, n as f64);
        let (stride, dilation, padding) =
            (number(self, window.stride)?, number(self, window.dilation)?, number(self, window.padding)?);
        let (start, offset) = (self.mul(start, stride)?, self.mul(offset, dilation)?);
        let padded = self.add(start, offset)?;
        let places = self.sub(padded, padding)?; // an index outside reads zero: the padding
        self.gather(x, places, axis)
    }

    /// [A.., n, B..] -> [A.., count, size, B..], what is left over cut off.
    fn split_axis(&mut self, x: NodeId, axis: usize, count: usize, size: usize) -> Result<NodeId> {
        let whole = self.slice_axis(x, axis, 0, Dim::fixed(count * size))?;
        let split = self.ty(whole).shape.with(axis, Dim::fixed(size)).insert(axis, Dim::fixed(count));
        self.reshape(whole, &split)
    }

    /// Convolution as networks mean it (a correlation): x [B, C, n..], w [O, C / groups, size..] -> [B, O, windows..],
    /// with a window for each axis n; `sizes` of `windows` must be those of `w`.
    /// Errors: `Shape` if ranks, channels or groups do not fit.
    pub fn conv(&mut self, x: NodeId, w: NodeId, windows: &[Window], groups: usize) -> Result<NodeId> {
        let (input, weight) = (self.ty(x).shape.clone(), self.ty(w).shape.clone());
        let sizes = || windows.iter().map(|w| Dim::fixed(w.size));
        let fixed = |s: &Shape, axis: usize| s.dims().get(axis).and_then(Dim::as_fixed);
        let fits = input.rank() == windows.len() + 2
            && weight.rank() == input.rank()
            && weight.dims()[2..].iter().cloned().eq(sizes())
            && groups > 0
            && fixed(&weight, 0).is_some_and(|o| o % groups == 0)
            && fixed(&input, 1).is_some_and(|c| fixed(&weight, 1) == Some(c / groups) && c % groups == 0);
        if !fits {
            let what = format!("expected [B, C, ..] and [O, C / {groups}, sizes of {} windows], got {input}", windows.len());
            return Err(Error::shape("conv", format!("{what} and {weight}")));
        }
        self.check_counts("conv", x, windows)?;
        let sizes: Vec<usize> = input.dims()[2..].iter().filter_map(Dim::as_fixed).collect();
        let conv = Conv { windows: windows.to_vec(), groups: groups.into(), of: ConvOf::Output, sizes };
        self.apply(Kind::Conv(conv.into()), &[x, w])
    }

    /// [B, C, n..] -> [B, C, (count, size)..].
    fn all_windows(&mut self, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        windows.iter().enumerate().try_fold(x, |x, (i, window)| self.unfold(x, 2 + 2 * i, *window))
    }

    /// The largest of each window, x [B, C, n..] -> [B, C, windows..]; the gradient goes to the first one of ties. A NaN is the largest
    /// there is. Padding never wins. Errors: `Shape` as for [`Graph::unfold`].
    pub fn max_pool(&mut self, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        self.check_windows("max_pool", x, windows)?;
        if windows.iter().all(|w| *w == Window::apart(w.size)) && !windows.is_empty() {
            return self.max_pool_apart(x, windows);
        }
        self.call("max_pool", &[x], |g, x| {
            let low = g.scalar_like(x[0], f64::NEG_INFINITY)?;
            let padding: Vec<usize> = [0, 0].into_iter().chain(windows.iter().map(|w| w.padding)).collect();
            let padded = g.padded_with(x[0], low, &padding)?;
            let bare: Vec<Window> = windows.iter().map(|w| Window { padding: 0, ..*w }).collect();
            let rows = g.window_rows(padded, &bare)?; // [B, C, counts.., elements]
            let last = g.ty(rows).shape.rank() - 1;
            let first = g.argmax(rows, last)?;
            let column = g.insert_axis(first, last)?;
            let picked = g.take_along(rows, column, last)?;
            let shape = g.ty(first).shape.clone();
            g.reshape(picked, &shape)
        })
    }

    /// Of windows that touch: nothing but comparisons of views, forth and back, so that both are fused with what is around.
    fn max_pool_apart(&mut self, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        self.call_with_tangent(
            "max_pool",
            &[x],
            |g, x| g.largest_of_windows(x[0], windows),
            |g, x, largest, t| {
                let place = g.first_of_windows(x[0], largest, windows)?; // [B, C, counts..]
                let split = windows.iter().enumerate().try_fold(t[0], |t, (i, w)| g.unfold(t, 2 + 2 * i, *w))?;
                let own = g.ty(split).shape.clone(); // [B, C, (count, size)..]
                let dtype = g.ty(place).dtype;
                let mut spread = place;
                for axis in (0..windows.len()).map(|i| 3 + 2 * i) {
                    spread = g.repeat_axis(spread, axis, &own.dims()[axis])?;
                }
                let sizes: Vec<usize> = [1, 1].into_iter().chain(windows.iter().flat_map(|w| [1, w.size])).collect();
                let numbers = (0..sizes.iter().product()).map(|n| n as f32).collect();
                let number = g.constant(Tensor::from_vec(&sizes, numbers)?.cast(dtype)?);
                let (hit, zero) = (g.eq(number, spread)?, g.scalar_like(split, 0.0)?);
                let marked = g.select(hit, split, zero)?;
                let folded: Vec<usize> = (0..windows.len()).map(|i| 3 + 2 * i).collect();
                g.sum(marked, &folded)
            },
        )
    }

    fn largest_of_windows(&mut self, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        let sizes: Vec<usize> = windows.iter().map(|w| w.size).collect();
        let mut largest = self.every(x, &sizes, 0)?;
        for number in 1..sizes.iter().product() {
            let other = self.every(x, &sizes, number)?;
            largest = self.max(largest, other)?;
        }
        Ok(largest)
    }

    /// The number of the first place in each window that holds its largest, in floats.
    fn first_of_windows(&mut self, x: NodeId, largest: NodeId, windows: &[Window]) -> Result<NodeId> {
        let sizes: Vec<usize> = windows.iter().map(|w| w.size).collect();
        let shape = self.ty(largest).shape.clone();
        let last = sizes.iter().product::<usize>().saturating_sub(1);
        let mut place = self.scalar(DType::F32, last as f64)?;
        for number in (0..last).rev() {
            let element = self.every(x, &sizes, number)?;
            let (is_largest, is_nan) = (self.ge(element, largest)?, self.isnan(element)?);
            let (is_largest, this) = (self.or(is_largest, is_nan)?, self.scalar(DType::F32, number as f64)?);
            place = self.select(is_largest, this, place)?;
        }
        self.broadcast_to(place, &shape)
    }

    /// The elements at one place of each window of these sizes: [B, C, counts..].
    fn every(&mut self, x: NodeId, sizes: &[usize], place: usize) -> Result<NodeId> {
        let own = self.ty(x).shape.clone();
        let mut spans: Vec<Span> = own.dims()[..2].iter().map(Span::all).collect();
        let mut rest = place;
        for (axis, &size) in sizes.iter().enumerate().rev() {
            let whole = own.dims()[2 + axis].as_fixed().unwrap_or(0) / size * size;
            spans.insert(2, Span { start: rest % size, stop: Dim::fixed(whole), step: size });
            rest /= size;
        }
        self.slice(x, &spans)
    }

    /// The mean of each window, x [B, C, n..] -> [B, C, windows..]; padding counts as zeros.
    /// Errors: `Shape` as for [`Graph::unfold`].
    pub fn avg_pool(&mut self, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        self.check_windows("avg_pool", x, windows)?;
        self.call("avg_pool", &[x], |g, x| {
            let rows = g.window_rows(x[0], windows)?;
            let last = g.ty(rows).shape.rank() - 1;
            g.mean(rows, &[last])
        })
    }

    fn check_windows(&self, op: &str, x: NodeId, windows: &[Window]) -> Result<()> {
        let own = &self.ty(x).shape;
        if own.rank() == windows.len() + 2 {
            return self.check_counts(op, x, windows);
        }
        Err(Error::shape(op, format!("expected [B, C] and an axis for each of {} windows, got {own}", windows.len())))
    }

    fn check_counts(&self, op: &str, x: NodeId, windows: &[Window]) -> Result<()> {
        let own = &self.ty(x).shape;
        let fits = |(dim, window): &(&Dim, &Window)| dim.as_fixed().and_then(|n| window.count(n)).is_some();
        match own.dims()[2..].iter().zip(windows).position(|pair| !fits(&pair)) {
            None => Ok(()),
            Some(first) => Err(windows[first].misfit(op, 2 + first, own)),
        }
    }

    /// [B, C, n..] -> [B, C, counts.., elements of a window].
    fn window_rows(&mut self, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        let unfolded = self.all_windows(x, windows)?;
        let axes = windows.len();
        let perm: Vec<usize> =
            [0, 1].into_iter().chain((0..axes).map(|i| 2 + 2 * i)).chain((0..axes).map(|i| 3 + 2 * i)).collect();
        let ordered = self.permute(unfolded, &perm)?;
        let elements: usize = windows.iter().map(|w| w.size).product();
        let kept = self.ty(ordered).shape.dims()[..2 + axes].to_vec();
        self.reshape(ordered, &Shape::new(kept.into_iter().chain([Dim::fixed(elements)])))
    }

    /// `value` around each axis, as much as `padding` says.
    fn padded_with(&mut self, x: NodeId, value: NodeId, padding: &[usize]) -> Result<NodeId> {
        if padding.iter().all(|&p| p == 0) {
            return Ok(x);
        }
        let ty = self.ty(x).clone();
        let ones = self.full(&crate::graph::Type::new(DType::I8, ty.shape), 1.0)?;
        let (inside, padded) = (self.pad(ones, padding, padding)?, self.pad(x, padding, padding)?);
        let inside = self.cast(inside, DType::Bool)?;
        self.select(inside, padded, value)
    }

    /// The elements of x [A.., n, B..] at `places` (i64) [A.., m, B..] along `axis`; zero for a place outside.
    /// Errors: `Shape` if another axis differs.
    pub fn take_along(&mut self, x: NodeId, places: NodeId, axis: usize) -> Result<NodeId> {
        let (own, wanted) = (self.ty(x).shape.clone(), self.ty(places).shape.clone());
        if axis >= own.rank() || wanted.rank() != own.rank() || own.without(&[axis]) != wanted.without(&[axis]) {
            return Err(Error::shape("take_along", format!("places {wanted} along axis {axis} of {own}")));
        }
        let last = own.rank() - 1;
        let (x, places) = (self.move_axis(x, axis, last)?, self.move_axis(places, axis, last)?); // [R.., n], [R.., m]
        let moved = self.ty(places).shape.clone();
        let size = own.dims()[axis].clone();
        let no_form = || Error::not_implemented("take_along", format!("the number of elements in {own}"));
        let rows = own.without(&[axis]).elements().ok_or_else(no_form)?;
        let flat = rows.mul(&size).ok_or_else(no_form)?;
        let flat = self.reshape(x, &Shape::new([flat]))?;
        let (n, zero) = (self.dim_value(DType::I64, &size)?, self.scalar(DType::I64, 0.0)?);
        let minus_one = self.scalar(DType::I64, -1.0)?;
        let row = self.iota(DType::I64, &Shape::new([rows]), 0)?;
        let first = self.mul(row, n)?;
        let first = self.reshape(first, &moved.with(last, Dim::fixed(1)))?;
        let place = self.add(first, places)?;
        let (low, high) = (self.ge(places, zero)?, self.lt(places, n)?);
        let inside = self.and(low, high)?;
        let place = self.select(inside, place, minus_one)?;
        let picked = self.gather(flat, place, 0)?;
        self.move_axis(picked, last, axis)
    }

    /// The largest over a window, or another fold, as [`Graph::avg_pool`] folds by the mean: x [B, C, n..].
    /// Padding counts as zeros. Errors: `Shape` as for [`Graph::unfold`].
    pub fn fold_windows(&mut self, op: ReduceOp, x: NodeId, windows: &[Window]) -> Result<NodeId> {
        self.check_windows("fold_windows", x, windows)?;
        let rows = self.window_rows(x, windows)?;
        let last = self.ty(rows).shape.rank() - 1;
        self.reduce(op, rows, &[last])
    }
}
