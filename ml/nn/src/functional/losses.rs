//! Losses: of each element or row, then their mean or their sum.

use gradframe_ml_array::{Arg, Array, Element, Number};
use gradframe_ml_core::{DType, Error, Result};

use super::{float, log_softmax, one, pair, select};

/// What becomes of the losses of elements or rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// They stay as they are.
    None,
}

impl Reduction {
    /// What it makes of losses.
    pub(crate) fn of(self, losses: &Array) -> Result<Array> {
        match self {
            Reduction::Mean => losses.mean(None, false),
            Reduction::Sum => losses.sum(None, false),
            Reduction::None => Ok(losses.clone()),
        }
    }
}

/// Errors: `Shape` naming both if they are not the same: they would broadcast.
fn check_pair(op: &str, input: &Array, target: &Array) -> Result<()> {
    if input.shape() == target.shape() {
        return Ok(());
    }
    let what = format!("the input has shape {:?}, the target {:?}", input.shape(), target.shape());
    Err(Error::shape(op, what).hint("they would broadcast: reshape one"))
}

/// The squared difference: two arrays of one shape. Errors: `Shape` naming both.
pub fn mse_loss(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    check_pair("mse_loss", input, target)?;
    reduction.of(&input.subtract(target)?.square()?)
}

/// The size of the difference: two arrays of one shape. Errors: `Shape` naming both.
pub fn l1_loss(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    check_pair("l1_loss", input, target)?;
    reduction.of(&input.subtract(target)?.abs()?)
}

/// Half the squared difference below `delta`, a line beyond: two arrays of one shape.
/// Errors: `Shape` naming both; `Plan` unless `delta` is above 0.
pub fn huber_loss(input: &Array, target: &Array, delta: f64, reduction: Reduction) -> Result<Array> {
    check_pair("huber_loss", input, target)?;
    reduction.of(&one("huber", &[input, target], [float(positive("huber_loss", "delta", delta)?)])?)
}

/// Half the squared difference over `beta` below it, the size of the difference less a half of `beta` beyond: two arrays of one shape.
/// Errors: `Shape` naming both; `Plan` for a `beta` below 0.
pub fn smooth_l1_loss(input: &Array, target: &Array, beta: f64, reduction: Reduction) -> Result<Array> {
    if beta == 0.0 {
        return l1_loss(input, target, reduction);
    }
    check_pair("smooth_l1_loss", input, target)?;
    let losses = one("huber", &[input, target], [float(positive("smooth_l1_loss", "beta", beta)?)])?;
    reduction.of(&losses.divide(beta)?)
}

fn positive(op: &str, name: &str, number: f64) -> Result<f64> {
    if number > 0.0 {
        return Ok(number);
    }
    Err(Error::plan(op, format!("`{name}` is {number}, expected a number above 0")))
}

/// `log(1 + exp(x)) - x y` for a logit x and a probability y: two arrays of one shape. Errors: `Shape` naming both.
pub fn binary_cross_entropy_with_logits(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    check_pair("binary_cross_entropy_with_logits", input, target)?;
    reduction.of(&one("binary_cross_entropy", &[input, target], [])?)
}

/// `-(y log x + (1 - y) log(1 - x))` for a probability x and a target y; no logarithm is below -100. Of numbers that may come near 0 or 1,
/// [`binary_cross_entropy_with_logits`] of what they are made of is exact. Errors: `Shape` naming both.
pub fn binary_cross_entropy(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    check_pair("binary_cross_entropy", input, target)?;
    let rest = |x: &Array| x.negative()?.add(1.0);
    let likely = target.multiply(&bounded_log(input)?)?;
    let unlikely = rest(target)?.multiply(&bounded_log(&rest(input)?)?)?;
    reduction.of(&likely.add(&unlikely)?.negative()?)
}

