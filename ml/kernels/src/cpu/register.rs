//! Registers: blocks of values that stay in the first-level cache.

use gradframe_ml_core::graph::{Fn1, Fn2, ReduceOp};
use gradframe_ml_core::{DType, Error, Result, Tensor};

use super::math;

/// Elements of a register.
pub const BLOCK: usize = 1024;

/// A block of values. bool is a byte, 0 or 1.
#[derive(Debug, Clone)]
pub enum Register {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    Bool(Vec<u8>),
}

/// Evaluates `$body` with `$v` bound to the vector inside, whatever its type.
macro_rules! each {
    ($register:expr, $v:ident => $body:expr) => {
        match $register {
            Register::F64($v) => $body,
            Register::F32($v) => $body,
            Register::I64($v) => $body,
            Register::I32($v) => $body,
            Register::Bool($v) => $body,
        }
    };
}
pub(super) use each;

/// The error for a combination that the type rules exclude.
fn odd(what: &str) -> Error {
    Error::internal("program", format!("`{what}` met types that it does not take"))
}

impl Register {
    /// A register of zeros. Errors: `Internal` for a type that registers do not hold.
    pub fn zeros(dtype: DType, len: usize) -> Result<Self> {
        Ok(match dtype {
            DType::F64 => Register::F64(vec![0.0; len]),
            DType::F32 => Register::F32(vec![0.0; len]),
            DType::I64 => Register::I64(vec![0; len]),
            DType::I32 => Register::I32(vec![0; len]),
            DType::Bool => Register::Bool(vec![0; len]),
            other => return Err(odd(other.name())),
        })
    }

    /// All elements become the constant. Errors: `DType` if its type is another.
    pub fn fill_constant(&mut self, value: &Tensor) -> Result<()> {
        each!(self, v => v.fill(value.values()?[0]));
        Ok(())
    }

    /// Integer positions.
    pub fn set_index(&mut self, at: usize, value: i64) {
        match self {
            Register::F64(v) => v[at] = value as f64,
            Register::F32(v) => v[at] = value as f32,
            Register::I64(v) => v[at] = value,
            Register::I32(v) => v[at] = value as i32,
            Register::Bool(v) => v[at] = (value != 0) as u8,
        }
    }

    /// An element of an index register.
    pub fn index_at(&self, at: usize) -> i64 {
        match self {
            Register::I64(v) => v[at],
            Register::I32(v) => v[at] as i64,
            _ => -1,
        }
    }

    /// `self = f(x)` over the first `len` elements.
    pub fn map1(&mut self, f: Fn1, x: &Register, len: usize) -> Result<()> {
        match (self, x) {
            (Register::F64(o), Register::F64(x)) => math::map1_f64(f, &x[..len], &mut o[..len]),
            (Register::F32(o), Register::F32(x)) => math::map1_f32(f, &x[..len], &mut o[..len]),
            (Register::I64(o), Register::I64(x)) => math::map1_i64(f, &x[..len], &mut o[..len]),
            (Register::I32(o), Register::I32(x)) => math::map1_i32(f, &x[..len], &mut o[..len]),
            (Register::Bool(o), Register::Bool(x)) => unary(&x[..len], &mut o[..len], |x| 1 - x),
            (Register::Bool(o), Register::F64(x)) => unary(&x[..len], &mut o[..len], |x| test(f, x.is_nan(), x.is_finite())),
            (Register::Bool(o), Register::F32(x)) => unary(&x[..len], &mut o[..len], |x| test(f, x.is_nan(), x.is_finite())),
            _ => return Err(odd(f.name())),
        }
        Ok(())
    }

    /// `self = f(a, b)` over the first `len` elements.
    pub fn map2(&mut self, f: Fn2, a: &Register, b: &Register, len: usize) -> Result<()> {
        match (self, a, b) {
            (Register::F64(o), Register::F64(a), Register::F64(b)) => math::map2_f64(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::F32(o), Register::F32(a), Register::F32(b)) => math::map2_f32(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::I64(o), Register::I64(a), Register::I64(b)) => math::map2_i64(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::I32(o), Register::I32(a), Register::I32(b)) => math::map2_i32(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::Bool(o), Register::F64(a), Register::F64(b)) => math::compare(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::Bool(o), Register::F32(a), Register::F32(b)) => math::compare(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::Bool(o), Register::I64(a), Register::I64(b)) => math::compare(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::Bool(o), Register::I32(a), Register::I32(b)) => math::compare(f, &a[..len], &b[..len], &mut o[..len]),
            (Register::Bool(o), Register::Bool(a), Register::Bool(b)) => math::map2_bool(f, &a[..len], &b[..len], &mut o[..len]),
            _ => return Err(odd(f.name())),
        }
        Ok(())
    }

