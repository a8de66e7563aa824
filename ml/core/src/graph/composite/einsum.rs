//! Sums of products by named axes.

use crate::error::{Error, Result};
use crate::graph::{DotDims, Graph, NodeId};
use crate::shape::Shape;

/// Axes that `...` stands for are named from here on, the last one first: no letter is.
const ELLIPSIS: u32 = 0x11_0000;

/// An operand with the names of its axes.
struct Named {
    node: NodeId,
    axes: Vec<u32>,
}

impl Graph {
    /// Sums of products by Einstein's rule, as NumPy and PyTorch write it: `"bij,bjk->bik"`. Each axis has a letter; equal
    /// letters go together, a letter twice in one operand is its diagonal, and what the result does not name is summed. `...`
    /// is any axes, which broadcast. Without `->` the result has the letters that come once, in the order of the alphabet.
    /// Operands are multiplied from the left to the right, each product a contraction.
    /// Errors: `Plan` for an equation that is none or names another number of operands; `Shape` naming the letter if sizes
    /// differ.
    pub fn einsum(&mut self, equation: &str, operands: &[NodeId]) -> Result<NodeId> {
        let (inputs, output) = parsed(self, equation, operands)?;
        let mut rest: Vec<Named> = Vec::with_capacity(operands.len());
        for (axes, &node) in inputs.into_iter().zip(operands) {
            rest.push(self.distinct(Named { node, axes })?);
        }
        check_sizes(self, &rest)?;
        let mut rest = rest.into_iter();
        let mut product = rest.next().ok_or_else(|| wrong(equation, "it names no operand"))?;
        let later: Vec<Named> = rest.collect();
        for (i, next) in later.iter().enumerate() {
            let is_needed = |axis: &u32| output.contains(axis) || later[i + 1..].iter().any(|n| n.axes.contains(axis));
            product = self.contracted(product, next, is_needed)?;
        }
        self.arranged(product, &output)
    }

    /// The diagonal where a letter comes twice.
    fn distinct(&mut self, mut x: Named) -> Result<Named> {
        while let Some((i, j)) = twice(&x.axes) {
            let last = x.axes.len() - 1;
            let moved = self.move_axis(x.node, j, last)?;
            let moved = self.move_axis(moved, i, last)?; // [.., j, i]
            let shape = &self.ty(moved).shape;
            if shape.dims()[last] != shape.dims()[last - 1] {
                return Err(Error::shape("einsum", format!("axis `{}` has two sizes in {shape}", letter(x.axes[i]))));
            }
            x.node = self.diagonal(moved, 0)?;
            let axis = x.axes[i];
            x.axes.retain(|a| *a != axis);
            x.axes.push(axis);
        }
        Ok(x)
    }

    /// The product of two operands, summed over what is not needed any more.
    fn contracted(&mut self, left: Named, right: &Named, is_needed: impl Fn(&u32) -> bool) -> Result<Named> {
        let alone = |other: &Named| {
            let other = other.axes.clone();
            let is_needed = &is_needed;
            move |axis: &u32| is_needed(axis) || other.contains(axis)
        };
        let (in_left, in_right) = (alone(right), alone(&left));
        let left_kept = self.summed(left, in_left)?;
        let right_kept = self.summed(Named { node: right.node, axes: right.axes.clone() }, in_right)?;
        // An axis of size 1 that the other has longer broadcasts: it goes, and comes back with the other's.
        let (left, right) = (self.squeezed(&left_kept, &right_kept)?, self.squeezed(&right_kept, &left_kept)?);
        let mut dims = DotDims::default();
        for (i, axis) in left.axes.iter().enumerate() {
            if let Some(j) = right.axes.iter().position(|a| a == axis) {
                if is_needed(axis) { dims.batch.push((i, j)) } else { dims.contract.push((i, j)) }
            }
        }
        let batch = dims.batch.iter().map(|p| left.axes[p.0]);
        let free = |x: &Named, of: &dyn Fn(&(usize, usize)) -> usize| -> Vec<u32> {
            let paired = |i: usize| dims.batch.iter().chain(&dims.contract).any(|p| of(p) == i);
            (0..x.axes.len()).filter(|&i| !paired(i)).map(|i| x.axes[i]).collect()
        };
        let left_side: &dyn Fn(&(usize, usize)) -> usize = &|p| p.0;
        let right_side: &dyn Fn(&(usize, usize)) -> usize = &|p| p.1;
        let axes = batch.chain(free(&left, left_side)).chain(free(&right, right_side)).collect();
        let node = self.dot(left.node, right.node, dims)?;
        self.summed(Named { node, axes }, is_needed)
    }

