//! Products of matrices and vectors.

use gradframe_ml_core::{Graph, NodeId, Result};

use super::Built;
use super::arguments::Arguments;

/// The counterpart of a product.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    if op == "einsum" {
        let equation = a.text(1, "equation")?;
        return Some(g.einsum(&equation, &a.all_nodes()).map(|n| vec![n]));
    }
    let (x, y) = (a.node(0)?, a.node(1)?);
    let ranks = (g.ty(x).shape.rank(), g.ty(y).shape.rank());
    let product = match op {
        "matmul" | "mm" | "bmm" | "mv" | "dot" if fits(ranks) => g.matmul(x, y),
        "__rmatmul__" if fits(ranks) => g.matmul(y, x),
        "inner" if ranks == (1, 1) => g.matmul(x, y),
        "outer" if ranks == (1, 1) => g.dot(x, y, Default::default()),
        "addmm" | "addmm.decomposed" | "addmv" | "baddbmm" => scaled_sum(g, a, x, |g, y, z| g.matmul(y, z))?,
        "addr" => scaled_sum(g, a, x, |g, y, z| g.dot(y, z, Default::default()))?,
        "addbmm" => scaled_sum(g, a, x, |g, y, z| {
            let products = g.matmul(y, z)?;
            g.sum(products, &[0])
        })?,
        "linalg.vecdot" if a.names_are(&[]) && a.places() == 2 => {
            let last = ranks.0.checked_sub(1)?;
            g.mul(x, y).and_then(|p| g.sum(p, &[last]))
        }
        "nn.functional.linear" => {
            let turned = if ranks.1 == 2 { g.transpose(y).ok()? } else { y };
            let product = g.matmul(x, turned);
            match a.get(2, "bias").node() {
                Some(bias) => product.and_then(|p| g.add(p, bias)),
                None => product,
            }
        }
        _ => return None,
    };
    Some(product.map(|n| vec![n]))
}

/// Batches of equal rank, or none on one side.
fn fits((a, b): (usize, usize)) -> bool {
    a > 0 && b > 0 && (a <= 2 || b <= 2 || a == b)
}

/// `beta x + alpha (y z)`.
fn scaled_sum(
    g: &mut Graph,
    a: &Arguments,
    x: NodeId,
    product: impl FnOnce(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
) -> Option<Result<NodeId>> {
    let (y, z) = (a.node(1)?, a.node(2)?);
    let factor = |name: &str| a.named(name).number().unwrap_or(1.0);
    let (beta, alpha) = (factor("beta"), factor("alpha"));
    Some((|| {
        let product = product(g, y, z)?;
        let (beta, alpha) = (g.scalar_like(x, beta)?, g.scalar_like(x, alpha)?);
        let (kept, scaled) = (g.mul(x, beta)?, g.mul(product, alpha)?);
        g.add(kept, scaled)
    })())
}
