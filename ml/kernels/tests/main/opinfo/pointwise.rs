//! Elementwise operators.

use gradframe_ml_core::graph::{Fn1, Fn2};
use gradframe_ml_core::{DType, Graph, NodeId, Result};

use super::Built;
use super::arguments::{Argument, Arguments};

/// The counterpart of an elementwise operator.
pub fn build(op: &str, g: &mut Graph, a: &Arguments) -> Built {
    let x = a.node(0)?;
    if let Some(f) = of_one(op) {
        return Some(float(g, x).and_then(|x| g.map1(f, x)).map(one));
    }
    if let Some(f) = of_two(op).filter(|_| a.places() == 2 && a.names_are(&[])) {
        return Some(pair(g, a).and_then(|(x, y)| g.map2(f, x, y)).map(one));
    }
    unary(op, g, a, x)
        .or_else(|| binary(op, g, a, x))
        .or_else(|| super::composed::unary(op, g, a, x))
        .or_else(|| super::composed::binary(op, g, a, x))
        .map(|r| r.map(one))
}

fn one(node: NodeId) -> Vec<NodeId> {
    vec![node]
}

fn of_one(op: &str) -> Option<Fn1> {
    Some(match op {
        "abs" => Fn1::Abs,
        "acos" => Fn1::Acos,
        "asin" => Fn1::Asin,
        "atan" => Fn1::Atan,
        "ceil" => Fn1::Ceil,
        "cos" => Fn1::Cos,
        "cosh" => Fn1::Cosh,
        "digamma" => Fn1::Digamma,
        "erfc" => Fn1::Erfc,
        "exp" => Fn1::Exp,
        "expm1" => Fn1::Expm1,
        "floor" => Fn1::Floor,
        "isfinite" => Fn1::IsFinite,
        "lgamma" => Fn1::Lgamma,
        "log" => Fn1::Log,
        "log1p" => Fn1::Log1p,
        "neg" => Fn1::Neg,
        "round" | "round.decimals_0" => Fn1::Round,
        "rsqrt" => Fn1::Rsqrt,
        "sin" => Fn1::Sin,
        "sinh" => Fn1::Sinh,
        "sqrt" => Fn1::Sqrt,
        "tan" => Fn1::Tan,
        "tanh" => Fn1::Tanh,
        "trunc" => Fn1::Trunc,
        _ => return None,
    })
}

fn of_two(op: &str) -> Option<Fn2> {
    Some(match op {
        "add" | "__radd__" => Fn2::Add,
        "sub" => Fn2::Sub,
        "mul" | "__rmul__" => Fn2::Mul,
        "div.no_rounding_mode" | "true_divide" => Fn2::Div,
        "atan2" => Fn2::Atan2,
        "pow" | "float_power" => Fn2::Pow,
        "fmod" => Fn2::Rem,
        "maximum" | "max.binary" => Fn2::Max,
        "minimum" | "min.binary" => Fn2::Min,
        "eq" => Fn2::Eq,
        "ne" => Fn2::Ne,
        "lt" => Fn2::Lt,
        "le" => Fn2::Le,
        "gt" => Fn2::Gt,
        "ge" => Fn2::Ge,
        "bitwise_and" | "__rand__" => Fn2::And,
        "bitwise_or" | "__ror__" => Fn2::Or,
        "bitwise_xor" | "__rxor__" => Fn2::Xor,
        "bitwise_left_shift" => Fn2::Shl,
        "bitwise_right_shift" => Fn2::Shr,
        _ => return None,
    })
}

fn float(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    if g.ty(x).dtype == DType::Bool { g.cast(x, DType::F64) } else { Ok(x) }
}

/// A tensor, or a number of the type of `like`.
pub fn node_or_number(g: &mut Graph, argument: &Argument, like: NodeId) -> Option<Result<NodeId>> {
    match argument {
        Argument::Node(node) => Some(Ok(*node)),
        Argument::Number(n) => Some(g.scalar_like(like, *n)),
        _ => None,
    }
}

