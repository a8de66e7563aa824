//! The namespace `arr`.

use arrow::array::Array;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

use super::list::names;
use super::{IntoValue, Namespaces, kernel, simple};
use crate::expr::FunctionRow;

/// Functions of lists of one length: those of [`super::ListNamespace`], which keep the length where they can, and what only
/// such lists have. `col("a").arr().as_list()` has the rest of them.
///
/// ```
/// use gradframe::expr::{col, ns::Namespaces};
///
/// let length = col("vector").arr().dot(col("vector"));
/// let ordered = col("vector").arr().as_list().sort(false, false);
/// # let _ = (length, ordered);
/// ```
#[derive(Debug, Clone)]
pub struct ArrNamespace(pub(super) Expr);

simple!(ArrNamespace {
    /// As lists of any length.
    to_list => "arr.to_list" from "arr.to_list",
});

impl ArrNamespace {
    /// The functions that arrays share with lists.
    pub fn as_list(self) -> super::ListNamespace {
        self.0.list()
    }

    /// The dot product with another array of the same length; pairs with a null are passed over.
    pub fn dot(self, other: impl IntoValue) -> Expr {
        kernel("arr.dot", [self.0, other.into_value()])
    }

    /// The elements as the fields of a struct: of these names, or `field_0` on.
    pub fn to_struct(self, fields: Option<&[&str]>) -> Expr {
        let fields = fields.map_or(Expr::Literal(ScalarValue::Null, None), IntoValue::into_value);
        kernel("list.to_struct", [self.0, fields])
    }
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("arr.dot", |call| Ok(ArrNamespace(call.expr("the array")?).dot(call.expr("the other array")?))),
    FunctionRow::new("arr.to_struct", |call| {
        let array = call.expr("the array")?;
        let fields = names(call, "fields")?;
        let none = matches!(&fields, Expr::Literal(ScalarValue::List(list), _) if list.value(0).is_empty());
        Ok(if none { ArrNamespace(array).to_struct(None) } else { kernel("list.to_struct", [array, fields]) })
    }),
];
