//! Functions in files: a graph as JSON that people can read, and back.
//!
//! What is stored has no composites: each is written as what it means, so that a file says everything that it needs. Reading
//! builds the graph anew through the constructors that check every operand: a damaged file is an error, never a wrong graph.

mod flat;
mod kinds;

use gradframe_ml_core::graph::{Kind, Type};
use gradframe_ml_core::{DType, Dim, Error, Function, Graph, NodeId, Result, Shape, Tensor};
use serde::{Deserialize, Serialize};

use self::kinds::StoredKind;

/// A function as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredFunction {
    arguments: Vec<StoredArgument>,
    /// In order; an operand counts arguments first.
    nodes: Vec<StoredNode>,
    outputs: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredArgument {
    name: String,
    dtype: String,
    shape: Vec<StoredDim>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredNode {
    #[serde(flatten)]
    kind: StoredKind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    of: Vec<usize>,
}

/// A size: a number, or `times * product of symbols + plus`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum StoredDim {
    Fixed(usize),
    Symbolic { symbols: Vec<String>, times: usize, plus: i64 },
}

impl StoredFunction {
    /// The function, to be stored. Errors: none but `Internal`.
    pub fn of(function: &Function) -> Result<Self> {
        let flat = flat::flattened(function)?;
        let argument = |(argument, ty): (&gradframe_ml_core::graph::Argument, &Type)| StoredArgument {
            name: argument.name.clone(),
            dtype: ty.dtype.to_string(),
            shape: stored_shape(&ty.shape),
        };
        let arguments: Vec<_> = flat.graph.arguments().iter().zip(flat.argument_types()).map(argument).collect();
        let (mut places, mut nodes) = (Vec::new(), Vec::new());
        for (_, node) in flat.graph.nodes() {
            places.push(match &node.kind {
                Kind::Input { index } => *index as usize,
                kind => {
                    let of = node.inputs.iter().map(|input| places[input.index()]).collect();
                    nodes.push(StoredNode { kind: StoredKind::of(kind)?, of });
                    arguments.len() + nodes.len() - 1
                }
            });
        }
        let outputs = flat.outputs.iter().map(|output| places[output.index()]).collect();
        Ok(StoredFunction { arguments, nodes, outputs })
    }

    /// The function that was stored.
    /// Errors: `Execution` if what is stored is no function of ours.
    pub fn function(&self) -> Result<Function> {
        self.built().map_err(|error| match error.kind() {
            "Execution" => error,
            _ => damaged(error.to_string()).because(error),
        })
    }

    fn built(&self) -> Result<Function> {
        let mut g = Graph::new();
        let mut made: Vec<NodeId> = Vec::with_capacity(self.arguments.len() + self.nodes.len());
        for argument in &self.arguments {
            made.push(g.input(&argument.name, Type::new(dtype(&argument.dtype)?, shape(&argument.shape)?)));
        }
        for node in &self.nodes {
            let operands = node.of.iter().map(|&i| at(&made, i)).collect::<Result<Vec<_>>>()?;
            made.push(match node.kind.kind()? {
                Kind::Const(value) => g.constant(Tensor::clone(&value)),
                kind => g.apply(kind, &operands)?,
            });
        }
        let outputs = self.outputs.iter().map(|&i| at(&made, i)).collect::<Result<Vec<_>>>()?;
        Function::new(g, outputs)
    }
}

fn at(made: &[NodeId], place: usize) -> Result<NodeId> {
    made.get(place).copied().ok_or_else(|| damaged(format!("value {place} is used before it is made")))
}

fn damaged(what: String) -> Error {
    Error::execution("model", format!("the stored graph is damaged: {what}")).hint("train the model again")
}

fn dtype(name: &str) -> Result<DType> {
    let found = DType::ALL.into_iter().find(|dtype| dtype.to_string() == name);
    found.ok_or_else(|| damaged(format!("there is no element type `{name}`")))
}

fn stored_shape(shape: &Shape) -> Vec<StoredDim> {
    shape.dims().iter().map(stored_dim).collect()
}

fn stored_dim(dim: &Dim) -> StoredDim {
    match dim.as_fixed() {
        Some(size) => StoredDim::Fixed(size),
        None => StoredDim::Symbolic {
            symbols: dim.symbols().iter().map(|symbol| symbol.name().to_owned()).collect(),
            times: dim.coefficient().unsigned_abs() as usize,
            plus: dim.constant(),
        },
    }
}

fn shape(dims: &[StoredDim]) -> Result<Shape> {
    dims.iter().map(dim).collect::<Result<Vec<_>>>().map(Shape::new)
}

fn dim(stored: &StoredDim) -> Result<Dim> {
    match stored {
        StoredDim::Fixed(size) => Ok(Dim::fixed(*size)),
        StoredDim::Symbolic { symbols, times, plus } => {
            let start = Some(Dim::fixed(*times));
            let product = symbols.iter().fold(start, |all, symbol| all?.mul(&Dim::symbol(symbol)));
            product.map(|dim| dim.plus(*plus)).ok_or_else(|| damaged("a size has no formula".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::ReduceOp;
    use gradframe_ml_core::transform::evaluate;

    use super::*;

    fn rows() -> Type {
        Type::new(DType::F32, Shape::new([Dim::symbol("N"), Dim::fixed(3)]))
    }

    fn stored_and_read(function: &Function) -> Function {
        let text = serde_json::to_string(&StoredFunction::of(function).unwrap()).unwrap();
        serde_json::from_str::<StoredFunction>(&text).unwrap().function().unwrap()
    }

    #[test]
    fn what_comes_back_computes_the_same_bits() {
        let mut g = Graph::new();
        let x = g.input("x", rows());
        let w = g.constant(Tensor::from_vec(&[3, 2], vec![0.1f32, f32::NAN, -0.0, 4.0, 1e-45, 6.0]).unwrap());
        let y = g.matmul(x, w).unwrap();
        let y = g.gelu(y).unwrap();
        let y = g.softmax(y, 1).unwrap();
        let top = g.apply(Kind::Reduce { op: ReduceOp::Max, axes: [1].into_iter().collect() }, &[y]).unwrap();
        let function = Function::new(g, vec![y, top]).unwrap();
        let read = stored_and_read(&function);
        let x = Tensor::from_vec(&[2, 3], vec![1.0f32, 2.0, 3.0, -1.0, 0.5, 0.25]).unwrap();
        let at = std::slice::from_ref(&x);
        assert_eq!(evaluate(&function, at).unwrap(), evaluate(&read, at).unwrap());
        assert!(read.graph.nodes().all(|(_, node)| !matches!(node.kind, Kind::Call(_))));
    }

    #[test]
    fn a_damaged_graph_is_an_error_that_says_so() {
        let mut g = Graph::new();
        let x = g.input("x", rows());
        let y = g.exp(x).unwrap();
        let good = StoredFunction::of(&Function::new(g, vec![y]).unwrap()).unwrap();
        let broken = [
            StoredFunction { outputs: vec![7], ..good.clone() },
            StoredFunction { nodes: vec![StoredNode { of: vec![3], ..good.nodes[0].clone() }], ..good.clone() },
            StoredFunction { nodes: vec![StoredNode { of: vec![], ..good.nodes[0].clone() }], ..good.clone() },
        ];
        for stored in broken {
            let error = stored.function().unwrap_err();
            assert_eq!(error.kind(), "Execution");
            assert!(error.to_string().contains("the stored graph is damaged"), "{error}");
        }
    }
}
