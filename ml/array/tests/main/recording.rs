//! Recording and computing: nothing is computed twice, nothing is compiled twice, nothing is kept.

use gradframe_ml_array::{Array, Index, grad, programs};
use gradframe_ml_core::Result;

fn line(values: &[f32]) -> Array {
    Array::from_vec(&[values.len()], values.to_vec()).unwrap()
}

#[test]
fn operations_are_checked_at_once_and_computed_when_looked_at() -> Result<()> {
    let (x, y) = (line(&[1.0, 2.0, 3.0]), line(&[1.0, 2.0]));
    let error = x.add(&y).unwrap_err();
    assert_eq!(error.to_string(), "add: operands [3] and [2] do not broadcast: axis 0 is 3 and 2");
    let z = x.multiply(&x)?.add(1.0)?;
    assert!(!z.is_realised());
    assert_eq!(z.to_vec::<f32>()?, [2.0, 5.0, 10.0]);
    assert!(z.is_realised());
    Ok(())
}

#[test]
fn a_loop_over_numbers_and_rows_compiles_once() -> Result<()> {
    let table = Array::from_vec(&[50, 4], (0..200).map(|i| i as f32).collect())?;
    let row = |i: i64| table.index(&[Index::At(i)])?.multiply(0.5 + i as f64)?.sum(None, false);
    row(1)?.to_vec::<f32>()?;
    let before = programs().compiled();
    for i in 2..49 {
        let expected: f32 = (4 * i..4 * i + 4).map(|j| j as f32 * (0.5 + i as f32)).sum();
        assert_eq!(row(i)?.to_vec::<f32>()?, [expected]);
    }
    assert_eq!(programs().compiled(), before);
    Ok(())
}

#[test]
fn a_chain_of_a_hundred_thousand_operations_is_computed_in_parts() -> Result<()> {
    let mut x = line(&[0.0, 1.0]);
    for _ in 0..100_000 {
        x = x.add(1.0)?;
    }
    assert_eq!(x.to_vec::<f32>()?, [100_000.0, 100_001.0]);
    Ok(())
}

#[test]
fn what_somebody_holds_is_computed_with_what_needs_it() -> Result<()> {
    let x = line(&[1.0, 4.0]);
    let held = x.sqrt()?;
    let sum = held.add(&x.exp()?)?;
    sum.tensor()?;
    assert!(held.is_realised());
    Ok(())
}

#[test]
fn gradients_of_gradients_and_of_closures() -> Result<()> {
    let (x, w) = (line(&[1.0, 2.0]), line(&[3.0, 5.0]));
    let cube = |x: &Array| x.multiply(x)?.multiply(x)?.multiply(&w)?.sum(None, false);
    let first = grad(|x| cube(&x[0]), std::slice::from_ref(&x))?;
    assert_eq!(first[0].to_vec::<f32>()?, [9.0, 60.0]);
    let second = grad(|x| grad(|y| cube(&y[0]), x)?[0].sum(None, false), std::slice::from_ref(&x))?;
    assert_eq!(second[0].to_vec::<f32>()?, [18.0, 60.0]);
    Ok(())
}

#[test]
fn backward_is_grad_over_what_was_recorded() -> Result<()> {
    let x = line(&[1.0, 2.0, 3.0]).watched()?;
    let loss = x.multiply(&x)?.sum(None, false)?;
    let gradients = gradframe_ml_array::backward(&loss, None)?;
    assert_eq!(gradients[0].1.to_vec::<f32>()?, [2.0, 4.0, 6.0]);
    assert!(loss.is_realised(), "the loss comes from the program of the gradient");
    Ok(())
}
