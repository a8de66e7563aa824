//! Convolutions.

use gradframe_ml_array::{Arg, Array, Number};
use gradframe_ml_core::{Error, Result};

use super::norms::array_of;
use crate::functional::{self, Windows, ints, one};
use crate::init::within_fan;
use crate::module::{Layer, Module, Parts};
use crate::options::{Along, at_least, builder, divides};
use crate::parameter::Parameter;

/// What stands around the input of a convolution along `N` axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding<const N: usize> {
    /// So many elements before and after each axis.
    By([usize; N]),
    /// As many as make the output as long as the input, for a stride of 1; of an odd number one more behind.
    Same,
}

impl<const N: usize> From<usize> for Padding<N> {
    fn from(number: usize) -> Self {
        Padding::By([number; N])
    }
}

impl<const N: usize> From<[usize; N]> for Padding<N> {
    fn from(numbers: [usize; N]) -> Self {
        Padding::By(numbers)
    }
}

/// What padding is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The elements in reverse order, without the last.
    Reflect,
    /// The last element again and again.
    Replicate,
    /// The elements from the other end.
    Circular,
}

impl PaddingMode {
    /// What the operation `pad_by` calls it; None for zeros.
    fn name(self) -> Option<&'static str> {
        match self {
            PaddingMode::Zeros => None,
            PaddingMode::Reflect => Some("reflect"),
            PaddingMode::Replicate => Some("edge"),
            PaddingMode::Circular => Some("wrap"),
        }
    }
}

/// A convolution along `N` axes, as networks have it (a correlation): [batch, in_channels, ..], or a single item without the batch, ->
/// [batch, out_channels, ..].
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Conv2d, Layer};
///
/// let layer = Conv2d::builder(3, 8, 5).stride(2).padding([2, 1]).build()?;
/// let images = Array::from_vec(&[1, 3, 9, 9], vec![1.0f32; 243])?;
/// assert_eq!(layer.forward(&images)?.shape(), [1, 8, 5, 4]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for another number of axes or channels, and where no window fits.
#[derive(Debug)]
pub struct Conv<const N: usize> {
    /// [out_channels, in_channels / groups, ..kernel_size].
    pub weight: Parameter,
    /// [out_channels].
    pub bias: Option<Parameter>,
    windows: Windows<N>,
    /// Before and after each axis, beside what the windows have.
    around: [(usize, usize); N],
    mode: PaddingMode,
    groups: usize,
}

/// Of [batch, channels, n].
pub type Conv1d = Conv<1>;
/// Of [batch, channels, height, width].
pub type Conv2d = Conv<2>;

impl<const N: usize> Module for Conv<N> {
    fn parts(&self, parts: &mut Parts<'_>) {
        parts.part("weight", &self.weight);
        parts.part("bias", &self.bias);
    }
}

builder! {
    /// Makes a [`Conv`]. Both parameters begin evenly within one over the root of the number of inputs of an output.
    ConvBuilder<const N> of Conv(in_channels: usize, out_channels: usize; kernel_size: Along<N>) {
        /// Groups of channels that see only each other; unless said 1.
        groups: usize = 1;
        /// Whether there is a bias; unless said there is.
        bias: bool = true;
        /// What padding is made of; unless said zeros.
        padding_mode: PaddingMode = PaddingMode::Zeros;
    } {
        /// From one window to the next; unless said 1.
        into stride: Along<N> = Along([1; N]);
        /// What stands around; unless said nothing.
        into padding: Padding<N> = Padding::By([0; N]);
        /// From one place of a window to the next; unless said 1.
        into dilation: Along<N> = Along([1; N]);
        /// What the parameters are drawn from; unless said the global stream.
        into key: Option<Array> = None;
    }
}

/// Errors: `Plan` for windows that are none, and groups that do not divide the channels.
fn check_windows<const N: usize>(layer: &str, of: [(&str, Along<N>); 3], groups: usize, channels: [usize; 2]) -> Result<()> {
    for (name, numbers) in of {
        numbers.0.iter().try_for_each(|&number| at_least(layer, name, number, 1))?;
    }
    divides(layer, "groups", groups, &[("in_channels", channels[0]), ("out_channels", channels[1])])
}

/// The zeros that windows have by themselves, and what else stands before and after each axis.
type Placed<const N: usize> = ([usize; N], [(usize, usize); N]);

impl<const N: usize> ConvBuilder<N> {
    /// The layer. Errors: `Plan` for windows that are none, groups that do not divide the channels, and [`Padding::Same`] with a stride.
    pub fn build(self) -> Result<Conv<N>> {
        let layer = format!("Conv{N}d");
        let of = [("kernel_size", self.kernel_size), ("stride", self.stride), ("dilation", self.dilation)];
        check_windows(&layer, of, self.groups, [self.in_channels, self.out_channels])?;
        let (padding, around) = self.placed(&layer)?;
        let shape = [&[self.out_channels, self.in_channels / self.groups][..], &self.kernel_size.0].concat();
        let fan_in = shape[1..].iter().product();
        let bias = [self.out_channels];
        let (weight, bias) = within_fan(self.key.as_ref(), &shape, self.bias.then_some(&bias[..]), fan_in)?;
        Ok(Conv {
            weight: Parameter::new(&weight)?,
            bias: bias.as_ref().map(Parameter::new).transpose()?,
            windows: Windows { stride: self.stride.0, padding, dilation: self.dilation.0 },
            around,
            mode: self.padding_mode,
            groups: self.groups,
        })
    }

