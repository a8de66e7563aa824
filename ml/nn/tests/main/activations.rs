//! Activations: values and gradients as PyTorch has them.

use gradframe_ml_nn::*;

use crate::reference::{assert_near, assert_told, stored, x};

#[test]
fn activations_are_pytorchs() {
    let all: [(&str, Box<dyn Layer>); 18] = [
        ("ReLU", Box::new(ReLU)),
        ("ReLU6", Box::new(ReLU6)),
        ("SELU", Box::new(SELU)),
        ("GELU", Box::new(GELU)),
        ("SiLU", Box::new(SiLU)),
        ("Mish", Box::new(Mish)),
        ("Sigmoid", Box::new(Sigmoid)),
        ("LogSigmoid", Box::new(LogSigmoid)),
        ("Hardsigmoid", Box::new(Hardsigmoid)),
        ("Hardswish", Box::new(Hardswish)),
        ("Softplus", Box::new(Softplus)),
        ("Softsign", Box::new(Softsign)),
        ("Tanh", Box::new(Tanh)),
        ("LeakyReLU", Box::new(LeakyReLU::default())),
        ("ELU", Box::new(ELU::default())),
        ("Softmax", Box::new(Softmax::default())),
        ("LogSoftmax", Box::new(LogSoftmax::default())),
        ("Hardtanh", Box::new(Hardtanh::default())),
    ];
    for (name, activation) in all {
        let at = x(&[5, 6], 0);
        let output = activation.forward(&at.multiply(4.0).unwrap()).unwrap();
        let expected = &stored()["activations"][name];
        assert_told(name, &output, &expected["output"]);
        let gradients = output.sum(None, false).unwrap().backward().unwrap();
        // PyTorch's gradients of `hardsigmoid` and `hardswish` have a sixth as float32 has it.
        assert_near(&format!("{name}: gradient"), gradients.of(&at).unwrap(), &expected["gradient"], 1e-7);
    }
}
