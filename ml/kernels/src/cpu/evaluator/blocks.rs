//! Instructions over a block that are no arithmetic.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Error, Result};

use super::super::bytes::{Plain, typed, typed_mut, with_width};
use super::super::fold;
use super::super::map2::Argument;
use super::super::simd::{Operand, vectorized};

/// One number everywhere.
pub fn fill(dst: &mut [u8], width: usize, bytes: &[u8; 8]) {
    let word = u64::from_le_bytes(*bytes);
    with_width!(width, T => {
        typed_mut::<T>(dst).fill(word as T)
    });
}

/// `dst[i] = condition[i] ? a[i] : b[i]`.
pub fn select(dtype: DType, condition: &[u8], a: Argument, b: Argument, dst: &mut [u8]) {
    with_width!(dtype.size_bytes(), T => choose::<T>(condition, a.typed(), b.typed(), typed_mut(dst)));
}

fn choose<T: Plain>(condition: &[u8], a: Operand<T>, b: Operand<T>, dst: &mut [T]) {
    vectorized(
        #[inline(always)]
        || match a.row().or(b.row()) {
            None => choose_whole(condition, a, b, dst),
            Some(row) => {
                for (i, (dst, condition)) in dst.chunks_exact_mut(row).zip(condition.chunks_exact(row)).enumerate() {
                    choose_whole(condition, a.of_row(i, row), b.of_row(i, row), dst);
                }
            }
        },
    );
}

/// Of operands that are no numbers by row.
#[inline(always)]
fn choose_whole<T: Plain>(condition: &[u8], a: Operand<T>, b: Operand<T>, dst: &mut [T]) {
    let pairs = dst.iter_mut().zip(condition);
    match (a, b) {
        (Operand::Block(a), Operand::Block(b)) => {
            pairs.zip(a.iter().zip(b)).for_each(|((d, &c), (&a, &b))| *d = if c != 0 { a } else { b });
        }
        (Operand::One(a), Operand::Block(b)) => pairs.zip(b).for_each(|((d, &c), &b)| *d = if c != 0 { a } else { b }),
        (Operand::Block(a), Operand::One(b)) => pairs.zip(a).for_each(|((d, &c), &a)| *d = if c != 0 { a } else { b }),
        (a, b) => {
            if !condition.is_empty() {
                let (a, b) = (a.first(), b.first()); // one number each
                pairs.for_each(|(d, &c)| *d = if c != 0 { a } else { b });
            }
        }
    }
}

/// Each row's number, repeated.
pub fn spread(width: usize, rows: &[u8], row: usize, dst: &mut [u8]) {
    with_width!(width, T => {
        let rows = typed::<T>(rows);
        typed_mut::<T>(dst).chunks_exact_mut(row).zip(rows).for_each(|(d, &r)| d.fill(r))
    });
}

/// The fold of each row. Errors: `Internal` for a type that is not computed in.
pub fn fold_rows(op: ReduceOp, dtype: DType, values: &[u8], row: usize, dst: &mut [u8]) -> Result<()> {
    match dtype {
        DType::F32 => fold_rows_of::<f32>(op, values, row, dst),
        DType::F64 => fold_rows_of::<f64>(op, values, row, dst),
        DType::I64 => fold_rows_of::<i64>(op, values, row, dst),
        DType::U64 => fold_rows_of::<u64>(op, values, row, dst),
        DType::Bool => fold_rows_of::<u8>(op, values, row, dst),
        other => return Err(Error::internal("reduce", format!("is not computed in {other}"))),
    }
    Ok(())
}

fn fold_rows_of<T: fold::Folded>(op: ReduceOp, values: &[u8], row: usize, dst: &mut [u8]) {
    let dst = typed_mut::<T>(dst);
    fold::rows(op, typed::<T>(values), row, |i, acc| dst[i] = T::narrow(acc));
}
