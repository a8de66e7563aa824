//! A value in a graph under construction: one node, or the two parts of a complex number.

use gradframe_ml_core::complex::{Complex, ComplexType};
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Error, Graph, NodeId, Result, Shape};
use smallvec::SmallVec;

use crate::element::{ArrayType, Element, Sizes};
use crate::promote::promote;

/// An operand or a result in a graph.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    /// Real numbers or truth values.
    Real(NodeId),
    /// Complex numbers.
    Complex(Complex),
}

impl Value {
    /// The value of a node as arrays are stored: complex numbers are pairs in the last axis.
    pub fn stored(g: &mut Graph, element: Element, node: NodeId) -> Result<Self> {
        match element {
            Element::Real(_) => Ok(Value::Real(node)),
            Element::Complex(_) => Complex::from_pairs(g, node).map(Value::Complex),
        }
    }

    /// The node that holds the value as arrays are stored.
    pub fn to_stored(self, g: &mut Graph) -> Result<NodeId> {
        match self {
            Value::Real(node) => Ok(node),
            Value::Complex(z) => z.pairs(g),
        }
    }

    /// The node of the value, or of its real part: all have its shape.
    pub fn node(self) -> NodeId {
        match self {
            Value::Real(node) => node,
            Value::Complex(z) => z.re,
        }
    }

    /// The type of its elements.
    pub fn element(self, g: &Graph) -> Element {
        let part = g.ty(self.node()).dtype;
        match self {
            Value::Real(_) => Element::Real(part),
            Value::Complex(_) => {
                Element::Complex(if part == DType::F64 { ComplexType::Complex128 } else { ComplexType::Complex64 })
            }
        }
    }

    /// Its shape in the graph.
    pub fn dims(self, g: &Graph) -> Shape {
        g.ty(self.node()).shape.clone()
    }

    /// Its sizes, which are fixed. Errors: `Internal` if one is a symbol.
    pub fn sizes(self, g: &Graph) -> Result<Sizes> {
        let shape = &g.ty(self.node()).shape;
        let fixed = |d: &gradframe_ml_core::Dim| d.as_fixed();
        let sizes: Option<Sizes> = shape.dims().iter().map(fixed).collect();
        sizes.ok_or_else(|| Error::internal("array", format!("{shape} has a size that is a symbol")))
    }

    /// The number of axes.
    pub fn rank(self, g: &Graph) -> usize {
        g.ty(self.node()).shape.rank()
    }

    /// Its type as an array.
    pub fn ty(self, g: &Graph) -> Result<ArrayType> {
        Ok(ArrayType { element: self.element(g), shape: self.sizes(g)? })
    }

    /// The real node. Errors: `DType` naming the operation if it is complex.
    pub fn real(self, op: &str, g: &Graph) -> Result<NodeId> {
        match self {
            Value::Real(node) => Ok(node),
            Value::Complex(_) => Err(Error::dtype(op, format!("expected real numbers, got {}", self.element(g)))),
        }
    }

    /// The same function of the node, or of both parts: for what only moves elements about.
    pub fn each(self, g: &mut Graph, mut f: impl FnMut(&mut Graph, NodeId) -> Result<NodeId>) -> Result<Self> {
        Ok(match self {
            Value::Real(x) => Value::Real(f(g, x)?),
            Value::Complex(z) => Value::Complex(z.each(g, f)?),
        })
    }

    /// The same numbers in another element type; a complex number loses its imaginary part if that is real.
    pub fn cast(self, g: &mut Graph, element: Element) -> Result<Self> {
        if self.element(g) == element {
            return Ok(self);
        }
        match (self, element) {
            (Value::Real(x), Element::Real(dtype)) => g.cast(x, dtype).map(Value::Real),
            (Value::Real(x), Element::Complex(ty)) => {
                let re = g.cast(x, ty.part())?;
                Complex::from_real(g, re).map(Value::Complex)
            }
            (Value::Complex(z), Element::Complex(ty)) => z.cast(g, ty).map(Value::Complex),
            (Value::Complex(z), Element::Real(DType::Bool)) => {
                let zero = g.scalar_like(z.re, 0.0)?;
                let (re, im) = (g.ne(z.re, zero)?, g.ne(z.im, zero)?);
                g.or(re, im).map(Value::Real)
            }
            (Value::Complex(z), Element::Real(dtype)) => g.cast(z.re, dtype).map(Value::Real),
        }
    }

    /// The value broadcast to a shape. Errors: `Shape` if it does not fit.
    pub fn broadcast(self, g: &mut Graph, shape: &Shape) -> Result<Self> {
        self.each(g, |g, x| g.broadcast_to(x, shape))
    }
}

/// The operands in the one type that holds them all. Errors: `DType` if there is none.
pub fn promoted(g: &mut Graph, op: &str, x: &[Value]) -> Result<SmallVec<[Value; 3]>> {
    let element = common(g, op, x)?;
    x.iter().map(|v| v.cast(g, element)).collect()
}

/// As [`promoted`], of numbers: truth values are not taken.
pub fn numbers(g: &mut Graph, op: &str, x: &[Value]) -> Result<SmallVec<[Value; 3]>> {
    let element = common(g, op, x)?;
    if element == Element::BOOL {
        return Err(Error::dtype(op, "expected numbers, got bool").hint("cast with astype, or use the logical functions"));
    }
    x.iter().map(|v| v.cast(g, element)).collect()
}

/// As [`promoted`], of floats: integers and truth values become the default float.
pub fn floats(g: &mut Graph, op: &str, x: &[Value]) -> Result<SmallVec<[Value; 3]>> {
    let element = common(g, op, x)?;
    let element = if element.is_differentiable() { element } else { Element::FLOAT };
    x.iter().map(|v| v.cast(g, element)).collect()
}

fn common(g: &Graph, op: &str, x: &[Value]) -> Result<Element> {
    let mut elements = x.iter().map(|v| v.element(g));
    let first = elements.next().ok_or_else(|| Error::plan(op, "expected an array"))?;
    elements.try_fold(first, |all, one| promote(op, all, one))
}

/// Zeros, or another number, of a type.
pub fn full(g: &mut Graph, ty: &ArrayType, number: f64) -> Result<Value> {
    let part = Type::new(ty.element.part(), Shape::fixed(&ty.shape));
    let re = g.full(&part, number)?;
    match ty.element {
        Element::Real(_) => Ok(Value::Real(re)),
        Element::Complex(_) => Complex::from_real(g, re).map(Value::Complex),
    }
}

/// The operands, of which there must be `N`. Errors: `Plan` naming both numbers.
pub fn operands<const N: usize>(op: &str, x: &[Value]) -> Result<[Value; N]> {
    x.try_into().map_err(|_| Error::plan(op, format!("expected {N} arrays, got {}", x.len())))
}
