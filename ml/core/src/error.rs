//! The one error type of the project, by whose fault it is.
//!
//! It lives in the lowest crate so that every room can make one; the engine crates carry it through
//! DataFusion as `DataFusionError::External` and the bindings turn each variant into its own exception or exit code.

use std::fmt;

/// The result type of every fallible function in the project.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where in the user's SQL text an error points. Lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line of the statement's text, from 1.
    pub line: u64,
    /// Column in that line, in characters, from 1.
    pub column: u64,
}

/// What went wrong: `op: what; hint`.
#[derive(Debug)]
pub struct Detail {
    /// The operator, statement or function that noticed, as its user knows it: `train`, `ml.predict`, `dot`.
    pub op: String,
    /// What is wrong, lower case, naming the offending thing: "unknown column `dely`".
    pub what: String,
    /// What to do about it, when we know.
    pub hint: Option<String>,
    /// Where in the SQL text, when there is one.
    pub place: Option<Place>,
    /// The library's own error underneath, when there is one.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// An error, by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The query is wrong: syntax, unknown names, unknown options.
    #[error("{0}")]
    Plan(Box<Detail>),
    /// Shapes that do not fit together.
    #[error("{0}")]
    Shape(Box<Detail>),
    /// A place that an axis does not have, a class that there is not.
    #[error("{0}")]
    OutOfBounds(Box<Detail>),
    /// A data type that the operation does not take.
    #[error("{0}")]
    DType(Box<Detail>),
    /// The data is wrong: a null label, an infinite feature, a corrupt file.
    #[error("{0}")]
    Execution(Box<Detail>),
    /// Memory or disk limits.
    #[error("{0}")]
    Resources(Box<Detail>),
    /// A device was demanded that is not there.
    #[error("{0}")]
    NoDevice(Box<Detail>),
    /// Correct to ask for, not built yet.
    #[error("{0}")]
    NotImplemented(Box<Detail>),
    /// Something outside: file system, network, another program.
    #[error("{0}")]
    External(Box<Detail>),
    /// Our bug. Users must not reach it.
    #[error("{0}")]
    Internal(Box<Detail>),
    /// The user interrupted the work.
    #[error("{0}")]
    Cancelled(Box<Detail>),
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $variant:ident),* $(,)?) => {
        impl Error {
            $($(#[$doc])*
            pub fn $name(op: impl Into<String>, what: impl Into<String>) -> Self {
                Error::$variant(Detail::boxed(op.into(), what.into()))
            })*

            /// The detail, whatever the variant.
            pub fn detail(&self) -> &Detail {
                match self { $(Error::$variant(d) => d,)* }
            }

            fn detail_mut(&mut self) -> &mut Detail {
                match self { $(Error::$variant(d) => d,)* }
            }

            /// The variant's name: `Plan`, `Shape`, ...
            pub fn kind(&self) -> &'static str {
                match self { $(Error::$variant(_) => stringify!($variant),)* }
            }
        }
    };
}

constructors! {
    /// The query is wrong.
    plan => Plan,
    /// Shapes do not fit together.
    shape => Shape,
    /// There is no such place or class.
    out_of_bounds => OutOfBounds,
    /// The data type is not taken.
    dtype => DType,
    /// The data is wrong.
    execution => Execution,
    /// Memory or disk is short.
    resources => Resources,
    /// No such device.
    no_device => NoDevice,
    /// Not built yet.
    not_implemented => NotImplemented,
    /// Something outside failed.
    external => External,
    /// Our bug.
    internal => Internal,
    /// Interrupted by the user.
    cancelled => Cancelled,
}

impl Error {
    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.detail_mut().hint = Some(hint.into());
        self
    }

    /// Adds the place in the SQL text.
    pub fn at(mut self, line: u64, column: u64) -> Self {
        self.detail_mut().place = Some(Place { line, column });
        self
    }

    /// Says that it is wrong inside of something that the user has named, such as a view: a place in that is none in the
    /// user's text.
    pub fn inside(mut self, named: &str) -> Self {
        let detail = self.detail_mut();
        detail.place = None;
        detail.what = format!("{}, in {named}", detail.what);
        self
    }

    /// Adds the library's own error underneath.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.detail_mut().source = Some(source.into());
        self
    }
}

impl Detail {
    fn boxed(op: String, what: String) -> Box<Self> {
        Box::new(Detail { op, what, hint: None, place: None, source: None })
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.op.is_empty() {
            write!(f, "{}", self.what)?;
        } else {
            write!(f, "{}: {}", self.op, self.what)?;
        }
        if let Some(place) = self.place {
            write!(f, " (line {}, column {})", place.line, place.column)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}
