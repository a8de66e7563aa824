//! Sequences that are aligned with others: the sum over all ways is one loop over time.

use gradframe_ml_core::graph::{StackedStep, Type};
use gradframe_ml_core::{Dim, Error, Graph, NodeId, Result, Shape};

use super::value::{Value, operands};
use super::{Row, one, row};

/// `ctc_paths` is given scores [T, B, S], the logarithms of how probable the label at each of S places is at each time, where a path may
/// begin [B, S] and where it may come from the place before the last one [B, S], 0 there and a large negative number elsewhere, and
/// which times count [T, B, 1]. It gives the logarithm of the sum over all paths to each place: [B, S]. Source: Graves et al. 2006.
pub const ROWS: &[Row] = &[row("ctc_paths", |g, x, _| {
    let [scores, first, skips, counts] = operands("ctc_paths", x)?;
    let [scores, first, skips] = [scores, first, skips].map(|value| value.real("ctc_paths", g));
    let (scores, first, skips, counts) = (scores?, first?, skips?, counts.real("ctc_paths", g)?);
    let shape = g.ty(scores).shape.clone();
    let steps = shape.dims().first().and_then(|dim| dim.as_fixed()).filter(|_| shape.rank() == 3);
    let steps = steps.ok_or_else(|| Error::shape("ctc_paths", format!("expected scores [time, batch, places], got {shape}")))?;
    let (last, _) = g.repeat_stacked(steps, &[first], &[scores, counts], &[skips], |g, step: StackedStep| {
        let [scores, counts] = step.rows else { return Err(Error::internal("ctc_paths", "no scores")) };
        let next = further(g, step.carried[0], step.constants[0], *scores)?;
        Ok((vec![g.select(*counts, next, step.carried[0])?], vec![]))
    })?;
    one(Value::Real(last[0]))
})];

/// What adds up to nothing beside any probability, and is still a number after as many steps as there will be.
const NEVER: f64 = -1e30;

/// The logarithm of the sum over paths that are at each place after one more step [B, S]: they stay, come from the place before, or from
/// the one before that.
fn further(g: &mut Graph, paths: NodeId, skips: NodeId, scores: NodeId) -> Result<NodeId> {
    let (one, two) = (moved(g, paths, 1)?, moved(g, paths, 2)?);
    let two = g.add(two, skips)?;
    let largest = g.max(one, two)?;
    let largest = g.max(paths, largest)?;
    let largest = g.stop_gradient(largest)?;
    let mut sum = None;
    for part in [paths, one, two] {
        let below = g.sub(part, largest)?;
        let part = g.exp(below)?;
        sum = Some(match sum {
            Some(sum) => g.add(sum, part)?,
            None => part,
        });
    }
    let sum = sum.ok_or_else(|| Error::internal("ctc_paths", "no parts"))?;
    let logarithm = g.log(sum)?;
    let all = g.add(largest, logarithm)?;
    g.add(all, scores)
}

/// Everything `by` places further [B, S]; nothing is before the first.
fn moved(g: &mut Graph, paths: NodeId, by: usize) -> Result<NodeId> {
    let ty = g.ty(paths).clone();
    let sizes: Vec<usize> = ty.shape.dims().iter().filter_map(Dim::as_fixed).collect();
    let [batch, places] = sizes[..] else {
        return Err(Error::shape("ctc_paths", format!("expected [batch, places], got {}", ty.shape)));
    };
    let empty = g.full(&Type::new(ty.dtype, Shape::fixed(&[batch, by.min(places)])), NEVER)?;
    let rest = g.slice_axis(paths, 1, 0, Dim::fixed(places.saturating_sub(by)))?;
    g.concat(&[empty, rest], 1)
}
