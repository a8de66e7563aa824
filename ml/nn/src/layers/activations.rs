//! Activations as layers: one row each.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::functional;
use crate::module;
use crate::module::Layer;
use crate::parameter::Parameter;

/// Layers without options, each with its function.
macro_rules! activations {
    ($($name:ident = $function:ident;)*) => { $(
        #[doc = concat!("[`", stringify!($function), "`](functional::", stringify!($function), ") as a layer: [..] -> [..].")]
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;
        module!($name {});

        impl Layer for $name {
            fn forward(&self, x: &Array) -> Result<Array> {
                functional::$function(x)
            }
        }
    )* };
}

activations! {
    ReLU = relu;
    ReLU6 = relu6;
    SELU = selu;
    GELU = gelu;
    SiLU = silu;
    Mish = mish;
    Sigmoid = sigmoid;
    LogSigmoid = logsigmoid;
    Hardsigmoid = hardsigmoid;
    Hardswish = hardswish;
    Softplus = softplus;
    Softsign = softsign;
    Tanh = tanh;
}

/// Layers with one number, each with its function and the number unless said.
macro_rules! activations_by {
    ($($name:ident($field:ident: $type:ty = $default:expr) = $function:ident;)*) => { $(
        #[doc = concat!("[`", stringify!($function), "`](functional::", stringify!($function), ") as a layer: [..] -> [..].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            #[doc = concat!("By default ", stringify!($default), ".")]
            pub $field: $type,
        }
        module!($name {});

        impl $name {
            /// One with this number.
            pub fn new($field: $type) -> Self {
                $name { $field }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $name::new($default)
            }
        }

        impl Layer for $name {
            fn forward(&self, x: &Array) -> Result<Array> {
                functional::$function(x, self.$field)
            }
        }
    )* };
}

activations_by! {
    LeakyReLU(negative_slope: f64 = 0.01) = leaky_relu;
    ELU(alpha: f64 = 1.0) = elu;
    Softmax(dim: i64 = -1) = softmax;
    LogSoftmax(dim: i64 = -1) = log_softmax;
}

/// [`hardtanh`](functional::hardtanh) as a layer: [..] -> [..].
#[derive(Debug, Clone, Copy)]
pub struct Hardtanh {
    /// The least; by default -1.
    pub min_val: f64,
    /// The most; by default 1.
    pub max_val: f64,
}
module!(Hardtanh {});

impl Default for Hardtanh {
    fn default() -> Self {
        Hardtanh { min_val: -1.0, max_val: 1.0 }
    }
}

impl Layer for Hardtanh {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::hardtanh(x, self.min_val, self.max_val)
    }
}

/// [`prelu`](functional::prelu) as a layer, whose weights are learned: [batch, channels, ..] -> the same.
#[derive(Debug)]
pub struct PReLU {
    /// [num_parameters].
    pub weight: Parameter,
}
module!(PReLU { weight });

impl PReLU {
    /// One weight for all, or one for each channel, that begin at 0.25. Errors: those of computing them.
    pub fn new(num_parameters: usize) -> Result<Self> {
        Ok(PReLU { weight: Parameter::new(&crate::init::constant(&[num_parameters], 0.25)?)? })
    }
}

impl Layer for PReLU {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::prelu(x, &self.weight.array())
    }
}
