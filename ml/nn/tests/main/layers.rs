//! Layers: outputs, gradients in inputs and parameters, and what buffers become, all as PyTorch has them.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;
use gradframe_ml_nn::*;

use crate::reference::{DOUBLE, assert_told, numbers, stored, x};

/// The outputs of a layer.
fn one(output: Result<Array>) -> Result<Vec<Array>> {
    output.map(|output| vec![output])
}

/// A module with numbers by the formula, given these arrays, beside what PyTorch's gives. In the mode that it is in.
fn check<M: Module>(name: &str, module: Result<M>, given: &[Array], forward: impl Fn(&M, &[Array]) -> Result<Vec<Array>>) {
    let (module, expected) = (module.unwrap(), &stored()["modules"][name]);
    module.to(DOUBLE).unwrap();
    load(&module, &expected["names"]);
    let outputs = forward(&module, given).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut loss: Option<Array> = None;
    for (place, (output, told)) in outputs.iter().zip(expected["outputs"].as_array().unwrap()).enumerate() {
        assert_told(&format!("{name}: output {place}"), output, told);
        let part = output.square().unwrap().sum(None, false).unwrap().multiply(place as f64 + 1.0).unwrap();
        loss = Some(loss.map_or_else(|| part.clone(), |loss| loss.add(&part).unwrap()));
    }
    let loss = loss.unwrap();
    let gradients = if loss.is_tracked() { loss.backward().unwrap() } else { panic!("{name}: no gradient") };
    let wanted = given.iter().filter(|array| array.is_watched());
    for (place, (array, told)) in wanted.zip(expected["inputs"].as_array().unwrap()).enumerate() {
        assert_told(&format!("{name}: gradient in input {place}"), gradients.of(array).unwrap(), told);
    }
    let parameters = module.named_parameters();
    assert_eq!(parameters.len(), expected["parameters"].as_object().unwrap().len(), "{name}");
    for (own, parameter) in parameters {
        let gradient = gradients.of(&parameter.array()).unwrap();
        assert_told(&format!("{name}: gradient in {own}"), gradient, &expected["parameters"][&own]);
    }
    let buffers = module.named_buffers();
    assert_eq!(buffers.len(), expected["buffers"].as_object().unwrap().len(), "{name}");
    for (own, buffer) in buffers {
        assert_told(&format!("{name}: {own}"), &buffer.array(), &expected["buffers"][&own]);
    }
}

/// Numbers by the formula, by PyTorch's names in its order.
fn load(module: &impl Module, names: &serde_json::Value) {
    let own = module.state_dict().unwrap();
    let values = |(place, name): (usize, &serde_json::Value)| {
        let name = name.as_str().unwrap().to_owned();
        let shape = own.get(&name).unwrap_or_else(|| panic!("`{name}` is missing in {own:?}")).shape().to_vec();
        let values = numbers(&shape, place + 1).multiply(0.5).unwrap();
        let is_variance = name.ends_with("running_var");
        let values = if is_variance { values.abs().unwrap().add(0.5).unwrap() } else { values };
        (name, values)
    };
    module.load_state_dict(&names.as_array().unwrap().iter().enumerate().map(values).collect()).unwrap();
}

/// A layer that does not train, or one that has no mode.
fn layer<L: Layer>(name: &str, layer: Result<L>, given: Array) {
    let layer = layer.inspect(|layer| layer.eval());
    check(name, layer, &[given], |layer, x| one(layer.forward(&x[0])));
}

fn training<L: Layer>(name: &str, layer: Result<L>, given: Array) {
    check(name, layer, &[given], |layer, x| one(layer.forward(&x[0])));
}

#[test]
fn linear_layers_are_pytorchs() {
    layer("Linear", Linear::new(4, 3), x(&[5, 4], 0));
    layer("Linear without bias", Linear::builder(4, 3).bias(false).build(), x(&[2, 5, 4], 0));
    layer("Flatten", Ok(Flatten::default()), x(&[2, 4, 3], 0));
    layer("PReLU", PReLU::new(4), x(&[2, 4, 3], 0));
}

