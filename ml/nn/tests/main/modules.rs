//! Modules as trees: names, state, modes, and what a state that does not fit is told.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;
use gradframe_ml_nn::*;

#[derive(Debug)]
struct Net {
    body: Sequential,
    heads: ModuleList<Linear>,
    scale: Parameter,
    shared: Option<Parameter>,
    missing: Option<Linear>,
}
module!(Net { body, heads, scale, shared, missing });

fn net() -> Net {
    let scale = Parameter::new(&Array::from_vec(&[1], vec![2.0f32]).unwrap()).unwrap();
    Net {
        body: sequential![Linear::new(2, 4).unwrap(), BatchNorm1d::new(4).unwrap(), Dropout::new(0.5).unwrap()],
        heads: vec![Linear::new(4, 1).unwrap(), Linear::builder(4, 2).bias(false).build().unwrap()],
        shared: Some(scale.clone()),
        scale,
        missing: None,
    }
}

fn names<T>(named: Vec<(String, T)>) -> Vec<String> {
    named.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn names_are_paths_and_tied_weights_come_once() {
    let net = net();
    let learned = [
        "body.0.weight",
        "body.0.bias",
        "body.1.weight",
        "body.1.bias",
        "heads.0.weight",
        "heads.0.bias",
        "heads.1.weight",
        "scale",
    ];
    assert_eq!(names(net.named_parameters()), learned);
    assert_eq!(names(net.named_buffers()), ["body.1.running_mean", "body.1.running_var"]);
    let state = net.state_dict().unwrap();
    assert!(state.get("shared").is_some() && state.len() == learned.len() + 3, "each of its names is in the state");
}

#[test]
fn a_state_travels_through_safetensors() {
    let (net, other) = (net(), net());
    let bytes = net.state_dict().unwrap().to_safetensors().unwrap();
    other.load_state_dict(&StateDict::from_safetensors(&bytes).unwrap()).unwrap();
    for ((name, own), (_, other)) in net.named_parameters().iter().zip(other.named_parameters()) {
        assert_eq!(own.array().to_vec::<f32>().unwrap(), other.array().to_vec::<f32>().unwrap(), "{name}");
    }
    assert_eq!(StateDict::from_safetensors(&bytes[..40]).unwrap_err().kind(), "External");
}

#[test]
fn a_state_that_does_not_fit_names_all_that_is_wrong_and_changes_nothing() {
    let net = net();
    let before = net.scale.array().to_vec::<f32>().unwrap();
    let mut state = StateDict::default();
    for (name, array) in net.state_dict().unwrap().iter() {
        match name {
            "body.0.bias" => {}
            "heads.0.weight" => state.insert(name, Array::from_vec(&[2, 4], vec![0.0f32; 8]).unwrap()),
            "scale" => state.insert(name, Array::from_vec(&[1], vec![5.0f32]).unwrap()),
            _ => state.insert(name, array.clone()),
        }
    }
    state.insert("tail.weight", Array::from_vec(&[1], vec![0.0f32]).unwrap());
    state.insert("body.1.num_batches_tracked", Array::from_vec(&[], vec![3i64]).unwrap());
    let error = net.load_state_dict(&state).unwrap_err();
    assert_eq!(error.kind(), "Shape");
    for expected in
        ["`heads.0.weight` has shape [2, 4], expected [1, 4]", "`body.0.bias` is missing", "`tail.weight` is not expected"]
    {
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(!error.to_string().contains("num_batches_tracked"), "{error}");
    assert_eq!(net.scale.array().to_vec::<f32>().unwrap(), before);
    assert_eq!(net.load_matching(&state).unwrap_err().kind(), "Shape", "what both have must fit");
}

#[test]
fn what_both_have_is_loaded_and_the_rest_is_told() {
    let (net, linear) = (net(), Linear::new(2, 4).unwrap());
    let state: StateDict =
        [("body.0.weight".to_owned(), linear.weight.array()), ("x".to_owned(), linear.weight.array())].into_iter().collect();
    let unmatched = net.load_matching(&state).unwrap();
    assert_eq!(unmatched.unexpected, ["x"]);
    assert!(unmatched.missing.contains(&"body.0.bias".to_owned()) && !unmatched.missing.contains(&"body.0.weight".to_owned()));
    assert!(net.parameters().iter().all(|parameter| !parameter.is_frozen()), "parameters stay parameters");
}

#[test]
fn training_is_told_to_all_modules() -> Result<()> {
    let net = net();
    let x = Array::from_vec(&[8, 2], (0..16).map(|i| i as f32).collect())?;
    let drops = |net: &Net| Ok::<_, gradframe_ml_core::Error>(net.body.forward(&x)?.to_vec::<f32>()?.contains(&0.0));
    assert!(drops(&net)?);
    net.eval();
    assert!(!drops(&net)?);
    net.train(true);
    assert!(drops(&net)?);
    Ok(())
}

#[test]
fn frozen_modules_have_no_gradient() -> Result<()> {
    let model = sequential![Linear::new(2, 3)?, Linear::new(3, 1)?];
    let body = model.parameters();
    body[..2].iter().try_for_each(Parameter::freeze)?;
    let loss = model.forward(&Array::from_vec(&[1, 2], vec![1.0f32, 2.0])?)?.sum(None, false)?;
    let gradients = loss.backward()?;
    assert_eq!(gradients.len(), 2);
    body[0].unfreeze()?;
    assert!(!body[0].is_frozen() && body[1].is_frozen());
    model.freeze()?;
    assert!(!model.forward(&Array::from_vec(&[1, 2], vec![1.0f32, 2.0])?)?.is_tracked());
    Ok(())
}

#[test]
fn arguments_that_make_no_layer_are_named() {
    fn told(made: Result<impl Module>) -> String {
        let error = made.unwrap_err();
        assert!(["Plan", "OutOfBounds"].contains(&error.kind()));
        error.to_string()
    }
    assert!(told(Conv2d::new(3, 8, 0)).contains("`kernel_size` is 0, expected a whole number from 1"));
    assert!(
        told(Conv1d::builder(3, 8, 2).groups(2).build())
            .contains("`groups` 2 does not divide `in_channels` 3 and `out_channels` 8")
    );
    assert!(told(Conv1d::builder(2, 2, 2).padding(Padding::Same).stride(2).build()).contains("wants a `stride` of 1"));
    assert!(told(ConvTranspose1d::builder(2, 2, 2).output_padding(1).build()).contains("`output_padding` is 1"));
    assert!(told(MaxPool2d::builder(2).padding(2).build()).contains("at most half of `kernel_size`"));
    assert!(told(MultiheadAttention::new(8, 3)).contains("`num_heads` 3 does not divide `embed_dim` 8"));
    assert!(told(Embedding::builder(4, 2).padding_idx(4).build()).contains("the table has 4 rows"));
    assert!(told(Dropout::new(1.5)).contains("`p` is 1.5"));
    assert!(told(LSTM::new(3, 0)).contains("`hidden_size` is 0"));
}

#[test]
fn inputs_that_do_not_fit_are_named_with_both_shapes() {
    let given = |shape: &[usize]| Array::from_vec(shape, vec![0.0f32; shape.iter().product()]).unwrap();
    let told = |result: Result<Array>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), "Shape", "{error}");
        error.to_string()
    };
    assert!(told(Linear::new(4, 2).unwrap().forward(&given(&[3, 5]))).contains("[3, 5]"));
    assert!(told(Conv2d::new(3, 2, 2).unwrap().forward(&given(&[3, 5]))).contains("[3, 5]"));
    assert!(told(LayerNorm::new([2, 3]).unwrap().forward(&given(&[3, 2]))).contains("are not [2, 3]"));
    assert!(told(BatchNorm2d::new(3).unwrap().forward(&given(&[1, 2, 4, 4]))).contains("expected [batch, 3, n, n]"));
    let rnn = RNN::new(3, 2).unwrap();
    assert!(told(rnn.forward(&given(&[5, 2, 4]), None).map(|(output, _)| output)).contains("expected [time, batch, 3]"));
    let attention = MultiheadAttention::new(4, 2).unwrap();
    let (x, mask) = (given(&[5, 1, 4]), given(&[4, 5]));
    let masks = AttentionMasks { attn_mask: Some(&mask), ..AttentionMasks::default() };
    assert!(told(attention.forward(&x, &x, &x, masks)).contains("expected `attn_mask` of shape [5, 5]"));
}

#[test]
fn a_parameter_takes_values_of_its_own_type_alone() {
    let parameter = Parameter::new(&Array::from_vec(&[2], vec![1.0f32, 2.0]).unwrap()).unwrap();
    assert_eq!(parameter.set(&Array::from_vec(&[3], vec![0.0f32; 3]).unwrap()).unwrap_err().kind(), "Shape");
    assert_eq!(parameter.set(&Array::from_vec(&[2], vec![0.0f64; 2]).unwrap()).unwrap_err().kind(), "DType");
    parameter.set(&Array::from_vec(&[2], vec![3.0f32, 4.0]).unwrap()).unwrap();
    assert!(parameter.array().is_watched());
    assert_eq!(Parameter::new(&Array::from_vec(&[2], vec![1i64, 2]).unwrap()).unwrap_err().kind(), "DType");
}
