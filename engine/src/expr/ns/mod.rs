//! Namespaces of expressions: `col("name").str().to_uppercase()`, with Polars's names and meanings.
//!
//! A method writes a call of a kernel of [`gradframe_plan::functions::frame`]; a row of the table reads the same arguments by name
//! and calls the method. What may differ from row to row is taken as a value ([`IntoValue`]): an expression or a constant. In
//! this place text is text, not a column's name.
//!
//! ```
//! use gradframe::expr::{col, ns::Namespaces};
//!
//! let initials = col("name").str().head(1).str().to_uppercase();
//! let monthly = col("day").dt().truncate("1mo");
//! let best = col("scores").list().sort(true, true).list().get(0, true);
//! # let _ = (initials, monthly, best);
//! ```

mod arr;
mod bin;
mod cat;
mod dt;
mod list;
mod str;
mod structs;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::functions::frame;

use super::table::FunctionRow;

pub use self::arr::ArrNamespace;
pub use self::bin::BinNamespace;
pub use self::cat::CatNamespace;
pub use self::dt::DtNamespace;
pub use self::list::ListNamespace;
pub use self::str::StrNamespace;
pub use self::structs::{StructNamespace, own_field};

/// The tables of all namespaces.
pub(super) const TABLES: &[&[FunctionRow]] = &[
    str::SIMPLE,
    str::TABLE,
    dt::SIMPLE,
    dt::TABLE,
    dt::OF_DURATIONS,
    list::SIMPLE,
    list::TABLE,
    arr::SIMPLE,
    arr::TABLE,
    bin::TABLE,
    cat::SIMPLE,
    cat::TABLE,
    structs::SIMPLE,
    structs::TABLE,
];

/// The namespaces of an expression.
pub trait Namespaces: Into<Expr> + Sized {
    /// Functions of text.
    fn str(self) -> StrNamespace {
        StrNamespace(self.into())
    }

    /// Functions of dates, times, datetimes and durations.
    fn dt(self) -> DtNamespace {
        DtNamespace(self.into())
    }

    /// Functions of lists.
    fn list(self) -> ListNamespace {
        ListNamespace(self.into())
    }

    /// Functions of lists of one length.
    fn arr(self) -> ArrNamespace {
        ArrNamespace(self.into())
    }

    /// Functions of structs; `struct` is a word of Rust's.
    fn struct_(self) -> StructNamespace {
        StructNamespace(self.into())
    }

    /// Functions of binary.
    fn bin(self) -> BinNamespace {
        BinNamespace(self.into())
    }

    /// Functions of categoricals.
    fn cat(self) -> CatNamespace {
        CatNamespace(self.into())
    }
}

impl Namespaces for Expr {}

/// What may be given for each row by an expression, or for all of them by a constant. Text is text here, not a column's name.
pub trait IntoValue {
    /// The expression meant.
    fn into_value(self) -> Expr;
}

impl IntoValue for Expr {
    fn into_value(self) -> Expr {
        self
    }
}

macro_rules! into_value {
    ($($value:ty),*) => {
        $(impl IntoValue for $value {
            fn into_value(self) -> Expr {
                Expr::Literal(ScalarValue::from(self), None)
            }
        })*
    };
}

into_value!(bool, i32, i64, f64, &str, String, Option<i64>, Option<&str>);

/// A list of constants.
impl IntoValue for &[&str] {
    fn into_value(self) -> Expr {
        let texts: Vec<ScalarValue> = self.iter().copied().map(ScalarValue::from).collect();
        Expr::Literal(ScalarValue::List(ScalarValue::new_list_nullable(&texts, &DataType::Utf8)), None)
    }
}

/// A null of a type: how a kernel is told of one.
fn of_type(data_type: &DataType) -> Expr {
    Expr::Literal(ScalarValue::try_from(data_type).unwrap_or(ScalarValue::Null), None)
}

/// A call of a kernel.
fn kernel(name: &'static str, arguments: impl IntoIterator<Item = Expr>) -> Expr {
    frame::call(name, arguments.into_iter().collect())
}

/// Methods of no argument, and their rows: `len_chars => "str.len_chars"`.
macro_rules! simple {
    ($namespace:ident { $($(#[$doc:meta])* $method:ident => $name:literal from $kernel:literal),* $(,)? }) => {
        impl $namespace {
            $($(#[$doc])*
            pub fn $method(self) -> datafusion::logical_expr::Expr {
                super::kernel($kernel, [self.0])
            })*
        }

        pub(super) const SIMPLE: &[crate::expr::FunctionRow] =
            &[$(crate::expr::FunctionRow::new($name, |call| Ok($namespace(call.expr("the expression")?).$method()))),*];
    };
}

use simple;
