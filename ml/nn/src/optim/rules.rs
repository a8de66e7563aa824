//! The rules by which parameters follow their gradients, by PyTorch's names and with its defaults; what they compute is `ml/learn`'s.

use gradframe_ml_array::rules::NamedRule;
use gradframe_ml_core::{Error, Result};

use super::optimizer::Optimizer;
use crate::parameter::Parameter;

/// A rule with its numbers and its learning rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The learning rate.
    pub(super) lr: f64,
    pub(super) named: NamedRule,
    /// What is kept beside a parameter before its first step is full of this.
    pub(super) beginning: f64,
    /// The first number that means nothing, if there is one.
    wrong: Option<String>,
}

impl Rule {
    /// Errors: `Plan` naming a number that means nothing.
    pub(super) fn check(&self) -> Result<()> {
        check_rate(&self.named.name, self.lr)?;
        match &self.wrong {
            Some(what) => Err(Error::plan(&self.named.name, what.clone())),
            None => Ok(()),
        }
    }
}

/// Errors: `Plan` unless it is a finite number from 0.
pub(super) fn check_rate(name: &str, lr: f64) -> Result<()> {
    if lr.is_finite() && lr >= 0.0 {
        return Ok(());
    }
    Err(Error::plan(name, format!("`lr` is {lr}, expected a finite number from 0")))
}

/// What a number may be.
#[derive(Clone, Copy)]
enum Range {
    /// From 0, finite.
    FromZero,
    /// From 0 to 1.
    ToOne,
    /// From 0 to below 1.
    BelowOne,
}

impl Range {
    fn wrong(self, name: &str, number: f64) -> Option<String> {
        let (holds, expected) = match self {
            Range::FromZero => (number.is_finite() && number >= 0.0, "a finite number from 0"),
            Range::ToOne => ((0.0..=1.0).contains(&number), "a number from 0 to 1"),
            Range::BelowOne => ((0.0..1.0).contains(&number), "a number from 0 to below 1"),
        };
        (!holds).then(|| format!("`{name}` is {number}, expected {expected}"))
    }
}

