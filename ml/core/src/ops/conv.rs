//! `Conv`: convolution as networks mean it (a correlation) of x [B, G c, n..] with w [G o, c, k..] to y [B, G o, m..], and
//! the two sums over the same products that its derivatives are.
//!
//! `y[b, g o, i] = sum over c, j of x[b, g c, i stride + j dilation - padding] w[g o, c, j]`, zero outside x. Of any two of
//! the three the third is linear in each, so the transpose of one is another: no further kind is needed.

use smallvec::SmallVec;

use super::wide::{self, Wide};
use super::{Batched, Linear, Realised, Rules, Site, add_tangents, arity, check_same_dtype, moves, no_rule, with_batch};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Conv, ConvOf, Graph, Kind, NodeId, Type};
use crate::shape::{Dim, Shape};
use crate::tensor::Tensor;

/// The rules of [`crate::graph::Kind::Conv`].
pub struct Convolution<'a>(pub &'a Conv);

impl Rules for Convolution<'_> {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type> {
        let [a, b] = arity(self.name(), operands)?;
        check_same_dtype(self.name(), a, b)?;
        if a.dtype == DType::Bool {
            return Err(Error::dtype(self.name(), "expected numbers, got bool").hint("cast both"));
        }
        let misfit = || Error::shape(self.name(), format!("{} and {} do not fit {:?}", a.shape, b.shape, self.0));
        let shape = self.shape(&a.shape, &b.shape).ok_or_else(misfit)?;
        Ok(Type::new(a.dtype, shape))
    }

    /// Accumulated in f64 or i128 and rounded or wrapped once.
    fn evaluate(&self, operands: &[&Tensor], out: &Realised) -> Result<Tensor> {
        let [a, b] = arity(self.name(), operands)?;
        let walk = Walk::of(self.0, a.shape(), b.shape(), out.shape);
        let count = out.shape.iter().product();
        let values = match (wide::decode(a), wide::decode(b)) {
            (Wide::Float(a), Wide::Float(b)) => Wide::Float(walk.sums(count, 0.0, |sum, i, j| sum + a[i] * b[j])),
            (Wide::Int(a), Wide::Int(b)) => Wide::Int(walk.sums(count, 0, |sum, i, j| sum.wrapping_add(a[i].wrapping_mul(b[j])))),
            _ => return Err(Error::internal(self.name(), format!("operands of {} and {}", a.dtype(), b.dtype()))),
        };
        wide::encode(out.dtype, out.shape, &values)
    }

    fn jvp(&self, g: &mut Graph, at: &Site, tangents: &[Option<NodeId>]) -> Result<Option<NodeId>> {
        let [a, b] = *arity(self.name(), at.operands)?;
        let from_a = tangents[0].map(|t| self.again(g, t, b)).transpose()?;
        let from_b = tangents[1].map(|t| self.again(g, a, t)).transpose()?;
        add_tangents(g, from_a, from_b)
    }

    fn transpose(&self, g: &mut Graph, at: &Linear, ct: NodeId) -> Result<SmallVec<[Option<NodeId>; 3]>> {
        let [a, b] = *arity(self.name(), at.operands)?;
        let is_first = match at.linear {
            [true, false] => true,
            [false, true] => false,
            _ => return Err(no_rule(self.name(), "transpose").hint("it is linear in each operand, not in both")),
        };
        // The operands are the other two of x, w and y, in this order.
        let (of, operands) = match (self.0.of, is_first) {
            (ConvOf::Output, true) => (ConvOf::Input, [b, ct]),
            (ConvOf::Output, false) => (ConvOf::Weight, [a, ct]),
            (ConvOf::Input, true) => (ConvOf::Weight, [ct, b]),
            (ConvOf::Input, false) => (ConvOf::Output, [ct, a]),
            (ConvOf::Weight, true) => (ConvOf::Input, [ct, b]),
            (ConvOf::Weight, false) => (ConvOf::Output, [a, ct]),
        };
        let cotangent = g.apply(Kind::Conv(Conv { of, ..self.0.clone() }.into()), &operands)?;
        Ok(if is_first { SmallVec::from_iter([Some(cotangent), None]) } else { SmallVec::from_iter([None, Some(cotangent)]) })
    }

    /// With the same weights for all, the batch joins the images; else what is the same for all is repeated, and the batch
    /// joins the groups.
    fn batch(&self, g: &mut Graph, operands: &[Batched], size: &Dim) -> Result<NodeId> {
        let [first, second] = self.0.of.operands();
        match (first, second) {
            (_, ConvOf::Weight) if !operands[1].batched => {
                return self.of_more_images(g, operands[0].node, size, |g, x| self.again(g, x, operands[1].node));
            }
            (ConvOf::Weight, _) if !operands[0].batched => {
                return self.of_more_images(g, operands[1].node, size, |g, y| self.again(g, operands[0].node, y));
            }
            _ => {}
        }
        let no_form = || Error::not_implemented("vmap", format!("conv for a batch of {size}"));
        let groups = self.0.groups.mul(size).ok_or_else(no_form)?;
        let mut joined = Vec::with_capacity(2);
        for (operand, role) in operands.iter().zip([first, second]) {
            let node = with_batch(g, operand, size)?;
            joined.push(with_groups(g, node, role).and_then(|node| node.ok_or_else(no_form))?);
        }
        let own = self.shape(&without_batch(g, &operands[0]), &without_batch(g, &operands[1])).ok_or_else(no_form)?;
        let product = g.apply(Kind::Conv(Conv { groups, ..self.0.clone() }.into()), &joined)?;
        self.apart(g, product, &own, size)
    }
}

