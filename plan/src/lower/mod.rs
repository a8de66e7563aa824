//! SQL in the graph: which operator and function of SQL is which expression of the numeric core.
//!
//! **One table, one row a function.** Every function here is *strict* (null if an argument is), takes floats of one type, gives
//! that type, and has the very bits of SQL's. A row says too when SQL's function would rather be an error than a number.

mod functions;

use datafusion::logical_expr::Operator;
use gradframe_ml_core::graph::Fn2;
use gradframe_ml_core::{Graph, NodeId, Result};

use self::functions::FUNCTIONS;

/// An expression of operands, all of one float type and shape.
pub type Build = fn(&mut Graph, &[NodeId]) -> Result<NodeId>;

/// A function of SQL in the graph.
#[derive(Debug, Clone, Copy)]
pub struct Lowering {
    /// Its name in SQL.
    pub name: &'static str,
    /// How many arguments it takes.
    pub arity: usize,
    /// The value.
    pub build: Build,
    /// True where SQL's function fails instead.
    pub fails: Option<Build>,
    /// Whether its result is rounded correctly: then it has the same bits on every back end, and SQL's in single precision too. The
    /// core computes the others in double.
    pub exact: bool,
}

impl Lowering {
    const fn new(name: &'static str, arity: usize, build: Build) -> Self {
        Lowering { name, arity, build, fails: None, exact: false }
    }

    const fn fails(mut self, fails: Build) -> Self {
        self.fails = Some(fails);
        self
    }

    const fn exact(mut self) -> Self {
        self.exact = true;
        self
    }
}

/// The function of this name with this many arguments.
pub fn function(name: &str, arity: usize) -> Option<&'static Lowering> {
    FUNCTIONS.iter().find(|row| row.name == name && row.arity == arity)
}

/// Arithmetic of floats.
pub fn operator(operator: &Operator) -> Option<&'static Lowering> {
    OPERATORS.iter().find(|(of, _)| of == operator).map(|(_, row)| row)
}

const OPERATORS: [(Operator, Lowering); 5] = [
    (Operator::Plus, Lowering::new("+", 2, |g, x| g.add(x[0], x[1])).exact()),
    (Operator::Minus, Lowering::new("-", 2, |g, x| g.sub(x[0], x[1])).exact()),
    (Operator::Multiply, Lowering::new("*", 2, |g, x| g.mul(x[0], x[1])).exact()),
    (Operator::Divide, Lowering::new("/", 2, |g, x| g.div(x[0], x[1])).exact()),
    (Operator::Modulo, Lowering::new("%", 2, |g, x| g.map2(Fn2::Rem, x[0], x[1])).exact()),
];
