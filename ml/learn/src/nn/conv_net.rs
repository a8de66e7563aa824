//! A convolutional network for images: blocks of `convolution 3 x 3 -> ReLU -> largest of 2 x 2`, a hidden layer, scores.
//!
//! Names: `conv.<i>.weight [O, C, 3, 3] | bias [O]` with i from 1, then `hidden.weight [inputs, units] | bias` and
//! `output.weight | bias`.

use gradframe_ml_core::graph::Window;
use gradframe_ml_core::{Dim, Graph, NodeId, Result, Shape};

use super::network::Values;
use super::part::{Part, Role, part_of};
use super::{Activation, Init};

/// Elements of a window in each direction.
const WINDOW: usize = 3;

/// What the network is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvNet {
    /// Channels, height and width of an image.
    pub image: [usize; 3],
    /// Channels after each block, which halves height and width.
    pub channels: Vec<usize>,
    /// Units of the hidden layer.
    pub hidden: usize,
    /// Scores an image.
    pub classes: usize,
}

impl ConvNet {
    /// The parts, from the image on.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut inputs = self.image[0];
        for (i, &outputs) in self.channels.iter().enumerate() {
            let init = Init::of_weights(Activation::Relu, inputs * WINDOW * WINDOW, outputs);
            parts.push(part(i, "weight", vec![outputs, inputs, WINDOW, WINDOW], init, Role::Weight));
            parts.push(part(i, "bias", vec![outputs], Init::Zeros, Role::Offset));
            inputs = outputs;
        }
        parts.extend(dense("hidden", self.flat(), self.hidden, Activation::Relu));
        parts.extend(dense("output", self.hidden, self.classes, Activation::Identity));
        parts
    }

    /// Images [B, C, H, W] -> scores [B, classes]. Errors: `Execution` if a part is missing among `values`; `Shape` if the
    /// images are of another size.
    pub fn scores(&self, g: &mut Graph, values: &Values, images: NodeId) -> Result<NodeId> {
        let mut x = images;
        for i in 1..=self.channels.len() {
            let (weight, bias) = (part_of(values, &format!("conv.{i}.weight"))?, part_of(values, &format!("conv.{i}.bias"))?);
            let sum = g.conv(x, weight, &[Window { padding: WINDOW / 2, ..Window::of(WINDOW) }; 2], 1)?; // [B, O, H, W]
            let outputs = g.ty(bias).shape.dims()[0].clone();
            let bias = g.reshape(bias, &Shape::new([outputs, 1.into(), 1.into()]))?;
            let sum = g.add(sum, bias)?;
            let active = g.relu(sum)?;
            x = g.max_pool(active, &[Window::apart(2); 2])?; // [B, O, H / 2, W / 2]
        }
        let batch = g.ty(x).shape.dims()[0].clone();
        let flat = g.reshape(x, &Shape::new([batch, Dim::fixed(self.flat())]))?;
        let hidden = linear(g, values, "hidden", flat)?;
        let hidden = g.relu(hidden)?;
        linear(g, values, "output", hidden)
    }

    /// Numbers an image when the hidden layer sees it.
    fn flat(&self) -> usize {
        let [channels, height, width] = self.image;
        let halves = self.channels.len() as u32;
        self.channels.last().copied().unwrap_or(channels) * (height >> halves) * (width >> halves)
    }
}

fn part(block: usize, name: &str, shape: Vec<usize>, init: Init, role: Role) -> Part {
    Part::new(format!("conv.{}.{name}", block + 1), shape, init, role)
}

fn dense(name: &str, inputs: usize, outputs: usize, activation: Activation) -> [Part; 2] {
    let init = Init::of_weights(activation, inputs, outputs);
    let weight = Part::new(format!("{name}.weight"), vec![inputs, outputs], init, Role::Weight);
    [weight, Part::new(format!("{name}.bias"), vec![outputs], Init::Zeros, Role::Offset)]
}

/// `x @ weight + bias`.
fn linear(g: &mut Graph, values: &Values, name: &str, x: NodeId) -> Result<NodeId> {
    let product = g.matmul(x, part_of(values, &format!("{name}.weight"))?)?;
    g.add(product, part_of(values, &format!("{name}.bias"))?)
}