/// A rule's options, each with its name in `ml/learn`, its default and its range. Switches are true or false.
macro_rules! rule {
    (
        $(#[$doc:meta])*
        $name:ident = $rule:literal, lr $lr:literal {
            $($(#[$number_doc:meta])* $number:ident as $own:literal: $default:literal in $range:ident;)*
        }
        $(switches { $($(#[$switch_doc:meta])* $switch:ident as $own_switch:literal;)* })?
        $(checked $check:expr;)?
        $(beginning $beginning:ident;)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name {
            lr: f64,
            $($number: f64,)*
            $($($switch: bool,)*)?
            maximize: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                $name { lr: $lr, $($number: $default,)* $($($switch: false,)*)? maximize: false }
            }
        }

        impl $name {
            /// With PyTorch's defaults.
            pub fn new() -> Self {
                $name::default()
            }

            #[doc = concat!("The learning rate; unless said ", stringify!($lr), ".")]
            pub fn lr(mut self, lr: f64) -> Self {
                self.lr = lr;
                self
            }

            $($(#[$number_doc])*
            #[doc = concat!("Unless said ", stringify!($default), ".")]
            pub fn $number(mut self, $number: f64) -> Self {
                self.$number = $number;
                self
            })*

            $($($(#[$switch_doc])*
            pub fn $switch(mut self, $switch: bool) -> Self {
                self.$switch = $switch;
                self
            })*)?

            /// Up the gradient, not down.
            pub fn maximize(mut self, maximize: bool) -> Self {
                self.maximize = maximize;
                self
            }

            /// The optimiser of these parameters. Errors: `Plan` naming a number that means nothing, or a parameter that is given twice.
            pub fn build(self, parameters: impl IntoIterator<Item = Parameter>) -> Result<Optimizer> {
                Optimizer::new(parameters, self)
            }
        }

        impl From<$name> for Rule {
            fn from(of: $name) -> Rule {
                let numbers = [
                    $(($own, of.$number),)*
                    $($(($own_switch, f64::from(u8::from(of.$switch))),)*)?
                    ("maximize", f64::from(u8::from(of.maximize))),
                ];
                let numbers: Vec<(&str, f64)> = numbers.into_iter().filter(|(name, _)| !name.is_empty()).collect();
                let wrong = [$(Range::$range.wrong(stringify!($number), of.$number)),*].into_iter().flatten().next();
                let checks: &[fn(&$name) -> Option<String>] = &[$($check)?];
                let wrong = wrong.or_else(|| checks.iter().find_map(|check| check(&of)));
                let beginning = [$(of.$beginning)?].iter().sum();
                Rule { lr: of.lr, named: NamedRule::new($rule, &numbers), beginning, wrong }
            }
        }
    };
}

rule! {
    /// `x - lr gradient`, with momentum or Nesterov's.
    SGD = "sgd", lr 1e-3 {
        /// The part of the last step that goes on.
        momentum as "momentum": 0.0 in FromZero;
        /// The part of the gradient that does not go into the momentum.
        dampening as "dampening": 0.0 in ToOne;
        /// Adds this times the parameter to its gradient.
        weight_decay as "weight_decay": 0.0 in FromZero;
    }
    switches {
        /// Nesterov's momentum, which looks ahead.
        nesterov as "nesterov";
    }
    checked |of: &SGD| {
        let wrong = of.nesterov && (of.momentum == 0.0 || of.dampening != 0.0);
        wrong.then(|| "Nesterov's way needs momentum, and no dampening".to_owned())
    };
}

rule! {
    /// Steps scaled by running means of the gradient and of its square. Source: Kingma and Ba 2015.
    Adam = "adam", lr 1e-3 {
        /// What remains of the mean of the gradient.
        beta1 as "beta_1": 0.9 in BelowOne;
        /// What remains of the mean of its square.
        beta2 as "beta_2": 0.999 in BelowOne;
        /// Is added to what steps are divided by.
        eps as "epsilon": 1e-8 in FromZero;
        /// Adds this times the parameter to its gradient.
        weight_decay as "weight_decay": 0.0 in FromZero;
    }
    switches {
        /// Divides by the largest mean square so far.
        amsgrad as "amsgrad";
    }
}

rule! {
    /// Adam whose weight decay is not part of the gradient. Source: Loshchilov and Hutter 2019.
    AdamW = "adamw", lr 1e-3 {
        /// What remains of the mean of the gradient.
        beta1 as "beta_1": 0.9 in BelowOne;
        /// What remains of the mean of its square.
        beta2 as "beta_2": 0.999 in BelowOne;
        /// Is added to what steps are divided by.
        eps as "epsilon": 1e-8 in FromZero;
        /// Takes this times the rate of each parameter away.
        weight_decay as "weight_decay": 1e-2 in FromZero;
    }
    switches {
        /// Divides by the largest mean square so far.
        amsgrad as "amsgrad";
    }
}

rule! {
    /// Steps divided by a running root mean square of the gradient. Source: Tieleman and Hinton 2012.
    RMSprop = "rmsprop", lr 1e-2 {
        /// What remains of the mean square.
        alpha as "decay": 0.99 in ToOne;
        /// Is added to what steps are divided by.
        eps as "epsilon": 1e-8 in FromZero;
        /// Adds this times the parameter to its gradient.
        weight_decay as "weight_decay": 0.0 in FromZero;
        /// The part of the last step that goes on.
        momentum as "momentum": 0.0 in FromZero;
    }
    switches {
        /// Divides by the standard deviation of the gradient.
        centered as "centered";
    }
}

rule! {
    /// Steps divided by the root of the sum of all squared gradients. Source: Duchi, Hazan and Singer 2011.
    Adagrad = "adagrad", lr 1e-2 {
        /// Step t has the rate `lr / (1 + (t - 1) lr_decay)`.
        lr_decay as "rate_decay": 0.0 in FromZero;
        /// Adds this times the parameter to its gradient.
        weight_decay as "weight_decay": 0.0 in FromZero;
        /// What the sums begin with.
        initial_accumulator_value as "": 0.0 in FromZero;
        /// Is added to what steps are divided by.
        eps as "epsilon": 1e-10 in FromZero;
    }
    beginning initial_accumulator_value;
}

rule! {
    /// Steps of one size, the rate, in the direction of the sign of a blend of the gradient and its running mean; the weight decay is not
    /// part of the gradient. Takes rates about a tenth of Adam's. Source: Chen et al. 2023.
    Lion = "lion", lr 1e-4 {
        /// What the running mean weighs in the blend.
        beta1 as "beta_1": 0.9 in BelowOne;
        /// What remains of the running mean.
        beta2 as "beta_2": 0.99 in BelowOne;
        /// Takes this times the rate of each parameter away.
        weight_decay as "weight_decay": 0.0 in FromZero;
    }
}

/// Both betas at once, as PyTorch has them.
macro_rules! betas {
    ($($name:ident),*) => { $(
        impl $name {
            /// Both of [`beta1`](Self::beta1) and [`beta2`](Self::beta2).
            pub fn betas(self, first: f64, second: f64) -> Self {
                self.beta1(first).beta2(second)
            }
        }
    )* };
}
betas!(Adam, AdamW, Lion);
