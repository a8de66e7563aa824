//! The functions between layers.

use gradframe_ml_core::{Graph, NodeId, Result};

/// An elementwise function after a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    Relu,
    Relu6,
    LeakyRelu,
    Elu,
    Selu,
    Gelu,
    Silu,
    Tanh,
    Sigmoid,
    Softplus,
    Identity,
}

impl Activation {
    /// The names, in the order of `ALL`.
    pub const NAMES: &'static [&'static str] =
        &["relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "softplus", "identity"];

    /// Every one.
    pub const ALL: [Activation; 11] = [
        Activation::Relu,
        Activation::Relu6,
        Activation::LeakyRelu,
        Activation::Elu,
        Activation::Selu,
        Activation::Gelu,
        Activation::Silu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Identity,
    ];

    /// The activation of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().zip(Self::ALL).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, a)| a)
    }

    /// Its value: S -> S. Errors: `DType` if `x` is no float.
    pub fn apply(self, g: &mut Graph, x: NodeId) -> Result<NodeId> {
        match self {
            Activation::Relu => g.relu(x),
            Activation::Relu6 => relu6(g, x),
            Activation::LeakyRelu => leaky_relu(g, x),
            Activation::Elu => elu(g, x),
            Activation::Selu => selu(g, x),
            Activation::Gelu => gelu(g, x),
            Activation::Silu => silu(g, x),
            Activation::Tanh => g.tanh(x),
            Activation::Sigmoid => g.sigmoid(x),
            Activation::Softplus => g.softplus(x),
            Activation::Identity => Ok(x),
        }
    }
}

/// `min(max(x, 0), 6)`; its derivative at 0 and 6 is 0.
fn relu6(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let six = g.scalar_like(x, 6.0)?;
    let positive = g.relu(x)?;
    let high = g.ge(x, six)?;
    g.select(high, six, positive)
}

/// `x` where positive, else `x / 100`.
fn leaky_relu(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (zero, slope) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, 0.01)?);
    let low = g.le(x, zero)?;
    let small = g.mul(slope, x)?;
    g.select(low, small, x)
}

/// `x` where positive, else `e^x - 1`. Source: Clevert, Unterthiner and Hochreiter 2016.
fn elu(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let zero = g.scalar_like(x, 0.0)?;
    let low = g.le(x, zero)?;
    let below = g.select(low, x, zero)?; // no overflow where it is not used
    let curve = g.expm1(below)?;
    g.select(low, curve, x)
}

/// `lambda x` where positive, else `lambda alpha (e^x - 1)`. Source: Klambauer et al. 2017.
fn selu(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    const LAMBDA: f64 = 1.050_700_987_355_480_5;
    let (zero, alpha, lambda) = (g.scalar_like(x, 0.0)?, g.scalar_like(x, ALPHA)?, g.scalar_like(x, LAMBDA)?);
    let low = g.le(x, zero)?;
    let below = g.select(low, x, zero)?;
    let curve = g.expm1(below)?;
    let curve = g.mul(alpha, curve)?;
    let whole = g.select(low, curve, x)?;
    g.mul(lambda, whole)
}

/// `x / 2 (1 + erf(x / sqrt 2))`. Source: Hendrycks and Gimpel 2016, the exact form.
fn gelu(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let (half, one) = (g.scalar_like(x, 0.5)?, g.scalar_like(x, 1.0)?);
    let root = g.scalar_like(x, std::f64::consts::FRAC_1_SQRT_2)?;
    let scaled = g.mul(x, root)?;
    let erf = g.erf(scaled)?;
    let twice = g.add(one, erf)?;
    let halved = g.mul(half, x)?;
    g.mul(halved, twice)
}

/// `x sigmoid(x)`. Source: Elfwing, Uchibe and Doya 2018.
fn silu(g: &mut Graph, x: NodeId) -> Result<NodeId> {
    let gate = g.sigmoid(x)?;
    g.mul(x, gate)
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::transform::{evaluate, grad};
    use gradframe_ml_core::{DType, Function, Shape, Tensor};

    use super::*;

    fn at(activation: Activation, x: f64) -> (f64, f64) {
        let mut g = Graph::new();
        let input = g.input("x", Type::new(DType::F64, Shape::scalar()));
        let y = activation.apply(&mut g, input).unwrap();
        let function = Function::new(g, vec![y]).unwrap();
        let slope = grad(&function, &[0]).unwrap();
        let value = |f: &Function| evaluate(f, &[Tensor::scalar(x)]).unwrap()[0].values::<f64>().unwrap()[0];
        (value(&function), value(&slope))
    }

    #[test]
    fn names_find_their_functions_in_any_case() {
        assert!(Activation::NAMES.iter().zip(Activation::ALL).all(|(name, a)| Activation::named(name) == Some(a)));
        assert_eq!(Activation::named("GELU"), Some(Activation::Gelu));
        assert_eq!(Activation::named("crelu"), None);
    }

    /// Values of PyTorch 2 at -1 and 2.
    #[test]
    fn values_are_the_published_ones() {
        let expected = [
            (Activation::Relu, 0.0, 2.0),
            (Activation::Relu6, 0.0, 2.0),
            (Activation::LeakyRelu, -0.01, 2.0),
            (Activation::Elu, -0.632_120_558_8, 2.0),
            (Activation::Selu, -1.111_330_737_8, 2.101_401_974_7),
            (Activation::Gelu, -0.158_655_253_9, 1.954_499_736_1),
            (Activation::Silu, -0.268_941_421_4, 1.761_594_155_9),
            (Activation::Tanh, -0.761_594_155_9, 0.964_027_580_1),
            (Activation::Sigmoid, 0.268_941_421_4, 0.880_797_077_9),
            (Activation::Softplus, 0.313_261_687_5, 2.126_928_011_0),
            (Activation::Identity, -1.0, 2.0),
        ];
        for (activation, low, high) in expected {
            assert!((at(activation, -1.0).0 - low).abs() < 1e-9, "{activation:?}");
            assert!((at(activation, 2.0).0 - high).abs() < 1e-9, "{activation:?}");
        }
    }

    #[test]
    fn slopes_agree_with_differences_and_stay_finite_far_out() {
        for activation in Activation::ALL {
            for x in [-2.0, -0.3, 0.4, 3.0, 7.0] {
                let slope = (at(activation, x + 1e-6).0 - at(activation, x - 1e-6).0) / 2e-6;
                assert!((at(activation, x).1 - slope).abs() < 1e-6, "{activation:?} at {x}");
            }
            assert!(at(activation, -1e3).1.is_finite() && at(activation, 1e3).1.is_finite(), "{activation:?}");
        }
    }
}
