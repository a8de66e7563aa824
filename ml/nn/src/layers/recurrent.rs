//! Recurrent layers: one compiled loop over the steps of a sequence.

use gradframe_ml_array::{Arg, Array, Operand};
use gradframe_ml_core::{Error, Result};
use smallvec::SmallVec;

use crate::functional::{call, dropout, ints, one};
use crate::module::{Module, Parts};
use crate::options::{at_least, builder, probability};
use crate::parameter::{Mode, Parameter};
use crate::random::{keys, uniform};

/// The weights of one layer in one direction, with PyTorch's names, shapes and order of gates.
#[derive(Debug)]
struct Weights {
    /// `_l0`, `_l0_reverse`, `_l1` ...
    suffix: String,
    /// weight_ih [gates hidden, inputs], weight_hh [gates hidden, hidden], and if there are biases bias_ih, bias_hh [gates hidden].
    parameters: SmallVec<[Parameter; 4]>,
}

const NAMES: [&str; 4] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];

/// What recurrent layers have in common.
#[derive(Debug)]
struct Stack {
    layer: &'static str,
    operation: &'static str,
    /// How many arrays go from step to step.
    states: usize,
    input_size: usize,
    hidden_size: usize,
    batch_first: bool,
    dropout: f64,
    directions: usize,
    training: Mode,
    weights: Vec<Weights>,
}

/// How a stack is made.
struct Form {
    layer: &'static str,
    operation: &'static str,
    gates: usize,
    states: usize,
    sizes: [usize; 2],
    num_layers: usize,
    bias: bool,
    batch_first: bool,
    dropout: f64,
    bidirectional: bool,
    key: Option<Array>,
}

impl Form {
    fn build(self) -> Result<Stack> {
        let [input_size, hidden_size] = self.sizes;
        for (name, number) in [("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", self.num_layers)] {
            at_least(self.layer, name, number, 1)?;
        }
        let directions: &[&str] = if self.bidirectional { &["", "_reverse"] } else { &[""] };
        let limit = 1.0 / (hidden_size as f64).sqrt();
        let keys = keys(self.key.as_ref(), 4 * self.num_layers * directions.len())?;
        let mut weights = Vec::new();
        for layer in 0..self.num_layers {
            let inputs = if layer == 0 { input_size } else { hidden_size * directions.len() };
            for direction in directions {
                let rows = self.gates * hidden_size;
                let shapes: [&[usize]; 4] = [&[rows, inputs], &[rows, hidden_size], &[rows], &[rows]];
                let own = &keys[4 * weights.len()..];
                let count = if self.bias { 4 } else { 2 };
                let parameters = (0..count).map(|i| Parameter::new(&uniform(&own[i], shapes[i], -limit, limit)?));
                weights.push(Weights { suffix: format!("_l{layer}{direction}"), parameters: parameters.collect::<Result<_>>()? });
            }
        }
        Ok(Stack {
            layer: self.layer,
            operation: self.operation,
            states: self.states,
            input_size,
            hidden_size,
            batch_first: self.batch_first,
            dropout: probability(self.layer, "dropout", self.dropout)?,
            directions: directions.len(),
            training: Mode::default(),
            weights,
        })
    }
}

impl Module for Stack {
    fn parts(&self, parts: &mut Parts<'_>) {
        for weights in &self.weights {
            NAMES.iter().zip(&weights.parameters).for_each(|(name, own)| parts.part(&format!("{name}{}", weights.suffix), own));
        }
        parts.part("training", &self.training);
    }
}

/// The outputs and the last states.
type Run = (Array, Vec<Array>);

impl Stack {
    fn forward(&self, x: &Array, state: Option<&[&Array]>) -> Result<Run> {
        if x.shape().len() != 3 || x.shape()[2] != self.input_size {
            let order = if self.batch_first { "batch, time" } else { "time, batch" };
            return Err(Error::shape(self.layer, format!("expected [{order}, {}], got shape {:?}", self.input_size, x.shape())));
        }
        let x = if self.batch_first { swapped(x)? } else { x.clone() };
        let first = self.first(&x, state)?;
        let (output, states) = self.over(x, &first)?;
        Ok((if self.batch_first { swapped(&output)? } else { output }, states))
    }

