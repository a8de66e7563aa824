//! Modules of one's own, for [`crate::DataFrame::fit`]: what is computed is written as functions of arrays.

use gradframe_ml_array::{Array, Element, RowFunction, RowType};
use gradframe_ml_core::DType;
use gradframe_ml_learn::optim::NamedRule;
use gradframe_ml_learn::{Module as Traced, ModuleFunction, ModuleGroup, ModuleInput, Task};
use gradframe_ml_nn as nn;
use gradframe_ml_nn::traced::{Held, in_mode};

use super::Estimator;
use crate::{Error, Result};

/// A module: named parameters, the columns that it is given, and how it is trained.
///
/// ```
/// use gradframe::array::Array;
/// use gradframe::ml::Module;
/// use gradframe::{Result, Session};
///
/// fn main() -> Result<()> {
///     let session = Session::builder().in_memory().build()?;
///     let rows = session.block_on(session.sql("SELECT x, 3 * x + 2 AS y FROM (VALUES (-1.0), (0.0), (1.0), (2.0)) AS t(x)"))?;
///     let line = Module::new("Line")
///         .parameter("slope", Array::from_vec(&[1], vec![0.0f32])?)
///         .parameter("start", Array::from_vec(&[1], vec![0.0f32])?)
///         .features(["x"])
///         .optimizer("sgd", &[("momentum", 0.5)])
///         .trace(
///             |p, x| x[0].multiply(&p[0])?.add(&p[1]), // [rows, 1]
///             |predicted, y| predicted.subtract(y)?.square()?.mean(None, false),
///         )?
///         .option("learning_rate", 0.1)
///         .option("max_iterations", 200i64);
///     let model = session.block_on(rows.fit(line, "y", Some("line")))?;
///     let slope = model.model().model.weights["slope"].to_f64()[0];
///     assert!((slope - 3.0).abs() < 1e-3);
///     let predicted = session.block_on(session.sql("SELECT * FROM ML.PREDICT(MODEL line, (SELECT 10.0 AS x))"))?;
///     assert_eq!(predicted.columns(), ["x", "predicted_y"]);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Module {
    title: String,
    parameters: Vec<(String, Array)>,
    buffers: Vec<(String, Array)>,
    inputs: Vec<(ModuleInput, Element)>,
    task: Task,
    rule: NamedRule,
}

