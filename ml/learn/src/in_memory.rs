//! A training driven over chunks in memory, one after the other: the protocol of [`crate::estimator`] in its shortest
//! form. `exec` does the same over its cache, in parallel, with the same sums.

use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_kernels::Threads;

use crate::estimator::{Chunk, Estimator, Fitted, Fold, Layout, Options, Part, Request, Step, Training};

/// Trains on these chunks; returns the weights and the log.
///
/// A line through three points:
///
/// ```
/// use gradframe_ml_core::Tensor;
/// use gradframe_ml_learn::{Chunk, LabelSpec, Layout, check_options, estimator, train_in_memory};
///
/// let label = LabelSpec { name: "y".into(), data_type: arrow_schema::DataType::Float64, classes: vec![] };
/// let layout = Layout { rows: 3, dense: 1, categories: vec![], whole: vec![], label, weighted: false, eval_rows: 0 };
/// let chunk = Chunk {
///     rows: 3,
///     dense: Tensor::from_vec(&[3, 1], vec![-1.0, 0.0, 1.0])?,
///     codes: vec![],
///     label: Tensor::from_vec(&[3], vec![3.0, 5.0, 7.0])?,
///     weight: None,
/// };
/// let linear_reg = estimator("linear_reg")?;
/// let options = check_options(linear_reg.as_ref(), &[])?;
///
/// let (fitted, log) = train_in_memory(linear_reg.as_ref(), &layout, &[chunk], &options, 0)?;
/// assert!(fitted.converged && fitted.loss < 1e-12);
/// assert!((fitted.weights["dense"].values::<f64>()?[0] - 2.0).abs() < 1e-6);
/// assert!((fitted.weights["intercept"].values::<f64>()?[0] - 5.0).abs() < 1e-6);
/// assert_eq!(log[0].epoch, 0);
/// # Ok::<(), gradframe_ml_core::Error>(())
/// ```
///
/// Errors: those of the estimator; `Internal` if a fold gives something that cannot be added up.
pub fn train_in_memory(
    estimator: &dyn Estimator,
    layout: &Layout,
    chunks: &[Chunk],
    options: &Options,
    seed: u64,
) -> Result<(Fitted, Vec<Step>)> {
    let mut training = estimator.begin(layout, options, seed)?;
    finish_in_memory(training.as_mut(), chunks, &[])
}

/// Answers a training's requests until it is done, with evaluation rows if there are any.
/// Errors: as for [`train_in_memory`].
pub fn finish_in_memory(training: &mut dyn Training, train: &[Chunk], eval: &[Chunk]) -> Result<(Fitted, Vec<Step>)> {
    let mut log = Vec::new();
    let mut answer = None;
    loop {
        let (step, request) = training.next(answer)?;
        log.extend(step);
        answer = Some(match request {
            Request::Fold(fold) => sum_over(&fold, if fold.over == Part::Train { train } else { eval })?,
            Request::Sweep(sweep) => sweep.run(&train, &Threads::Pool, |_| Ok(()))?,
            Request::Done(fitted) => return Ok((fitted, log)),
        });
    }
}

/// The fold's outputs, added up over the chunks in order.
/// Errors: `Execution` if there are no chunks.
pub fn sum_over(fold: &Fold, chunks: &[Chunk]) -> Result<Vec<Tensor>> {
    let mut sums: Option<Vec<Tensor>> = None;
    for chunk in chunks {
        let outputs = fold.run(chunk)?;
        sums = Some(match sums {
            None => outputs,
            Some(sums) => sums.iter().zip(&outputs).map(|(a, b)| add(a, b)).collect::<Result<_>>()?,
        });
    }
    sums.ok_or_else(|| Error::execution("train", "no chunks to train on"))
}

/// `a + b`, both f64 of one shape: how sums of chunks are merged.
/// Errors: `Internal` if the shapes differ.
pub fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.shape() != b.shape() {
        return Err(Error::internal("train", format!("adding sums of shapes {:?} and {:?}", a.shape(), b.shape())));
    }
    let sum = a.values::<f64>()?.iter().zip(b.values::<f64>()?).map(|(a, b)| a + b).collect();
    Tensor::from_vec(a.shape(), sum)
}
