//! Rows folded into few groups: counts, sums and extremes of what a function makes of each row.
//!
//! It is what an aggregate of a query is over columns of numbers. The function is a graph like any other; a fold takes one of
//! its results, of the rows that another result holds for, in the group that a third one numbers. [`Grouped::run`] is the CPU's
//! way: the function's program a piece at a time, then the folds. [`Rows`] is the function as one chain of instructions, for
//! back ends that compute and fold a row in one pass.

mod cpu;
mod rows;

use gradframe_ml_core::{DType, Error, Function, Result, Shape};

pub use self::rows::Rows;
use crate::{Program, compile};

/// The magnitude below which terms of a [`GroupOp::Sum`] of integers have to stay: a back end may add 2^19 of them in 64 bits.
pub const TERM_BITS: u32 = 43;

/// How the values of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupOp {
    /// The number of rows.
    Count,
    /// The sum; exact of integers, whose terms stay below 2^[`TERM_BITS`].
    Sum,
    /// The smallest; of nothing, the largest of the type.
    Min,
    /// The largest; of nothing, the smallest of the type.
    Max,
}

/// One fold of every group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupFold {
    /// How.
    pub op: GroupOp,
    /// The result that is folded, i64 or f64 (sums alone); none for a count.
    pub value: Option<usize>,
    /// The result, bool, that says of which rows; all if there is none.
    pub rows: Option<usize>,
}

/// What a fold gave, a number for each group.
#[derive(Debug, Clone, PartialEq)]
pub enum Folded {
    /// Counts, and folds of i64.
    Integers(Vec<i128>),
    /// Sums of f64.
    Floats(Vec<f64>),
}

/// Folds over what a function makes of each of N rows. See the module.
#[derive(Debug, Clone)]
pub struct Grouped {
    program: Program,
    folds: Vec<GroupFold>,
    group: Option<usize>,
    groups: usize,
    types: Vec<DType>,
}

impl Grouped {
    /// Of a function whose results have N elements each. The result `group`, i64, numbers the group of a row: outside of
    /// 0..`groups` the row belongs to none. Without it all rows are one group.
    /// Errors: `Plan` without a group or a fold; `Internal` if a fold does not fit the function's results.
    pub fn new(function: &Function, folds: Vec<GroupFold>, group: Option<usize>, groups: usize) -> Result<Self> {
        if groups == 0 || folds.is_empty() {
            let what = format!("{groups} groups of {} folds", folds.len());
            return Err(Error::plan("grouped", what).hint("there is one group, and one fold of it, at least"));
        }
        let types = function.outputs.iter().map(|node| function.graph.ty(*node).dtype).collect();
        let grouped = Grouped { program: compile(function)?, folds, group, groups, types };
        grouped.check()?;
        Ok(grouped)
    }

    fn check(&self) -> Result<()> {
        let is =
            |result: Option<usize>, types: &[DType]| result.is_none_or(|n| self.types.get(n).is_some_and(|t| types.contains(t)));
        let of = |fold: &GroupFold| match fold.op {
            GroupOp::Count => fold.value.is_none(),
            GroupOp::Sum => fold.value.is_some() && is(fold.value, &[DType::I64, DType::F64]),
            GroupOp::Min | GroupOp::Max => fold.value.is_some() && is(fold.value, &[DType::I64]),
        };
        let fits = |fold: &GroupFold| of(fold) && is(fold.rows, &[DType::Bool]);
        let is_single = self.group.is_some() || self.groups == 1;
        match self.folds.iter().all(fits) && is(self.group, &[DType::I64]) && is_single {
            true => Ok(()),
            false => Err(Error::internal("grouped", "a fold that does not fit the function's results")),
        }
    }

    /// What is made of each row.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The folds.
    pub fn folds(&self) -> &[GroupFold] {
        &self.folds
    }

    /// The result that numbers the group of a row.
    pub fn group(&self) -> Option<usize> {
        self.group
    }

    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Whether a fold is of floats.
    pub fn is_float(&self, fold: &GroupFold) -> bool {
        fold.value.is_some_and(|value| self.types[value] == DType::F64)
    }

    /// The function as one chain. Errors: `NotImplemented` if a row is not computed by itself alone.
    pub fn rows(&self) -> Result<Rows> {
        rows::of(self.program.schedule())
    }

    /// What the folds give of no row.
    pub fn nothing(&self) -> Vec<Folded> {
        let of = |fold: &GroupFold| match self.is_float(fold) {
            true => Folded::Floats(vec![0.0; self.groups]),
            false => Folded::Integers(vec![fold.op.neutral(); self.groups]),
        };
        self.folds.iter().map(of).collect()
    }

    /// Joins what the folds gave of rows before and of rows behind.
    pub fn join(&self, before: &mut [Folded], behind: &[Folded]) {
        for ((before, behind), fold) in before.iter_mut().zip(behind).zip(&self.folds) {
            match (before, behind) {
                (Folded::Integers(a), Folded::Integers(b)) => {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a = fold.op.joined(*a, *b));
                }
                (Folded::Floats(a), Folded::Floats(b)) => a.iter_mut().zip(b).for_each(|(a, b)| *a += b),
                _ => {} // both are of one fold, and so of one type
            }
        }
    }
}

