//! Optimisers and schedules beside PyTorch's, and what they do with what is wrong.

use gradframe_ml_array::Array;
use gradframe_ml_core::Result;
use gradframe_ml_nn::optim::*;
use gradframe_ml_nn::{Linear, Module, Parameter};

use crate::reference::{assert_told, numbers, stored};

fn parameters() -> [Parameter; 2] {
    [(&[4][..], 0), (&[2, 3][..], 1)].map(|(shape, phase)| Parameter::new(&numbers(shape, phase)).unwrap())
}

fn loss([first, second]: &[Parameter; 2]) -> Result<Array> {
    let waves = second.array().multiply(2.0)?.sin()?.sum(None, false)?;
    first.array().square()?.sum(None, false)?.add(&waves)
}

fn check(name: &str, rule: impl Into<Rule>) {
    let parameters = parameters();
    let mut optimizer = Optimizer::new(parameters.clone(), rule).unwrap();
    for _ in 0..6 {
        optimizer.step(&loss(&parameters).unwrap().backward().unwrap()).unwrap();
    }
    for (parameter, told) in parameters.iter().zip(stored()["optimizers"][name].as_array().unwrap()) {
        assert_told(name, &parameter.array(), told);
    }
}

#[test]
fn six_steps_are_pytorchs() {
    check("SGD", SGD::new().lr(0.1));
    check("SGD with momentum", SGD::new().lr(0.1).momentum(0.9).dampening(0.2).weight_decay(0.1));
    check("SGD by Nesterov", SGD::new().lr(0.1).momentum(0.9).nesterov(true).maximize(true));
    check("Adam", Adam::new().lr(0.1).weight_decay(0.05).amsgrad(true));
    check("AdamW", AdamW::new().lr(0.1).betas(0.8, 0.95).weight_decay(0.1));
    check("RMSprop", RMSprop::new().lr(0.01).alpha(0.9).momentum(0.5).centered(true));
    check("Adagrad", Adagrad::new().lr(0.1).lr_decay(0.1).initial_accumulator_value(0.2));
}

/// Of a single number the first step is the rate, against the gradient's sign.
#[test]
fn lion_steps_by_the_sign() {
    let x = Parameter::new(&Array::from_vec(&[2], vec![1.0f64, -3.0]).unwrap()).unwrap();
    let mut optimizer = Lion::new().lr(0.25).build([x.clone()]).unwrap();
    optimizer.step(&x.array().square().unwrap().sum(None, false).unwrap().backward().unwrap()).unwrap();
    assert_eq!(x.array().to_vec::<f64>().unwrap(), [0.75, -2.75]);
}

fn rates(schedule: &dyn Schedule) -> Vec<f64> {
    let mut optimizer = SGD::new().lr(0.4).build(parameters()).unwrap();
    let at = |done: u64| {
        schedule.set(&mut optimizer, done).unwrap();
        optimizer.lr()
    };
    (0..14).map(at).collect()
}

fn assert_rates(name: &str, rates: &[f64], expected: &serde_json::Value) {
    for (done, (rate, expected)) in rates.iter().zip(expected.as_array().unwrap()).enumerate() {
        let expected = expected.as_f64().unwrap();
        assert!((rate - expected).abs() < 1e-12, "{name} after {done}: {rate}, expected {expected}");
    }
}

#[test]
fn schedules_are_pytorchs() {
    let lines = OneCycleLR::new(0.8, 14).pct_start(0.5).anneal_strategy(Anneal::Linear).div_factor(5.0).final_div_factor(100.0);
    let all: [(&str, &dyn Schedule); 9] = [
        ("StepLR", &StepLR::new(4, 0.5)),
        ("MultiStepLR", &MultiStepLR::new(&[3, 7, 7], 0.1)),
        ("ExponentialLR", &ExponentialLR::new(0.9)),
        ("ConstantLR", &ConstantLR::new(0.25, 6)),
        ("LinearLR", &LinearLR::new(0.25, 1.0, 8)),
        ("PolynomialLR", &PolynomialLR::new(9, 2.0)),
        ("CosineAnnealingLR", &CosineAnnealingLR::new(10).eta_min(0.05)),
        ("OneCycleLR", &OneCycleLR::new(0.8, 14)),
        ("OneCycleLR along lines", &lines),
    ];
    for (name, schedule) in all {
        assert_rates(name, &rates(schedule), &stored()["schedules"][name]);
    }
}

#[test]
fn a_plateau_is_pytorchs() {
    let mut optimizer = SGD::new().lr(0.4).build(parameters()).unwrap();
    let mut plateau = ReduceLROnPlateau::new().factor(0.5).patience(2).cooldown(1).min_lr(0.06);
    let watched = stored()["plateau"]["watched"].as_array().unwrap();
    let mut after = |metric: &serde_json::Value| {
        plateau.step(metric.as_f64().unwrap(), &mut optimizer).unwrap();
        optimizer.lr()
    };
    let rates: Vec<f64> = watched.iter().map(&mut after).collect();
    assert_rates("plateau", &rates, &stored()["plateau"]["rates"]);
}

