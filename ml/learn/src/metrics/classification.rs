//! Quality of predicted classes and probabilities.

use gradframe_ml_core::{Error, Result};

use super::mean::ExactMean;
use super::{Confusion, NamedValue, roc_auc};

/// Quality of a classification over the rows seen so far. Memory: a row's label and scores, for the exact ROC AUC:
/// 12 bytes a row for two classes, else 8 C + 4.
#[derive(Debug, Clone)]
pub struct ClassificationMetrics {
    classes: usize,
    threshold: Option<f64>,
    confusion: Confusion,
    log_loss: ExactMean,
    /// Two classes: the probability of the second; else C probabilities a row.
    scores: Vec<f64>,
    /// The label's class, or -1.
    labels: Vec<i32>,
}

impl ClassificationMetrics {
    /// The metrics' names, in the order of `finish`.
    pub const NAMES: [&'static str; 6] = ["precision", "recall", "accuracy", "f1_score", "log_loss", "roc_auc"];
    /// The label of a class that training did not see: never predicted right, of probability 0.
    pub const UNSEEN: i32 = -1;

    /// No rows yet, of a model with this many classes. With a `threshold` (two classes only) the second class is
    /// predicted where its probability is at least that; without, the likeliest, the first among equals.
    /// Errors: `Plan` for a threshold with more than two classes or outside 0..=1.
    pub fn new(classes: usize, threshold: Option<f64>) -> Result<Self> {
        check_threshold(classes, threshold)?;
        Ok(ClassificationMetrics {
            classes,
            threshold,
            confusion: Confusion::new(classes),
            log_loss: ExactMean::default(),
            scores: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// Adds rows: `probabilities` [N, C] row-major in class order, `labels` [N] class indexes or `UNSEEN`.
    /// Errors: `Shape` if their sizes do not fit; `Execution` if a label is no class, or a probability NaN.
    pub fn update(&mut self, probabilities: &[f64], labels: &[i32]) -> Result<()> {
        if probabilities.len() != labels.len() * self.classes {
            let what = format!("{} probabilities for {} labels of {} classes", probabilities.len(), labels.len(), self.classes);
            return Err(Error::shape("evaluate", what));
        }
        for (row, &label) in probabilities.chunks_exact(self.classes).zip(labels) {
            self.add(row, label)?;
        }
        Ok(())
    }

    fn add(&mut self, row: &[f64], label: i32) -> Result<()> {
        let class = usize::try_from(label).ok();
        if class.is_some_and(|class| class >= self.classes) || label < Self::UNSEEN {
            return Err(Error::execution("evaluate", format!("label code {label} of {} classes", self.classes)));
        }
        let predicted = predicted_class(row, self.threshold).ok_or_else(no_class)?;
        self.confusion.add(predicted, class);
        let probability = class.map_or(0.0, |class| row[class]);
        self.log_loss.add(-probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln());
        self.labels.push(label);
        self.scores.extend_from_slice(if self.classes == 2 { &row[1..] } else { row });
        Ok(())
    }

    /// Adds the rows that come after, of the same model.
    pub fn merge(&mut self, later: Self) {
        self.confusion.merge(&later.confusion);
        self.log_loss.merge(&later.log_loss);
        self.scores.extend(later.scores);
        self.labels.extend(later.labels);
    }

    /// Memory held.
    pub fn memory_bytes(&self) -> usize {
        self.scores.capacity() * size_of::<f64>() + self.labels.capacity() * size_of::<i32>()
    }

    /// The counts of predicted against actual classes.
    pub fn confusion(&self) -> &Confusion {
        &self.confusion
    }

    /// The metrics, in the order of `NAMES`; all None for no rows, and `roc_auc` where no class has both rows of it and
    /// rows of others.
    pub fn finish(self) -> [NamedValue; 6] {
        let rows = self.confusion.rows();
        let [precision, recall, f1] = self.confusion.precision_recall_f1();
        let [precision, recall, accuracy, f1] =
            [precision, recall, self.confusion.accuracy(), f1].map(|value| (rows > 0).then_some(value));
        let values = [precision, recall, accuracy, f1, self.log_loss.value(), self.roc_auc()];
        std::array::from_fn(|i| (Self::NAMES[i], values[i]))
    }

    /// Of the second class for two, else the mean over the classes of each against the rest.
    fn roc_auc(&self) -> Option<f64> {
        if self.classes == 2 {
            return self.one_against_rest(1, 0, 1);
        }
        let areas: Vec<f64> = (0..self.classes).filter_map(|class| self.one_against_rest(class, class, self.classes)).collect();
        (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
    }

    fn one_against_rest(&self, class: usize, column: usize, width: usize) -> Option<f64> {
        let scores = self.scores.iter().skip(column).step_by(width);
        let mut rows: Vec<(f64, bool)> =
            scores.zip(&self.labels).map(|(&score, &label)| (score, label == class as i32)).collect();
        roc_auc(&mut rows)
    }
}

/// The class that a row of probabilities predicts: see [`ClassificationMetrics::new`]. None where one of them is NaN.
pub fn predicted_class(row: &[f64], threshold: Option<f64>) -> Option<usize> {
    if row.iter().any(|probability| probability.is_nan()) {
        return None;
    }
    if let (Some(threshold), &[_, second]) = (threshold, row) {
        return Some(usize::from(second >= threshold));
    }
    let mut best = 0;
    for (class, probability) in row.iter().enumerate() {
        if *probability > row[best] {
            best = class;
        }
    }
    Some(best)
}

fn no_class() -> Error {
    let what = "a row's probabilities are NaN: a feature of it is NaN or infinite, or a weight of the model";
    Error::execution("evaluate", what).hint("leave such rows out, or replace what is not finite with NULL")
}

fn check_threshold(classes: usize, threshold: Option<f64>) -> Result<()> {
    let Some(threshold) = threshold else { return Ok(()) };
    if classes != 2 {
        return Err(Error::plan("evaluate", format!("a threshold needs a model of 2 classes, this one has {classes}")));
    }
    if !(0.0..=1.0).contains(&threshold) {
        return Err(Error::plan("evaluate", format!("threshold is {threshold}, expected 0 to 1")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(values: &[NamedValue], name: &str) -> Option<f64> {
        values.iter().find(|(n, _)| *n == name).and_then(|(_, value)| *value)
    }

    #[test]
    fn a_threshold_moves_the_border_of_the_second_class() {
        assert_eq!(predicted_class(&[0.7, 0.3], Some(0.3)), Some(1));
        assert_eq!(predicted_class(&[0.7, 0.3], Some(0.31)), Some(0));
        assert_eq!(predicted_class(&[0.5, 0.5], None), Some(0));
    }

    #[test]
    fn of_nan_no_class_is_predicted() {
        assert_eq!(predicted_class(&[0.0, 0.0, f64::NAN], None), None);
        assert_eq!(predicted_class(&[f64::NAN, f64::NAN], Some(0.5)), None);
        let error = ClassificationMetrics::new(2, None).unwrap().update(&[f64::NAN, f64::NAN], &[0]).unwrap_err();
        assert!(error.to_string().contains("NaN"), "{error}");
        assert!(ClassificationMetrics::new(3, Some(0.5)).unwrap_err().to_string().contains("this one has 3"));
        assert!(ClassificationMetrics::new(2, Some(1.5)).unwrap_err().to_string().contains("expected 0 to 1"));
    }

    #[test]
    fn an_unseen_label_is_wrong_and_finite() {
        let mut metrics = ClassificationMetrics::new(2, None).unwrap();
        metrics.update(&[0.0, 1.0, 0.0, 1.0], &[1, ClassificationMetrics::UNSEEN]).unwrap();
        let values = metrics.finish();
        assert_eq!(value(&values, "accuracy"), Some(0.5));
        assert!(value(&values, "log_loss").unwrap() < 40.0);
    }

    #[test]
    fn no_rows_have_no_metrics_and_one_class_has_no_area() {
        assert!(ClassificationMetrics::new(2, None).unwrap().finish().iter().all(|(_, value)| value.is_none()));
        let mut metrics = ClassificationMetrics::new(2, None).unwrap();
        metrics.update(&[0.2, 0.8], &[1]).unwrap();
        let values = metrics.finish();
        assert_eq!((value(&values, "precision"), value(&values, "roc_auc")), (Some(1.0), None));
    }

    #[test]
    fn merged_chunks_equal_one_update() {
        let probabilities = [0.9, 0.1, 0.4, 0.6, 0.2, 0.8, 0.7, 0.3];
        let labels = [0, 1, 0, 1];
        let mut whole = ClassificationMetrics::new(2, None).unwrap();
        whole.update(&probabilities, &labels).unwrap();
        let mut first = ClassificationMetrics::new(2, None).unwrap();
        let mut second = first.clone();
        first.update(&probabilities[..2], &labels[..1]).unwrap();
        second.update(&probabilities[2..], &labels[1..]).unwrap();
        first.merge(second);
        assert_eq!(first.finish(), whole.finish());
    }
}