impl GroupOp {
    /// What it gives of nothing, of integers.
    pub const fn neutral(self) -> i128 {
        match self {
            GroupOp::Count | GroupOp::Sum => 0,
            GroupOp::Min => i64::MAX as i128,
            GroupOp::Max => i64::MIN as i128,
        }
    }

    fn joined(self, a: i128, b: i128) -> i128 {
        match self {
            GroupOp::Count | GroupOp::Sum => a + b,
            GroupOp::Min => a.min(b),
            GroupOp::Max => a.max(b),
        }
    }
}

/// The axis of the rows.
fn is_axis_of_rows(shape: &Shape) -> bool {
    shape.rank() == 1
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::{Dim, Graph, Tensor};

    use super::*;

    /// Results: the group of each row, its number, and whether that is even.
    fn function() -> Function {
        let mut g = Graph::new();
        let rows = Shape::new([Dim::symbol("N")]);
        let group = g.input("group", Type::new(DType::I64, rows.clone()));
        let number = g.input("number", Type::new(DType::I64, rows.clone()));
        let is_even = g.input("is_even", Type::new(DType::Bool, rows));
        Function::new(g, vec![group, number, is_even]).unwrap()
    }

    const FOLDS: [GroupFold; 4] = [
        GroupFold { op: GroupOp::Count, value: None, rows: Some(2) },
        GroupFold { op: GroupOp::Sum, value: Some(1), rows: None },
        GroupFold { op: GroupOp::Min, value: Some(1), rows: Some(2) },
        GroupFold { op: GroupOp::Max, value: Some(1), rows: None },
    ];

    #[test]
    fn rows_are_folded_in_their_groups_and_those_of_none_are_left_out() {
        let grouped = Grouped::new(&function(), FOLDS.to_vec(), Some(0), 3).unwrap();
        let columns = [
            Tensor::from_vec(&[5], vec![0i64, 2, 0, -1, 3]).unwrap(),
            Tensor::from_vec(&[5], vec![4i64, i64::MAX >> 21, 7, 100, 100]).unwrap(),
            Tensor::from_bools(&[5], &[true, false, false, true, true]).unwrap(),
        ];
        let (most, least, big) = (i128::from(i64::MAX), i128::from(i64::MIN), i128::from(i64::MAX >> 21));
        let of_groups = |a, b, c| Folded::Integers(vec![a, b, c]);
        let expected = [of_groups(1, 0, 0), of_groups(11, 0, big), of_groups(4, most, most), of_groups(7, least, big)];
        assert_eq!(grouped.run(&columns).unwrap(), expected);
        let mut twice = grouped.nothing();
        grouped.join(&mut twice, &expected);
        grouped.join(&mut twice, &expected);
        assert_eq!(twice[1], of_groups(22, 0, 2 * big));
    }

    #[test]
    fn arguments_that_are_results_are_values_of_the_chain() {
        let rows = Grouped::new(&function(), FOLDS.to_vec(), Some(0), 3).unwrap().rows().unwrap();
        assert_eq!((rows.results.len(), rows.kernel.chain.loads().count()), (3, 3));
    }

    #[test]
    fn folds_that_do_not_fit_are_refused() {
        let fold = |op, value, rows| GroupFold { op, value, rows };
        for wrong in [fold(GroupOp::Sum, None, None), fold(GroupOp::Max, Some(2), None), fold(GroupOp::Count, None, Some(1))] {
            assert_eq!(Grouped::new(&function(), vec![wrong], Some(0), 3).unwrap_err().kind(), "Internal");
        }
        assert_eq!(Grouped::new(&function(), FOLDS.to_vec(), None, 3).unwrap_err().kind(), "Internal");
    }

    #[test]
    fn no_group_and_no_fold_are_refused() {
        for (folds, groups) in [(FOLDS.to_vec(), 0), (Vec::new(), 3)] {
            let error = Grouped::new(&function(), folds.clone(), Some(0), groups).unwrap_err();
            assert_eq!(error.kind(), "Plan");
            assert!(error.to_string().contains(&format!("{groups} groups of {} folds", folds.len())), "{error}");
        }
    }

    #[test]
    fn rows_that_need_others_have_no_chain() {
        let mut g = Graph::new();
        let number = g.input("number", Type::new(DType::I64, Shape::new([Dim::symbol("N")])));
        let sums = g.cumsum(number, 0).unwrap();
        let function = Function::new(g, vec![sums]).unwrap();
        let sum = GroupFold { op: GroupOp::Sum, value: Some(0), rows: None };
        let error = Grouped::new(&function, vec![sum], None, 1).unwrap().rows().unwrap_err();
        assert_eq!(error.kind(), "NotImplemented");
    }
}
