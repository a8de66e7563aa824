//! The columns of several files as those of one table.
//!
//! Columns are matched by name, each in its own type ([`gradframe_plan::own_types`]). Types widen as the table below says; where no type
//! holds the values of both files, that is an error which names the files, the column and the types.
//!
//! | in one file | in another | in the table |
//! |---|---|---|
//! | no values yet | any type | that type |
//! | integers | integers | the smallest integer type that holds both; UInt64 with a signed one: Decimal128(20, 0) |
//! | integer or decimal | float | Float64 |
//! | Float32 | Float64 | Float64 |
//! | decimal | integer or decimal | a decimal that holds both, up to 38 digits |
//! | date | timestamp | the timestamp |
//! | timestamps, durations | the same, of the same zone | the finer unit |
//! | texts, or bytes, of any layout | the same | the largest layout |
//! | dictionary of a type | any type | as that type |
//! | lists, structs | lists, structs | item by item, field by field |

use std::collections::HashMap;
use std::sync::Arc;

use arrow::compute::can_cast_types;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;
use gradframe_plan::own_types::{own_field, own_type};

use super::extensions::CATEGORIES;

/// The columns of one file.
#[derive(Debug, Clone)]
pub(super) struct FileColumns {
    /// The file, as its user names it.
    pub(super) file: String,
    /// Its columns; `Null` is the type of one that has no values yet.
    pub(super) fields: Vec<FieldRef>,
    /// Rows, where the file says so without being read.
    pub(super) rows: Option<u64>,
}

/// How files are united.
#[derive(Debug, Clone, Default)]
pub(super) struct Union {
    /// Files may lack columns that others have.
    pub(super) by_name: bool,
    /// Types said by the user, whatever the files say.
    pub(super) types: Vec<(String, DataType)>,
}

/// A column of the table so far, and where its type comes from.
struct Column<'a> {
    field: Field,
    file: &'a str,
    files: usize,
}

/// The table of all files: the columns of the first, then those that later ones add.
/// Errors: `Execution` naming two files and the columns in which they differ, unless `union.by_name`, or the column whose
/// types do not go together; `Plan` for a type said of an unknown column.
pub(super) fn table(function: &'static str, files: &[FileColumns], union: &Union) -> Result<Schema> {
    let first = files.first().ok_or_else(|| Error::plan(function, "there is no file"))?;
    let mut columns: Vec<Column> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for file in files {
        if !union.by_name {
            same_names(function, first, file)?;
        }
        for field in &file.fields {
            match places.get(field.name().as_str()) {
                Some(&place) => columns[place].add(function, file, field, union)?,
                None => {
                    places.insert(field.name(), columns.len());
                    columns.push(Column { field: own_field(field).as_ref().clone(), file: &file.file, files: 1 });
                }
            }
        }
    }
    let fields = columns.into_iter().map(|column| column.finish(files.len())).collect();
    with_types(function, fields, files, union)
}

impl<'a> Column<'a> {
    fn add(&mut self, function: &str, file: &'a FileColumns, field: &FieldRef, union: &Union) -> Result<()> {
        self.files += 1;
        let field = own_field(field);
        if union.types.iter().any(|(name, _)| name == field.name()) {
            return Ok(());
        }
        if self.field.metadata().get(CATEGORIES) != field.metadata().get(CATEGORIES) {
            // Enums of different categories are text of few values.
            self.field.metadata_mut().remove(CATEGORIES);
        }
        let means_the_same = extensions(&self.field) == extensions(&field);
        let together = wider(self.field.data_type(), field.data_type()).filter(|_| means_the_same);
        let Some(data_type) = together else { return Err(self.conflict(function, file, &field)) };
        if self.field.data_type() == &DataType::Null {
            self.file = &file.file;
        }
        self.field = self.field.clone().with_data_type(data_type).with_nullable(self.field.is_nullable() || field.is_nullable());
        Ok(())
    }

    fn conflict(&self, function: &str, file: &FileColumns, field: &Field) -> Error {
        let name = field.name();
        let (before, now) = (shown(&self.field), shown(field));
        let what = format!("column `{name}` is {before} in `{}` and {now} in `{}`", self.file, file.file);
        Error::execution(function, what).hint(format!("types => {{'{name}': 'VARCHAR'}} reads it as one type in all files"))
    }

