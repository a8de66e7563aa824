//! The columns of modules: whole numbers, tensors of integers, and places that there are.

use std::sync::Arc;

use arrow_schema::DataType;
use gradframe_ml_core::graph::{Kind, Picking, PlaceRange, ScanOp, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_learn::in_memory::finish_in_memory;
use gradframe_ml_learn::optim::NamedRule;
use gradframe_ml_learn::{
    Chunk, Encoding, Estimator, FORMAT_VERSION, FeatureSpec, LabelSpec, Layout, Model, ModelSpec, Module, ModuleEstimator,
    ModuleFunction, ModuleGroup, ModuleInput, Task, TrainingSummary, check_options, place_check,
};
use serde_json::json;

use crate::modules::{function, module, rows};

/// The row of a table [3, 1] by a whole number: [N].
fn picked(g: &mut Graph, table: NodeId, i: NodeId) -> Result<NodeId> {
    let places = g.places(Picking::Embedding, i, PlaceRange { low: 0, size: 3, none: None })?;
    let rows = g.gather(table, places, 0)?;
    g.reshape(rows, &Shape::new([Dim::symbol("N")]))
}

/// A number for each of three ids; the function with a loss begins with a key in training.
fn table() -> Module {
    let types = || {
        let ids = Type::new(DType::I64, Shape::new([Dim::symbol("N")]));
        (Type::new(DType::F32, Shape::fixed(&[3, 1])), Type::new(DType::U64, Shape::scalar()), ids)
    };
    let loss = |key: bool| {
        function(|g| {
            let (table, random, ids) = types();
            let table = g.input("table", table);
            if key {
                g.input("key", random);
            }
            let (i, y) = (g.input("i", ids), g.input("y", rows(None)));
            let predicted = picked(g, table, i)?;
            let error = g.sub(predicted, y)?;
            g.mul(error, error)
        })
    };
    let forward = function(|g| {
        let (table, _, ids) = types();
        let (table, i) = (g.input("table", table), g.input("i", ids));
        picked(g, table, i)
    });
    let rule = NamedRule::new("sgd", &[("momentum", 0.0)]);
    Module {
        title: "Table".into(),
        task: Task::Regression,
        inputs: vec![ModuleInput::column("i", "id")],
        parameters: vec![("table".into(), Tensor::from_vec(&[3, 1], vec![0f32; 3]).unwrap())],
        buffers: vec![],
        training: loss(true),
        evaluation: loss(false),
        forward,
        groups: vec![ModuleGroup { rule, rate: 1.0, members: vec![0] }],
    }
}

fn ids(values: &[i64]) -> Tensor {
    Tensor::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn table_layout(rows: usize) -> Layout {
    let label = LabelSpec { name: "y".into(), data_type: DataType::Float64, classes: vec![] };
    let whole = vec![DType::I64];
    Layout { rows: rows as u64, dense: 0, categories: vec![], whole, label, weighted: false, eval_rows: 0 }
}

fn table_chunk(values: &[i64]) -> Chunk {
    let (rows, label) = (values.len(), values.iter().map(|&i| 10.0 * i as f64).collect());
    Chunk {
        rows,
        dense: Tensor::from_vec::<f32>(&[rows, 0], vec![]).unwrap(),
        codes: vec![ids(values)],
        label: Tensor::from_vec(&[rows], label).unwrap(),
        weight: None,
    }
}

#[test]
fn whole_numbers_stand_by_themselves_and_are_learned_from() {
    let estimator = ModuleEstimator::new(Arc::new(table())).unwrap();
    assert_eq!(estimator.whole_columns(), [("id".to_string(), DType::I64)]);
    assert_eq!(estimator.feature_dtype(), DType::F32);
    let given = [
        ("learning_rate".to_string(), json!(0.4)),
        ("batch_size".to_string(), json!(6)),
        ("max_iterations".to_string(), json!(60)),
    ];
    let options = check_options(&estimator, &given).unwrap();
    let mut training = estimator.begin(&table_layout(6), &options, 1).unwrap();
    let chunks = [table_chunk(&[0, 1, 2, 0, 1, 2])];
    let (fitted, _) = finish_in_memory(training.as_mut(), &chunks, &[]).unwrap();
    let learned = fitted.weights["table"].to_f64();
    assert!(learned.iter().zip([0.0, 10.0, 20.0]).all(|(a, b)| (a - b).abs() < 1e-3), "{learned:?}");
}

#[test]
fn rows_that_pick_what_there_is_not_are_told_before_they_are_learned_from() {
    let estimator = ModuleEstimator::new(Arc::new(table())).unwrap();
    let check = estimator.place_check(&table_layout(2)).unwrap().unwrap();
    check.check_chunk("train", &table_chunk(&[0, 2])).unwrap();
    let mut many = vec![0; 3000];
    many[2500] = 3;
    for (values, place) in [(vec![0, 3], 3), (vec![-1, 0], -1), (many, 3)] {
        let error = check.check_chunk("train", &table_chunk(&values)).unwrap_err();
        assert_eq!(error.kind(), "OutOfBounds");
        let expected = format!(
            "train: index {place}, made of column `id`, is outside of the 3 places that `embedding` in Table has, 0 to 2"
        );
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    assert!(ModuleEstimator::new(Arc::new(module())).unwrap().place_check(&table_layout(2)).unwrap().is_none());
}

/// As [`table`], with a buffer of the first place, which a training gives back `updated` or as it is; its loss picks by what `places` makes
/// of the buffer and the ids.
fn table_of(updated: bool, places: impl Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>) -> Module {
    let ids = || Type::new(DType::I64, Shape::new([Dim::symbol("N")]));
    let parts = |g: &mut Graph| {
        let table = g.input("table", Type::new(DType::F32, Shape::fixed(&[3, 1])));
        (table, g.input("first", Type::new(DType::I64, Shape::scalar())))
    };
    let loss = |g: &mut Graph, (table, first): (NodeId, NodeId)| {
        let (i, y) = (g.input("i", ids()), g.input("y", rows(None)));
        let own = places(g, first, i)?;
        let predicted = picked(g, table, own)?;
        g.sub(predicted, y)
    };
    let training = {
        let mut g = Graph::new();
        let own = parts(&mut g);
        g.input("key", Type::new(DType::U64, Shape::scalar()));
        let result = loss(&mut g, own).unwrap();
        let one = g.scalar(DType::I64, 1.0).unwrap();
        let after = if updated { g.add(own.1, one).unwrap() } else { own.1 };
        ModuleFunction { function: Function::new(g, vec![result, after]).unwrap(), captures: vec![] }
    };
    let evaluation = function(|g| {
        let own = parts(g);
        loss(g, own)
    });
    let forward = function(|g| {
        let (table, _) = parts(g);
        let i = g.input("i", ids());
        picked(g, table, i)
    });
    let buffers = vec![("first".to_string(), Tensor::scalar(0i64))];
    Module { buffers, training, evaluation, forward, ..table() }
}

#[test]
fn places_of_a_batch_or_of_what_a_step_updates_are_not_asked_beforehand() {
    let check = |module: Module| {
        let estimator = ModuleEstimator::new(Arc::new(module)).unwrap();
        let check = estimator.place_check(&table_layout(640)).unwrap();
        check.map(|check| check.check_chunk("train", &table_chunk(&vec![3; 640])))
    };
    let far = |result: Option<Result<()>>| assert_eq!(result.unwrap().unwrap_err().kind(), "OutOfBounds");
    far(check(table_of(false, |_, _, i| Ok(i))));
    far(check(table_of(false, |g, first, i| g.add(i, first))));
    far(check(table_of(true, |_, _, i| Ok(i))));
    assert!(check(table_of(true, |g, first, i| g.add(i, first))).is_none(), "the step has another first place");
    let rank = |g: &mut Graph, i: NodeId| g.apply(Kind::Scan { op: ScanOp::Sum, axis: 0 }, &[i]);
    assert!(check(table_of(false, |g, _, i| rank(g, i))).is_none(), "a batch has other rows");
}

/// Pixels [N, 2] of integers, from two columns of a tensor, and an id by itself.
fn pixels() -> Module {
    let wide = || Type::new(DType::I64, Shape::new([Dim::symbol("N"), Dim::fixed(2)]));
    let loss = |key: bool| {
        function(|g| {
            let w = g.input("w", Type::new(DType::F32, Shape::scalar()));
            if key {
                g.input("key", Type::new(DType::U64, Shape::scalar()));
            }
            let (x, y) = (g.input("x", wide()), g.input("y", rows(None)));
            let predicted = total(g, w, x)?;
            g.sub(predicted, y)
        })
    };
    fn total(g: &mut Graph, w: NodeId, x: NodeId) -> Result<NodeId> {
        let sum = g.sum(x, &[1])?;
        let sum = g.cast(sum, DType::F32)?;
        g.mul(sum, w)
    }
    let forward = function(|g| {
        let w = g.input("w", Type::new(DType::F32, Shape::scalar()));
        let x = g.input("x", wide());
        total(g, w, x)
    });
    let inputs = vec![ModuleInput::stacked("x", ["x[0]", "x[1]"])];
    let parameters = vec![("w".to_string(), Tensor::scalar(1f32))];
    Module { inputs, parameters, training: loss(true), evaluation: loss(false), forward, ..table() }
}

#[test]
fn integers_of_a_tensor_stand_in_one_block_if_it_keeps_them() {
    let estimator = ModuleEstimator::new(Arc::new(pixels())).unwrap();
    assert_eq!((estimator.whole_columns(), estimator.feature_dtype()), (vec![], DType::F64));
    let features = |max: f64| {
        ["x[0]", "x[1]"].map(|name| {
            let encoding = Encoding::Raw { mean: 0.0, std: 1.0, min: -1.0, max, whole: None };
            FeatureSpec { name: name.into(), data_type: DataType::Int64, encoding }
        })
    };
    estimator.check_features(&features(9_007_199_254_740_991.0)).unwrap();
    let error = estimator.check_features(&features(9_007_199_254_740_992.0)).unwrap_err();
    assert!(error.kind() == "DType" && error.to_string().contains("column `x[0]` holds integers"), "{error}");
}

#[test]
fn a_feature_without_an_integer_type_prints_as_it_did() {
    let raw = |whole| format!("{:?}", Encoding::Raw { mean: 1.5, std: 1.0, min: -0.0, max: 1e300, whole });
    assert_eq!(raw(None), "Raw { mean: 1.5, std: 1.0, min: -0.0, max: 1e300 }");
    assert_eq!(raw(Some(DType::I64)), "Raw { mean: 1.5, std: 1.0, min: -0.0, max: 1e300, whole: I64 }");
    let standard = Encoding::Standard { mean: 1.0, std: 2.0, min: 0.5, max: f64::NAN, nulls: 3 };
    assert_eq!(format!("{standard:?}"), "Standard { mean: 1.0, std: 2.0, min: 0.5, max: NaN, nulls: 3 }");
    let one_hot = Encoding::OneHot { vocabulary: vec!["a\"".into()], nulls: 0 };
    assert_eq!(format!("{one_hot:?}"), r#"OneHot { vocabulary: ["a\""], nulls: 0 }"#);
}

#[test]
fn a_stored_module_keeps_what_it_picks_by() {
    let estimator = ModuleEstimator::new(Arc::new(table())).unwrap();
    let encoding = Encoding::Raw { mean: 1.0, std: 1.0, min: 0.0, max: 2.0, whole: Some(DType::I64) };
    let spec = ModelSpec {
        format: FORMAT_VERSION,
        model_type: estimator.model_type().to_string(),
        label: table_layout(1).label,
        features: vec![FeatureSpec { name: "id".into(), data_type: DataType::Int64, encoding }],
        options: Default::default(),
        transform: None,
        module: Estimator::module(&estimator).unwrap(),
        training: TrainingSummary::default(),
        evaluation: None,
    };
    let spec: ModelSpec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
    let weights = [("table".to_string(), Tensor::from_vec(&[3, 1], vec![5f32, 6.0, 7.0]).unwrap())].into();
    let model = Model { spec, weights };
    let program =
        gradframe_ml_kernels::compile(&ModuleEstimator::stored("module_regressor").unwrap().predict(&model, false).unwrap());
    assert_eq!(program.unwrap().run(&[ids(&[2, 0])]).unwrap()[0].to_f64(), [7.0, 5.0]);
    let check = place_check(&model).unwrap().unwrap();
    check.check("ml.predict", " of model `m`", &[ids(&[2, 0])]).unwrap();
    let error = check.check("ml.predict", " of model `m`", &[ids(&[2, 3])]).unwrap_err().to_string();
    assert!(error.starts_with("ml.predict: index 3, made of column `id`"), "{error}");
    assert!(error.contains("`embedding` in Table of model `m` has, 0 to 2"), "{error}");
    let mut many = vec![2; 3000];
    many[2999] = -1;
    let error = check.check("ml.predict", "", &[ids(&many)]).unwrap_err().to_string();
    assert!(error.contains("index -1") && error.contains("where(i < 0, 0, i)"), "{error}");
    let mut damaged = model.clone();
    damaged.spec.module.as_mut().and_then(|module| module.picks.as_mut()).unwrap().picks.clear();
    let error = place_check(&damaged).unwrap().unwrap().check("ml.predict", "", &[ids(&[0])]).unwrap_err();
    assert!(error.kind() == "Execution" && error.to_string().contains("damaged"), "{error}");
    let text = serde_json::to_string(&model.spec).unwrap().replace("\"whole\":\"i64\"", "\"whole\":\"f32\"");
    assert!(serde_json::from_str::<ModelSpec>(&text).unwrap_err().to_string().contains("no integer type `f32`"));
}
