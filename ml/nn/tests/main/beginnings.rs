//! The numbers that parameters start from: by one key, or one seed, those of `gf.nn` in Python.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;
use gradframe_ml_nn::*;

use crate::reference::{assert_told, stored};

fn key() -> Array {
    random::key(7).unwrap()
}

fn check(name: &str, module: Result<impl Module>) {
    let (state, expected) = (module.unwrap().state_dict().unwrap(), stored()["beginnings"][name].as_object().unwrap());
    assert_eq!(state.len(), expected.len(), "{name}");
    for (own, told) in expected {
        assert_told(&format!("{name}: {own}"), state.get(own).unwrap(), told);
    }
}

#[test]
fn one_key_begins_as_in_python() {
    check("Linear", Linear::builder(4, 3).key(key()).build());
    check("Conv2d", Conv2d::builder(4, 6, 3).groups(2).key(key()).build());
    check("ConvTranspose2d", ConvTranspose2d::builder(4, 6, 3).key(key()).build());
    check("Embedding", Embedding::builder(6, 4).padding_idx(2).key(key()).build());
    check("MultiheadAttention", MultiheadAttention::builder(8, 2).kdim(6).key(key()).build());
    check("TransformerEncoderLayer", TransformerEncoderLayer::builder(8, 2).dim_feedforward(12).key(key()).build());
    check("LSTM", LSTM::builder(3, 4).num_layers(2).bidirectional(true).key(key()).build());
}

/// A stream of this test alone: others draw from the global one.
#[test]
fn one_stream_begins_as_that_of_a_seed_in_python() {
    let model = random::with_key(&random::key(3).unwrap(), || Ok(sequential![Linear::new(4, 3)?, Linear::new(3, 2)?]));
    check("Sequential of a seed", model);
}

#[test]
fn numbers_lie_within_their_bounds() {
    let drawn = random::uniform(&key(), &[1000], -0.5, 2.0).unwrap().to_vec::<f32>().unwrap();
    assert!(drawn.iter().all(|x| (-0.5..2.0).contains(x)));
    let mean = drawn.iter().sum::<f32>() / 1000.0;
    assert!((mean - 0.75).abs() < 0.1, "{mean}");
    assert_eq!(random::uniform(&key(), &[2], 1.0, 0.0).unwrap_err().kind(), "Plan");
    assert_eq!(random::normal(&key(), &[2], 1.0, -1.0).unwrap_err().kind(), "Plan");
    assert_eq!(init::xavier_uniform(&key(), &[2], 1.0).unwrap_err().kind(), "Shape");
}
