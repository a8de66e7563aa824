//! Arrays with other values in some places.

use gradframe_ml_core::graph::ScatterOp;
use gradframe_ml_core::{DType, Dim, Error, Graph, NodeId, Result, Shape};

use super::arguments::text;
use super::creation::places;
use super::value::{Value, operands};
use super::{Row, Values, one, row};

/// Putting, and the places to put to. They count from 1: what is picked outside of them is 0, which is no place.
pub const ROWS: &[Row] = &[
    row("put", |g, x, args| {
        let [x, places, values] = operands("at", x)?;
        let how = text("at", args, 0)?.unwrap_or("set");
        put(g, x, places, values, how)
    }),
    row("places", |g, x, _| {
        let [x] = operands("places", x)?;
        let shape = x.dims(g);
        let (from_zero, first) = (places(g, &shape)?, g.scalar(DType::I64, 1.0)?);
        one(Value::Real(g.add(from_zero, first)?))
    }),
];

/// `x` with other values at these row-major places, which count from 1: set, or folded with what is there.
fn put(g: &mut Graph, x: Value, places: Value, values: Value, how: &str) -> Result<Values> {
    let values = values.cast(g, x.element(g))?;
    let (places, first, own) = (places.real("at", g)?, g.scalar(DType::I64, 1.0)?, x.dims(g));
    let places = g.sub(places, first)?;
    let shape = g.ty(places).shape.clone();
    let fits = g.broadcast_shape("at", &[places, values.node()]).is_ok_and(|all| all == shape);
    if !fits {
        return Err(Error::shape("at", format!("values {} do not stretch to the places {shape}", values.dims(g))));
    }
    let (count, size) = (elements(&shape)?, elements(&own)?);
    let places = g.reshape(places, &Shape::new([count.clone()]))?;
    let values = values.broadcast(g, &shape)?;
    let parts = |g: &mut Graph, x: NodeId, v: NodeId| -> Result<NodeId> {
        let (x, v) = (g.reshape(x, &Shape::new([size.clone()]))?, g.reshape(v, &Shape::new([count.clone()]))?);
        let result = match how {
            "set" => g.put_flat(x, places, v)?,
            "add" => {
                let sum = g.scatter(ScatterOp::Sum, v, places, 0, &size)?;
                g.add(x, sum)?
            }
            "max" => {
                let top = g.scatter(ScatterOp::Max, v, places, 0, &size)?;
                g.max(x, top)?
            }
            "min" => {
                let low = g.scatter(ScatterOp::Min, v, places, 0, &size)?;
                g.min(x, low)?
            }
            other => return Err(Error::plan("at", format!("there is no way `{other}` of updating"))),
        };
        g.reshape(result, &own)
    };
    match (x, values) {
        (Value::Complex(z), Value::Complex(v)) => {
            let (re, im) = (parts(g, z.re, v.re)?, parts(g, z.im, v.im)?);
            one(Value::Complex(gradframe_ml_core::complex::Complex::new(g, re, im)?))
        }
        (x, v) => {
            let (x, v) = (x.real("at", g)?, v.real("at", g)?);
            one(Value::Real(parts(g, x, v)?))
        }
    }
}

fn elements(shape: &Shape) -> Result<Dim> {
    shape.elements().ok_or_else(|| Error::internal("at", format!("the number of elements of {shape}")))
}
