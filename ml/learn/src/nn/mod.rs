//! Networks as graphs: [`Network`], [`ConvNet`] and [`Gpt`] say what there is and build the forward pass, [`Activation`]
//! and [`norm`] its parts, [`Init`] the weights it starts from; [`TrainingStep`] makes a step of training of it.

mod activation;
mod conv_net;
mod dropout;
mod gpt;
mod init;
mod network;
mod norm;
mod part;
mod training_step;

pub use activation::Activation;
pub use conv_net::ConvNet;
pub use gpt::Gpt;
pub use init::{Init, initial};
pub use network::{Inputs, Mode, Network, Training, Values};
pub use part::{Part, Role};
pub use training_step::TrainingStep;