#[test]
fn convolutions_are_pytorchs() {
    let image = || x(&[2, 4, 7, 6], 0);
    layer("Conv1d", Conv1d::builder(4, 6, 3).stride(2).padding(1).groups(2).build(), x(&[2, 4, 9], 0));
    layer("Conv1d of an item", Conv1d::new(4, 3, 2), x(&[4, 9], 0));
    let windows = Conv2d::builder(4, 3, [3, 2]).stride([2, 1]).padding([0, 1]).dilation([1, 2]);
    layer("Conv2d", windows.build(), image());
    let same = Conv2d::builder(4, 3, [2, 3]).padding(Padding::Same).dilation([1, 2]).bias(false);
    layer("Conv2d same", same.build(), image());
    layer("Conv2d circular", Conv2d::builder(4, 3, 3).padding(1).padding_mode(PaddingMode::Circular).build(), image());
    layer("Conv2d reflect", Conv2d::builder(4, 3, 3).padding([2, 1]).padding_mode(PaddingMode::Reflect).build(), image());
    let replicated = Conv2d::builder(4, 3, 2).padding(Padding::Same).padding_mode(PaddingMode::Replicate);
    layer("Conv2d same replicate", replicated.build(), image());
    layer("ConvTranspose1d", ConvTranspose1d::builder(4, 3, 3).dilation(2).build(), x(&[2, 4, 5], 0));
    let back = ConvTranspose2d::builder(4, 6, 3).stride(2).padding(1).output_padding(1).groups(2);
    layer("ConvTranspose2d", back.build(), x(&[2, 4, 4, 3], 0));
}

#[test]
fn layers_that_standardise_are_pytorchs() {
    let rows = || x(&[2, 3, 6], 0);
    layer("LayerNorm", LayerNorm::new([3, 6]), rows());
    layer("LayerNorm without bias", LayerNorm::builder(6).bias(false).build(), rows());
    layer("LayerNorm without weights", LayerNorm::builder(6).elementwise_affine(false).build(), rows());
    layer("RMSNorm", RMSNorm::new(6), rows());
    layer("GroupNorm", GroupNorm::new(2, 4), x(&[2, 4, 5], 0));
    let image = || x(&[2, 4, 3, 2], 0);
    training("BatchNorm1d", BatchNorm1d::new(4), x(&[3, 4, 5], 0));
    training("BatchNorm1d of rows", BatchNorm1d::builder(4).momentum(0.3).build(), x(&[6, 4], 0));
    layer("BatchNorm2d of running numbers", BatchNorm2d::new(4), image());
    training("BatchNorm2d without weights", BatchNorm2d::builder(4).affine(false).build(), image());
    layer("BatchNorm2d without running numbers", BatchNorm2d::builder(4).track_running_stats(false).build(), image());
}

#[test]
fn tables_are_pytorchs() {
    let places = || Array::from_vec(&[2, 3], vec![0i64, 2, 5, 1, 2, 3]).unwrap();
    layer("Embedding", Embedding::new(6, 4), places());
    layer("Embedding with padding", Embedding::builder(6, 4).padding_idx(2).build(), places());
}

#[test]
fn pools_are_pytorchs() {
    let (line, image) = (|| x(&[2, 4, 9], 0), || x(&[2, 4, 7, 6], 0));
    layer("MaxPool1d", MaxPool1d::builder(3).stride(Along::from(2)).padding(1).ceil_mode(true).build(), line());
    let spread = MaxPool2d::builder([3, 2]).stride(Along([2, 3])).padding([1, 0]).dilation([2, 1]);
    layer("MaxPool2d", spread.build(), image());
    let up = MaxPool2d::builder(3).stride(Along::from(4)).padding(1).ceil_mode(true);
    layer("MaxPool2d of an item", up.build(), x(&[4, 7, 6], 0));
    let means = || AvgPool1d::builder(4).stride(Along::from(3)).padding(2).ceil_mode(true);
    layer("AvgPool1d", means().build(), line());
    layer("AvgPool1d without padding", means().count_include_pad(false).build(), line());
    layer("AvgPool2d", AvgPool2d::builder(3).stride(Along::from(2)).padding(1).ceil_mode(true).build(), image());
    let without = AvgPool2d::builder([3, 4]).stride(Along::from(3)).padding(1).count_include_pad(false);
    layer("AvgPool2d without padding", without.build(), image());
    layer("AdaptiveAvgPool1d", Ok(AdaptiveAvgPool1d::new(4)), line());
    layer("AdaptiveAvgPool1d evenly", Ok(AdaptiveAvgPool1d::new(3)), line());
    layer("AdaptiveAvgPool2d", Ok(AdaptiveAvgPool2d::new([3, 4])), image());
    layer("AdaptiveAvgPool2d to more", Ok(AdaptiveAvgPool2d::new([None, Some(11)])), image());
    layer("AdaptiveMaxPool2d", Ok(AdaptiveMaxPool2d::new([Some(3), None])), image());
}

/// True where the place of a key comes after that of a query: [n, n].
fn ahead(n: usize) -> Array {
    let mask = (0..n).flat_map(|query| (0..n).map(move |key| f64::from(u8::from(key > query))));
    Array::from_vec(&[n, n], mask.collect()).unwrap().greater(0.5).unwrap()
}

