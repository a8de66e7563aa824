//! How layers are made: what must be said by position, everything else by name, with PyTorch's defaults.

use gradframe_ml_core::{Error, Result};

/// A number for each of `N` axes: one for all of them, or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Along<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for Along<N> {
    fn from(number: usize) -> Self {
        Along([number; N])
    }
}

impl<const N: usize> From<[usize; N]> for Along<N> {
    fn from(numbers: [usize; N]) -> Self {
        Along(numbers)
    }
}

/// The options of a layer as a struct, with a method for each, and the layer's `new` and `builder`. What is said by position comes first, what is
/// said after a `;` there, or after `into`, is anything that becomes its type.
macro_rules! builder {
    (
        $(#[$doc:meta])*
        $builder:ident $(<const $n:ident>)? of $layer:ident ($($arg:ident: $arg_type:ty),* $(; $($any:ident: $any_type:ty),*)?)
        { $($(#[$option_doc:meta])* $option:ident: $type:ty = $default:expr;)* }
        $({ $($(#[$into_doc:meta])* into $into:ident: $into_type:ty = $into_default:expr;)* })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $builder $(<const $n: usize>)? {
            $($arg: $arg_type,)*
            $($($any: $any_type,)*)?
            $($option: $type,)*
            $($($into: $into_type,)*)?
        }

        impl $(<const $n: usize>)? $builder $(<$n>)? {
            $($(#[$option_doc])*
            pub fn $option(mut self, $option: $type) -> Self {
                self.$option = $option;
                self
            })*
            $($($(#[$into_doc])*
            pub fn $into(mut self, $into: impl Into<$into_type>) -> Self {
                self.$into = $into.into();
                self
            })*)?
        }

        impl $(<const $n: usize>)? $layer $(<$n>)? {
            /// One with PyTorch's defaults. Errors: as for the builder's `build`.
            pub fn new($($arg: $arg_type,)* $($($any: impl Into<$any_type>),*)?) -> gradframe_ml_core::Result<Self> {
                Self::builder($($arg,)* $($($any),*)?).build()
            }

            /// One whose options are said by name; `build` makes it.
            pub fn builder($($arg: $arg_type,)* $($($any: impl Into<$any_type>),*)?) -> $builder $(<$n>)? {
                $builder { $($arg,)* $($($any: $any.into(),)*)? $($option: $default,)* $($($into: $into_default,)*)? }
            }
        }
    };
}
pub(crate) use builder;

/// Errors: `Plan` for a number below `least`.
pub(crate) fn at_least(layer: &str, name: &str, number: usize, least: usize) -> Result<()> {
    if number >= least {
        return Ok(());
    }
    Err(Error::plan(layer, format!("`{name}` is {number}, expected a whole number from {least}")))
}

/// Errors: `Plan` if `parts` divides not all of the others.
pub(crate) fn divides(layer: &str, name: &str, parts: usize, wholes: &[(&str, usize)]) -> Result<()> {
    at_least(layer, name, parts, 1)?;
    if wholes.iter().all(|(_, whole)| whole.is_multiple_of(parts)) {
        return Ok(());
    }
    let told: Vec<String> = wholes.iter().map(|(whole, number)| format!("`{whole}` {number}")).collect();
    Err(Error::plan(layer, format!("`{name}` {parts} does not divide {}", told.join(" and "))))
}

/// Errors: `Plan` for what is no probability.
pub(crate) fn probability(layer: &str, name: &str, number: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&number) {
        return Ok(number);
    }
    Err(Error::plan(layer, format!("`{name}` is {number}, expected a probability from 0 to 1")))
}