fn pair(g: &mut Graph, a: &Arguments) -> Result<(NodeId, NodeId)> {
    let x = a.node(0).ok_or_else(|| gradframe_ml_core::Error::internal("opinfo", "no first operand"))?;
    let y = node_or_number(g, &a.get(1, "other"), x)
        .unwrap_or_else(|| Err(gradframe_ml_core::Error::internal("opinfo", "no second operand")))?;
    Ok((x, y))
}

fn unary(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let number = |place: usize, name: &str, default: f64| match a.get(place, name) {
        Argument::None => Some(default),
        Argument::Number(n) => Some(n),
        _ => None,
    };
    Some(match op {
        "sigmoid" => g.sigmoid(x),
        "nn.functional.relu" => g.relu(x),
        "nn.functional.silu" => g.silu(x),
        "nn.functional.mish" => g.mish(x),
        "nn.functional.logsigmoid" => g.log_sigmoid(x),
        "nn.functional.leaky_relu" => g.leaky_relu(x, number(1, "negative_slope", 0.01)?),
        "nn.functional.elu" | "nn.functional.celu" if number(1, "alpha", 1.0)? == 1.0 => g.elu(x, 1.0),
        "nn.functional.elu" => g.elu(x, number(1, "alpha", 1.0)?),
        "nn.functional.gelu" => match a.get(1, "approximate") {
            Argument::Text(how) if how == "tanh" => g.gelu_tanh(x),
            _ => g.gelu(x),
        },
        "nn.functional.softplus" if a.places() == 1 && a.names_are(&[]) => g.softplus(x),
        "nn.functional.relu6" => clamped(g, x, 0.0, 6.0),
        "nn.functional.hardtanh" => clamped(g, x, number(1, "min_val", -1.0)?, number(2, "max_val", 1.0)?),
        "nn.functional.tanhshrink" => g.tanh(x).and_then(|t| g.sub(x, t)),
        "nn.functional.softsign" => softsign(g, x),
        "square" => g.mul(x, x),
        "reciprocal" => g.scalar_like(x, 1.0).and_then(|o| g.div(o, x)),
        "exp2" => g.scalar_like(x, 2.0).and_then(|two| g.pow(two, x)),
        "log2" => scaled(g, x, std::f64::consts::LOG2_E, Fn1::Log),
        "log10" => scaled(g, x, std::f64::consts::LOG10_E, Fn1::Log),
        "deg2rad" => g.scalar_like(x, std::f64::consts::PI / 180.0).and_then(|s| g.mul(x, s)),
        "frac" => g.trunc(x).and_then(|t| g.sub(x, t)),
        "logical_not" => g.scalar_like(x, 0.0).and_then(|z| g.eq(x, z)),
        "bitwise_not" => g.not(x),
        "clone" | "contiguous" | "alias_copy" | "conj" | "conj_physical" | "resolve_conj" | "resolve_neg" | "real"
        | "positive" => Ok(x),
        "zeros_like" => g.full_like(x, 0.0),
        "ones_like" => g.full_like(x, 1.0),
        "full_like" => g.full_like(x, number(1, "fill_value", f64::NAN)?),
        "float" => g.cast(x, DType::F32),
        "double" => g.cast(x, DType::F64),
        "long" => g.cast(x, DType::I64),
        "int" => g.cast(x, DType::I32),
        "short" => g.cast(x, DType::I16),
        "char" => g.cast(x, DType::I8),
        "bool" => g.cast(x, DType::Bool),
        _ => return None,
    })
}

fn scaled(g: &mut Graph, x: NodeId, factor: f64, f: Fn1) -> Result<NodeId> {
    let (value, factor) = (g.map1(f, x)?, g.scalar_like(x, factor)?);
    g.mul(value, factor)
}

/// The slope is that of x where it is inside, ends left out.
fn clamped(g: &mut Graph, x: NodeId, low: f64, high: f64) -> Result<NodeId> {
    let (low, high) = (g.scalar_like(x, low)?, g.scalar_like(x, high)?);
    let (below, above) = (g.le(x, low)?, g.ge(x, high)?);
    let raised = g.select(below, low, x)?;
    g.select(above, high, raised)
}

fn softsign(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (one, size) = (g.scalar_like(x, 1.0)?, g.abs(x)?);
    let below = g.add(one, size)?;
    g.div(x, below)
}