    /// Summed over the axes that are not kept.
    fn summed(&mut self, x: Named, is_kept: impl Fn(&u32) -> bool) -> Result<Named> {
        let gone: Vec<usize> = (0..x.axes.len()).filter(|&i| !is_kept(&x.axes[i])).collect();
        if gone.is_empty() {
            return Ok(x);
        }
        Ok(Named { node: self.sum(x.node, &gone)?, axes: x.axes.into_iter().filter(is_kept).collect() })
    }

    /// Without the axes of size 1 that the other has longer.
    fn squeezed(&mut self, x: &Named, other: &Named) -> Result<Named> {
        let (own, theirs) = (self.ty(x.node).shape.clone(), self.ty(other.node).shape.clone());
        let is_broadcast = |i: usize| {
            let place = other.axes.iter().position(|a| *a == x.axes[i]);
            own.dims()[i].is_one() && place.is_some_and(|j| !theirs.dims()[j].is_one())
        };
        let gone: Vec<usize> = (0..x.axes.len()).filter(|&i| is_broadcast(i)).collect();
        let axes = (0..x.axes.len()).filter(|i| !gone.contains(i)).map(|i| x.axes[i]).collect();
        Ok(Named { node: self.reshape(x.node, &own.without(&gone))?, axes })
    }

    /// The axes of the result, in its order.
    fn arranged(&mut self, x: Named, output: &[u32]) -> Result<NodeId> {
        let x = self.summed(x, |axis| output.contains(axis))?;
        let place = |axis: &u32| x.axes.iter().position(|a| a == axis);
        let perm: Option<Vec<usize>> = output.iter().map(place).collect();
        let perm = perm.ok_or_else(|| Error::internal("einsum", "an axis of the result is lost"))?;
        self.permute(x.node, &perm)
    }
}

/// The first two places of a name that comes twice.
fn twice(axes: &[u32]) -> Option<(usize, usize)> {
    (0..axes.len()).find_map(|i| (i + 1..axes.len()).find(|&j| axes[i] == axes[j]).map(|j| (i, j)))
}

fn letter(axis: u32) -> String {
    char::from_u32(axis).map_or_else(|| "...".into(), String::from)
}

fn wrong(equation: &str, what: &str) -> Error {
    Error::plan("einsum", format!("`{equation}`: {what}")).hint("an equation reads \"ij,jk->ik\"")
}