/// An operand's shape for one of the batch.
fn without_batch(g: &Graph, operand: &Batched) -> Shape {
    let shape = &g.ty(operand.node).shape;
    if operand.batched { shape.without(&[0]) } else { shape.clone() }
}

/// [N, B, C..] -> [B, N C..] for images, [N, O, c..] -> [N O, c..] for weights. None if N C is no dimension.
fn with_groups(g: &mut Graph, x: NodeId, role: ConvOf) -> Result<Option<NodeId>> {
    let x = if role == ConvOf::Weight { x } else { g.move_axis(x, 0, 1)? };
    let axis = usize::from(role != ConvOf::Weight);
    let own = g.ty(x).shape.clone();
    let all = own.dims()[axis].mul(&own.dims()[axis + 1]);
    all.map(|all| g.reshape(x, &own.without(&[axis]).with(axis, all))).transpose()
}

impl Conv {
    /// The spatial sizes of the output. None where no window fits.
    pub fn counts(&self) -> Option<Vec<usize>> {
        self.windows.iter().zip(&self.sizes).map(|(window, &n)| window.count(n)).collect()
    }
}

impl ConvOf {
    /// The roles of its operands.
    pub fn operands(self) -> [ConvOf; 2] {
        match self {
            ConvOf::Output => [ConvOf::Input, ConvOf::Weight],
            ConvOf::Input => [ConvOf::Weight, ConvOf::Output],
            ConvOf::Weight => [ConvOf::Input, ConvOf::Output],
        }
    }
}

impl Convolution<'_> {
    fn again(&self, g: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId> {
        g.apply(Kind::Conv(self.0.clone().into()), &[a, b])
    }

    /// [N, B, ..] -> [N B, ..], what `apply` makes of it, and back.
    fn of_more_images(
        &self,
        g: &mut Graph,
        x: NodeId,
        size: &Dim,
        apply: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId>,
    ) -> Result<NodeId> {
        let own = g.ty(x).shape.clone();
        let images = &own.dims()[1];
        let no_form = || Error::not_implemented("vmap", format!("conv for a batch of {size} times {images} images"));
        let all = size.mul(images).ok_or_else(no_form)?;
        let joined = g.reshape(x, &own.without(&[0]).with(0, all))?;
        let product = apply(g, joined)?;
        let result = g.ty(product).shape.with(0, images.clone()).insert(0, size.clone());
        g.reshape(product, &result)
    }

    /// The shape of the result; None if the operands' do not fit.
    fn shape(&self, a: &Shape, b: &Shape) -> Option<Shape> {
        let Conv { windows, groups, of, sizes } = self.0;
        let rank = windows.len() + 2;
        if a.rank() != rank || b.rank() != rank || sizes.len() != windows.len() || groups.as_fixed() == Some(0) {
            return None;
        }
        let fixed = |all: &[usize]| all.iter().map(|&n| Dim::fixed(n)).collect::<Vec<Dim>>();
        let (n, m) = (fixed(sizes), fixed(&self.0.counts()?));
        let k: Vec<Dim> = windows.iter().map(|window| Dim::fixed(window.size)).collect();
        let inner = |role: ConvOf| match role {
            ConvOf::Input => &n,
            ConvOf::Weight => &k,
            ConvOf::Output => &m,
        };
        let [first, second] = of.operands();
        if a.dims()[2..] != inner(first)[..] || b.dims()[2..] != inner(second)[..] {
            return None;
        }
        let (a, b) = (a.dims(), b.dims());
        let (batch, channel) = match of {
            ConvOf::Output => {
                let fits = a[1].times(groups)? == b[1].as_fixed()? && b[0].times(groups).is_some();
                fits.then(|| (a[0].clone(), b[0].clone()))?
            }
            ConvOf::Input => {
                let fits = b[1] == a[0] && a[0].times(groups).is_some();
                fits.then(|| Some((b[0].clone(), groups.mul(&a[1])?)))??
            }
            ConvOf::Weight => {
                let fits = a[0] == b[0] && b[1].times(groups).is_some();
                fits.then(|| Some((b[1].clone(), Dim::fixed(a[1].times(groups)?))))??
            }
        };
        Some(Shape::new([batch, channel].into_iter().chain(inner(*of).iter().cloned())))
    }

    /// The results of a batch of `size` that joined the groups: [B, N C..] -> [N, B, C..], [N O, c..] -> [N, O, c..].
    fn apart(&self, g: &mut Graph, x: NodeId, own: &Shape, size: &Dim) -> Result<NodeId> {
        let axis = usize::from(self.0.of != ConvOf::Weight);
        let split = g.reshape(x, &own.insert(axis, size.clone()))?;
        if axis == 0 { Ok(split) } else { g.move_axis(split, 1, 0) }
    }
}

