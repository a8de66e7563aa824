//! The largest and the mean of windows, as layers.

use gradframe_ml_array::Array;
use gradframe_ml_core::{Error, Result};

use crate::functional::{self, Counted, Windows};
use crate::module::{Layer, Module, Parts};
use crate::options::{Along, at_least, builder};

/// The largest of each window along `N` axes: [batch, channels, ..], or a single item without the batch, -> as many windows along each.
///
/// ```
/// use gradframe_ml_array::Array;
/// use gradframe_ml_nn::{Layer, MaxPool1d};
///
/// let x = Array::from_vec(&[1, 1, 4], vec![1.0f32, 3.0, 2.0, 0.0])?;
/// assert_eq!(MaxPool1d::new(2)?.forward(&x)?.to_vec::<f32>()?, [3.0, 2.0]);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors of `forward`: `Shape` for another number of axes, and where no window fits.
#[derive(Debug)]
pub struct MaxPool<const N: usize> {
    kernel_size: [usize; N],
    windows: Windows<N>,
    ceil_mode: bool,
}

/// Of [batch, channels, n].
pub type MaxPool1d = MaxPool<1>;
/// Of [batch, channels, height, width].
pub type MaxPool2d = MaxPool<2>;

builder! {
    /// Makes a [`MaxPool`].
    MaxPoolBuilder<const N> of MaxPool(; kernel_size: Along<N>) {
        /// Whether a window may reach beyond the end, if it begins before; unless said it may not.
        ceil_mode: bool = false;
    } {
        /// From one window to the next; unless said the size of a window.
        into stride: Option<Along<N>> = None;
        /// What stands around and is never the largest, at most half of a window; unless said nothing.
        into padding: Along<N> = Along([0; N]);
        /// From one place of a window to the next; unless said 1.
        into dilation: Along<N> = Along([1; N]);
    }
}

/// Errors: `Plan` for windows that are none, and padding beyond half of them.
fn windows<const N: usize>(layer: &str, size: Along<N>, stride: Option<Along<N>>, padding: Along<N>) -> Result<Windows<N>> {
    let stride = stride.unwrap_or(size);
    for (name, numbers) in [("kernel_size", size), ("stride", stride)] {
        numbers.0.iter().try_for_each(|&number| at_least(layer, name, number, 1))?;
    }
    if let Some((size, padding)) = size.0.iter().zip(&padding.0).find(|(size, padding)| 2 * **padding > **size) {
        let what = format!("`padding` is {padding}, expected at most half of `kernel_size`, which is {size}");
        return Err(Error::plan(layer, what));
    }
    Ok(Windows { stride: stride.0, padding: padding.0, dilation: [1; N] })
}

impl<const N: usize> MaxPoolBuilder<N> {
    /// The layer. Errors: `Plan` for windows that are none, and padding beyond half of them.
    pub fn build(self) -> Result<MaxPool<N>> {
        let layer = format!("MaxPool{N}d");
        self.dilation.0.iter().try_for_each(|&number| at_least(&layer, "dilation", number, 1))?;
        let windows = Windows { dilation: self.dilation.0, ..windows(&layer, self.kernel_size, self.stride, self.padding)? };
        Ok(MaxPool { kernel_size: self.kernel_size.0, windows, ceil_mode: self.ceil_mode })
    }
}

/// The mean of each window along `N` axes: [batch, channels, ..], or a single item without the batch, -> as many windows along each.
///
/// Errors of `forward`: `Shape` for another number of axes, and where no window fits.
#[derive(Debug)]
pub struct AvgPool<const N: usize> {
    kernel_size: [usize; N],
    windows: Windows<N>,
    counted: Counted,
}

/// Of [batch, channels, n].
pub type AvgPool1d = AvgPool<1>;
/// Of [batch, channels, height, width].
pub type AvgPool2d = AvgPool<2>;

builder! {
    /// Makes an [`AvgPool`].
    AvgPoolBuilder<const N> of AvgPool(; kernel_size: Along<N>) {
        /// Whether a window may reach beyond the end, if it begins before; unless said it may not.
        ceil_mode: bool = false;
        /// Whether the padding counts, as zeros; unless said it does.
        count_include_pad: bool = true;
    } {
        /// From one window to the next; unless said the size of a window.
        into stride: Option<Along<N>> = None;
        /// Zeros around, at most half of a window; unless said none.
        into padding: Along<N> = Along([0; N]);
    }
}

impl<const N: usize> AvgPoolBuilder<N> {
    /// The layer. Errors: `Plan` for windows that are none, and padding beyond half of them.
    pub fn build(self) -> Result<AvgPool<N>> {
        let windows = windows(&format!("AvgPool{N}d"), self.kernel_size, self.stride, self.padding)?;
        let counted = Counted { ceil_mode: self.ceil_mode, count_include_pad: self.count_include_pad };
        Ok(AvgPool { kernel_size: self.kernel_size.0, windows, counted })
    }
}

/// How many windows along each axis; None leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub struct OutputSize<const N: usize>([Option<usize>; N]);

impl<const N: usize> From<usize> for OutputSize<N> {
    fn from(size: usize) -> Self {
        OutputSize([Some(size); N])
    }
}

impl<const N: usize> From<[usize; N]> for OutputSize<N> {
    fn from(sizes: [usize; N]) -> Self {
        OutputSize(sizes.map(Some))
    }
}

impl<const N: usize> From<[Option<usize>; N]> for OutputSize<N> {
    fn from(sizes: [Option<usize>; N]) -> Self {
        OutputSize(sizes)
    }
}

/// Pools to a given number of windows.
macro_rules! adaptive {
    ($($(#[$doc:meta])* $name:ident, $one:ident, $two:ident = $function:ident;)*) => { $(
        $(#[$doc])*
        ///
        /// Errors of `forward`: `Shape` for another number of axes, and an empty one.
        #[derive(Debug)]
        pub struct $name<const N: usize> {
            output_size: OutputSize<N>,
        }

        /// Of [batch, channels, n].
        pub type $one = $name<1>;
        /// Of [batch, channels, height, width].
        pub type $two = $name<2>;

        impl<const N: usize> $name<N> {
            /// To so many windows along each axis.
            pub fn new(output_size: impl Into<OutputSize<N>>) -> Self {
                $name { output_size: output_size.into() }
            }
        }

        impl<const N: usize> Layer for $name<N> {
            fn forward(&self, x: &Array) -> Result<Array> {
                functional::$function(x, self.output_size.0)
            }
        }
    )* };
}

adaptive! {
    /// The means of so many windows along each of `N` axes, which together hold all of it.
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d = adaptive_avg_pool;
    /// The largest of so many windows along each of `N` axes, which together hold all of it.
    AdaptiveMaxPool, AdaptiveMaxPool1d, AdaptiveMaxPool2d = adaptive_max_pool;
}

/// Modules that hold nothing.
macro_rules! without_parts {
    ($($name:ident),*) => { $(
        impl<const N: usize> Module for $name<N> {
            fn parts(&self, _: &mut Parts<'_>) {}
        }
    )* };
}
without_parts!(MaxPool, AvgPool, AdaptiveAvgPool, AdaptiveMaxPool);

impl<const N: usize> Layer for MaxPool<N> {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::max_pool(x, self.kernel_size, self.windows, self.ceil_mode)
    }
}

impl<const N: usize> Layer for AvgPool<N> {
    fn forward(&self, x: &Array) -> Result<Array> {
        functional::avg_pool(x, self.kernel_size, self.windows, self.counted)
    }
}
