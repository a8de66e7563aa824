//! L-BFGS: quasi-Newton steps from the last few changes of the gradient.
//!
//! Source: Nocedal & Wright 2006, algorithms 7.4 and 7.5. Deterministic: sums run in index order on one thread.

use std::collections::VecDeque;

use super::line_search::{LineSearch, Sample, Verdict};

/// The stopping rules and the memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LbfgsOptions {
    /// Iterations at most (accepted steps, not evaluations).
    pub iterations_max: u64,
    /// Stop when the gradient's largest component has fallen to this fraction of what it was at the start, or the
    /// loss has fallen by less than this fraction of itself over `PATIENCE` iterations.
    pub tolerance: f64,
    /// Changes of the gradient that are remembered, cheap beside a pass over the data; fewer (but at least
    /// `MEMORY_MIN`) where they would take more than `MEMORY_BYTES_MAX`.
    pub memory: usize,
}

impl Default for LbfgsOptions {
    fn default() -> Self {
        LbfgsOptions { iterations_max: 300, tolerance: 1e-9, memory: 50 }
    }
}

/// Iterations over which the loss must move.
const PATIENCE: usize = 10;
/// A change of the gradient is remembered if its curvature is at least this, relative to its length.
const CURVATURE_MIN: f64 = 1e-14;

/// Fewest changes that are remembered.
const MEMORY_MIN: usize = 5;
/// Memory that the remembered changes may take.
const MEMORY_BYTES_MAX: usize = 128 << 20;

/// What the optimiser wants after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Loss and gradient at `Lbfgs::trial`.
    Evaluate,
    /// Nothing more: `Lbfgs::parameters` is the answer.
    Stop(Stop),
}

/// Why the optimiser stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The tolerance is met, or no step lowers the loss any more in f64.
    Converged,
    /// `iterations_max` was reached first.
    IterationLimit,
    /// Loss or gradient at the start are not finite.
    NotFinite,
}

/// A minimisation in progress.
#[derive(Debug, Clone)]
pub struct Lbfgs {
    options: LbfgsOptions,
    best: Point,
    trial: Vec<f64>,
    search: Option<Search>,
    memory: VecDeque<Change>,
    iterations: u64,
    start_gradient_norm: f64,
    /// Losses of the last iterations, oldest first.
    recent: VecDeque<f64>,
}

#[derive(Debug, Clone)]
struct Point {
    parameters: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Search {
    direction: Vec<f64>,
    line: LineSearch,
    step: f64,
    /// The lowest point met, should the search fail.
    lowest: Option<Point>,
}

/// A remembered step: s = change of the parameters, y = change of the gradient.
#[derive(Debug, Clone)]
struct Change {
    s: Vec<f64>,
    y: Vec<f64>,
    inverse_sy: f64,
}

impl Lbfgs {
    /// A minimisation that starts at these parameters: evaluate there, then call `step`.
    pub fn new(start: Vec<f64>, mut options: LbfgsOptions) -> Self {
        let change_bytes = 2 * size_of::<f64>() * start.len().max(1);
        options.memory = options.memory.min((MEMORY_BYTES_MAX / change_bytes).max(MEMORY_MIN));
        let best = Point { parameters: start.clone(), loss: f64::INFINITY, gradient: Vec::new() };
        Lbfgs {
            options,
            best,
            trial: start,
            search: None,
            memory: VecDeque::new(),
            iterations: 0,
            start_gradient_norm: 0.0,
            recent: VecDeque::new(),
        }
    }

    /// Where to evaluate next.
    pub fn trial(&self) -> &[f64] {
        &self.trial
    }

    /// The last accepted parameters.
    pub fn parameters(&self) -> &[f64] {
        &self.best.parameters
    }

    /// The loss there; infinite before the first evaluation.
    pub fn loss(&self) -> f64 {
        self.best.loss
    }

    /// The largest absolute component of the gradient there.
    pub fn gradient_norm(&self) -> f64 {
        largest(&self.best.gradient)
    }

    /// Accepted steps so far.
    pub fn iterations(&self) -> u64 {
        self.iterations
    }

    /// Takes loss and gradient at `trial`. A trial that is not finite shortens the step.
    pub fn step(&mut self, loss: f64, gradient: Vec<f64>) -> Next {
        let point = Point { parameters: self.trial.clone(), loss, gradient };
        match self.search.take() {
            None => self.begin(point),
            Some(search) => self.continue_search(search, point),
        }
    }