    /// Null where a file lacks it.
    fn finish(self, files: usize) -> Field {
        let nullable = self.field.is_nullable() || self.files < files;
        self.field.with_nullable(nullable)
    }
}

/// What the metadata say that a field means, but the categories of an Enum.
fn extensions(field: &Field) -> HashMap<&str, &str> {
    field.metadata().iter().map(|(key, value)| (key.as_str(), value.as_str())).filter(|(key, _)| *key != CATEGORIES).collect()
}

/// The type, with its extension if it has one.
fn shown(field: &Field) -> String {
    match field.extension_type_name() {
        Some(extension) => format!("{extension} ({})", field.data_type()),
        None => field.data_type().to_string(),
    }
}

fn same_names(function: &str, first: &FileColumns, file: &FileColumns) -> Result<()> {
    let has = |columns: &FileColumns, name: &str| columns.fields.iter().any(|field| field.name() == name);
    let only = |these: &FileColumns, those: &FileColumns| {
        let only: Vec<String> =
            these.fields.iter().map(|f| f.name()).filter(|name| !has(those, name)).map(String::clone).collect();
        names::list(&only.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (missing, more) = (only(first, file), only(file, first));
    let differ = match (missing.is_empty(), more.is_empty()) {
        (true, true) => return Ok(()),
        (false, true) => format!("it lacks {missing}"),
        (true, false) => format!("it has {more} besides"),
        (false, false) => format!("it lacks {missing} and has {more} besides"),
    };
    let error = Error::execution(function, format!("`{}` has other columns than `{}`: {differ}", file.file, first.file));
    Err(error.hint("union_by_name => true makes one table of them, with nulls where a file lacks a column"))
}

/// The types that the user says take the place of the files' own.
fn with_types(function: &str, mut fields: Vec<Field>, files: &[FileColumns], union: &Union) -> Result<Schema> {
    for (name, data_type) in &union.types {
        let Some(place) = fields.iter().position(|field| field.name() == name) else {
            let hint = names::suggest(name, fields.iter().map(|field| field.name().as_str()));
            let what = format!("unknown column `{name}`, of which a type is given: `{}` has none of that name", files[0].file);
            return Err(Error::plan(function, what).hint(hint));
        };
        for file in files {
            let unfit = file.fields.iter().find(|field| field.name() == name && !can_cast_types(field.data_type(), data_type));
            if let Some(field) = unfit {
                let what = format!("option `types`: `{name}` is {} in `{}`, not {data_type}", field.data_type(), file.file);
                return Err(Error::plan(function, what));
            }
        }
        fields[place] = Field::new(name, own_type(data_type), true);
    }
    Ok(Schema::new(fields))
}

/// The type that holds the values of both, by the table at the top.
pub(super) fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::*;
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Null, other) | (other, Null) => Some(other.clone()),
        (Dictionary(_, value), other) | (other, Dictionary(_, value)) => wider(value, other),
        _ if a.is_integer() && b.is_integer() => Some(wider_integer(a, b)),
        _ if a.is_numeric() && b.is_numeric() => wider_number(a, b),
        (Date32, time @ Timestamp(..)) | (time @ Timestamp(..), Date32) => Some(time.clone()),
        (Timestamp(x, zone), Timestamp(y, other)) => (zone == other).then(|| Timestamp(finer(*x, *y), zone.clone())),
        (Duration(x), Duration(y)) => Some(Duration(finer(*x, *y))),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => Some(larger(a, b, &LargeUtf8, &Utf8View)),
        (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => Some(larger(a, b, &LargeBinary, &BinaryView)),
        (List(x), List(y)) => wider_field(x, y).map(|item| List(Arc::new(item))),
        (LargeList(x) | List(x), LargeList(y) | List(y)) => wider_field(x, y).map(|item| LargeList(Arc::new(item))),
        (FixedSizeList(x, n), FixedSizeList(y, m)) if n == m => wider_field(x, y).map(|item| FixedSizeList(Arc::new(item), *n)),
        (Struct(x), Struct(y)) => wider_fields(x, y).map(Struct),
        _ => None,
    }
}

