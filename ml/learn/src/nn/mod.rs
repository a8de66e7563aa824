//! Networks as graphs: [`Network`] says what there is and builds the forward pass, [`Activation`] and [`norm`] its
//! parts, [`Init`] the weights it starts from.

mod activation;
mod dropout;
mod init;
mod network;
mod norm;
mod part;

pub use activation::Activation;
pub use init::{Init, initial};
pub use network::{Inputs, Mode, Network, Training, Values};
pub use part::{Part, Role};