    fn begin(&mut self, start: Point) -> Next {
        if !start.is_finite() {
            return Next::Stop(Stop::NotFinite);
        }
        self.start_gradient_norm = largest(&start.gradient);
        self.best = start;
        self.recent.push_back(self.best.loss);
        self.next_iteration()
    }

    fn continue_search(&mut self, mut search: Search, point: Point) -> Next {
        let sample = Sample { step: search.step, loss: point.loss, slope: dot(&point.gradient, &search.direction) };
        match search.line.next(sample) {
            Verdict::Accept => self.accept(point),
            Verdict::Try(step) => {
                search.keep_if_lowest(point, self.best.loss);
                self.search_at(search, step)
            }
            Verdict::Fail => {
                search.keep_if_lowest(point, self.best.loss);
                self.recover(search)
            }
        }
    }

    /// After a failed search: the lowest point met; else steepest descent once; else no step lowers the loss any more.
    fn recover(&mut self, search: Search) -> Next {
        if let Some(lowest) = search.lowest {
            return self.accept(lowest);
        }
        if self.memory.is_empty() {
            return Next::Stop(Stop::Converged);
        }
        self.memory.clear();
        self.next_iteration()
    }

    fn accept(&mut self, point: Point) -> Next {
        self.remember(&point);
        self.best = point;
        self.iterations += 1;
        self.recent.push_back(self.best.loss);
        self.next_iteration()
    }

    fn next_iteration(&mut self) -> Next {
        if self.has_converged() {
            return Next::Stop(Stop::Converged);
        }
        if self.iterations >= self.options.iterations_max {
            return Next::Stop(Stop::IterationLimit);
        }
        let direction = self.direction();
        let line = LineSearch::new(self.best.loss, dot(&direction, &self.best.gradient));
        self.search_at(Search { direction, line, step: 0.0, lowest: None }, 1.0)
    }

    fn has_converged(&mut self) -> bool {
        if self.gradient_norm() <= self.options.tolerance * self.start_gradient_norm {
            return true;
        }
        if self.recent.len() <= PATIENCE {
            return false;
        }
        let before = self.recent.pop_front().unwrap_or(f64::INFINITY);
        before - self.best.loss <= self.options.tolerance * self.best.loss.abs()
    }

    fn search_at(&mut self, mut search: Search, step: f64) -> Next {
        search.step = step;
        self.trial.clear();
        self.trial.extend(self.best.parameters.iter().zip(&search.direction).map(|(x, d)| x + step * d));
        self.search = Some(search);
        Next::Evaluate
    }

    fn remember(&mut self, next: &Point) {
        let change = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let s = change(&next.parameters, &self.best.parameters);
        let y = change(&next.gradient, &self.best.gradient);
        let sy = dot(&s, &y);
        if sy <= CURVATURE_MIN * (dot(&s, &s) * dot(&y, &y)).sqrt() {
            return;
        }
        if self.memory.len() == self.options.memory {
            self.memory.pop_front();
        }
        self.memory.push_back(Change { s, y, inverse_sy: 1.0 / sy });
    }

    /// Minus the remembered inverse Hessian times the gradient; the steepest descent if that does not descend.
    fn direction(&mut self) -> Vec<f64> {
        let newton = self.two_loop_recursion();
        if dot(&newton, &self.best.gradient) < 0.0 {
            return newton;
        }
        self.memory.clear();
        self.best.gradient.iter().map(|g| -g).collect()
    }