fn blind() -> Array {
    let mask = vec![0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    Array::from_vec(&[2, 5], mask).unwrap().greater(0.5).unwrap()
}

/// Attention and its weights, of each head.
fn attended(masks: AttentionMasks<'_>) -> impl Fn(&MultiheadAttention, &[Array]) -> Result<Vec<Array>> {
    move |attention, x| {
        let (output, weights) = attention.forward_with_weights(&x[0], &x[1], &x[2], masks)?;
        let alone = attention.forward(&x[0], &x[1], &x[2], masks)?;
        let apart = output.subtract(&alone)?.abs()?.max(None, false)?.to_vec::<f64>()?[0];
        assert!(apart < 1e-12, "{apart}");
        Ok(vec![output, weights])
    }
}

#[test]
fn attention_is_pytorchs() {
    let build = || MultiheadAttention::builder(8, 2).batch_first(true).build();
    let (time, source) = ([2, 5, 8], [2, 4, 8]);
    let added = numbers(&[5, 4], 3);
    let masks = AttentionMasks { attn_mask: Some(&added), ..AttentionMasks::default() };
    check("MultiheadAttention", build(), &[x(&time, 0), x(&source, 1), x(&source, 2)], attended(masks));
    let (ahead, blind) = (ahead(5), blind());
    let masks = AttentionMasks { attn_mask: Some(&ahead), key_padding_mask: Some(&blind), is_causal: false };
    let given = [x(&time, 0), x(&time, 1), x(&time, 2)];
    check("MultiheadAttention with masks", build(), &given, attended(masks));
    let causal = AttentionMasks { attn_mask: None, is_causal: true, ..masks };
    check("MultiheadAttention with masks", build(), &given, attended(causal));
    let sizes = MultiheadAttention::builder(8, 2).kdim(6).vdim(3).build();
    let given = [x(&[4, 2, 8], 0), x(&[5, 2, 6], 1), x(&[5, 2, 3], 2)];
    check("MultiheadAttention of three sizes", sizes, &given, attended(AttentionMasks::default()));
}

#[test]
fn transformers_are_pytorchs() {
    let (ahead, blind) = (ahead(5), blind());
    let both = AttentionMasks { attn_mask: Some(&ahead), key_padding_mask: Some(&blind), is_causal: false };
    let kind = || TransformerEncoderLayer::builder(8, 2).dim_feedforward(12).dropout(0.0);
    let given = [x(&[2, 5, 8], 0)];
    let gelu = kind().batch_first(true).activation(GELU).build();
    check("TransformerEncoderLayer", gelu, &given, |layer, x| one(layer.forward_masked(&x[0], both)));
    let first = kind().norm_first(true).bias(false).build();
    layer("TransformerEncoderLayer norm first", first, x(&[5, 2, 8], 0));
    let encoder = TransformerEncoder::new(&kind().batch_first(true), 2, LayerNorm::new(8).unwrap());
    let masked = AttentionMasks { key_padding_mask: None, ..both };
    check("TransformerEncoder", encoder, &given, |encoder, x| one(encoder.forward_masked(&x[0], masked)));
}

#[test]
fn recurrent_layers_are_pytorchs() {
    let given = [x(&[5, 2, 3], 0)];
    let both = |(output, last): (Array, Array)| vec![output, last];
    check("RNN", RNN::new(3, 4), &given, |layer, x| layer.forward(&x[0], None).map(both));
    let relu = RNN::builder(3, 4).relu(true).bias(false).batch_first(true).build();
    check("RNN relu", relu, &[x(&[2, 5, 3], 0)], |layer, x| layer.forward(&x[0], None).map(both));
    let stacked = GRU::builder(3, 4).num_layers(2).bidirectional(true).build();
    check("GRU", stacked, &[x(&[5, 2, 3], 0), x(&[4, 2, 4], 1)], |layer, x| layer.forward(&x[0], Some(&x[1])).map(both));
    let all = |(output, (last, memory)): (Array, (Array, Array))| vec![output, last, memory];
    let stacked = LSTM::builder(3, 4).num_layers(2).bidirectional(true).batch_first(true).build();
    check("LSTM", stacked, &[x(&[2, 5, 3], 0)], |layer, x| layer.forward(&x[0], None).map(all));
    let states = [x(&[5, 2, 3], 0), x(&[1, 2, 4], 1), x(&[1, 2, 4], 2)];
    check("LSTM from a state", LSTM::new(3, 4), &states, |layer, x| layer.forward(&x[0], Some((&x[1], &x[2]))).map(all));
}
