//! A compiled step beside the same step without it.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;
use gradframe_ml_nn::functional::{Reduction, mse_loss};
use gradframe_ml_nn::optim::{Adam, Optimizer, SGD, clip_grad_norm};
use gradframe_ml_nn::*;

fn net() -> Sequential {
    let key = |number: u64| random::key(number).unwrap();
    let first = Linear::builder(3, 4).key(key(1)).build().unwrap();
    let last = Linear::builder(4, 1).key(key(2)).build().unwrap();
    sequential![first, BatchNorm1d::new(4).unwrap(), Tanh, last]
}

fn batch(rows: usize, phase: usize) -> [Array; 2] {
    let line = |count: usize, shift: usize| (0..count).map(|i| ((i + shift) as f32 * 0.7).sin()).collect();
    [Array::from_vec(&[rows, 3], line(3 * rows, phase)).unwrap(), Array::from_vec(&[rows, 1], line(rows, phase + 9)).unwrap()]
}

fn step(model: &Sequential, optimizer: &mut Optimizer, batch: &[Array]) -> Result<Array> {
    let loss = mse_loss(&model.forward(&batch[0])?, &batch[1], Reduction::Mean)?;
    let mut gradients = loss.backward()?;
    clip_grad_norm(&mut gradients, 0.5)?;
    optimizer.step(&gradients)?;
    Ok(loss)
}

fn number(loss: &Array) -> f32 {
    loss.to_vec::<f32>().unwrap()[0]
}

#[test]
fn it_learns_what_the_step_itself_learns() {
    let (plain, compiled) = (net(), net());
    let mut optimizer = Adam::new().lr(0.05).build(plain.parameters()).unwrap();
    let own = Adam::new().lr(0.05).build(compiled.parameters()).unwrap();
    let mut program = TrainStep::new(compiled, own, step);
    for turn in 0..12 {
        let batch = batch(if turn % 3 == 2 { 5 } else { 8 }, turn);
        let lr = 0.05 / (1.0 + turn as f64);
        optimizer.set_lr(lr).unwrap();
        program.optimizer_mut().set_lr(lr).unwrap();
        let (expected, found) = (step(&plain, &mut optimizer, &batch).unwrap(), program.run(&batch).unwrap());
        assert!((number(&expected) - number(&found)).abs() < 1e-5, "{turn}: {} and {}", number(&found), number(&expected));
    }
    assert!(format!("{program:?}").contains("programs: 2"), "one for each size of batches: {program:?}");
    let (own, expected) = (program.model().state_dict().unwrap(), plain.state_dict().unwrap());
    for (name, array) in expected.iter() {
        let both = own.get(name).unwrap().to_vec::<f32>().unwrap().into_iter().zip(array.to_vec::<f32>().unwrap());
        assert!(both.into_iter().all(|(a, b)| (a - b).abs() < 1e-4), "{name}");
    }
    assert_eq!(program.optimizer().state_dict().unwrap().len(), optimizer.state_dict().unwrap().len());
}

#[test]
fn what_it_draws_is_other_at_each_call() {
    let model = sequential![Linear::new(2, 16).unwrap(), Dropout::new(0.5).unwrap()];
    let optimizer = SGD::new().lr(0.0).build(model.parameters()).unwrap();
    let mut program = TrainStep::new(model, optimizer, |model, optimizer, x| {
        let loss = model.forward(&x[0])?.square()?.sum(None, false)?;
        optimizer.step(&loss.backward()?)?;
        Ok(loss)
    });
    let x = Array::from_vec(&[4, 2], vec![1.0f32; 8]).unwrap();
    let found: Vec<f32> = (0..4).map(|_| number(&program.run(std::slice::from_ref(&x)).unwrap())).collect();
    assert!(found.iter().any(|loss| *loss != found[0]), "{found:?}");
    program.model().eval();
    let found: Vec<f32> = (0..3).map(|_| number(&program.run(std::slice::from_ref(&x)).unwrap())).collect();
    assert!(found.iter().all(|loss| *loss == found[0]), "it is another program: {found:?}");
}

