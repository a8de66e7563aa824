//! Gradients over recorded history: the same transform as `grad`, of the function that the history spells out.

use std::sync::Arc;

use gradframe_ml_core::{Error, Function, Result};
use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use crate::array::Array;
use crate::element::ArrayType;
use crate::recipe::{Class, Recipe, Walk};
use crate::trace::{Closed, apply};

/// Functions with their gradients that are kept, at most; then it begins anew.
const KEPT_MAX: usize = 256;

/// The gradients of `output`, a single float or anything together with `cotangent` of its type, in all watched arrays that it is
/// computed from. The value of `output` comes from the same program.
/// Errors: `Plan` if nothing that it is computed from is watched; `Shape` if it is no single number and has no cotangent.
pub fn backward(output: &Array, cotangent: Option<&Array>) -> Result<Vec<(Array, Array)>> {
    backward_to(output, cotangent, &[])
}

/// As [`backward`], but gradients go no further than to these arrays, which get one too, `output` itself apart: who does something to
/// their gradients goes on from each with what has become of it, the last of [`Array::made_of`] last.
/// Errors: as there.
pub fn backward_to(output: &Array, cotangent: Option<&Array>, ends: &[Array]) -> Result<Vec<(Array, Array)>> {
    check(output, cotangent)?;
    if output.is_watched() {
        let own = cotangent.cloned().map_or_else(|| ones_like(output), Ok)?;
        return Ok(vec![(output.clone(), own)]);
    }
    let is_end =
        |array: &Array| array.identity() != output.identity() && ends.iter().any(|end| end.identity() == array.identity());
    let classify = |array: &Array| Ok(if is_end(array) { Class::Leaf } else { classify(array) });
    let mut walk = Walk::new(&classify);
    let place = walk.place(output)?;
    walk.recipe.outputs.push(place);
    let seed = cotangent.map(|seed| walk.leaf(seed)).is_some();
    let Walk { recipe, given, .. } = walk;
    let wrt: Vec<usize> = (0..given.len()).filter(|&i| given[i].is_watched() || is_end(&given[i])).collect();
    let closed = KEPT.lock().find(recipe, &wrt, output.ty(), seed)?;
    // Gradients have no history of their own: `grad` of `grad` is for that.
    let detached: Vec<Array> = given.iter().map(Array::detached).collect::<Result<_>>()?;
    let mut results = apply(&closed, detached.iter())?.into_iter();
    if let Some(value) = results.next()
        && cotangent.is_none_or(Array::is_realised)
    {
        output.computed_as(&value); // one that is not computed may be made of the output itself
    }
    Ok(wrt.into_iter().map(|i| given[i].clone()).zip(results).collect())
}

impl Array {
    /// Which of these arrays this one is computed from, by their numbers, in an order in which each comes before what it is computed from
    /// itself; this one also of itself. Errors: `Internal`.
    pub fn made_of(&self, of: &[Array]) -> Result<Vec<usize>> {
        let classify = |array: &Array| Ok(classify(array));
        let mut walk = Walk::new(&classify);
        let place = walk.place(self)?;
        walk.recipe.outputs.push(place);
        let order = |array: &Array| match array.source() {
            Some(source) if !array.is_watched() => walk.step_of(&source.node).map(|step| step as usize + 1),
            _ => walk.given.iter().any(|given| given.identity() == array.identity()).then_some(0),
        };
        let mut found: Vec<(usize, usize)> = of.iter().enumerate().filter_map(|(i, array)| Some((order(array)?, i))).collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found.into_iter().map(|(_, i)| i).collect())
    }
}

fn check(output: &Array, cotangent: Option<&Array>) -> Result<()> {
    if !output.is_tracked() {
        return Err(Error::plan("backward", "no array that this is computed from has requires_grad set")
            .hint("make it so with x.requires_grad_() before computing, or use grad(function)"));
    }
    match cotangent {
        None if !output.shape().is_empty() => {
            let what = format!("expected a single number, got {}", output.ty());
            Err(Error::shape("backward", what).hint("sum it or take its mean, or pass a gradient of its shape"))
        }
        Some(given) if given.ty() != output.ty() => {
            Err(Error::shape("backward", format!("expected a gradient {}, got {}", output.ty(), given.ty())))
        }
        _ => Ok(()),
    }
}

fn ones_like(array: &Array) -> Result<Array> {
    let one = crate::Number::Int(1);
    Array::number("backward", one, array.element())
}

fn classify(array: &Array) -> Class {
    match array.source() {
        Some(source) if array.is_tracked() && !array.is_watched() => Class::Step(source),
        _ => Class::Leaf,
    }
}

/// Functions with their gradients, by what they are of: a loop makes the same one again and again.
#[derive(Default)]
struct Kept(HashMap<(Recipe, Vec<usize>), Arc<Closed>, FxBuildHasher>);

static KEPT: std::sync::LazyLock<Mutex<Kept>> = std::sync::LazyLock::new(Mutex::default);

impl Kept {
    fn find(&mut self, recipe: Recipe, wrt: &[usize], output: &ArrayType, seed: bool) -> Result<Arc<Closed>> {
        let key = (recipe, wrt.to_vec());
        if let Some(known) = self.0.get(&key) {
            return Ok(Arc::clone(known));
        }
        let gradients = wrt.iter().map(|&i| key.0.leaves[i].clone());
        let results = std::iter::once(output.clone()).chain(gradients).collect();
        let function = with_gradients(&key.0.function()?, wrt, seed)?;
        let closed = Arc::new(Closed { name: "backward".to_owned(), function, results });
        if self.0.len() >= KEPT_MAX {
            self.0.clear();
        }
        self.0.insert(key, Arc::clone(&closed));
        Ok(closed)
    }
}

/// The result of a function, and its gradients in `wrt`; its cotangent is the last argument if there is a seed.
fn with_gradients(function: &Function, wrt: &[usize], seed: bool) -> Result<Function> {
    let mut g = function.graph.clone();
    let points: Vec<_> = wrt.iter().map(|&i| g.arguments()[i].node).collect();
    let output = function.outputs[0];
    let scalar = match seed {
        false => output,
        true => {
            // The sum of value times cotangent has the gradients that are asked for.
            let cotangent = g.arguments()[g.arguments().len() - 1].node;
            let product = g.mul(output, cotangent)?;
            g.sum_all(product)?
        }
    };
    let (value, gradients) = g.value_and_gradients(scalar, &points)?;
    let value = if seed { output } else { value };
    Function::new(g, std::iter::once(value).chain(gradients).collect())
}