/// The logarithm, -100 at least; NaN below 0.
fn bounded_log(x: &Array) -> Result<Array> {
    const LEAST: f64 = -100.0;
    let inside = x.greater(0.0)?;
    let logarithm = select(&inside, x, 1.0)?.log()?;
    let is_held = pair("logical_and", &inside, &logarithm.greater(LEAST)?)?;
    let none = Array::number("log", Number::Float(f64::NAN), x.element())?;
    let least = select(&pair("greater_equal", x, 0.0)?, LEAST, &none)?;
    select(&is_held, &logarithm, &least)
}

/// `y (log y - x)` for logarithms x and probabilities y, 0 where y is 0: how far the target is from the input. `Mean` is over all
/// elements, as in PyTorch; the divergence of a row is the sum over the number of rows. Errors: `Shape` naming both.
pub fn kl_div(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    check_pair("kl_div", input, target)?;
    let inside = target.greater(0.0)?;
    let logarithm = select(&inside, target, 1.0)?.log()?;
    reduction.of(&select(&inside, &target.multiply(&logarithm.subtract(input)?)?, 0.0)?)
}

/// `-log softmax(input)` of the target: logits [.., classes], labels [..] of integers, of which -100 is none.
/// [`CrossEntropyLoss`](crate::CrossEntropyLoss) has more: weights, smoothing, probabilities.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::functional::{Reduction, cross_entropy};
///
/// let logits = Array::from_vec(&[2, 2], vec![0.0f32, 0.0, 0.0, 100.0])?;
/// let labels = Array::from_vec(&[2], vec![0i64, 1])?;
/// let losses = cross_entropy(&logits, &labels, Reduction::None)?.to_vec::<f32>()?;
/// assert!((losses[0] - 2f32.ln()).abs() < 1e-6 && losses[1] == 0.0);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors: `Shape` unless there is a label a row; `OutOfBounds` for a label outside of the classes, where it is known; `DType`.
pub fn cross_entropy(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    Picked { reduction, ..Picked::default() }.cross_entropy(input, target)
}

/// The negative of the target's entry: logarithms of probabilities [.., classes], labels [..] of integers, of which -100 is none.
/// Errors: as for [`cross_entropy`].
pub fn nll_loss(input: &Array, target: &Array, reduction: Reduction) -> Result<Array> {
    Picked { reduction, ..Picked::default() }.nll(input, target)
}

/// What losses of labels have in common.
#[derive(Debug, Clone)]
pub(crate) struct Picked {
    pub reduction: Reduction,
    /// What each class counts for, [classes].
    pub weight: Option<Array>,
    /// A label that does not count; None: all do.
    pub ignore_index: Option<i64>,
    /// The part of the target that is spread over all classes.
    pub label_smoothing: f64,
}

impl Default for Picked {
    fn default() -> Self {
        Picked { reduction: Reduction::Mean, weight: None, ignore_index: Some(-100), label_smoothing: 0.0 }
    }
}

