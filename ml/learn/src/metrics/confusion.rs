//! Counts of predicted against actual classes, and what follows from them.

/// Counts by class. One more class than the model knows stands for labels that training did not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// Rows by actual class.
    actual: Vec<u64>,
    /// Rows by predicted class.
    predicted: Vec<u64>,
    /// Rows by class where both agree.
    agreed: Vec<u64>,
}

/// The scores of one class.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct ClassScores {
    precision: f64,
    recall: f64,
    f1: f64,
}

impl Confusion {
    /// No rows yet, of a model with this many classes.
    pub fn new(classes: usize) -> Self {
        let zeros = vec![0; classes + 1];
        Confusion { classes, actual: zeros.clone(), predicted: zeros.clone(), agreed: zeros }
    }

    /// Adds a row; an `actual` of None is a class that training did not see. The predicted class must be the model's.
    pub fn add(&mut self, predicted: usize, actual: Option<usize>) {
        let actual = actual.unwrap_or(self.classes);
        self.actual[actual] += 1;
        self.predicted[predicted] += 1;
        self.agreed[actual] += u64::from(predicted == actual);
    }

    /// Adds other rows of the same model.
    pub fn merge(&mut self, other: &Self) {
        let add = |a: &mut Vec<u64>, b: &[u64]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        add(&mut self.actual, &other.actual);
        add(&mut self.predicted, &other.predicted);
        add(&mut self.agreed, &other.agreed);
    }

    /// Rows seen.
    pub fn rows(&self) -> u64 {
        self.actual.iter().sum()
    }

    /// Rows of a class.
    pub fn rows_of(&self, class: usize) -> u64 {
        self.actual[class]
    }

    /// The part of rows whose class is right.
    pub fn accuracy(&self) -> f64 {
        ratio(self.agreed.iter().sum(), self.rows())
    }

    /// Precision, recall and F1: of the second class for two, else the mean over the classes that occur (in labels or
    /// predictions). A ratio without rows is 0.
    pub fn precision_recall_f1(&self) -> [f64; 3] {
        let scores = if self.classes == 2 { self.scores(1) } else { self.macro_average() };
        [scores.precision, scores.recall, scores.f1]
    }

    fn macro_average(&self) -> ClassScores {
        let occurring: Vec<ClassScores> =
            (0..=self.classes).filter(|&c| self.actual[c] + self.predicted[c] > 0).map(|c| self.scores(c)).collect();
        let mean = |of: fn(&ClassScores) -> f64| occurring.iter().map(of).sum::<f64>() / occurring.len().max(1) as f64;
        ClassScores { precision: mean(|s| s.precision), recall: mean(|s| s.recall), f1: mean(|s| s.f1) }
    }

    fn scores(&self, class: usize) -> ClassScores {
        let (agreed, actual, predicted) = (self.agreed[class], self.actual[class], self.predicted[class]);
        ClassScores {
            precision: ratio(agreed, predicted),
            recall: ratio(agreed, actual),
            f1: ratio(2 * agreed, actual + predicted),
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
