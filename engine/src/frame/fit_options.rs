//! What [`crate::DataFrame::fit_with`] takes beside the estimator.

use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

use crate::expr::IntoExpr;

/// The target of a training, the name of its model, which rows are kept for evaluation, and what rows weigh.
///
/// ```
/// use gradframe::FitOptions;
///
/// let options = FitOptions::new("fare").name("fares").random_split(0.1).sample_weight("passengers");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FitOptions {
    pub(super) target: String,
    pub(super) name: Option<String>,
    pub(super) options: Vec<(String, ScalarValue)>,
    pub(super) transform: Option<Vec<Expr>>,
    pub(super) resume: Option<String>,
    pub(super) run: Option<String>,
}

impl FitOptions {
    /// Learns this column from all others. No row is kept for evaluation, unless the model type does so by default.
    pub fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), name: None, options: vec![], transform: None, resume: None, run: None }
    }

    /// Stores the model under this name, replacing one of that name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Goes on with this run, a failed or killed training of the same model on the same rows with the same options, from its last
    /// checkpoint: to the bits that it would have ended with. The start of a run's name is enough.
    ///
    /// Errors, of `fit_with`: `Plan` for a run that is unknown, still running, finished, or has no checkpoint; `Execution` for one of
    /// other rows or options.
    pub fn resume(mut self, run: impl Into<String>) -> Self {
        self.resume = Some(run.into());
        self
    }

    /// Trains within this run, which that of the training names as its parent, as MLflow's clients do.
    pub fn in_run(mut self, run: impl Into<String>) -> Self {
        self.run = Some(run.into());
        self
    }

    /// Weighs each row by this column: a row of weight 2 counts as two rows, one of weight 0 is left out. The column is no feature.
    pub fn sample_weight(self, column: impl Into<String>) -> Self {
        self.option("sample_weight_col", column.into())
    }

    /// Whether float aggregates in the frame are exact, so that it has the same bits each time: so they are, unless this says `false`, which is faster.
    pub fn reproducible(self, reproducible: bool) -> Self {
        self.option("reproducible", reproducible)
    }

    /// Keeps no row for evaluation.
    pub fn no_split(self) -> Self {
        self.option("data_split_method", "no_split")
    }

    /// Keeps rows for evaluation by their number: none below 500, a fifth up to 50 000, 10 000 beyond.
    pub fn auto_split(self) -> Self {
        self.option("data_split_method", "auto_split")
    }

    /// Keeps this fraction of the rows for evaluation, chosen by their content and the seed.
    pub fn random_split(self, eval_fraction: f64) -> Self {
        self.option("data_split_method", "random").option("data_split_eval_fraction", eval_fraction)
    }

    /// Keeps this fraction of the rows for evaluation: those of the largest values in a column, which is no feature.
    pub fn seq_split(self, column: impl Into<String>, eval_fraction: f64) -> Self {
        let by_column = self.option("data_split_method", "seq").option("data_split_col", column.into());
        by_column.option("data_split_eval_fraction", eval_fraction)
    }

    /// Keeps the rows for evaluation where a boolean column is true or null. The column is no feature.
    pub fn custom_split(self, column: impl Into<String>) -> Self {
        self.option("data_split_method", "custom").option("data_split_col", column.into())
    }

    /// Learns from these columns instead of the frame's own. They are stored with the model, which computes them again from
    /// the frame's columns wherever it predicts. The target must be among them; it may be changed too. A column is named by
    /// its alias, else after its first column, as in `select`.
    ///
    /// ```
    /// use gradframe::expr::col;
    /// use gradframe::ml_functions::standard_scaler;
    /// use gradframe::FitOptions;
    ///
    /// let options = FitOptions::new("fare").transform([standard_scaler("distance"), col("fare")]);
    /// # let _ = options;
    /// ```
    ///
    /// A number that comes as another type than training had is used as it is where the expression means the same of it, else cast.
    ///
    /// Errors, of `fit_with`: `NotImplemented` for a part that cannot be stored, a function of the program's own; `Plan` for an
    /// expression that looks at more than its own row. Of predicting: `DType` for a number that the type of the training does not hold.
    pub fn transform(mut self, exprs: impl IntoIterator<Item = impl IntoExpr>) -> Self {
        self.transform = Some(exprs.into_iter().map(IntoExpr::into_expr).collect());
        self
    }

    /// Sets an option by its name in SQL. An unknown one is an error of `fit_with`.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<ScalarValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }
}
