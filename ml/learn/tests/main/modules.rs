//! Modules: what they learn, that they go on from checkpoints to the same bits, and what does not fit.

use std::sync::Arc;

use arrow_schema::DataType;
use gradframe_ml_core::graph::{Picking, PlaceRange, Type};
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_learn::in_memory::finish_in_memory;
use gradframe_ml_learn::optim::NamedRule;
use gradframe_ml_learn::{
    Chunk, Encoding, Estimator, FORMAT_VERSION, FeatureSpec, LabelSpec, Layout, Model, ModelSpec, Module, ModuleEstimator,
    ModuleFunction, ModuleGroup, ModuleInput, Options, Request, Task, Training, TrainingSummary, check_options, place_check,
};
use serde_json::json;

fn rows(width: Option<usize>) -> Type {
    Type::new(DType::F32, Shape::new(std::iter::once(Dim::symbol("N")).chain(width.map(Dim::fixed))))
}

/// `x w + b`: [N].
fn line(g: &mut Graph, w: NodeId, b: NodeId, x: NodeId) -> Result<NodeId> {
    let product = g.matmul(x, w)?;
    let flat = g.reshape(product, &Shape::new([Dim::symbol("N")]))?;
    g.add(flat, b)
}

fn declared(g: &mut Graph, key: bool) -> (NodeId, NodeId, NodeId) {
    let w = g.input("w", Type::new(DType::F32, Shape::fixed(&[2, 1])));
    let b = g.input("b", Type::new(DType::F32, Shape::scalar()));
    if key {
        g.input("key", Type::new(DType::U64, Shape::scalar()));
    }
    (w, b, g.input("x", rows(Some(2))))
}

fn function(build: impl FnOnce(&mut Graph) -> Result<NodeId>) -> ModuleFunction {
    let mut g = Graph::new();
    let output = build(&mut g).unwrap();
    ModuleFunction { function: Function::new(g, vec![output]).unwrap(), captures: vec![] }
}

fn loss(key: bool) -> ModuleFunction {
    function(|g| {
        let (w, b, x) = declared(g, key);
        let y = g.input("y", rows(None));
        let predicted = line(g, w, b, x)?;
        let error = g.sub(predicted, y)?;
        g.mul(error, error)
    })
}

/// A line in two columns, from zeros, by descent with momentum.
fn module() -> Module {
    let forward = function(|g| {
        let (w, b, x) = declared(g, false);
        line(g, w, b, x)
    });
    let rule = NamedRule { name: "sgd".into(), numbers: [("momentum".to_string(), 0.9)].into() };
    Module {
        title: "Line".into(),
        task: Task::Regression,
        inputs: vec![ModuleInput::stacked("", ["a", "b"])],
        parameters: vec![("w".into(), Tensor::from_vec(&[2, 1], vec![0f32; 2]).unwrap()), ("b".into(), Tensor::scalar(0f32))],
        buffers: vec![],
        training: loss(true),
        evaluation: loss(false),
        forward,
        groups: vec![ModuleGroup { rule, rate: 1.0, members: vec![0, 1] }],
    }
}

/// y = 3 a - 2 b + 1.
fn chunk(count: usize) -> Chunk {
    let x = |i: usize| [(i * 7 % 11) as f32 / 11.0, (i * 5 % 13) as f32 / 13.0];
    let label = (0..count).map(|i| f64::from(3.0 * x(i)[0] - 2.0 * x(i)[1] + 1.0)).collect();
    Chunk {
        rows: count,
        dense: Tensor::from_vec(&[count, 2], (0..count).flat_map(x).collect()).unwrap(),
        codes: vec![],
        label: Tensor::from_vec(&[count], label).unwrap(),
        weight: None,
    }
}

fn begin(module: Module, count: usize, epochs: u64) -> Result<Box<dyn Training>> {
    let estimator = ModuleEstimator::new(Arc::new(module))?;
    let given = [("learning_rate", json!(0.1)), ("batch_size", json!(32)), ("max_iterations", json!(epochs))];
    let given: Vec<_> = given.map(|(name, value)| (name.to_string(), value)).into();
    let options: Options = check_options(&estimator, &given)?;
    let label = LabelSpec { name: "y".into(), data_type: DataType::Float64, classes: vec![] };
    let layout = Layout {
        rows: count as u64,
        dense: 2,
        categories: vec![],
        whole: vec![],
        label,
        weighted: false,
        eval_rows: count as u64,
    };
    estimator.begin(&layout, &options, 3)
}

#[test]
fn a_module_learns_and_is_evaluated_on_the_rows_held_back() {
    let chunks = [chunk(300)];
    let (fitted, log) = finish_in_memory(begin(module(), 300, 40).unwrap().as_mut(), &chunks, &chunks).unwrap();
    assert!(fitted.loss < 1e-6, "{}", fitted.loss);
    let w = fitted.weights["w"].to_f64();
    assert!((w[0] - 3.0).abs() < 1e-2 && (w[1] + 2.0).abs() < 1e-2, "{w:?}");
    assert_eq!((log.len(), log[39].epoch), (40, 40));
    assert!(log[39].eval_loss.unwrap() < 1e-6);
}

#[test]
fn it_goes_on_from_a_checkpoint_to_the_same_bits() {
    let chunks = [chunk(100)];
    let whole = finish_in_memory(begin(module(), 100, 6).unwrap().as_mut(), &chunks, &chunks).unwrap().0;
    let mut first = begin(module(), 100, 6).unwrap();
    let mut answer = None;
    let checkpoint = loop {
        let (step, request) = first.next(answer).unwrap();
        if step.is_some_and(|step| step.epoch == 3) {
            break first.checkpoint(None).unwrap().unwrap();
        }
        answer = Some(match request {
            Request::Fold(fold) => gradframe_ml_learn::in_memory::sum_over(&fold, &chunks).unwrap(),
            Request::Sweep(sweep) => sweep.run(&chunks.as_slice(), &gradframe_ml_kernels::Threads::Pool, |_| Ok(())).unwrap(),
            Request::Done(_) => panic!("done after {step:?}"),
        });
    };
    let mut second = begin(module(), 100, 6).unwrap();
    second.restore(&checkpoint).unwrap();
    let resumed = finish_in_memory(second.as_mut(), &chunks, &chunks).unwrap().0;
    assert_eq!(whole.weights, resumed.weights);
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let wrong = |change: fn(&mut Module)| {
        let mut module = module();
        change(&mut module);
        begin(module, 10, 1).unwrap_err().to_string()
    };
    assert!(wrong(|m| m.groups[0].members = vec![0]).contains("parameter `b` is in 0 groups"));
    assert!(wrong(|m| m.groups[0].rule.name = "adma".into()).contains("there is no rule `adma`"));
    assert!(wrong(|m| m.task = Task::Classification).contains("fewer than 2 classes"));
    let mixing = wrong(|m| {
        m.forward = function(|g| {
            let (w, b, x) = declared(g, false);
            let y = line(g, w, b, x)?;
            let mean = g.mean_keep(y, &[0])?;
            g.sub(y, mean)
        });
    });
    assert!(mixing.contains("the module cannot predict row by row"), "{mixing}");
}

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
    let rule = NamedRule { name: "sgd".into(), numbers: [("momentum".to_string(), 0.0)].into() };
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
    let text = serde_json::to_string(&model.spec).unwrap().replace("\"whole\":\"i64\"", "\"whole\":\"f32\"");
    assert!(serde_json::from_str::<ModelSpec>(&text).unwrap_err().to_string().contains("no integer type `f32`"));
}