/// The names of the axes of each operand and of the result.
fn parsed(g: &Graph, equation: &str, operands: &[NodeId]) -> Result<(Vec<Vec<u32>>, Vec<u32>)> {
    let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != operands.len() {
        return Err(wrong(equation, &format!("it names {} operands, got {}", terms.len(), operands.len())));
    }
    let mut inputs = Vec::with_capacity(terms.len());
    let mut broadcast = 0;
    for (term, &x) in terms.iter().zip(operands) {
        let shape = &g.ty(x).shape;
        let axes = named(equation, term, shape)?;
        broadcast = axes.iter().filter(|a| **a >= ELLIPSIS).count().max(broadcast);
        inputs.push(axes);
    }
    let ellipsis = (0..broadcast as u32).rev().map(|i| ELLIPSIS + i);
    let output = match right {
        Some(right) => {
            let (before, after) = right.split_once("...").map_or((right, None), |(before, after)| (before, Some(after)));
            let mut output = letters(equation, before)?;
            if let Some(after) = after {
                output.extend(ellipsis);
                output.extend(letters(equation, after)?);
            }
            output
        }
        None => {
            let all: Vec<u32> = inputs.iter().flatten().copied().filter(|a| *a < ELLIPSIS).collect();
            let mut once: Vec<u32> = all.iter().copied().filter(|a| all.iter().filter(|b| *b == a).count() == 1).collect();
            once.sort_unstable();
            ellipsis.chain(once).collect()
        }
    };
    if let Some((i, _)) = twice(&output) {
        return Err(wrong(equation, &format!("the result has axis `{}` twice", letter(output[i]))));
    }
    match output.iter().find(|a| !inputs.iter().any(|axes| axes.contains(a))) {
        Some(&axis) => Err(wrong(equation, &format!("no operand has axis `{}` of the result", letter(axis)))),
        None => Ok((inputs, output)),
    }
}

/// The names of an operand's axes.
fn named(equation: &str, term: &str, shape: &Shape) -> Result<Vec<u32>> {
    let Some((before, after)) = term.split_once("...") else {
        let axes = letters(equation, term)?;
        if axes.len() != shape.rank() {
            return Err(Error::shape("einsum", format!("`{term}` of `{equation}`: expected {} axes, got {shape}", axes.len())));
        }
        return Ok(axes);
    };
    let (before, after) = (letters(equation, before)?, letters(equation, after)?);
    let rest = shape.rank().checked_sub(before.len() + after.len());
    let few = || {
        let known = before.len() + after.len();
        Error::shape("einsum", format!("`{term}` of `{equation}`: expected {known} axes or more, got {shape}"))
    };
    let rest = rest.ok_or_else(few)? as u32;
    Ok(before.iter().copied().chain((0..rest).rev().map(|i| ELLIPSIS + i)).chain(after.iter().copied()).collect())
}

fn letters(equation: &str, text: &str) -> Result<Vec<u32>> {
    let one = |c: char| {
        if c.is_alphabetic() { Ok(c as u32) } else { Err(wrong(equation, &format!("`{c}` is no letter"))) }
    };
    text.chars().map(one).collect()
}

/// Refuses letters with two sizes, but for a 1 under `...`.
fn check_sizes(g: &Graph, operands: &[Named]) -> Result<()> {
    let mut known: Vec<(u32, crate::Dim)> = Vec::new();
    for x in operands {
        for (&axis, dim) in x.axes.iter().zip(g.ty(x.node).shape.dims()) {
            match known.iter_mut().find(|(a, _)| *a == axis) {
                None => known.push((axis, dim.clone())),
                Some((_, size)) if size == dim => {}
                Some((_, size)) if size.is_one() => *size = dim.clone(),
                Some(_) if dim.is_one() => {}
                Some((_, size)) => {
                    let what = format!("axis `{}` is of size {size} and of size {dim}", letter(axis));
                    return Err(Error::shape("einsum", what));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
pub mod rows {
    use crate::ops::proof::{Row, floats, others};

    pub fn rows() -> Vec<Row> {
        vec![
            Row::new("call", "einsum of matrices in a batch", [floats(&[2, 2, 3]), others(&[2, 3, 2])], |g, x| {
                g.einsum("bij,bjk->kbi", x)
            }),
            Row::new("call", "einsum of three, one a diagonal", [floats(&[3, 3]), others(&[3]), floats(&[2])], |g, x| {
                g.einsum("ii,i,j", x)
            }),
            Row::new("call", "einsum of what broadcasts", [floats(&[2, 1, 3]), others(&[4, 3])], |g, x| {
                g.einsum("...i,...i->...", x)
            }),
        ]
    }
}