    /// The states before the first step, [layers directions, batch, hidden_size] each: zeros unless they are given.
    fn first(&self, x: &Array, state: Option<&[&Array]>) -> Result<Vec<Array>> {
        let shape = [self.weights.len(), x.shape()[1], self.hidden_size];
        let Some(given) = state else {
            let zero = Array::number(self.layer, gradframe_ml_array::Number::Float(0.0), x.element())?;
            let zeros =
                Array::call_one("full_within", &[Operand::from(x), Operand::from(&zero)], SmallVec::from_iter([ints(shape)]))?;
            return Ok(vec![zeros; self.states]);
        };
        match given.iter().find(|values| values.shape() != shape) {
            Some(other) => Err(Error::shape(self.layer, format!("expected a state of shape {shape:?}, got {:?}", other.shape()))),
            None => Ok(given.iter().map(|&values| values.clone()).collect()),
        }
    }

    /// Over sequences [time, batch, inputs].
    fn over(&self, mut x: Array, first: &[Array]) -> Result<Run> {
        let mut ends: Vec<Vec<Array>> = vec![Vec::new(); self.states];
        for (layer, weights) in self.weights.chunks(self.directions).enumerate() {
            if layer > 0 {
                x = dropout(&x, self.dropout, self.training.is_training())?;
            }
            let mut outputs = Vec::new();
            for (direction, own) in weights.iter().enumerate() {
                let place = layer * self.directions + direction;
                let given = if direction == 1 { flipped(&x)? } else { x.clone() };
                let mut results = self.run(&given, first, place, own)?.into_iter();
                let output = results.next().ok_or_else(|| Error::internal(self.layer, "no output"))?;
                outputs.push(if direction == 1 { flipped(&output)? } else { output });
                ends.iter_mut().zip(results).for_each(|(end, value)| end.push(value));
            }
            x = match outputs.as_slice() {
                [output] => output.clone(),
                outputs => one("concat", &outputs.iter().collect::<Vec<_>>(), [Arg::Int(2)])?,
            };
        }
        let stacked = |end: &Vec<Array>| one("stack", &end.iter().collect::<Vec<_>>(), [Arg::Int(0)]);
        Ok((x, ends.iter().map(stacked).collect::<Result<_>>()?))
    }

    fn run(&self, x: &Array, first: &[Array], place: usize, own: &Weights) -> Result<SmallVec<[Array; 1]>> {
        let at = |state: &Array| state.index(&[gradframe_ml_array::Index::At(place as i64)]);
        let states = first.iter().map(at).collect::<Result<Vec<_>>>()?;
        let parameters: Vec<Array> = own.parameters.iter().map(Parameter::array).collect();
        let operands: Vec<&Array> = std::iter::once(x).chain(&states).chain(&parameters).collect();
        call(self.operation, &operands, [])
    }
}

fn swapped(x: &Array) -> Result<Array> {
    x.permute_dims(&[1, 0, 2])
}

/// The steps in reverse order.
fn flipped(x: &Array) -> Result<Array> {
    one("flip", &[x], [ints([0])])
}

