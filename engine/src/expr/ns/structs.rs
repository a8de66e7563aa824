//! The namespace `struct`.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::logical_expr::{Expr, lit as literal};
use datafusion::scalar::ScalarValue;
use gradframe_plan::names::{suggest, type_name};

use super::list::names;
use super::{IntoValue, kernel, simple};
use crate::Result;
use crate::expr::deferred::{deferred, deferred_of};
use crate::expr::resolve::shown;
use crate::expr::{Call, Constant, Constants, FunctionRow, output_name, when};

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

    /// Several fields, each a column under its name, in the struct's order: names, a pattern `^...$`, or `*` for all.
    ///
    /// ```
    /// use gradframe::{Session, expr::prelude::*};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT {x: 1, y: 2, z: 3} AS s"))?;
    /// assert_eq!(frame.select([col("s").struct_().fields(&["z", "x"])])?.columns(), ["x", "z"]);
    /// assert_eq!(frame.select([col("s").struct_().fields(&["*"])])?.columns(), ["x", "y", "z"]);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    ///
    /// Errors, when a frame takes it: `Plan` for a field that is not there, `DType` for what is no struct.
    pub fn fields(self, names: &[&str]) -> Expr {
        deferred("struct.fields", vec![self.0], Constants::from([("names".to_owned(), names.to_vec().into())]))
    }

    /// A struct of these expressions alone, in which [`own_field`] is a field of this one. Null where this one is.
    ///
    /// ```
    /// use gradframe::{Session, expr::{ns::own_field, prelude::*}};
    ///
    /// let session = Session::builder().in_memory().build()?;
    /// let frame = session.block_on(session.sql("SELECT {x: 1, y: 2} AS s"))?;
    /// let scaled = frame.select([col("s").struct_().eval([own_field("x") * lit(10)])])?;
    /// let x = scaled.select([col("s").struct_().field("x")])?;
    /// assert_eq!(session.block_on(x.filter(col("x").eq(lit(10)))?.count())?, 1);
    /// # Ok::<(), gradframe::Error>(())
    /// ```
    pub fn eval(self, exprs: impl IntoIterator<Item = Expr>) -> Expr {
        let exprs = exprs.into_iter().map(|expr| with_own_fields(expr, &self.0));
        let parts = exprs.flat_map(|expr| [literal(output_name(&expr)), expr.unalias()]).collect();
        let name = output_name(&self.0);
        when(self.0.is_not_null()).then(named_struct(parts)).end().alias(name)
    }

    /// The fields under other names. Errors: `Plan` unless there is a name for each.
    pub fn rename_fields(self, names: &[&str]) -> Expr {
        kernel("struct.rename_fields", [self.0, names.into_value()])
    }

    /// With fields added, or replaced where one has the name.
    pub fn with_fields<'a>(self, fields: impl IntoIterator<Item = (&'a str, Expr)>) -> Expr {
        let (names, values): (Vec<&str>, Vec<Expr>) =
            fields.into_iter().map(|(name, value)| (name, with_own_fields(value, &self.0))).unzip();
        kernel("struct.with_fields", [self.0, names.as_slice().into_value()].into_iter().chain(values))
    }

    /// Without some fields. Errors: `Plan` for a field that is not there, if `strict`.
    pub fn drop(self, names: &[&str], strict: bool) -> Expr {
        kernel("struct.drop", [self.0, names.into_value(), strict.into_value()])
    }
}

/// A field of the struct that [`StructNamespace::eval`] and [`StructNamespace::with_fields`] are of.
pub fn own_field(name: &str) -> Expr {
    deferred("field", vec![], Constants::from([("name".to_owned(), name.into())]))
}

/// The expression with the fields of this struct in the places of [`own_field`].
fn with_own_fields(expr: Expr, of: &Expr) -> Expr {
    let replaced = expr.clone().transform_up(|node| {
        let name = match &node {
            Expr::ScalarFunction(function) => deferred_of(function).filter(|deferred| deferred.name == "field"),
            _ => None,
        };
        let name = name.and_then(|deferred| match deferred.constants.as_slice() {
            [(_, Constant::Value(name))] => name.try_as_str().flatten().map(str::to_owned),
            _ => None,
        });
        Ok(match name {
            Some(name) => Transformed::yes(StructNamespace(of.clone()).field(&name)),
            None => Transformed::no(node),
        })
    });
    replaced.map_or(expr, |replaced| replaced.data)
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
        let (of, fields) = (structure(call)?, call.rest());
        let named = |field| {
            let field = with_own_fields(field, &of);
            (output_name(&field), field.unalias())
        };
        let fields: Vec<(String, Expr)> = fields.into_iter().map(named).collect();
        Ok(StructNamespace(of).with_fields(fields.iter().map(|(name, value)| (name.as_str(), value.clone()))))
    }),
    FunctionRow::new("struct.eval", |call| {
        let (of, fields) = (structure(call)?, call.rest());
        Ok(StructNamespace(of).eval(fields))
    }),
    FunctionRow::typed("struct.fields", |call| Err(call.wrong("several fields are no value").hint("take them one by one"))),
    FunctionRow::typed("field", |call| Err(call.wrong("stands in struct.with_fields and struct.eval alone"))),
    FunctionRow::new("struct.drop", |call| {
        let (of, names) = (structure(call)?, names(call, "names")?);
        let strict = Expr::Literal(ScalarValue::from(call.flag("strict", true)?), None);
        Ok(kernel("struct.drop", [of, names, strict]))
    }),
];