#[test]
fn a_norm_is_held_and_told() {
    let [first, second] = parameters();
    let scaled = |factor: f64| {
        let sum = first.array().multiply(3.0 * factor)?.sum(None, false)?;
        sum.add(&second.array().multiply(4.0 * factor)?.sum(None, false)?)?.backward()
    };
    let mut gradients = scaled(1.0).unwrap();
    let norm = clip_grad_norm(&mut gradients, 1.0).unwrap().to_vec::<f64>().unwrap()[0];
    assert!((norm - (4.0f64 * 9.0 + 6.0 * 16.0).sqrt()).abs() < 1e-12, "{norm}");
    let held = gradients.of(&first.array()).unwrap().to_vec::<f64>().unwrap()[0];
    assert!((held - 3.0 / (norm + 1e-6)).abs() < 1e-12, "{held}");
    let mut small = scaled(1e-3).unwrap();
    clip_grad_norm(&mut small, 1.0).unwrap();
    assert_eq!(small.of(&first.array()).unwrap().to_vec::<f64>().unwrap()[0], 3e-3);
    clip_grad_value(&mut gradients, 0.1).unwrap();
    assert_eq!(gradients.of(&second.array()).unwrap().to_vec::<f64>().unwrap()[0], 0.1);
    assert_eq!(clip_grad_norm(&mut gradients, -1.0).unwrap_err().kind(), "Plan");
}

#[test]
fn a_stopped_optimizer_goes_on_where_it_was() {
    let make = || (parameters(), AdamW::new().lr(0.1));
    let run = |parameters: &[Parameter; 2], optimizer: &mut Optimizer| {
        (0..3).for_each(|_| optimizer.step(&loss(parameters).unwrap().backward().unwrap()).unwrap());
    };
    let (whole, rule) = make();
    let mut optimizer = rule.build(whole.clone()).unwrap();
    run(&whole, &mut optimizer);
    let saved = optimizer.state_dict().unwrap().to_safetensors().unwrap();
    let (next, rule) = make();
    next.iter().zip(&whole).for_each(|(own, other)| own.set(&other.array()).unwrap());
    let mut resumed = rule.build(next.clone()).unwrap();
    resumed.load_state_dict(&gradframe_ml_nn::StateDict::from_safetensors(&saved).unwrap()).unwrap();
    run(&whole, &mut optimizer);
    run(&next, &mut resumed);
    for (own, other) in next.iter().zip(&whole) {
        assert_eq!(own.array().to_vec::<f64>().unwrap(), other.array().to_vec::<f64>().unwrap());
    }
}

/// Frozen parameters have no gradient, and stay.
#[test]
fn groups_have_rules_of_their_own_and_frozen_parameters_stay() {
    let [first, second] = parameters();
    let mut optimizer = SGD::new().lr(0.5).build([first.clone()]).unwrap();
    optimizer.add_param_group([second.clone()], Adam::new().lr(0.25)).unwrap();
    let before = first.array().to_vec::<f64>().unwrap();
    first.freeze().unwrap();
    optimizer.step(&loss(&[first.clone(), second.clone()]).unwrap().backward().unwrap()).unwrap();
    assert_eq!(first.array().to_vec::<f64>().unwrap(), before);
    assert_eq!(optimizer.lrs(), [0.5, 0.25]);
    optimizer.set_lr(0.1).unwrap();
    assert_eq!(optimizer.lrs(), [0.1, 0.1]);
}

#[test]
fn what_means_nothing_is_named() {
    let model = Linear::new(2, 1).unwrap();
    let wrong = |built: Result<Optimizer>, expected: &str| {
        let error = built.unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains(expected), "{error}");
    };
    wrong(Adam::new().lr(-1.0).build(model.parameters()), "`lr` is -1");
    wrong(Adam::new().beta2(1.0).build(model.parameters()), "`beta2` is 1, expected a number from 0 to below 1");
    wrong(SGD::new().nesterov(true).build(model.parameters()), "Nesterov");
    wrong(SGD::new().momentum(f64::NAN).build(model.parameters()), "`momentum` is NaN");
    wrong(SGD::new().build([]), "there are no parameters");
    wrong(SGD::new().build([model.weight.clone(), model.weight.clone()]), "is given twice");
    let mut optimizer = SGD::new().build(model.parameters()).unwrap();
    let gradients = model.weight.array().sum(None, false).unwrap().backward().unwrap();
    optimizer.step(&gradients).unwrap();
    let error = optimizer.step(&gradients).unwrap_err().to_string();
    assert!(error.contains("no parameter has a gradient here"), "gradients are of one step: {error}");
}
