//! Losses as values with options: what is made of a model's output and its target.

use std::fmt::Debug;

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;

use crate::functional::{self, Picked, Reduction};

/// A loss of a model's output and its target.
pub trait Loss: Debug + Send + Sync {
    /// The loss: a single number, or with [`Reduction::None`] one for each element or row. Errors: those that the loss names.
    fn forward(&self, input: &Array, target: &Array) -> Result<Array>;
}

/// Losses whose only option is their reduction.
macro_rules! losses {
    ($($name:ident = $function:ident;)*) => { $(
        #[doc = concat!("[`", stringify!($function), "`](functional::", stringify!($function), ") as a value; unless said, the mean.")]
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name {
            /// What becomes of the losses of elements.
            pub reduction: Reduction,
        }

        impl Loss for $name {
            fn forward(&self, input: &Array, target: &Array) -> Result<Array> {
                functional::$function(input, target, self.reduction)
            }
        }
    )* };
}

losses! {
    MSELoss = mse_loss;
    L1Loss = l1_loss;
    BCELoss = binary_cross_entropy;
    BCEWithLogitsLoss = binary_cross_entropy_with_logits;
    KLDivLoss = kl_div;
}

/// Losses with a number beside their reduction.
macro_rules! losses_by {
    ($($name:ident($field:ident = $default:expr) = $function:ident;)*) => { $(
        #[doc = concat!("[`", stringify!($function), "`](functional::", stringify!($function), ") as a value; unless said, the mean.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            #[doc = concat!("Where the square becomes a line; by default ", stringify!($default), ".")]
            pub $field: f64,
            /// What becomes of the losses of elements.
            pub reduction: Reduction,
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $field: $default, reduction: Reduction::Mean }
            }
        }

        impl Loss for $name {
            fn forward(&self, input: &Array, target: &Array) -> Result<Array> {
                functional::$function(input, target, self.$field, self.reduction)
            }
        }
    )* };
}

losses_by! {
    HuberLoss(delta = 1.0) = huber_loss;
    SmoothL1Loss(beta = 1.0) = smooth_l1_loss;
}

/// What losses of labels may be told.
macro_rules! of_labels {
    ($name:ident) => {
        impl $name {
            /// All labels count the same but -100, which does not count; the mean.
            pub fn new() -> Self {
                $name::default()
            }

            /// What each class counts for, also in the mean: [classes].
            pub fn weight(mut self, weight: &Array) -> Self {
                self.0.weight = Some(weight.clone());
                self
            }

            /// The label that has the loss 0 and does not count in the mean; of None all count.
            pub fn ignore_index(mut self, label: impl Into<Option<i64>>) -> Self {
                self.0.ignore_index = label.into();
                self
            }

            /// What becomes of the losses of rows.
            pub fn reduction(mut self, reduction: Reduction) -> Self {
                self.0.reduction = reduction;
                self
            }
        }
    };
}

/// `-log softmax(input)` of the target: logits [.., classes]; labels [..] of integers, or probabilities [.., classes].
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{CrossEntropyLoss, Loss};
///
/// let logits = Array::from_vec(&[2, 3], vec![0.0f32; 6])?;
/// let labels = Array::from_vec(&[2], vec![1i64, -100])?; // the second does not count
/// let loss = CrossEntropyLoss::new().label_smoothing(0.1).forward(&logits, &labels)?;
/// assert!((loss.to_vec::<f32>()?[0] - 3f32.ln()).abs() < 1e-6);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for shapes that do not fit; `OutOfBounds` for a label outside of the classes, where it is known; `Plan` for a
/// `label_smoothing` that is no part.
#[derive(Debug, Clone, Default)]
pub struct CrossEntropyLoss(Picked);
of_labels!(CrossEntropyLoss);

impl CrossEntropyLoss {
    /// The part of the target that is spread over all classes, from 0 to 1.
    pub fn label_smoothing(mut self, part: f64) -> Self {
        self.0.label_smoothing = part;
        self
    }
}

impl Loss for CrossEntropyLoss {
    fn forward(&self, input: &Array, target: &Array) -> Result<Array> {
        self.0.cross_entropy(input, target)
    }
}

/// The negative of the target's entry: logarithms of probabilities [.., classes], labels [..] of integers.
///
/// Errors of `forward`: `Shape` for shapes that do not fit; `OutOfBounds` for a label outside of the classes, where it is known.
#[derive(Debug, Clone, Default)]
pub struct NLLLoss(Picked);
of_labels!(NLLLoss);

impl Loss for NLLLoss {
    fn forward(&self, input: &Array, target: &Array) -> Result<Array> {
        self.0.nll(input, target)
    }
}
