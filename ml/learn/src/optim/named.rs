//! Rules of optimisers by name, as programs of others ask for them.

use std::collections::BTreeMap;

use gradframe_ml_core::{Error, Graph, NodeId, Result};

use super::rule::{Moment, Parameter, Setting, UpdateRule, Updated, descend, scale};
use super::{Adadelta, Adagrad, Adam, AdamW, Adamax, Asgd, Lion, NAdam, RAdam, RmsProp, Rprop, Sgd};

/// A rule by its name and numbers; a number that is not given is 0, which is: without it.
///
/// Of every rule: `weight_decay`, and `maximize`, a switch. Switches are 0 or 1.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NamedRule {
    /// A name of the table below.
    pub name: String,
    /// Its numbers by their names there.
    pub numbers: BTreeMap<String, f64>,
}

/// The rules, and what each has beside a weight decay.
const RULES: &[(&str, &[&str])] = &[
    ("sgd", &["momentum", "dampening", "nesterov"]),
    ("adam", &["beta_1", "beta_2", "epsilon", "amsgrad"]),
    ("adamw", &["beta_1", "beta_2", "epsilon", "amsgrad"]),
    ("rmsprop", &["decay", "momentum", "epsilon", "centered"]),
    ("adagrad", &["rate_decay", "epsilon"]),
    ("lion", &["beta_1", "beta_2"]),
    ("adadelta", &["decay", "epsilon"]),
    ("adamax", &["beta_1", "beta_2", "epsilon"]),
    ("nadam", &["beta_1", "beta_2", "epsilon", "momentum_decay", "decoupled"]),
    ("radam", &["beta_1", "beta_2", "epsilon", "decoupled"]),
    ("rprop", &["shrink", "grow", "least", "most"]),
    ("asgd", &["lambda", "alpha", "start"]),
];
const OF_ALL: [&str; 2] = ["weight_decay", "maximize"];
const SWITCHES: [&str; 5] = ["nesterov", "amsgrad", "centered", "decoupled", "maximize"];

impl NamedRule {
    /// The rule of this name with these numbers.
    pub fn new(name: impl Into<String>, numbers: &[(&str, f64)]) -> Self {
        let numbers = numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect();
        NamedRule { name: name.into(), numbers }
    }

    /// The rule with its numbers as constants. Errors: `Plan` if there is none of this name, or it has not such a number.
    pub fn rule(&self) -> Result<Box<dyn UpdateRule>> {
        self.rule_of(|_, number| Setting::Known(number))
    }

    /// The names of its numbers that are not 0: what decides which arguments a program of it has, and which parts.
    pub fn form(&self) -> Vec<&str> {
        self.numbers.iter().filter(|(_, number)| **number != 0.0).map(|(name, _)| name.as_str()).collect()
    }