    fn two_loop_recursion(&self) -> Vec<f64> {
        let mut q: Vec<f64> = self.best.gradient.iter().map(|g| -g).collect();
        let mut weights = Vec::with_capacity(self.memory.len());
        for change in self.memory.iter().rev() {
            let weight = change.inverse_sy * dot(&change.s, &q);
            add_scaled(&mut q, -weight, &change.y);
            weights.push(weight);
        }
        if let Some(last) = self.memory.back() {
            let scale = 1.0 / (last.inverse_sy * dot(&last.y, &last.y));
            q.iter_mut().for_each(|x| *x *= scale);
        }
        for (change, weight) in self.memory.iter().zip(weights.into_iter().rev()) {
            let correction = change.inverse_sy * dot(&change.y, &q);
            add_scaled(&mut q, weight - correction, &change.s);
        }
        q
    }
}

impl Point {
    fn is_finite(&self) -> bool {
        self.loss.is_finite() && self.gradient.iter().all(|g| g.is_finite())
    }
}

impl Search {
    fn keep_if_lowest(&mut self, point: Point, start_loss: f64) {
        let to_beat = self.lowest.as_ref().map_or(start_loss, |lowest| lowest.loss);
        if point.is_finite() && point.loss < to_beat {
            self.lowest = Some(point);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(x: &mut [f64], scale: f64, y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += scale * y);
}

fn largest(gradient: &[f64]) -> f64 {
    gradient.iter().fold(0.0, |largest, g| g.abs().max(largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimise(start: Vec<f64>, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (Lbfgs, Stop, u64) {
        let mut lbfgs = Lbfgs::new(start, LbfgsOptions::default());
        let mut evaluations = 0;
        loop {
            let (loss, gradient) = f(lbfgs.trial());
            evaluations += 1;
            if let Next::Stop(stop) = lbfgs.step(loss, gradient) {
                return (lbfgs, stop, evaluations);
            }
        }
    }

    fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; x.len()];
        let mut loss = 0.0;
        for i in 0..x.len() - 1 {
            let (a, b) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
            loss += a * a + 100.0 * b * b;
            gradient[i] += -2.0 * a - 400.0 * x[i] * b;
            gradient[i + 1] += 200.0 * b;
        }
        (loss, gradient)
    }

    /// sum of scale_i (x_i - 1)^2 / 2, with scales from 1 to `condition`.
    fn quadratic(condition: f64) -> impl Fn(&[f64]) -> (f64, Vec<f64>) {
        move |x| {
            let scale = |i: usize| condition.powf(i as f64 / (x.len() - 1) as f64);
            let loss = x.iter().enumerate().map(|(i, x)| 0.5 * scale(i) * (x - 1.0) * (x - 1.0)).sum();
            (loss, x.iter().enumerate().map(|(i, x)| scale(i) * (x - 1.0)).collect())
        }
    }

    #[test]
    fn rosenbrock_is_solved_in_two_and_in_fifty_dimensions() {
        for start in [vec![-1.2, 1.0], vec![-1.2; 50]] {
            let (lbfgs, stop, _) = minimise(start, rosenbrock);
            assert_eq!(stop, Stop::Converged);
            assert!(lbfgs.loss() < 1e-10, "{} after {}", lbfgs.loss(), lbfgs.iterations());
        }
    }

    #[test]
    fn ill_conditioned_quadratics_are_solved() {
        for condition in [1.0, 1e3, 1e6] {
            let start = quadratic(condition)(&[0.0; 30]).0;
            let (lbfgs, _, evaluations) = minimise(vec![0.0; 30], quadratic(condition));
            let left = lbfgs.loss() / start;
            assert!(left < 1e-8, "condition {condition}: {left} of the loss is left after {evaluations} evaluations");
        }
    }

    #[test]
    fn units_of_the_loss_do_not_matter() {
        for unit in [1e-12, 1e12] {
            let scaled = |x: &[f64]| {
                let (loss, gradient) = quadratic(100.0)(x);
                (loss * unit, gradient.into_iter().map(|g| g * unit).collect())
            };
            let (lbfgs, _, _) = minimise(vec![0.0; 5], scaled);
            assert!(lbfgs.parameters().iter().all(|x| (x - 1.0).abs() < 1e-6), "unit {unit}: {:?}", lbfgs.parameters());
        }
    }

    #[test]
    fn a_wall_of_infinite_loss_is_stepped_back_from() {
        // x - log x, infinite for x <= 0; the first steps from 1e-3 overshoot.
        let barrier =
            |x: &[f64]| if x[0] > 0.0 { (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]]) } else { (f64::NAN, vec![f64::NAN]) };
        let (lbfgs, stop, _) = minimise(vec![50.0], barrier);
        assert_eq!(stop, Stop::Converged);
        assert!((lbfgs.parameters()[0] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn an_optimal_start_stops_at_once_and_a_broken_one_says_so() {
        let (lbfgs, stop, evaluations) = minimise(vec![1.0; 4], quadratic(10.0));
        assert_eq!((lbfgs.iterations(), stop, evaluations), (0, Stop::Converged, 1));
        assert_eq!(minimise(vec![0.0], |_| (f64::NAN, vec![0.0])).1, Stop::NotFinite);
    }

    #[test]
    fn the_iteration_limit_is_kept() {
        let options = LbfgsOptions { iterations_max: 3, ..LbfgsOptions::default() };
        let mut lbfgs = Lbfgs::new(vec![-1.2, 1.0], options);
        let stop = loop {
            let (loss, gradient) = rosenbrock(lbfgs.trial());
            if let Next::Stop(stop) = lbfgs.step(loss, gradient) {
                break stop;
            }
        };
        assert_eq!((stop, lbfgs.iterations()), (Stop::IterationLimit, 3));
    }
}