    /// Where padding stands. Errors: `Plan` for [`Padding::Same`] with a stride.
    fn placed(&self, layer: &str) -> Result<Placed<N>> {
        let each: [(usize, usize); N] = match self.padding {
            Padding::By(numbers) => numbers.map(|number| (number, number)),
            Padding::Same if self.stride.0 != [1; N] => {
                let what = format!("`padding` is the same as the input, which wants a `stride` of 1, got {:?}", self.stride.0);
                return Err(Error::plan(layer, what));
            }
            Padding::Same => std::array::from_fn(|axis| {
                let whole = self.dilation.0[axis] * (self.kernel_size.0[axis] - 1);
                (whole / 2, whole - whole / 2)
            }),
        };
        if self.padding_mode != PaddingMode::Zeros {
            return Ok(([0; N], each));
        }
        Ok((each.map(|(before, _)| before), each.map(|(before, behind)| (0, behind - before))))
    }
}

impl<const N: usize> Layer for Conv<N> {
    fn forward(&self, x: &Array) -> Result<Array> {
        let x = self.padded(x)?;
        functional::conv(&x, &self.weight.array(), array_of(self.bias.as_ref()).as_ref(), self.windows, self.groups)
    }
}

impl<const N: usize> Conv<N> {
    fn padded(&self, x: &Array) -> Result<Array> {
        let rank = x.shape().len();
        if self.around == [(0, 0); N] || rank < N {
            return Ok(x.clone()); // too few axes are an error of the convolution
        }
        let before = std::iter::repeat_n(0, 2 * (rank - N));
        let widths = ints(before.chain(self.around.iter().flat_map(|&(before, behind)| [before, behind])));
        match self.mode.name() {
            Some(mode) => one("pad_by", &[x], [widths, Arg::Text(mode.into())]),
            None => one("pad", &[x, &Array::number("pad", Number::Float(0.0), x.element())?], [widths]),
        }
    }
}

/// What a convolution along `N` axes came from: [batch, in_channels, ..], or a single item without the batch, -> [batch, out_channels, ..].
///
/// Errors of `forward`: `Shape` for another number of axes or channels.
#[derive(Debug)]
pub struct ConvTranspose<const N: usize> {
    /// [in_channels, out_channels / groups, ..kernel_size].
    pub weight: Parameter,
    /// [out_channels].
    pub bias: Option<Parameter>,
    windows: Windows<N>,
    output_padding: [usize; N],
    groups: usize,
}

/// Of [batch, channels, n].
pub type ConvTranspose1d = ConvTranspose<1>;
/// Of [batch, channels, height, width].
pub type ConvTranspose2d = ConvTranspose<2>;

impl<const N: usize> Module for ConvTranspose<N> {
    fn parts(&self, parts: &mut Parts<'_>) {
        parts.part("weight", &self.weight);
        parts.part("bias", &self.bias);
    }
}

builder! {
    /// Makes a [`ConvTranspose`]. Both parameters begin evenly within one over the root of the number of outputs of an input.
    ConvTransposeBuilder<const N> of ConvTranspose(in_channels: usize, out_channels: usize; kernel_size: Along<N>) {
        /// Groups of channels that see only each other; unless said 1.
        groups: usize = 1;
        /// Whether there is a bias; unless said there is.
        bias: bool = true;
    } {
        /// From one window to the next; unless said 1.
        into stride: Along<N> = Along([1; N]);
        /// How much the convolution had around; unless said nothing.
        into padding: Along<N> = Along([0; N]);
        /// How much longer each axis is than it must have been: less than the stride or the dilation.
        into output_padding: Along<N> = Along([0; N]);
        /// From one place of a window to the next; unless said 1.
        into dilation: Along<N> = Along([1; N]);
        /// What the parameters are drawn from; unless said the global stream.
        into key: Option<Array> = None;
    }
}

impl<const N: usize> ConvTransposeBuilder<N> {
    /// The layer. Errors: `Plan` for windows that are none, groups that do not divide the channels, and too large an `output_padding`.
    pub fn build(self) -> Result<ConvTranspose<N>> {
        let layer = format!("ConvTranspose{N}d");
        let of = [("kernel_size", self.kernel_size), ("stride", self.stride), ("dilation", self.dilation)];
        check_windows(&layer, of, self.groups, [self.in_channels, self.out_channels])?;
        for ((&extra, &step), &spread) in self.output_padding.0.iter().zip(&self.stride.0).zip(&self.dilation.0) {
            if extra >= step.max(spread) {
                let what = format!("`output_padding` is {extra}, expected less than `stride` {step} or `dilation` {spread}");
                return Err(Error::plan(layer, what));
            }
        }
        let shape = [&[self.in_channels, self.out_channels / self.groups][..], &self.kernel_size.0].concat();
        let fan_in = shape[1..].iter().product();
        let bias = [self.out_channels];
        let (weight, bias) = within_fan(self.key.as_ref(), &shape, self.bias.then_some(&bias[..]), fan_in)?;
        Ok(ConvTranspose {
            weight: Parameter::new(&weight)?,
            bias: bias.as_ref().map(Parameter::new).transpose()?,
            windows: Windows { stride: self.stride.0, padding: self.padding.0, dilation: self.dilation.0 },
            output_padding: self.output_padding.0,
            groups: self.groups,
        })
    }
}

impl<const N: usize> Layer for ConvTranspose<N> {
    fn forward(&self, x: &Array) -> Result<Array> {
        let (weight, bias) = (self.weight.array(), array_of(self.bias.as_ref()));
        functional::conv_transpose(x, &weight, bias.as_ref(), self.windows, self.output_padding, self.groups)
    }
}