/// The options of recurrent layers, and the layer that they make.
macro_rules! recurrent {
    ($(#[$doc:meta])* $name:ident, $builder:ident, $operation:literal, gates $gates:literal, states $states:literal $(, relu $relu:literal)?) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Stack);

        impl Module for $name {
            fn parts(&self, parts: &mut Parts<'_>) {
                self.0.parts(parts);
            }
        }

        builder! {
            #[doc = concat!("Makes a [`", stringify!($name), "`]. Parameters begin evenly within `1 / sqrt(hidden_size)`.")]
            $builder of $name(input_size: usize, hidden_size: usize) {
                /// Layers one over the other; unless said 1.
                num_layers: usize = 1;
                /// Whether there are biases; unless said there are.
                bias: bool = true;
                /// Whether the batch comes before time; unless said it does not.
                batch_first: bool = false;
                /// The probability with which elements between layers are dropped in training; unless said 0.
                dropout: f64 = 0.0;
                /// Whether there is a second stack that goes backwards; unless said there is not.
                bidirectional: bool = false;
                $(#[doc = concat!("Whether `relu` stands in the place of `tanh`; unless said it does not. It is the operation `", $relu, "`.")]
                relu: bool = false;)?
            } {
                /// What the parameters are drawn from; unless said the global stream.
                into key: Option<Array> = None;
            }
        }

        impl $builder {
            /// The layer. Errors: `Plan` for sizes of 0, and a `dropout` that is no probability.
            pub fn build(self) -> Result<$name> {
                let operation = $operation;
                $(let operation = if self.relu { $relu } else { operation };)?
                let form = Form {
                    layer: stringify!($name),
                    operation,
                    gates: $gates,
                    states: $states,
                    sizes: [self.input_size, self.hidden_size],
                    num_layers: self.num_layers,
                    bias: self.bias,
                    batch_first: self.batch_first,
                    dropout: self.dropout,
                    bidirectional: self.bidirectional,
                    key: self.key,
                };
                form.build().map($name)
            }
        }
    };
}

recurrent! {
    /// `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)` over a sequence: [time, batch, input_size] -> [time, batch, directions hidden_size], and the last
    /// state [layers directions, batch, hidden_size]. Source: Elman 1990.
    RNN, RNNBuilder, "rnn", gates 1, states 1, relu "rnn_relu"
}

recurrent! {
    /// Gated recurrent units over a sequence: [time, batch, input_size] -> [time, batch, directions hidden_size], and the last state
    /// [layers directions, batch, hidden_size]. Source: Cho et al. 2014, the reset after the product, as in PyTorch.
    GRU, GRUBuilder, "gru", gates 3, states 1
}

recurrent! {
    /// Long short-term memory over a sequence: [time, batch, input_size] -> [time, batch, directions hidden_size], and the last output and memory
    /// [layers directions, batch, hidden_size] each. Source: Hochreiter and Schmidhuber 1997, with a forget gate.
    ///
    /// ```
    /// use gradframe_ml_array::Array;
    /// use gradframe_ml_nn::LSTM;
    ///
    /// let layer = LSTM::builder(3, 5).batch_first(true).build()?;
    /// let (output, (last, memory)) = layer.forward(&Array::from_vec(&[2, 7, 3], vec![0.1f32; 42])?, None)?;
    /// assert_eq!((output.shape(), last.shape(), memory.shape()), (&[2, 7, 5][..], &[1, 2, 5][..], &[1, 2, 5][..]));
    /// # Ok::<(), gradframe_ml_core::Error>(())
    /// ```
    LSTM, LSTMBuilder, "lstm", gates 4, states 2
}

/// Layers whose state is one array.
macro_rules! of_one_state {
    ($($name:ident),*) => { $(
        impl $name {
            /// The outputs and the last state, from a state before the first step, zeros unless it is given.
            /// Errors: `Shape` for a sequence or a state of another shape.
            pub fn forward(&self, x: &Array, state: Option<&Array>) -> Result<(Array, Array)> {
                let (output, mut states) = match state {
                    Some(state) => self.0.forward(x, Some(&[state]))?,
                    None => self.0.forward(x, None)?,
                };
                let last = states.pop().ok_or_else(|| Error::internal(self.0.layer, "no state"))?;
                Ok((output, last))
            }
        }
    )* };
}
of_one_state!(RNN, GRU);

impl LSTM {
    /// The outputs, and the last output and memory, from those before the first step, zeros unless they are given.
    /// Errors: `Shape` for a sequence or a state of another shape.
    pub fn forward(&self, x: &Array, state: Option<(&Array, &Array)>) -> Result<(Array, (Array, Array))> {
        let (output, mut states) = match state {
            Some((last, memory)) => self.0.forward(x, Some(&[last, memory]))?,
            None => self.0.forward(x, None)?,
        };
        match (states.pop(), states.pop()) {
            (Some(memory), Some(last)) => Ok((output, (last, memory))),
            _ => Err(Error::internal("LSTM", "no state")),
        }
    }
}
