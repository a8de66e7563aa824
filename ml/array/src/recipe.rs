//! The structure of what is to be computed: operations by number, and what they are done to. Expressions of the same
//! structure have the same recipe, whatever their values.

use std::sync::Arc;

use gradframe_ml_core::{Error, Function, Graph, Result, Tensor};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::array::{Array, Cell};
use crate::element::ArrayType;
use crate::node::{Node, Op, Source};
use crate::ops::{Value, Values};

/// Where an operand, or a result, comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// The n-th leaf.
    Leaf(u32),
    /// A result of the n-th step.
    Step(u32, u32),
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub op: Op,
    pub operands: SmallVec<[Place; 3]>,
}

/// What is computed from what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Recipe {
    /// The types of what is given.
    pub leaves: Vec<ArrayType>,
    /// Leaves that are part of the structure: numbers in compiled functions.
    pub constants: Vec<(u32, Tensor)>,
    pub steps: Vec<Step>,
    pub outputs: Vec<Place>,
}

/// What a walk makes of an array.
pub(crate) enum Class {
    /// It is given.
    Leaf,
    /// It is computed here.
    Step(Source),
}

/// A walk from what is asked for down to what is given.
pub(crate) struct Walk<'a> {
    classify: &'a dyn Fn(&Array) -> Result<Class>,
    pub recipe: Recipe,
    /// The arrays that are given, in order.
    pub given: Vec<Array>,
    /// The operations, in order.
    pub nodes: Vec<Arc<Node>>,
    leaves: FxHashMap<*const Cell, u32>,
    steps: FxHashMap<*const Node, u32>,
}

impl<'a> Walk<'a> {
    /// Arrays are given or computed as `classify` says.
    pub fn new(classify: &'a dyn Fn(&Array) -> Result<Class>) -> Self {
        let (leaves, steps) = (FxHashMap::default(), FxHashMap::default());
        Walk { classify, recipe: Recipe::default(), given: Vec::new(), nodes: Vec::new(), leaves, steps }
    }

    /// A leaf, whether or not something is computed from it.
    pub fn leaf(&mut self, array: &Array) -> Place {
        let next = self.given.len() as u32;
        let number = *self.leaves.entry(Arc::as_ptr(&array.0)).or_insert(next);
        if number == next {
            self.given.push(array.clone());
            self.recipe.leaves.push(array.ty().clone());
        }
        Place::Leaf(number)
    }

    /// Where an array is found, after all that it needs has been added.
    pub fn place(&mut self, array: &Array) -> Result<Place> {
        let root = match self.known(array)? {
            Ok(place) => return Ok(place),
            Err(source) => source,
        };
        let mut stack: Vec<(Arc<Node>, SmallVec<[Place; 3]>)> = vec![(Arc::clone(&root.node), SmallVec::new())];
        while let Some((node, places)) = stack.last_mut() {
            let Some(operand) = node.operands.get(places.len()) else {
                if let Some((node, operands)) = stack.pop() {
                    self.add(node, operands);
                }
                continue;
            };
            match self.known(operand)? {
                Ok(place) => places.push(place),
                Err(source) => stack.push((source.node, SmallVec::new())),
            }
        }
        let step = self.steps.get(&Arc::as_ptr(&root.node)).copied();
        step.map(|step| Place::Step(step, root.output)).ok_or_else(|| Error::internal("array", "an operation has no place"))
    }

    /// The place of an array that needs nothing more; else where it comes from.
    fn known(&mut self, array: &Array) -> Result<Result<Place, Source>> {
        if let Some(&leaf) = self.leaves.get(&Arc::as_ptr(&array.0)) {
            return Ok(Ok(Place::Leaf(leaf)));
        }
        Ok(match (self.classify)(array)? {
            Class::Leaf => Ok(self.leaf(array)),
            Class::Step(source) => match self.steps.get(&Arc::as_ptr(&source.node)) {
                Some(&step) => Ok(Place::Step(step, source.output)),
                None => Err(source),
            },
        })
    }

    fn add(&mut self, node: Arc<Node>, operands: SmallVec<[Place; 3]>) {
        // Reached on two ways at once, it was added on the other.
        if self.steps.contains_key(&Arc::as_ptr(&node)) {
            return;
        }
        self.steps.insert(Arc::as_ptr(&node), self.recipe.steps.len() as u32);
        self.recipe.steps.push(Step { op: node.op.clone(), operands });
        self.nodes.push(node);
    }

    /// The number of an operation that has been added.
    pub fn step_of(&self, node: &Arc<Node>) -> Option<u32> {
        self.steps.get(&Arc::as_ptr(node)).copied()
    }

    /// Makes the numbers among the leaves part of the structure: they are no arguments. Gives which they are.
    pub fn fix_numbers(&mut self) -> Vec<usize> {
        let mut fixed = Vec::new();
        for (i, array) in self.given.iter().enumerate().filter(|(_, a)| a.0.role.number) {
            if let Some(value) = &*array.0.state.lock().value {
                self.recipe.constants.push((i as u32, value.clone()));
                fixed.push(i);
            }
        }
        fixed
    }
}

impl Recipe {
    /// The function of the leaves that it says; those that are constants are no arguments.
    pub fn function(&self) -> Result<Function> {
        let mut g = Graph::new();
        let mut leaves: Vec<Value> = Vec::with_capacity(self.leaves.len());
        for (i, ty) in self.leaves.iter().enumerate() {
            let constant = self.constants.iter().find(|(leaf, _)| *leaf as usize == i);
            let node = match constant {
                Some((_, value)) => g.constant(value.clone()),
                None => g.input(&format!("x{i}"), ty.stored()),
            };
            leaves.push(Value::stored(&mut g, ty.element, node)?);
        }
        let mut steps: Vec<Values> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let operands =
                step.operands.iter().map(|&place| value_at(place, &leaves, &steps)).collect::<Result<SmallVec<[Value; 3]>>>()?;
            steps.push(step.op.build(&mut g, &operands)?);
        }
        let mut outputs = Vec::with_capacity(self.outputs.len());
        for &place in &self.outputs {
            outputs.push(value_at(place, &leaves, &steps)?.to_stored(&mut g)?);
        }
        Function::new(g, outputs)
    }
}

fn value_at(place: Place, leaves: &[Value], steps: &[Values]) -> Result<Value> {
    let found = match place {
        Place::Leaf(leaf) => leaves.get(leaf as usize),
        Place::Step(step, output) => steps.get(step as usize).and_then(|results| results.get(output as usize)),
    };
    found.copied().ok_or_else(|| Error::internal("array", format!("{place:?} is used before it is made")))
}