impl Module {
    /// A module without parameters and columns, that learns a number by Adam. `title` is its name for people.
    pub fn new(title: impl Into<String>) -> Self {
        let rule = NamedRule::new("adam", &[("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-8)]);
        Module { title: title.into(), parameters: vec![], buffers: vec![], inputs: vec![], task: Task::Regression, rule }
    }

    /// An array of floats to be learned, from these values on; its name is a weight's name in the model.
    pub fn parameter(mut self, name: impl Into<String>, values: Array) -> Self {
        self.parameters.push((name.into(), values));
        self
    }

    /// The next input: columns side by side, float32 [rows, columns].
    pub fn features<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.inputs.push((ModuleInput::stacked("", columns), Element::FLOAT));
        self
    }

    /// The next input: one column in this element type, [rows].
    pub fn column(mut self, column: impl Into<String>, element: Element) -> Self {
        self.inputs.push((ModuleInput::column("", column), element));
        self
    }

    /// Learns classes: the output is a score for each, [rows, classes], or the log odds of the second of two, [rows] or
    /// [rows, 1].
    pub fn classification(mut self) -> Self {
        self.task = Task::Classification;
        self
    }

    /// How parameters follow their gradients: `sgd`, `adam`, `adamw`, `rmsprop`, `adagrad`, `lion`, `adadelta`, `adamax`,
    /// `nadam`, `radam`, `rprop` or `asgd`, with its numbers, such as `momentum`; others are errors of the training. The learning
    /// rate is the option `learning_rate` of what [`Module::trace`] gives.
    pub fn optimizer(mut self, name: impl Into<String>, numbers: &[(&str, f64)]) -> Self {
        self.rule = NamedRule::new(name, numbers);
        self
    }

    /// Traces the module for any number of rows. `forward` is given the parameters and the inputs, in order; `loss` its
    /// result and the target: of the result's type, or for a score a class the classes' indices, int64 [rows]. The loss is a
    /// single float, the mean over the rows, or one a row.
    ///
    /// What it gives takes the options of networks that do not say what the network is: `learning_rate`, `batch_size`,
    /// `max_iterations` (epochs), `learn_rate_schedule`, `clip_norm`, `early_stop` ...
    /// Errors: those of the functions; `Plan` if they cannot be traced for any number of rows; `Shape` or `DType` if the result
    /// or the loss is not of such a type.
    pub fn trace(
        self,
        forward: impl Fn(&[Array], &[Array]) -> Result<Array>,
        loss: impl Fn(&Array, &Array) -> Result<Array>,
    ) -> Result<Estimator> {
        self.traced(|given| Ok((forward(given.own, given.inputs)?, vec![])), loss)
    }

    /// As [`Module::trace`], of a layer of [`crate::nn`] that is given one input: it learns the layer's parameters from what they are, and its
    /// running statistics. The layer itself stays as it is; [`FittedModel::state_dict`](crate::FittedModel::state_dict) has what was learned.
    ///
    /// ```
    /// use gradframe::ml::Module;
    /// use gradframe::nn::functional::{Reduction, mse_loss};
    /// use gradframe::nn::{Linear, Module as _, random, sequential, Tanh};
    /// use gradframe::{Result, Session};
    ///
    /// fn main() -> Result<()> {
    ///     let session = Session::builder().in_memory().build()?;
    ///     let rows = session.block_on(session.sql("SELECT x, sin(x) AS y FROM (SELECT value / 10.0 AS x FROM range(-20, 20))"))?;
    ///     random::seed(0);
    ///     let net = sequential![Linear::new(1, 16)?, Tanh, Linear::new(16, 1)?];
    ///     let estimator = Module::new("Wave")
    ///         .features(["x"])
    ///         .trace_layer(&net, |predicted, y| mse_loss(predicted, y, Reduction::Mean))?
    ///         .option("learning_rate", 0.05)
    ///         .option("max_iterations", 150i64);
    ///     let wave = session.block_on(rows.fit(estimator, "y", Some("wave")))?;
    ///     net.load_matching(&wave.state_dict()?)?; // the layer has now learned, too
    ///     let query = "SELECT max(abs(predicted_y - y)) < 0.2 AS close FROM ML.PREDICT(MODEL wave, (SELECT 1.5 AS x, sin(1.5) AS y))";
    ///     let close = session.block_on(session.block_on(session.sql(query))?.collect())?;
    ///     assert!(format!("{close:?}").contains("true"), "{close:?}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// Errors: as there; `Plan` if it was also given parameters by name, or the layer has none.
    pub fn trace_layer(self, layer: &impl nn::Layer, loss: impl Fn(&Array, &Array) -> Result<Array>) -> Result<Estimator> {
        self.trace_module(layer, |layer, x| layer.forward(first_of(x)?), loss)
    }

    /// As [`Module::trace_layer`], of a module of any inputs: `forward` is given the module and the inputs, in order.
    /// Errors: as there.
    pub fn trace_module<M: nn::Module>(
        mut self,
        module: &M,
        forward: impl Fn(&M, &[Array]) -> Result<Array>,
        loss: impl Fn(&Array, &Array) -> Result<Array>,
    ) -> Result<Estimator> {
        if !self.parameters.is_empty() {
            return Err(Error::plan("fit", "parameters by name beside a module").hint("make them part of the module"));
        }
        let held = Held::of(module);
        (self.parameters, self.buffers) = (held.learned(), held.kept());
        let learned = self.parameters.len();
        if learned == 0 {
            return Err(Error::plan("fit", format!("{} has no parameters that are learned", self.title)));
        }
        let called = |given: &Given<'_>| {
            let call = || held.standing_for(given.own.to_vec(), || forward(module, given.inputs));
            let (output, after) = match given.key {
                Some(key) => in_mode(module, true, || nn::random::with_key(key, call)),
                None => in_mode(module, false, call),
            };
            Ok((output?, after[learned..].to_vec()))
        };
        self.traced(called, loss)
    }

    /// `forward` gives the output, and the buffers after it.
    fn traced(
        self,
        forward: impl Fn(&Given<'_>) -> Result<(Array, Vec<Array>)>,
        loss: impl Fn(&Array, &Array) -> Result<Array>,
    ) -> Result<Estimator> {
        let own = self.parameters.iter().chain(&self.buffers);
        let own: Vec<RowType> = own.map(|(_, array)| RowType::like(array)).collect();
        let inputs: Vec<RowType> = self.inputs.iter().map(|(input, element)| RowType::rows(*element, &input.shape)).collect();
        let count = own.len();
        let whole = |x: &[Array]| forward(&Given { own: &x[..count], key: None, inputs: &x[count..] });
        let output = RowFunction::trace("fit", &[&own[..], &inputs].concat(), |x| Ok(vec![whole(x)?.0]))?;
        let target = [self.target(&output)?];
        let last = count + inputs.len();
        let types = [&own[..], &inputs, &target].concat();
        let evaluation = RowFunction::trace("fit", &types, |x| Ok(vec![loss(&whole(&x[..last])?.0, &x[last])?]))?;
        let key = RowType { element: Element::Real(DType::U64), shape: vec![], rows: false };
        let types = [&own[..], &[key], &inputs, &target].concat();
        let training = RowFunction::trace("fit", &types, |x| {
            let given = Given { own: &x[..count], key: Some(&x[count]), inputs: &x[count + 1..=last] };
            let (output, buffers) = forward(&given)?;
            Ok([vec![loss(&output, &x[last + 1])?], buffers].concat())
        })?;
        self.estimator(output, evaluation, training)
    }

    /// The target's type, by that of the output.
    fn target(&self, output: &RowFunction) -> Result<RowType> {
        let ty = output.function.output_types().next().ok_or_else(|| Error::internal("fit", "no output"))?;
        let width = ty.shape.dims().get(1).and_then(|dim| dim.as_fixed());
        let scores = self.task == Task::Classification && width.is_some_and(|width| width != 1);
        let own = Element::Real(ty.dtype);
        Ok(match width {
            _ if scores => RowType::rows(Element::INT, &[]),
            Some(1) => RowType::rows(own, &[1]),
            _ => RowType::rows(own, &[]),
        })
    }

    fn estimator(self, forward: RowFunction, evaluation: RowFunction, training: RowFunction) -> Result<Estimator> {
        let function = |traced: RowFunction| ModuleFunction { function: traced.function, captures: traced.captures };
        let tensors = |arrays: Vec<(String, Array)>| {
            arrays.into_iter().map(|(name, array)| Ok((name, array.tensor()?))).collect::<Result<Vec<_>>>()
        };
        let parameters = tensors(self.parameters)?;
        let groups = vec![ModuleGroup { rule: self.rule.clone(), rate: 1.0, members: (0..parameters.len()).collect() }];
        let module = Traced {
            title: self.title,
            task: self.task,
            inputs: self.inputs.into_iter().map(|(input, _)| input).collect(),
            parameters,
            buffers: tensors(self.buffers)?,
            training: function(training),
            evaluation: function(evaluation),
            forward: function(forward),
            groups,
        };
        Ok(Estimator::module(module).option("optimizer", self.rule.name))
    }
}

/// What a module computes from.
struct Given<'a> {
    /// Parameters, then buffers.
    own: &'a [Array],
    /// In training: what is drawn from.
    key: Option<&'a Array>,
    inputs: &'a [Array],
}

fn first_of(inputs: &[Array]) -> Result<&Array> {
    match inputs {
        [input] => Ok(input),
        _ => {
            Err(Error::plan("fit", format!("a layer is given one input, got {}", inputs.len()))
                .hint("trace_module takes any number"))
        }
    }
}
