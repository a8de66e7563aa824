//! Few rows of f32 times matrices of bf16, which are read once and where they lie: a step of generation over the keys and values of
//! the tokens before. Elements of bf16 are widened in registers; sums are f32.

use gradframe_ml_core::Result;
use half::bf16;

use super::gemm::Matrix;
use super::halves::{inner_product, widened};
use super::simd::vectorized;
use super::tasks::{self, TASK_BYTES_MIN, Workers};

/// Rows of the left, at most: of more it pays to widen the right side before.
pub const ROWS_MAX: usize = 32;

/// How the matrices of the right lie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lies {
    /// What is contracted is contiguous, on both sides.
    Rows,
    /// What is not contracted is.
    Columns,
}

/// `output[b, i, j] = sum_k left[b, i, k] right[b, j, k]`. False, with nothing done, where the right side lies otherwise or a side is
/// empty.
pub fn multiply(left: &Matrix<f32>, right: &Matrix<bf16>, workers: Workers, output: &mut [f32]) -> Result<bool> {
    let lies = match (left.column, right.column, right.row) {
        (1, 1, _) => Lies::Rows,
        (_, _, 1) => Lies::Columns,
        _ => return Ok(false),
    };
    if output.is_empty() || left.columns == 0 {
        return Ok(false);
    }
    let each = left.rows * right.rows;
    let per_task = (TASK_BYTES_MIN / (right.rows * right.columns * size_of::<bf16>())).max(1);
    tasks::for_each_chunk(workers, output, per_task * each, |task, output| {
        for (i, output) in output.chunks_exact_mut(each).enumerate() {
            let matrix = task * per_task + i;
            one(lies, &left.one(matrix), &right.one(matrix), output);
        }
        Ok(())
    })?;
    Ok(true)
}

fn one(lies: Lies, left: &Matrix<f32>, right: &Matrix<bf16>, output: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if x86::multiply(lies, left, right, output) {
        return;
    }
    match lies {
        Lies::Rows => by_rows(left, right, output),
        Lies::Columns => by_columns(left, right, output),
    }
}

/// The portable way: an inner product an element.
fn by_rows(left: &Matrix<f32>, right: &Matrix<bf16>, output: &mut [f32]) {
    for (i, output) in output.chunks_exact_mut(right.rows).enumerate() {
        let start = left.first + i * left.row as usize;
        let x = &left.values[start..start + left.columns];
        for (j, sum) in output.iter_mut().enumerate() {
            let start = right.first + j * right.row as usize;
            *sum = inner_product(&right.values[start..start + right.columns], x);
        }
    }
}

/// The portable way: each row of the right, as often as the left says, added up.
fn by_columns(left: &Matrix<f32>, right: &Matrix<bf16>, output: &mut [f32]) {
    for (i, output) in output.chunks_exact_mut(right.rows).enumerate() {
        vectorized(
            #[inline(always)]
            || {
                output.fill(0.0);
                for k in 0..left.columns {
                    let times = left.values[left.first + i * left.row as usize + k * left.column as usize];
                    let start = right.first + k * right.column as usize;
                    let row = &right.values[start..start + output.len()];
                    output.iter_mut().zip(row).for_each(|(sum, &x)| *sum += times * widened(x));
                }
            },
        );
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use half::bf16;

    use super::Lies;
    use crate::cpu::gemm::Matrix;
    use crate::cpu::inner::{Results, inner_products_with_widened};
    use crate::cpu::product::{Factor, Target, panel, product_with_widened};
    use crate::cpu::simd::{Level, level};

    /// In registers. False, with nothing done, if the processor has none or the right side does not fill them.
    pub fn multiply(lies: Lies, left: &Matrix<f32>, right: &Matrix<bf16>, output: &mut [f32]) -> bool {
        let (stride, fits) = match lies {
            Lies::Rows => (right.row, true),
            Lies::Columns => (right.column, right.rows.is_multiple_of(panel())),
        };
        if level() == Level::Portable || !fits || stride % 2 != 0 {
            return false;
        }
        assert!(left.is_inside() && right.is_inside() && left.columns == right.columns, "a matrix leaves its buffer");
        assert!(output.len() == left.rows * right.rows, "a result of another size");
        let sizes = [left.rows, right.rows, left.columns];
        let a = Factor { values: left.values[left.first..].as_ptr(), row: left.row, column: left.column };
        let values = right.values[right.first..].as_ptr().cast();
        let (to, to_stride) = (output.as_mut_ptr(), right.rows as isize);
        // SAFETY: every element is inside its slice, whose rows are whole words of four bytes apart; the instructions were found.
        unsafe {
            match lies {
                Lies::Rows => {
                    let b = Factor { values, row: stride / 2, column: 1 };
                    inner_products_with_widened(sizes, a, b, Results { values: to, stride: to_stride });
                }
                Lies::Columns => {
                    let b = Factor { values, row: 1, column: stride / 2 };
                    product_with_widened(sizes, a, b, Target { values: to, stride: to_stride, adds: false });
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let number =
            |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 16) as f32 / 32768.0 - 1.0;
        (0..count as u32).map(number).collect()
    }

    #[test]
    fn both_ways_of_lying_agree_with_sums_of_products() {
        for [rows, columns, depth] in [[1, 5, 8], [2, 33, 64], [5, 64, 7], [8, 32, 100], [9, 96, 66]] {
            let left = numbers(2 * rows * depth, 1);
            let right: Vec<bf16> = numbers(2 * columns * depth, 2).into_iter().map(bf16::from_f32).collect();
            let a = Matrix::dense(&left, [2, rows, depth]);
            let by_rows = Matrix::dense(&right, [2, columns, depth]);
            let by_columns = Matrix { row: 1, column: columns as isize, ..by_rows };
            for b in [by_rows, by_columns] {
                let mut output = vec![f32::NAN; 2 * rows * columns];
                assert!(multiply(&a, &b, Workers::One, &mut output).unwrap());
                for (at, found) in output.iter().enumerate() {
                    let (matrix, i, j) = (at / (rows * columns), at / columns % rows, at % columns);
                    let x = |k: usize| f64::from(left[(matrix * rows + i) * depth + k]);
                    let y = |k: usize| right[matrix * columns * depth + j * b.row as usize + k * b.column as usize].to_f64();
                    let expected: f64 = (0..depth).map(|k| x(k) * y(k)).sum();
                    assert!((f64::from(*found) - expected).abs() < 1e-6 * depth as f64, "{found} for {expected}");
                }
                let (mut ours, mut portable) = (vec![0.0; rows * columns], vec![0.0; rows * columns]);
                let (a, b) = (a.one(1), b.one(1));
                let lies = if b.column == 1 { Lies::Rows } else { Lies::Columns };
                one(lies, &a, &b, &mut ours);
                if lies == Lies::Rows {
                    super::by_rows(&a, &b, &mut portable)
                } else {
                    super::by_columns(&a, &b, &mut portable)
                }
                ours.iter().zip(&portable).for_each(|(a, b)| assert!((a - b).abs() < 1e-5 * depth as f32));
            }
        }
    }
}