    /// The numbers that a program of this form is given at each step, in order: neither 0 nor switches.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, f64)> {
        let given = self.numbers.iter().filter(|(name, number)| **number != 0.0 && !SWITCHES.contains(&name.as_str()));
        given.map(|(name, number)| (name.as_str(), *number))
    }

    /// The rule whose [`NamedRule::arguments`] are these nodes, f64 []. Errors: as for [`NamedRule::rule`].
    pub fn rule_given(&self, arguments: &[NodeId]) -> Result<Box<dyn UpdateRule>> {
        let given: BTreeMap<&str, NodeId> = self.arguments().map(|(name, _)| name).zip(arguments.iter().copied()).collect();
        self.rule_of(|name, number| given.get(name).map_or(Setting::Known(number), |&node| Setting::Given(node)))
    }

    fn rule_of(&self, setting: impl Fn(&str, f64) -> Setting) -> Result<Box<dyn UpdateRule>> {
        self.check()?;
        let of = |name: &str| self.numbers.get(name).map_or(Setting::NONE, |&number| setting(name, number));
        let is = |name: &str| !of(name).is_none();
        let (beta_1, beta_2, epsilon, decay) = (of("beta_1"), of("beta_2"), of("epsilon"), of("decay"));
        let adam = Adam { beta_1, beta_2, epsilon, amsgrad: is("amsgrad") };
        let (momentum, weight_decay) = (of("momentum"), of("weight_decay"));
        let rule: Box<dyn UpdateRule> = match self.name.as_str() {
            "sgd" => Box::new(Sgd { momentum, dampening: of("dampening"), nesterov: is("nesterov") }),
            "adam" => Box::new(adam),
            "adamw" => Box::new(AdamW { adam, weight_decay }),
            "rmsprop" => Box::new(RmsProp { decay, momentum, epsilon, centered: is("centered") }),
            "adagrad" => Box::new(Adagrad { rate_decay: of("rate_decay"), epsilon }),
            "lion" => Box::new(Lion { beta_1, beta_2, weight_decay }),
            "adadelta" => Box::new(Adadelta { decay, epsilon }),
            "adamax" => Box::new(Adamax { beta_1, beta_2, epsilon }),
            "nadam" => Box::new(NAdam { beta_1, beta_2, epsilon, momentum_decay: of("momentum_decay") }),
            "radam" => Box::new(RAdam { beta_1, beta_2, epsilon }),
            "rprop" => Box::new(Rprop { shrink: of("shrink"), grow: of("grow"), least: of("least"), most: of("most") }),
            _ => Box::new(Asgd { lambda: of("lambda"), alpha: of("alpha"), start: of("start") }),
        };
        let decays_itself = matches!(self.name.as_str(), "adamw" | "lion");
        let (penalty, pull) = match (decays_itself, is("decoupled")) {
            (true, _) => (Setting::NONE, Setting::NONE),
            (false, true) => (Setting::NONE, weight_decay),
            (false, false) => (weight_decay, Setting::NONE),
        };
        let maximizes = is("maximize");
        if penalty.is_none() && pull.is_none() && !maximizes {
            return Ok(rule);
        }
        Ok(Box::new(Turned { rule, maximizes, penalty, pull }))
    }

    fn check(&self) -> Result<()> {
        let Some((_, own)) = RULES.iter().find(|(name, _)| *name == self.name) else {
            let error = Error::plan("optimizer", format!("there is no rule `{}`", self.name));
            return Err(error.hint(RULES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")));
        };
        let known: Vec<&str> = own.iter().chain(&OF_ALL).copied().collect();
        match self.numbers.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let error = Error::plan("optimizer", format!("`{}` has no number `{name}`", self.name));
                Err(error.hint(known.join(", ")))
            }
        }
    }
}

/// A rule that is given another gradient: the other way round, and with the gradient of `penalty / 2` times the squares; or a
/// parameter that was pulled to zero by `rate * pull` of itself.
#[derive(Debug)]
struct Turned {
    rule: Box<dyn UpdateRule>,
    maximizes: bool,
    penalty: Setting,
    pull: Setting,
}

impl UpdateRule for Turned {
    fn slots(&self) -> &'static [&'static str] {
        self.rule.slots()
    }

    fn update(&self, g: &mut Graph, at: &Moment, mut parameter: Parameter, slots: &[NodeId]) -> Result<Updated> {
        if self.maximizes {
            parameter.gradient = g.neg(parameter.gradient)?;
        }
        if parameter.decayed && !self.penalty.is_none() {
            let pull = scale(g, parameter.value, self.penalty)?;
            parameter.gradient = g.add(parameter.gradient, pull)?;
        }
        if parameter.decayed && !self.pull.is_none() {
            let pull = scale(g, parameter.value, self.pull)?;
            parameter.value = descend(g, parameter.value, at.rate, pull)?;
        }
        self.rule.update(g, at, parameter, slots)
    }
}

#[cfg(test)]
mod tests {
    use gradframe_ml_core::graph::Type;
    use gradframe_ml_core::transform::evaluate;
    use gradframe_ml_core::{DType, Function, Shape, Tensor};

    use super::*;