/// The products that are summed: positions in the first operand, the second and the result.
struct Walk(Vec<[usize; 3]>);

impl Walk {
    fn of(conv: &Conv, a: &[usize], b: &[usize], out: &[usize]) -> Self {
        let (x, w, y) = match conv.of {
            ConvOf::Output => (a, b, out),
            ConvOf::Input => (out, a, b),
            ConvOf::Weight => (a, out, b),
        };
        let strides = [x, w, y].map(moves::strides);
        let (groups, channels) = (x[1].checked_div(w[1]).unwrap_or(1).max(1), w[1]);
        let outputs = y[1] / groups;
        let space: Vec<usize> = [x[0], groups, outputs, channels].iter().chain(&y[2..]).chain(&w[2..]).copied().collect();
        let axes = conv.windows.len();
        let mut products = Vec::new();
        moves::for_each_index(&space, |index| {
            let [batch, group, output, channel] = [index[0], index[1], index[2], index[3]];
            let (places, offsets) = index[4..].split_at(axes);
            let mut at_x = vec![batch, group * channels + channel];
            for (axis, window) in conv.windows.iter().enumerate() {
                let place = places[axis] * window.stride + offsets[axis] * window.dilation;
                match place.checked_sub(window.padding).filter(|&place| place < x[2 + axis]) {
                    Some(place) => at_x.push(place),
                    None => return,
                }
            }
            let own_output = group * outputs + output;
            let at_w: Vec<usize> = [own_output, channel].iter().chain(offsets).copied().collect();
            let at_y: Vec<usize> = [batch, own_output].iter().chain(places).copied().collect();
            let [x, w, y] =
                [(at_x, 0), (at_w, 1), (at_y, 2)].map(|(at, which): (Vec<usize>, usize)| moves::offset(&at, &strides[which]));
            products.push(match conv.of {
                ConvOf::Output => [x, w, y],
                ConvOf::Input => [w, y, x],
                ConvOf::Weight => [x, y, w],
            });
        });
        Walk(products)
    }

    fn sums<T: Copy>(&self, count: usize, zero: T, term: impl Fn(T, usize, usize) -> T) -> Vec<T> {
        let mut sums = vec![zero; count];
        self.0.iter().for_each(|&[a, b, out]| sums[out] = term(sums[out], a, b));
        sums
    }
}

#[cfg(test)]
pub mod rows {
    use crate::graph::{Conv, ConvOf, Kind, Window};
    use crate::ops::proof::{Row, floats, others};

    /// Two groups of one channel each way, windows of 2 by 2 on images of 3 by 4.
    fn conv(of: ConvOf) -> Kind {
        let windows = vec![Window { size: 2, stride: 2, dilation: 2, padding: 1 }, Window::of(2)];
        Kind::Conv(Conv { windows, groups: 2.into(), of, sizes: vec![3, 4] }.into())
    }

    pub fn rows() -> Vec<Row> {
        let (x, w, y) = ([1, 2, 3, 4], [4, 1, 2, 2], [1, 4, 2, 3]);
        vec![
            Row::new("conv", "output", [floats(&x), others(&w)], |g, x| g.apply(conv(ConvOf::Output), x)),
            Row::new("conv", "input", [floats(&w), others(&y)], |g, x| g.apply(conv(ConvOf::Input), x)),
            Row::new("conv", "weights", [floats(&x), others(&y)], |g, x| g.apply(conv(ConvOf::Weight), x)),
        ]
    }
}