    /// `self = c ? a : b` over the first `len` elements.
    pub fn select(&mut self, c: &Register, a: &Register, b: &Register, len: usize) -> Result<()> {
        let Register::Bool(c) = c else { return Err(odd("select")) };
        match (self, a, b) {
            (Register::F64(o), Register::F64(a), Register::F64(b)) => choose(&c[..len], &a[..len], &b[..len], &mut o[..len]),
            (Register::F32(o), Register::F32(a), Register::F32(b)) => choose(&c[..len], &a[..len], &b[..len], &mut o[..len]),
            (Register::I64(o), Register::I64(a), Register::I64(b)) => choose(&c[..len], &a[..len], &b[..len], &mut o[..len]),
            (Register::I32(o), Register::I32(a), Register::I32(b)) => choose(&c[..len], &a[..len], &b[..len], &mut o[..len]),
            (Register::Bool(o), Register::Bool(a), Register::Bool(b)) => choose(&c[..len], &a[..len], &b[..len], &mut o[..len]),
            _ => return Err(odd("select")),
        }
        Ok(())
    }

    /// The values of another type: floats to integers truncate and saturate, to bool is `x != 0`.
    pub fn cast(&mut self, x: &Register, len: usize) {
        macro_rules! to {
            ($o:expr, $t:ty) => { each!(x, x => unary(&x[..len], &mut $o[..len], |x| x as $t)) };
        }
        match self {
            Register::F64(o) => to!(o, f64),
            Register::F32(o) => to!(o, f32),
            Register::I64(o) => to!(o, i64),
            Register::I32(o) => to!(o, i32),
            Register::Bool(o) => match x {
                Register::F64(x) => unary(&x[..len], &mut o[..len], |x| (x != 0.0) as u8),
                Register::F32(x) => unary(&x[..len], &mut o[..len], |x| (x != 0.0) as u8),
                Register::I64(x) => unary(&x[..len], &mut o[..len], |x| (x != 0) as u8),
                Register::I32(x) => unary(&x[..len], &mut o[..len], |x| (x != 0) as u8),
                Register::Bool(x) => o[..len].copy_from_slice(&x[..len]),
            },
        }
    }

    /// The neutral element of a fold in the first place of a one-element register.
    pub fn neutral(dtype: DType, op: ReduceOp) -> Result<Self> {
        let mut register = Register::zeros(dtype, 1)?;
        match &mut register {
            Register::F64(v) => v[0] = math::neutral_f64(op),
            Register::F32(v) => v[0] = math::neutral_f64(op) as f32,
            Register::I64(v) => v[0] = math::neutral_i64(op, i64::MIN, i64::MAX),
            Register::I32(v) => v[0] = math::neutral_i64(op, i32::MIN as i64, i32::MAX as i64) as i32,
            Register::Bool(v) => v[0] = matches!(op, ReduceOp::All | ReduceOp::Min | ReduceOp::Prod) as u8,
        }
        Ok(register)
    }

    /// Folds `x[from..to]` into element `at`.
    pub fn fold(&mut self, at: usize, op: ReduceOp, x: &Register, from: usize, to: usize) -> Result<()> {
        match (self, x) {
            (Register::F64(o), Register::F64(x)) => o[at] = math::fold_f64(op, o[at], &x[from..to]),
            (Register::F32(o), Register::F32(x)) => o[at] = math::fold_f32(op, o[at], &x[from..to]),
            (Register::I64(o), Register::I64(x)) => o[at] = math::fold_i64(op, o[at], &x[from..to]),
            (Register::I32(o), Register::I32(x)) => o[at] = math::fold_i32(op, o[at], &x[from..to]),
            (Register::Bool(o), Register::Bool(x)) => o[at] = math::fold_bool(op, o[at], &x[from..to]),
            _ => return Err(odd("fold")),
        }
        Ok(())
    }

    /// Elements `from..to` become element `at` of `x`, which has the same type.
    pub fn spread(&mut self, from: usize, to: usize, x: &Register, at: usize) -> Result<()> {
        match (self, x) {
            (Register::F64(o), Register::F64(x)) => o[from..to].fill(x[at]),
            (Register::F32(o), Register::F32(x)) => o[from..to].fill(x[at]),
            (Register::I64(o), Register::I64(x)) => o[from..to].fill(x[at]),
            (Register::I32(o), Register::I32(x)) => o[from..to].fill(x[at]),
            (Register::Bool(o), Register::Bool(x)) => o[from..to].fill(x[at]),
            _ => return Err(odd("fold")),
        }
        Ok(())
    }
}

fn test(f: Fn1, nan: bool, finite: bool) -> u8 {
    if f == Fn1::IsNan { nan as u8 } else { finite as u8 }
}

/// `o = f(x)`, elementwise.
#[inline(always)]
pub fn unary<X: Copy, O>(x: &[X], o: &mut [O], f: impl Fn(X) -> O) {
    x.iter().zip(o).for_each(|(&x, o)| *o = f(x));
}

fn choose<T: Copy>(c: &[u8], a: &[T], b: &[T], o: &mut [T]) {
    for (((&c, &a), &b), o) in c.iter().zip(a).zip(b).zip(o) {
        *o = if c != 0 { a } else { b };
    }
}