#[test]
fn a_call_that_fails_changes_nothing() {
    let model = net();
    let before = model.state_dict().unwrap();
    let optimizer = SGD::new().momentum(0.9).build(model.parameters()).unwrap();
    let mut program = TrainStep::new(model, optimizer, |model: &Sequential, optimizer, batch| {
        step(model, optimizer, batch)?;
        step(model, optimizer, batch)
    });
    let error = program.run(&batch(4, 0)).unwrap_err().to_string();
    assert!(error.contains("steps it twice"), "{error}");
    for (name, array) in program.model().state_dict().unwrap().iter() {
        assert_eq!(array.to_vec::<f32>().unwrap(), before.get(name).unwrap().to_vec::<f32>().unwrap(), "{name}");
    }
    assert!(program.optimizer().state_dict().unwrap().is_empty());
    assert!(program.model().parameters().iter().all(|parameter| !parameter.is_frozen()));
}

/// The second layer has no gradient in the first batches, so it makes fewer steps.
#[test]
fn parameters_count_their_own_steps() {
    let make = || {
        [
            Linear::builder(2, 1).key(random::key(1).unwrap()).build().unwrap(),
            Linear::builder(2, 1).key(random::key(2).unwrap()).build().unwrap(),
        ]
    };
    let loss = |model: &Vec<Linear>, both: bool, x: &Array| -> Result<Array> {
        let first = model[0].forward(x)?.square()?.sum(None, false)?;
        if both { first.add(&model[1].forward(x)?.square()?.sum(None, false)?) } else { Ok(first) }
    };
    let x = Array::from_vec(&[2, 2], vec![1.0f32, 0.5, -0.5, 2.0]).unwrap();
    let run = |is_compiled: bool| {
        let model: Vec<Linear> = make().into();
        let mut optimizer = Adam::new().lr(0.1).build(model.parameters()).unwrap();
        for _ in 0..2 {
            optimizer.step(&loss(&model, false, &x).unwrap().backward().unwrap()).unwrap();
        }
        if !is_compiled {
            (0..3).for_each(|_| optimizer.step(&loss(&model, true, &x).unwrap().backward().unwrap()).unwrap());
            return model.state_dict().unwrap();
        }
        let mut program = TrainStep::new(model, optimizer, |model: &Vec<Linear>, optimizer: &mut Optimizer, batch: &[Array]| {
            let loss = loss(model, true, &batch[0])?;
            optimizer.step(&loss.backward()?)?;
            Ok(loss)
        });
        (0..3).for_each(|_| drop(program.run(std::slice::from_ref(&x)).unwrap()));
        program.into_parts().0.state_dict().unwrap()
    };
    let (plain, compiled) = (run(false), run(true));
    for (name, array) in plain.iter() {
        let both = compiled.get(name).unwrap().to_vec::<f32>().unwrap().into_iter().zip(array.to_vec::<f32>().unwrap());
        assert!(both.into_iter().all(|(a, b)| (a - b).abs() < 1e-5), "{name}");
    }
}

#[test]
fn what_a_program_is_not_given_is_left_alone() {
    let (model, other) = (net(), Linear::new(1, 1).unwrap());
    let optimizer = SGD::new().build([model.parameters(), other.parameters()].concat()).unwrap();
    let error = TrainStep::new(model, optimizer, step).run(&batch(4, 0)).unwrap_err().to_string();
    assert!(error.contains("a parameter float32[1, 1] that is not the model's"), "{error}");

    let (model, beside) = (Linear::new(3, 1).unwrap(), BatchNorm1d::new(3).unwrap());
    let optimizer = SGD::new().build(model.parameters()).unwrap();
    let mut program = TrainStep::new(model, optimizer, |model: &Linear, _: &mut Optimizer, batch: &[Array]| {
        model.forward(&beside.forward(&batch[0])?)?.sum(None, false)
    });
    let error = program.run(&batch(4, 0)).unwrap_err().to_string();
    assert!(error.contains("a module that it is not given"), "{error}");
    assert_eq!(beside.running_mean.as_ref().unwrap().array().to_vec::<f32>().unwrap(), [0.0; 3]);

    let parameter = Parameter::new(&Array::from_vec(&[1], vec![1.0f32]).unwrap()).unwrap();
    let mut optimizer = SGD::new().build([parameter.clone()]).unwrap();
    let within = gradframe_ml_array::grad(
        |x| {
            let loss = parameter.array().multiply(&x[0])?.sum(None, false)?;
            optimizer.step(&loss.backward()?)?;
            Ok(loss)
        },
        &[Array::from_vec(&[1], vec![2.0f32]).unwrap()],
    );
    assert!(within.unwrap_err().to_string().contains("TrainStep compiles a step"));
    assert_eq!(parameter.array().to_vec::<f32>().unwrap(), [1.0]);
}