fn binary(op: &str, g: &mut Graph, a: &Arguments, x: NodeId) -> Option<Result<NodeId>> {
    let mut other = |place: usize, name: &str| node_or_number(g, &a.get(place, name), x)?.ok();
    Some(match op {
        "add" | "sub" if a.names_are(&["alpha"]) => {
            let (y, alpha) = (other(1, "other")?, a.named("alpha").number()?);
            let sign = if op == "add" { alpha } else { -alpha };
            g.scalar_like(x, sign).and_then(|s| g.mul(y, s)).and_then(|s| g.add(x, s))
        }
        "rsub" | "__rsub__" if a.names_are(&[]) && a.places() == 2 => {
            let y = other(1, "other")?;
            g.sub(y, x)
        }
        "__rdiv__" => {
            let y = other(1, "other")?;
            g.div(y, x)
        }
        "__rpow__" => {
            let y = other(1, "other")?;
            g.pow(y, x)
        }
        "where" => {
            let (condition, y) = (a.node(1)?, other(2, "other")?);
            g.select(condition, x, y)
        }
        "masked_fill" => {
            let (mask, value) = (a.node(1)?, other(2, "value")?);
            g.select(mask, value, x)
        }
        "lerp" => {
            let (end, weight) = (other(1, "end")?, other(2, "weight")?);
            g.sub(end, x).and_then(|d| g.mul(weight, d)).and_then(|d| g.add(x, d))
        }
        "addcmul" | "addcdiv" => {
            let (y, z) = (a.node(1)?, a.node(2)?);
            let value = a.get(3, "value").number().unwrap_or(1.0);
            let product = if op == "addcmul" { g.mul(y, z) } else { g.div(y, z) };
            product.and_then(|p| g.scalar_like(x, value).and_then(|v| g.mul(p, v))).and_then(|p| g.add(x, p))
        }
        "floor_divide" | "div.floor_rounding" => {
            let y = other(1, "other")?;
            g.div(x, y).and_then(|q| g.floor(q))
        }
        "div.trunc_rounding" => {
            let y = other(1, "other")?;
            g.div(x, y).and_then(|q| g.trunc(q))
        }
        "hypot" => {
            let y = other(1, "other")?;
            squares(g, x, y).and_then(|s| g.sqrt(s))
        }
        "logical_and" | "logical_or" | "logical_xor" => {
            let y = other(1, "other")?;
            let (x, y) = (g.cast(x, DType::Bool).ok()?, g.cast(y, DType::Bool).ok()?);
            match op {
                "logical_and" => g.and(x, y),
                "logical_or" => g.or(x, y),
                _ => g.xor(x, y),
            }
        }
        "nn.functional.mse_loss" if a.names_are(&["reduction"]) => {
            let y = other(1, "target")?;
            let gap = g.sub(x, y).ok()?;
            g.mul(gap, gap).and_then(|s| folded(g, s, a))
        }
        "nn.functional.l1_loss" if a.names_are(&["reduction"]) => {
            let y = other(1, "target")?;
            g.sub(x, y).and_then(|s| g.abs(s)).and_then(|s| folded(g, s, a))
        }
        "nn.functional.huber_loss" if a.names_are(&["reduction", "delta"]) => {
            let y = other(1, "target")?;
            g.huber(x, y, a.named("delta").number().unwrap_or(1.0)).and_then(|s| folded(g, s, a))
        }
        "nn.functional.binary_cross_entropy_with_logits" if a.names_are(&["reduction"]) && a.places() == 2 => {
            let y = other(1, "target")?;
            g.binary_cross_entropy(x, y).and_then(|s| folded(g, s, a))
        }
        _ => return None,
    })
}

fn squares(g: &mut Graph, x: NodeId, y: NodeId) -> Result<NodeId> {
    let (x, y) = (g.mul(x, x)?, g.mul(y, y)?);
    g.add(x, y)
}

/// By the `reduction` that a loss was asked for: the mean unless said otherwise.
pub fn folded(g: &mut Graph, x: NodeId, a: &Arguments) -> Result<NodeId> {
    match a.named("reduction") {
        Argument::Text(how) if how == "none" => Ok(x),
        Argument::Text(how) if how == "sum" => g.sum_all(x),
        _ => g.mean_all(x),
    }
}