    /// Three steps from 1 with gradient 2 x: the numbers are constants, or arguments.
    fn path(named: &NamedRule, are_given: bool) -> Vec<Vec<f64>> {
        let mut g = Graph::new();
        let number = || Type::new(DType::F64, Shape::scalar());
        let at = Moment { rate: g.scalar(DType::F64, 0.1).unwrap(), step: g.input("step", number()) };
        let arguments: Vec<(NodeId, f64)> = named.arguments().map(|(name, x)| (g.input(name, number()), x)).collect();
        let nodes: Vec<NodeId> = arguments.iter().map(|(node, _)| *node).collect();
        let rule = if are_given { named.rule_given(&nodes) } else { named.rule() }.unwrap();
        let value = g.input("x", number());
        let slots: Vec<NodeId> = rule.slots().iter().map(|name| g.input(name, number())).collect();
        let gradient = g.scaled_by(value, 2.0).unwrap();
        let updated = rule.update(&mut g, &at, Parameter { value, gradient, decayed: true }, &slots).unwrap();
        let function = Function::new(g, std::iter::once(updated.value).chain(updated.slots).collect()).unwrap();
        let mut state = [vec![1.0], vec![0.0; slots.len()]].concat();
        let mut path = vec![];
        for step in 1..=3 {
            let numbers = [f64::from(step)].into_iter().chain(arguments.iter().map(|(_, x)| *x)).chain(state);
            let results = evaluate(&function, &numbers.map(Tensor::scalar).collect::<Vec<_>>()).unwrap();
            state = results.iter().map(|x| x.to_f64()[0]).collect();
            path.push(state.clone());
        }
        path
    }

    #[test]
    fn numbers_as_arguments_give_the_bits_of_constants() {
        for (name, own) in RULES {
            let numbers = own.iter().chain(&OF_ALL).map(|number| match SWITCHES.contains(number) {
                true => (*number, 1.0),
                false => (*number, 0.3),
            });
            let all = NamedRule::new(*name, &numbers.collect::<Vec<_>>());
            assert_eq!(path(&all, true), path(&all, false), "{name}");
            for without in own.iter().chain(&OF_ALL) {
                let mut fewer = all.clone();
                fewer.numbers.insert((*without).to_owned(), 0.0);
                assert_eq!(path(&fewer, true), path(&fewer, false), "{name} without {without}");
            }
        }
    }

    #[test]
    fn the_penalty_is_of_the_turned_gradient() {
        // x' = x - 0.1 (-2 x + 0.5 x)
        let turned = NamedRule::new("sgd", &[("weight_decay", 0.5), ("maximize", 1.0)]);
        let values: Vec<f64> = path(&turned, true).iter().map(|state| state[0]).collect();
        for (value, expected) in values.iter().zip([1.15, 1.3225, 1.520_875]) {
            assert!((value - expected).abs() < 1e-12, "{values:?}");
        }
    }

    /// RAdam's first step is the gradient's mean, 2 x: x' = x (1 - 0.1 0.5) - 0.1 2 x.
    #[test]
    fn a_decoupled_decay_pulls_the_parameter_and_is_no_part_of_the_gradient() {
        let numbers = [("beta_1", 0.9), ("beta_2", 0.999), ("epsilon", 1e-8), ("weight_decay", 0.5), ("decoupled", 1.0)];
        let found = path(&NamedRule::new("radam", &numbers), true)[0][0];
        assert!((found - 0.75).abs() < 1e-12, "{found}");
    }

    #[test]
    fn unknown_names_are_errors_that_list_the_known_ones() {
        let error = NamedRule::new("adan", &[]).rule().unwrap_err().to_string();
        assert!(error.contains("there is no rule `adan`") && error.contains("adam, adamw"), "{error}");
        let error = NamedRule::new("sgd", &[("momentun", 0.9)]).rule().unwrap_err().to_string();
        assert!(error.contains("`sgd` has no number `momentun`") && error.contains("momentum, dampening"), "{error}");
    }
}
