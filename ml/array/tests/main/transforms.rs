//! Derivatives, batches and optimisers of traced functions.

use gradframe_ml_array::rules::NamedRule;
use gradframe_ml_array::{Arg, Array, Optimizer, Update, When, backward, grad, numbers_of_step, trace};
use gradframe_ml_core::Result;

fn line(values: &[f64]) -> Array {
    Array::from_vec(&[values.len()], values.to_vec()).unwrap()
}

fn cubes(x: &[Array]) -> Result<Vec<Array>> {
    Ok(vec![x[0].multiply(&x[0])?.multiply(&x[0])?])
}

#[test]
fn forward_and_reverse_mode_are_transposes() -> Result<()> {
    let (x, t) = (line(&[1.0, 2.0]), line(&[3.0, -1.0]));
    let traced = trace("cubes", &[x.ty().clone()], cubes)?;
    let forward = traced.jvp(&[0])?.apply(&[x.clone(), t.clone()])?;
    let reverse = traced.vjp(&[0])?.apply(&[x, t])?;
    assert_eq!(forward[1].to_vec::<f64>()?, [9.0, -12.0]);
    assert_eq!(reverse[1].to_vec::<f64>()?, [9.0, -12.0]);
    Ok(())
}

#[test]
fn jacobians_batches_and_checkpoints() -> Result<()> {
    let x = line(&[1.0, 2.0]);
    let traced = trace("cubes", &[x.ty().clone()], cubes)?;
    assert_eq!(traced.jacobian(0)?.apply(std::slice::from_ref(&x))?[0].to_vec::<f64>()?, [3.0, 0.0, 0.0, 12.0]);
    let table = Array::from_vec(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
    let batched = traced.vmap(&[Some(0)], 3)?.apply(&[table])?;
    assert_eq!(batched[0].to_vec::<f64>()?, [1.0, 8.0, 27.0, 64.0, 125.0, 216.0]);
    assert_eq!(traced.checkpoint()?.apply(&[x])?[0].to_vec::<f64>()?, [1.0, 8.0]);
    Ok(())
}

#[test]
fn captures_are_arguments_of_outer_functions() -> Result<()> {
    let (x, w) = (line(&[1.0, 2.0]), line(&[3.0, 5.0]));
    let inner = |w: &Array| grad(|y| y[0].multiply(&y[0])?.multiply(w)?.sum(None, false), std::slice::from_ref(&x));
    let outer = grad(|w| inner(&w[0])?[0].sum(None, false), std::slice::from_ref(&w))?;
    assert_eq!(outer[0].to_vec::<f64>()?, [2.0, 4.0]);
    Ok(())
}

#[test]
fn a_gradient_of_ones_own_replaces_the_derived_one() -> Result<()> {
    let x = line(&[1.0, 2.0]);
    let ty = x.ty().clone();
    let traced = trace("square", std::slice::from_ref(&ty), |x| Ok(vec![x[0].multiply(&x[0])?]))?;
    let rule = trace("rule", &[ty.clone(), ty.clone(), ty.clone()], |x| Ok(vec![x[2].multiply(10.0)?.multiply(&x[0])?]))?;
    let custom = traced.with_gradient(&rule)?;
    let slope = grad(|x| custom.apply(x)?[0].sum(None, false), std::slice::from_ref(&x))?;
    assert_eq!(slope[0].to_vec::<f64>()?, [10.0, 20.0]);
    let curved = trace("rule", &[ty.clone(), ty.clone(), ty], |x| Ok(vec![x[2].multiply(&x[2])?]))?;
    assert!(traced.with_gradient(&curved).unwrap_err().to_string().contains("not linear in the cotangent"));
    Ok(())
}

#[test]
fn backward_can_be_repeated_and_takes_a_cotangent() -> Result<()> {
    let x = line(&[1.0, 2.0, 3.0]).watched()?;
    let y = x.multiply(&x)?;
    for _ in 0..2 {
        let found = backward(&y, Some(&line(&[1.0, 10.0, 100.0])))?;
        assert_eq!(found[0].1.to_vec::<f64>()?, [2.0, 40.0, 600.0]);
    }
    let error = backward(&y, None).unwrap_err().to_string();
    assert!(error.starts_with("backward: expected a single number, got float64[3]"), "{error}");
    assert!(backward(&line(&[1.0]), None).unwrap_err().to_string().contains("requires_grad"));
    Ok(())
}

#[test]
fn what_has_no_derivative_or_no_value_says_so() {
    let numbers = Array::from_vec(&[2], vec![1i64, 2]).unwrap();
    let error = grad(|x| x[0].sum(None, false), &[numbers]).unwrap_err().to_string();
    assert!(error.starts_with("grad: expected floats to differentiate in, argument 0 is int64[2]"), "{error}");
    let error = grad(|x| Ok(x[0].clone()), &[line(&[1.0, 2.0])]).unwrap_err().to_string();
    assert!(error.starts_with("grad: expected a single number, got float64[2]"), "{error}");
    let looked = grad(|x| x[0].tensor().map(|_| x[0].clone()), &[line(&[1.0])]).unwrap_err().to_string();
    assert!(looked.contains("while its function is traced"), "{looked}");
}

#[test]
fn optimisers_descend() -> Result<()> {
    let optimizer = Optimizer::new();
    let mut adam = NamedRule::new("adam", &[("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-8)]);
    let sgd = NamedRule::new("sgd", &[("weight_decay", 0.5)]);
    let (p, g) = ([line(&[1.0, -1.0])], [line(&[2.0, 3.0])]);
    let zeros = [line(&[0.0, 0.0]), line(&[0.0, 0.0])];
    let (when, of) = (When { rate: 0.1, step: 1 }, Update { parameters: &p, gradients: &g, slots: &zeros });
    for beta in [0.9, 0.8] {
        adam.numbers.insert("beta_1".into(), beta);
        let (next, slots) = optimizer.step(&adam, when, &of)?;
        let moved = next[0].to_vec::<f64>()?;
        assert!((moved[0] - 0.9).abs() < 1e-6 && (moved[1] + 1.1).abs() < 1e-6, "{moved:?}");
        assert!((slots[0].to_vec::<f64>()?[0] - (1.0 - beta) * 2.0).abs() < 1e-12 && slots.len() == 2);
    }
    assert_eq!(format!("{optimizer:?}"), "Optimizer(1 functions)");
    let (next, _) = optimizer.step(&sgd, when, &Update { slots: &[], ..of })?;
    let moved = next[0].to_vec::<f64>()?;
    assert!((moved[0] - (1.0 - 0.1 * 2.5)).abs() < 1e-12 && (moved[1] - (-1.0 - 0.1 * 2.5)).abs() < 1e-12, "{moved:?}");
    assert!(optimizer.step(&sgd, when, &Update { slots: &[], gradients: &[line(&[1.0])], ..of }).is_err());
    assert!(optimizer.step(&NamedRule::new("none", &[]), when, &of).is_err());
    Ok(())
}

/// A step of a training as a traced function: gradients of stand-ins, then the optimiser at numbers that the function is given.
#[test]
fn a_step_is_traced_whole_and_takes_its_numbers_as_arguments() -> Result<()> {
    let optimizer = Optimizer::new();
    let rule = NamedRule::new("sgd", &[("weight_decay", 0.5)]);
    let stepped = |weights: &Array, x: &Array, numbers: &[Array]| -> Result<Vec<Array>> {
        let (own, watched) = (weights.detached()?, weights.watched()?);
        let product = watched.multiply(x)?;
        let squares = product.multiply(&product)?;
        let loss = Array::call("sum", &[(&squares).into()], [Arg::None, Arg::Bool(false)].into_iter().collect())?;
        let found = backward(&loss[0], None)?;
        assert!(found[0].0.is_watched() && found.len() == 1);
        let update = Update { parameters: &[own], gradients: &[found[0].1.clone()], slots: &[] };
        let (next, _) = optimizer.step_given(&rule, numbers, &update)?;
        Ok(vec![next[0].clone(), loss[0].detached()?])
    };
    let (weights, x) = (line(&[1.0, -2.0]), line(&[0.5, 3.0]));
    let at = |rate| numbers_of_step(&rule, When { rate, step: 1 });
    let numbers = at(0.1)?;
    let types: Vec<_> = [&weights, &x].into_iter().chain(&numbers).map(|a| a.ty().clone()).collect();
    let traced = trace("step", &types, |given| stepped(&given[0], &given[1], &given[2..]))?;
    for rate in [0.1, 0.01] {
        let numbers = at(rate)?;
        let given: Vec<Array> = [weights.clone(), x.clone()].into_iter().chain(numbers.clone()).collect();
        let (compiled, eager) = (traced.apply(&given)?, stepped(&weights, &x, &numbers)?);
        for (ours, theirs) in compiled.iter().zip(&eager) {
            assert_eq!(ours.to_vec::<f64>()?, theirs.to_vec::<f64>()?);
        }
    }
    assert!(optimizer.step_given(&rule, &numbers[..1], &Update { parameters: &[weights], gradients: &[x], slots: &[] }).is_err());
    Ok(())
}

#[test]
fn a_cotangent_may_be_made_of_the_output() -> Result<()> {
    let x = line(&[1.0, -3.0]).watched()?;
    let y = x.multiply(2.0)?;
    let found = backward(&y, Some(&y.multiply(3.0)?))?;
    assert_eq!(found[0].1.to_vec::<f64>()?, [12.0, -36.0]);
    assert_eq!(y.to_vec::<f64>()?, [2.0, -6.0]);
    Ok(())
}
