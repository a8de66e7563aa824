//! The namespace `bin`.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, cast};

use super::{IntoValue, kernel, of_type};
use crate::Result;
use crate::expr::{Call, FunctionRow};

/// Functions of binary. Null gives null.
///
/// ```
/// use gradframe::expr::{col, ns::Namespaces};
///
/// let digest = col("bytes").bin().encode("hex");
/// let kilobytes = col("bytes").bin().size("kb");
/// # let _ = (digest, kilobytes);
/// ```
#[derive(Debug, Clone)]
pub struct BinNamespace(pub(super) Expr);

/// Units of sizes, each 1024 of the one before.
const UNITS: [(&str, i32); 5] = [("b", 0), ("kb", 1), ("mb", 2), ("gb", 3), ("tb", 4)];

impl BinNamespace {
    /// Whether some bytes are in it.
    pub fn contains(self, part: impl IntoValue) -> Expr {
        kernel("bin.contains", [self.0, part.into_value()])
    }

    /// Whether it begins with some bytes.
    pub fn starts_with(self, prefix: impl IntoValue) -> Expr {
        kernel("bin.starts_with", [self.0, prefix.into_value()])
    }

    /// Whether it ends with some bytes.
    pub fn ends_with(self, suffix: impl IntoValue) -> Expr {
        kernel("bin.ends_with", [self.0, suffix.into_value()])
    }

    /// How long it is: bytes as UInt32, or `kb`, `mb`, `gb`, `tb` as Float64.
    pub fn size(self, unit: &str) -> Expr {
        let bytes = kernel("bin.size", [self.0]);
        match UNITS.iter().find(|(name, _)| *name == unit) {
            None | Some((_, 0)) => bytes,
            Some((_, power)) => cast(bytes, DataType::Float64) / 1024_f64.powi(*power).into_value(),
        }
    }

    /// So many bytes from an offset, which counts from the end where it is negative; all that follow if null.
    pub fn slice(self, offset: impl IntoValue, length: impl IntoValue) -> Expr {
        kernel("bin.slice", [self.0, offset.into_value(), length.into_value()])
    }

    /// The first n bytes; all but the last -n where n is negative.
    pub fn head(self, n: impl IntoValue) -> Expr {
        kernel("bin.head", [self.0, n.into_value()])
    }

    /// The last n bytes; all but the first -n where n is negative.
    pub fn tail(self, n: impl IntoValue) -> Expr {
        kernel("bin.tail", [self.0, n.into_value()])
    }

    /// The byte at an index: UInt8.
    pub fn get(self, index: impl IntoValue, null_on_oob: bool) -> Expr {
        kernel("bin.get", [self.0, index.into_value(), null_on_oob.into_value()])
    }

    /// As text, in `hex` or `base64`.
    pub fn encode(self, encoding: &str) -> Expr {
        kernel("bin.encode", [self.0, encoding.into_value()])
    }

    /// The bytes that `hex` or `base64` tells.
    pub fn decode(self, encoding: &str, strict: bool) -> Expr {
        kernel("bin.decode", [self.0, encoding.into_value(), strict.into_value()])
    }

    /// The number that the bytes are, the lowest first or last; null where there are not as many as it takes.
    pub fn reinterpret(self, data_type: &DataType, little_endian: bool) -> Expr {
        kernel("bin.reinterpret", [self.0, of_type(data_type), little_endian.into_value()])
    }
}

fn bin(call: &mut Call) -> Result<BinNamespace> {
    Ok(BinNamespace(call.expr("the bytes")?))
}

pub(super) const TABLE: &[FunctionRow] = &[
    FunctionRow::new("bin.contains", |call| Ok(bin(call)?.contains(call.expr("the part")?))),
    FunctionRow::new("bin.starts_with", |call| Ok(bin(call)?.starts_with(call.expr("the prefix")?))),
    FunctionRow::new("bin.ends_with", |call| Ok(bin(call)?.ends_with(call.expr("the suffix")?))),
    FunctionRow::new("bin.size", |call| {
        let bin = bin(call)?;
        let unit = call.choice("unit", &UNITS.map(|(name, _)| (name, name)))?;
        Ok(bin.size(unit))
    }),
    FunctionRow::new("bin.slice", |call| Ok(bin(call)?.slice(call.expr("the offset")?, call.expr("the length")?))),
    FunctionRow::new("bin.head", |call| Ok(bin(call)?.head(call.expr("n")?))),
    FunctionRow::new("bin.tail", |call| Ok(bin(call)?.tail(call.expr("n")?))),
    FunctionRow::new("bin.get", |call| Ok(bin(call)?.get(call.expr("the index")?, call.flag("null_on_oob", false)?))),
    FunctionRow::new("bin.encode", |call| Ok(bin(call)?.encode(&call.text("encoding")?))),
    FunctionRow::new("bin.decode", |call| Ok(bin(call)?.decode(&call.text("encoding")?, call.flag("strict", true)?))),
    FunctionRow::new("bin.reinterpret", |call| {
        let (bin, data_type) = (bin(call)?, call.data_type("dtype")?);
        let little = call.choice("endianness", &[("little", true), ("big", false)])?;
        Ok(bin.reinterpret(&data_type, little))
    }),
];
