//! The namespace `struct`.

use arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use gradframe_plan::names::{suggest, type_name};

use super::list::names;
use super::{IntoValue, kernel, simple};
use crate::Result;
use crate::expr::deferred::deferred;
use crate::expr::resolve::shown;
use crate::expr::{Call, Constants, FunctionRow};

/// Functions of structs. A null struct gives null.
///
/// ```
/// use gradframe::expr::{col, lit, ns::Namespaces};
///
/// let x = col("point").struct_().field("x");
/// let flat = col("point").struct_().with_fields([("z", lit(0.0))]);
/// # let _ = (x, flat);
/// ```
#[derive(Debug, Clone)]
pub struct StructNamespace(pub(super) Expr);

simple!(StructNamespace {
    /// As JSON.
    json_encode => "struct.json_encode" from "struct.json_encode",
});

impl StructNamespace {
    /// A field, under its name.
    pub fn field(self, name: &str) -> Expr {
        get_field(self.0, name).alias(name)
    }

    /// The fields under other names. Errors: `Plan` unless there is a name for each.
    pub fn rename_fields(self, names: &[&str]) -> Expr {
        kernel("struct.rename_fields", [self.0, names.into_value()])
    }

    /// With fields added, or replaced where one has the name.
    pub fn with_fields<'a>(self, fields: impl IntoIterator<Item = (&'a str, Expr)>) -> Expr {
        let (names, values): (Vec<&str>, Vec<Expr>) = fields.into_iter().unzip();
        kernel("struct.with_fields", [self.0, names.as_slice().into_value()].into_iter().chain(values))
    }

    /// Without some fields. Errors: `Plan` for a field that is not there, if `strict`.
    pub fn drop(self, names: &[&str], strict: bool) -> Expr {
        kernel("struct.drop", [self.0, names.into_value(), strict.into_value()])
    }
}

fn structure(call: &mut Call) -> Result<Expr> {
    call.expr("the struct")
}

const FIELD: &str = "struct.field";

/// Errors: `DType` for what is no struct, `Plan` for a field that it does not have, with the nearest name.
fn field(call: &mut Call) -> Result<Expr> {
    let (of, name) = (structure(call)?, call.text("name")?);
    let own = call.type_of(&of)?;
    match &own {
        DataType::Struct(fields) if fields.find(&name).is_none() => {
            let known = fields.iter().map(|field| field.name().as_str());
            let what = format!("`{}` has no field `{name}`", shown(&of));
            Err(crate::Error::plan(FIELD, what).hint(suggest(&name, known)))
        }
        DataType::Struct(_) | DataType::Null => Ok(get_field(of, name)),
        other => {
            let what = format!("`{}` is {}, expected a struct", shown(&of), type_name(other));
            Err(crate::Error::dtype(FIELD, what))
        }
    }
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("struct.field", |call| {
        let (of, name) = (structure(call)?, call.text("name")?);
        let constants = Constants::from([("name".to_owned(), name.as_str().into())]);
        Ok(deferred("struct.field_of", vec![of], constants).alias(name))
    }),
    FunctionRow::typed("struct.field_of", field),
    FunctionRow::new("struct.rename_fields", |call| {
        Ok(kernel("struct.rename_fields", [structure(call)?, names(call, "names")?]))
    }),
    FunctionRow::new("struct.with_fields", |call| {
        let (of, names) = (structure(call)?, names(call, "names")?);
        Ok(kernel("struct.with_fields", [of, names].into_iter().chain(call.rest())))
    }),
    FunctionRow::new("struct.drop", |call| {
        let (of, names) = (structure(call)?, names(call, "names")?);
        let strict = Expr::Literal(ScalarValue::from(call.flag("strict", true)?), None);
        Ok(kernel("struct.drop", [of, names, strict]))
    }),
];
