//! The label: its check, its classes, and their codes.

use std::collections::BTreeSet;

use arrow_schema::DataType;
use gradframe_ml_core::{Error, Result, Tensor};
use rustc_hash::FxHashMap;

use super::NumberStats;
use crate::data_types::accepts_label;
use crate::estimator::Task;
use crate::model::{ClassLabel, LabelSpec};

/// Most classes that a label may have.
pub const CLASSES_MAX: usize = 1000;

/// Statistics of the label, folded over the training set.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelStats {
    /// A number to be learned.
    Number(NumberStats),
    /// The classes seen, and the number of nulls.
    Classes { classes: BTreeSet<ClassLabel>, nulls: u64 },
}

impl LabelStats {
    /// Empty statistics for a label of this type. Errors: `DType` if the task does not take it.
    pub fn for_type(task: Task, data_type: &DataType) -> Result<Self> {
        accepts_label(task, data_type)?;
        Ok(match task {
            Task::Regression => LabelStats::Number(NumberStats::default()),
            Task::Classification => LabelStats::Classes { classes: BTreeSet::new(), nulls: 0 },
        })
    }

    /// Adds numbers: see [`NumberStats::update`]. Errors: `Internal` for class labels.
    pub fn update_numbers(&mut self, values: &Tensor, valid: Option<&Tensor>) -> Result<()> {
        match self {
            LabelStats::Number(stats) => stats.update(values, valid, None),
            LabelStats::Classes { .. } => Err(Error::internal("train", "numbers given for a class label")),
        }
    }

    /// Adds classes; None is a null. Errors: `Internal` for numeric labels.
    pub fn update_classes(&mut self, values: impl IntoIterator<Item = Option<ClassLabel>>) -> Result<()> {
        let LabelStats::Classes { classes, nulls } = self else {
            return Err(Error::internal("train", "classes given for a numeric label"));
        };
        for value in values {
            match value {
                Some(class) if classes.len() <= CLASSES_MAX => _ = classes.insert(class),
                Some(_) => {} // one too many already: `finish` reports it
                None => *nulls += 1,
            }
        }
        Ok(())
    }

    /// Whether rows can be evaluated on; constant labels can.
    /// Errors: `Execution` naming the label if it is null or not finite anywhere.
    pub fn check_values(&self, name: &str) -> Result<()> {
        match self {
            LabelStats::Number(stats) => check_nulls(name, stats.nulls()).and_then(|()| stats.check_finite(name)),
            LabelStats::Classes { nulls, .. } => check_nulls(name, *nulls),
        }
    }

    /// The label's specification.
    /// Errors: `Execution` naming the label if it is null or not finite anywhere, constant, or has too many classes.
    pub fn finish(self, name: &str, data_type: &DataType) -> Result<LabelSpec> {
        if let LabelStats::Number(stats) = &self {
            check_varies(name, stats)?;
        }
        self.finish_raw(name, data_type)
    }

    /// The same for a module, whose loss may learn from a number that is the same in every row.
    pub fn finish_raw(self, name: &str, data_type: &DataType) -> Result<LabelSpec> {
        let classes = match self {
            LabelStats::Number(stats) => check_numbers(name, &stats).map(|()| Vec::new())?,
            LabelStats::Classes { classes, nulls } => {
                check_nulls(name, nulls)?;
                check_classes(name, &classes)?;
                classes.into_iter().collect()
            }
        };
        Ok(LabelSpec { name: name.to_string(), data_type: data_type.clone(), classes })
    }
}

fn check_numbers(name: &str, stats: &NumberStats) -> Result<()> {
    check_nulls(name, stats.nulls())?;
    stats.check_finite(name)?;
    check_rows(stats.count())
}

fn check_varies(name: &str, stats: &NumberStats) -> Result<()> {
    check_numbers(name, stats)?;
    if stats.is_constant() {
        let what = format!("label `{name}` has the same value in every row, there is nothing to learn");
        return Err(Error::execution("train", what).hint("check the query's filter"));
    }
    Ok(())
}

fn check_nulls(name: &str, nulls: u64) -> Result<()> {
    if nulls == 0 {
        return Ok(());
    }
    let what = format!("label `{name}` is null in {nulls} row{}", if nulls == 1 { "" } else { "s" });
    Err(Error::execution("train", what).hint(format!("add WHERE {name} IS NOT NULL to the query")))
}

fn check_rows(count: u64) -> Result<()> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::execution("train", "the training query has no rows").hint("check its filter"))
}

fn check_classes(name: &str, classes: &BTreeSet<ClassLabel>) -> Result<()> {
    check_rows(classes.len() as u64)?;
    if let (1, Some(only)) = (classes.len(), classes.first()) {
        let what = format!("label `{name}` is `{only}` in every row, expected at least 2 classes");
        return Err(Error::execution("train", what).hint("check the query's filter"));
    }
    if classes.len() > CLASSES_MAX {
        let what = format!("label `{name}` has more than {CLASSES_MAX} classes");
        return Err(Error::execution("train", what).hint("group rare classes, or use model_type = 'linear_reg' for a number"));
    }
    Ok(())
}

/// Classes to their indexes in `LabelSpec::classes`.
#[derive(Debug, Clone)]
pub struct ClassCodes {
    codes: FxHashMap<ClassLabel, u32>,
}

impl ClassCodes {
    /// The lookup of these classes.
    pub fn new(classes: &[ClassLabel]) -> Self {
        ClassCodes { codes: classes.iter().cloned().zip(0..).collect() }
    }

    /// A class's index; None if training did not see it.
    pub fn code(&self, class: &ClassLabel) -> Option<u32> {
        self.codes.get(class).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(values: &[Option<i64>]) -> Result<LabelSpec> {
        let mut stats = LabelStats::for_type(Task::Classification, &DataType::Int64).unwrap();
        stats.update_classes(values.iter().map(|v| v.map(ClassLabel::Int))).unwrap();
        stats.finish("y", &DataType::Int64)
    }

    #[test]
    fn classes_are_ascending_and_coded_in_that_order() {
        let spec = classes(&[Some(7), Some(-1), Some(7)]).unwrap();
        assert_eq!(spec.classes, [ClassLabel::Int(-1), ClassLabel::Int(7)]);
        let codes = ClassCodes::new(&spec.classes);
        assert_eq!((codes.code(&ClassLabel::Int(7)), codes.code(&ClassLabel::Int(8))), (Some(1), None));
    }

    #[test]
    fn unusable_labels_are_errors_that_name_the_label() {
        let message = |values: &[Option<i64>]| classes(values).unwrap_err().to_string();
        assert!(message(&[Some(1), None]).contains("label `y` is null in 1 row;"));
        assert!(message(&[Some(1), Some(1)]).contains("label `y` is `1` in every row, expected at least 2 classes"));
        assert!(message(&[]).contains("no rows"));
        let many: Vec<Option<i64>> = (0..=1000).map(Some).collect();
        assert!(message(&many).contains("more than 1000 classes"));
    }

    #[test]
    fn a_constant_number_is_nothing_to_learn() {
        let mut stats = LabelStats::for_type(Task::Regression, &DataType::Float64).unwrap();
        stats.update_numbers(&Tensor::from_vec(&[2], vec![3.0, 3.0]).unwrap(), None).unwrap();
        assert!(stats.clone().finish_raw("y", &DataType::Float64).is_ok(), "but for a loss of one's own");
        assert!(stats.finish("y", &DataType::Float64).unwrap_err().to_string().contains("same value in every row"));
    }
}