fn larger(a: &DataType, b: &DataType, large: &DataType, view: &DataType) -> DataType {
    if a == large || b == large { large.clone() } else { view.clone() }
}

/// Bits, and whether there is a sign.
fn integer(data_type: &DataType) -> (u32, bool) {
    let bits = data_type.primitive_width().unwrap_or(8) as u32 * 8;
    (bits, data_type.is_signed_integer())
}

fn wider_integer(a: &DataType, b: &DataType) -> DataType {
    let ((bits_a, signed_a), (bits_b, signed_b)) = (integer(a), integer(b));
    if signed_a == signed_b {
        return if bits_a >= bits_b { a.clone() } else { b.clone() };
    }
    let (signed, unsigned) = if signed_a { (bits_a, bits_b) } else { (bits_b, bits_a) };
    match signed.max(unsigned * 2) {
        ..=16 => DataType::Int16,
        17..=32 => DataType::Int32,
        33..=64 => DataType::Int64,
        _ => DataType::Decimal128(20, 0),
    }
}

/// Not both integers.
fn wider_number(a: &DataType, b: &DataType) -> Option<DataType> {
    if a.is_floating() || b.is_floating() {
        let halves = |x: &DataType| matches!(x, DataType::Float16 | DataType::Float32);
        return Some(if halves(a) && halves(b) { DataType::Float32 } else { DataType::Float64 });
    }
    let ((digits_a, scale_a), (digits_b, scale_b)) = (decimal(a)?, decimal(b)?);
    let scale = scale_a.max(scale_b);
    let precision = (digits_a - scale_a).max(digits_b - scale_b) + scale;
    let data_type = DataType::Decimal128(precision as u8, scale as i8);
    (precision <= i16::from(DECIMAL128_MAX_PRECISION)).then_some(data_type)
}

/// Digits in all and after the point. Wider decimals than of 128 bits are not united.
fn decimal(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Decimal128(precision, scale) => Some((i16::from(*precision), i16::from(*scale))),
        integer if integer.is_integer() => Some((if integer == &DataType::UInt64 { 20 } else { 19 }, 0)),
        _ => None,
    }
}

fn finer(a: TimeUnit, b: TimeUnit) -> TimeUnit {
    let rank = |unit: TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}

fn wider_field(a: &Field, b: &Field) -> Option<Field> {
    let data_type = wider(a.data_type(), b.data_type())?;
    Some(a.clone().with_data_type(data_type).with_nullable(a.is_nullable() || b.is_nullable()))
}

