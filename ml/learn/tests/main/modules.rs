//! Modules: what they learn, that they go on from checkpoints to the same bits, and what does not fit.

use std::sync::Arc;

use arrow_schema::DataType;
use gradframe_ml_core::graph::Type;
use gradframe_ml_core::{DType, Dim, Function, Graph, NodeId, Result, Shape, Tensor};
use gradframe_ml_learn::in_memory::finish_in_memory;
use gradframe_ml_learn::optim::NamedRule;
use gradframe_ml_learn::{
    Chunk, Estimator, LabelSpec, Layout, Module, ModuleEstimator, ModuleFunction, ModuleGroup, ModuleInput, Options, Request,
    Task, Training, check_options,
};
use serde_json::json;

pub fn rows(width: Option<usize>) -> Type {
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

pub fn function(build: impl FnOnce(&mut Graph) -> Result<NodeId>) -> ModuleFunction {
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
pub fn module() -> Module {
    let forward = function(|g| {
        let (w, b, x) = declared(g, false);
        line(g, w, b, x)
    });
    let rule = NamedRule::new("sgd", &[("momentum", 0.9)]);
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