impl Picked {
    pub fn cross_entropy(&self, input: &Array, target: &Array) -> Result<Array> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            let what = format!("`label_smoothing` is {}, expected a number from 0 to 1", self.label_smoothing);
            return Err(Error::plan("cross_entropy", what));
        }
        if target.element().is_float() {
            return self.of_chances(input, target);
        }
        let losses = one("cross_entropy", &[input, target], [self.ignored()])?;
        let kept = self.kept(target)?;
        let weights = self.picked_weights("cross_entropy", input, target, kept.as_ref())?;
        let mut losses = match &weights {
            Some(weights) => losses.multiply(weights)?,
            None => losses,
        };
        if self.label_smoothing > 0.0 {
            let mut spread = log_softmax(input, -1)?;
            if let Some(weights) = self.class_weights("cross_entropy", input)? {
                spread = spread.multiply(&weights)?;
            }
            let of_all = spread.mean(Some(&[-1]), false)?.multiply(self.label_smoothing)?;
            losses = losses.multiply(1.0 - self.label_smoothing)?.subtract(&of_all)?;
        }
        self.reduced(losses, kept.as_ref(), weights.as_ref())
    }

    pub fn nll(&self, input: &Array, target: &Array) -> Result<Array> {
        let losses = one("nll_loss", &[input, target], [self.ignored()])?;
        let kept = self.kept(target)?;
        let weights = self.picked_weights("nll_loss", input, target, kept.as_ref())?;
        let losses = match &weights {
            Some(weights) => losses.multiply(weights)?,
            None => losses,
        };
        self.reduced(losses, kept.as_ref(), weights.as_ref())
    }

    /// Of probabilities [.., classes] in the place of labels.
    fn of_chances(&self, input: &Array, target: &Array) -> Result<Array> {
        check_pair("cross_entropy", input, target)?;
        let mut target = target.clone();
        if self.label_smoothing > 0.0 {
            let classes = input.shape().last().copied().unwrap_or(1).max(1);
            target = target.multiply(1.0 - self.label_smoothing)?.add(self.label_smoothing / classes as f64)?;
        }
        if let Some(weights) = self.class_weights("cross_entropy", input)? {
            target = target.multiply(&weights)?;
        }
        self.reduction.of(&log_softmax(input, -1)?.multiply(&target)?.sum(Some(&[-1]), false)?.negative()?)
    }

    fn ignored(&self) -> Arg {
        self.ignore_index.map_or(Arg::None, Arg::Int)
    }

    /// Where labels count; None where all do, as far as that is known.
    fn kept(&self, target: &Array) -> Result<Option<Array>> {
        let Some(ignored) = self.ignore_index else { return Ok(None) };
        let is_unsigned = matches!(target.element(), Element::Real(DType::U8 | DType::U16 | DType::U32 | DType::U64));
        if ignored < 0 && is_unsigned || !target.is_traced() && !target.has_integer(ignored)? {
            return Ok(None);
        }
        let wide =
            if matches!(target.element(), Element::Real(DType::U64)) { target.clone() } else { target.astype(Element::INT)? };
        pair("not_equal", &wide, ignored).map(Some)
    }

    fn class_weights(&self, op: &str, input: &Array) -> Result<Option<Array>> {
        let Some(weight) = &self.weight else { return Ok(None) };
        let classes = input.shape().last().copied().unwrap_or(0);
        if weight.shape() != [classes] {
            let what = format!("expected a weight for each of {classes} classes, got shape {:?}", weight.shape());
            return Err(Error::shape(op, what));
        }
        weight.astype(input.element()).map(Some)
    }

    /// The weight of each label's class; 0 where labels do not count.
    fn picked_weights(&self, op: &str, input: &Array, target: &Array, kept: Option<&Array>) -> Result<Option<Array>> {
        let Some(weights) = self.class_weights(op, input)? else { return Ok(None) };
        let labels = target.astype(Element::INT)?;
        let labels = kept.map_or_else(|| Ok(labels.clone()), |kept| select(kept, &labels, 0i64))?;
        let shape: Vec<i64> = target.shape().iter().map(|&size| size as i64).collect();
        let picked = one("take", &[&weights, &labels.reshape(&[-1])?], [Arg::Int(0)])?.reshape(&shape)?;
        kept.map_or_else(|| Ok(picked.clone()), |kept| select(kept, &picked, 0.0)).map(Some)
    }

    fn reduced(&self, losses: Array, kept: Option<&Array>, weights: Option<&Array>) -> Result<Array> {
        let losses = kept.map_or_else(|| Ok(losses.clone()), |kept| select(kept, &losses, 0.0))?;
        match (self.reduction, weights, kept) {
            (Reduction::Mean, Some(weights), _) => losses.sum(None, false)?.divide(&weights.sum(None, false)?),
            (Reduction::Mean, None, Some(kept)) => {
                let counted = kept.astype(Element::INT)?.sum(None, false)?.astype(losses.element())?;
                losses.sum(None, false)?.divide(&counted)
            }
            (reduction, ..) => reduction.of(&losses),
        }
    }
}
