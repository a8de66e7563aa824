//! The namespace `cat`.

use datafusion::logical_expr::Expr;

use super::{IntoValue, Namespaces, kernel, simple};
use crate::Result;
use crate::expr::{Call, FunctionRow};

/// Functions of categoricals (Arrow's dictionaries of texts): those of text, worked out once for each category.
///
/// ```
/// use gradframe::expr::{col, ns::Namespaces};
///
/// let is_north = col("region").cat().starts_with("north");
/// # let _ = is_north;
/// ```
#[derive(Debug, Clone)]
pub struct CatNamespace(pub(super) Expr);

simple!(CatNamespace {
    /// How many bytes the category has: UInt32.
    len_bytes => "cat.len_bytes" from "str.len_bytes",
    /// How many characters the category has: UInt32.
    len_chars => "cat.len_chars" from "str.len_chars",
    /// The code of the category: UInt32.
    physical => "cat.physical" from "cat.physical",
});

impl CatNamespace {
    /// Whether the category begins with a text.
    pub fn starts_with(self, prefix: &str) -> Expr {
        self.0.str().starts_with(prefix)
    }

    /// Whether the category ends with a text.
    pub fn ends_with(self, suffix: &str) -> Expr {
        self.0.str().ends_with(suffix)
    }

    /// So many characters of the category from an offset; all that follow if none.
    pub fn slice(self, offset: i64, length: Option<i64>) -> Expr {
        kernel("str.slice", [self.0, offset.into_value(), length.into_value()])
    }
}

fn cat(call: &mut Call) -> Result<CatNamespace> {
    Ok(CatNamespace(call.expr("the categorical")?))
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("cat.starts_with", |call| Ok(cat(call)?.starts_with(&call.text("prefix")?))),
    FunctionRow::new("cat.ends_with", |call| Ok(cat(call)?.ends_with(&call.text("suffix")?))),
    FunctionRow::new("cat.slice", |call| Ok(cat(call)?.slice(call.int("offset")?, call.optional_int("length")?))),
];