/// Fields by name; one that only one struct has may be null.
fn wider_fields(a: &Fields, b: &Fields) -> Option<Fields> {
    let mut fields: Vec<Field> = Vec::new();
    for field in a {
        fields.push(match b.find(field.name()) {
            Some((_, other)) => wider_field(field, other)?,
            None => field.as_ref().clone().with_nullable(true),
        });
    }
    let more = b.iter().filter(|field| a.find(field.name()).is_none());
    fields.extend(more.map(|field| field.as_ref().clone().with_nullable(true)));
    Some(fields.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, columns: &[(&str, DataType)]) -> FileColumns {
        let fields = columns.iter().map(|(name, data_type)| Arc::new(Field::new(*name, data_type.clone(), true))).collect();
        FileColumns { file: name.into(), fields, rows: None }
    }

    #[test]
    fn types_widen_as_the_table_says() {
        use DataType::*;
        let micros = Timestamp(TimeUnit::Microsecond, None);
        for (a, b, together) in [
            (Null, Utf8, Some(Utf8)),
            (Int8, Int32, Some(Int32)),
            (UInt8, Int8, Some(Int16)),
            (UInt32, Int8, Some(Int64)),
            (UInt64, Int64, Some(Decimal128(20, 0))),
            (Int64, Float32, Some(Float64)),
            (Float32, Float64, Some(Float64)),
            (Decimal128(5, 2), Int64, Some(Decimal128(21, 2))),
            (Decimal128(38, 0), Decimal128(38, 10), None),
            (Date32, micros.clone(), Some(micros.clone())),
            (Timestamp(TimeUnit::Second, None), micros.clone(), Some(micros.clone())),
            (Timestamp(TimeUnit::Second, Some("UTC".into())), micros, None),
            (Duration(TimeUnit::Millisecond), Duration(TimeUnit::Second), Some(Duration(TimeUnit::Millisecond))),
            (Utf8, Utf8View, Some(Utf8View)),
            (Utf8, LargeUtf8, Some(LargeUtf8)),
            (Utf8, Int64, None),
            (Boolean, Int64, None),
            (Dictionary(Box::new(Int32), Box::new(Utf8)), Utf8, Some(Utf8)),
        ] {
            assert_eq!(wider(&a, &b), together, "{a} and {b}");
            assert_eq!(wider(&b, &a), together, "{b} and {a}");
        }
    }

    #[test]
    fn columns_come_in_their_own_types() {
        use DataType::{Date32, Date64, Decimal64, Decimal128, Int64, Time32, Time64};
        let (seconds, micros) = (Time32(TimeUnit::Second), Time64(TimeUnit::Microsecond));
        let a = file("a.parquet", &[("t", seconds), ("n", Decimal64(12, 2)), ("d", Date64), ("i", Int64)]);
        let b = file("b.parquet", &[("t", micros), ("n", Decimal128(14, 3)), ("d", Date32), ("i", Int64)]);
        let own = [Time64(TimeUnit::Nanosecond), Decimal128(14, 3), Date32, Int64];
        let schema = table("read_parquet", &[a, b], &Union::default()).unwrap();
        assert_eq!(schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>(), own);
    }

    #[test]
    fn structs_are_united_field_by_field() {
        let of = |fields: Vec<(&str, DataType)>| {
            DataType::Struct(fields.into_iter().map(|(name, t)| Field::new(name, t, true)).collect::<Vec<_>>().into())
        };
        let a = of(vec![("x", DataType::Int64), ("y", DataType::Utf8)]);
        let b = of(vec![("z", DataType::Boolean), ("x", DataType::Float64)]);
        let both = of(vec![("x", DataType::Float64), ("y", DataType::Utf8), ("z", DataType::Boolean)]);
        assert_eq!(wider(&a, &b), Some(both));
    }

    #[test]
    fn other_columns_need_the_option_and_become_nullable() {
        let files = [file("a.csv", &[("x", DataType::Int64), ("y", DataType::Utf8)]), file("b.csv", &[("x", DataType::Float64)])];
        let error = table("read_csv", &files, &Union::default()).unwrap_err();
        let expected = "read_csv: `b.csv` has other columns than `a.csv`: it lacks `y`; hint: union_by_name => true";
        assert!(error.to_string().starts_with(expected), "{error}");
        let union = Union { by_name: true, ..Union::default() };
        let schema = table("read_csv", &files, &union).unwrap();
        assert_eq!(schema.field(0).data_type(), &DataType::Float64);
        assert!(schema.field(1).is_nullable());
    }

    #[test]
    fn a_conflict_names_both_files_and_types_and_a_said_type_ends_it() {
        let files = [
            file("a.csv", &[("x", DataType::Null)]),
            file("b.csv", &[("x", DataType::Int64)]),
            file("c.csv", &[("x", DataType::Utf8)]),
        ];
        let error = table("read_csv", &files, &Union::default()).unwrap_err();
        let expected = "read_csv: column `x` is Int64 in `b.csv` and Utf8 in `c.csv`; hint: types => {'x': 'VARCHAR'}";
        assert!(error.to_string().starts_with(expected), "{error}");
        let union = Union { by_name: false, types: vec![("x".into(), DataType::Utf8)] };
        assert_eq!(table("read_csv", &files, &union).unwrap().field(0).data_type(), &DataType::Utf8);
        let union = Union { by_name: false, types: vec![("z".into(), DataType::Utf8)] };
        assert_eq!(table("read_csv", &files[..2], &union).unwrap_err().kind(), "Plan");
    }
}
