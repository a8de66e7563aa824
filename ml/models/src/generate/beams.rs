//! Several continuations of a prompt followed at once, the most probable taken.

use gradframe_ml_core::{Result, Tensor};

use super::cache::{Cache, Part};
use super::sampling::penalize;
use super::{Finish, GenerateOptions, Generated, Generator, OnStep, Steps};

/// A continuation under way.
#[derive(Debug, Clone)]
struct Beam {
    new: Vec<u32>,
    /// The logarithm of its probability.
    score: f64,
}

/// A continuation that has ended, with its score by length.
#[derive(Debug, Clone)]
struct Ended {
    new: Vec<u32>,
    score: f64,
    finish: Finish,
}

/// The search of one prompt.
struct Search<'a> {
    generator: &'a Generator,
    options: &'a GenerateOptions,
    prompt: &'a [u32],
    beams: Vec<Beam>,
    ended: Vec<Ended>,
}

impl Generator {
    /// Each prompt by itself.
    pub(super) fn by_beams(
        &self,
        prompts: &[Vec<u32>],
        options: &GenerateOptions,
        on_step: &mut OnStep,
    ) -> Result<(Vec<Generated>, Steps)> {
        let mut steps = Steps::default();
        let mut results = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            let search = Search { generator: self, options, prompt, beams: Vec::new(), ended: Vec::new() };
            results.push(search.run(&mut steps, on_step)?);
        }
        Ok((results, steps))
    }
}

impl Search<'_> {
    fn run(mut self, steps: &mut Steps, on_step: &mut OnStep) -> Result<Generated> {
        let stepper = &self.generator.stepper;
        let empty = Cache::empty(stepper.cache, 1, self.prompt.len())?;
        let (mut cache, mut scores) = stepper.step(empty, self.prompt)?;
        steps.prompt_tokens += self.prompt.len();
        self.beams = vec![Beam { new: Vec::new(), score: 0.0 }];
        loop {
            steps.runs += 1;
            on_step(*steps)?;
            let parents = self.advance(&scores)?;
            steps.tokens += parents.len();
            if parents.is_empty() || self.is_done() {
                break;
            }
            let parts: Vec<Part> = parents.iter().map(|&row| Part { cache: &cache, row }).collect();
            let next = Cache::of(stepper.cache, &parts, 1)?;
            let tokens: Vec<u32> = self.beams.iter().filter_map(|beam| beam.new.last().copied()).collect();
            (cache, scores) = stepper.step(next, &tokens)?;
        }
        self.best()
    }

    /// The next beams of scores [B, V], and of which each comes. Those that end go to `ended`.
    fn advance(&mut self, scores: &Tensor) -> Result<Vec<usize>> {
        let candidates = self.candidates(scores)?;
        let (mut beams, mut parents) = (Vec::new(), Vec::new());
        let width = self.options.beams;
        for (rank, (score, parent, id)) in candidates.into_iter().enumerate() {
            let mut new = self.beams[parent].new.clone();
            new.push(id);
            match self.generator.finish(self.prompt.len(), &new, self.options)? {
                Some(Finish::End) if rank >= width => {}
                Some(finish @ (Finish::End | Finish::Stop)) => self.end(new, score, finish),
                _ if beams.len() < width => {
                    beams.push(Beam { new, score });
                    parents.push(parent);
                }
                _ => {}
            }
        }
        self.beams = beams;
        let is_long =
            self.beams.first().map(|b| self.generator.finish(self.prompt.len(), &b.new, self.options)).transpose()?.flatten();
        if let Some(finish) = is_long
            && !self.is_done()
        {
            for beam in std::mem::take(&mut self.beams) {
                self.end(beam.new, beam.score, finish);
            }
            parents.clear();
        }
        Ok(parents)
    }

    /// The most probable next tokens of all beams: twice as many as beams, so that enough are left where some end.
    fn candidates(&self, scores: &Tensor) -> Result<Vec<(f64, usize, u32)>> {
        let values = scores.values::<f32>()?;
        let mut all = Vec::new();
        for (row, (beam, scores)) in self.beams.iter().zip(values.chunks_exact(self.generator.vocabulary)).enumerate() {
            let mut logs = log_softmax(scores);
            penalize(&mut logs, &[self.prompt, &beam.new].concat(), self.options.repetition_penalty);
            if beam.new.len() < self.options.min_tokens {
                self.generator.ends.iter().for_each(|&end| {
                    if let Some(log) = logs.get_mut(end as usize) {
                        *log = f32::NEG_INFINITY;
                    }
                });
            }
            all.extend(logs.iter().enumerate().map(|(id, &log)| (beam.score + f64::from(log), row, id as u32)));
        }
        let wanted = (self.options.beams * 2.max(1 + self.generator.ends.len())).min(all.len());
        let order = |a: &(f64, usize, u32), b: &(f64, usize, u32)| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2)));
        if wanted < all.len() {
            all.select_nth_unstable_by(wanted, order);
            all.truncate(wanted);
        }
        all.sort_by(order);
        Ok(all)
    }

    fn end(&mut self, new: Vec<u32>, score: f64, finish: Finish) {
        let score = score / (new.len().max(1) as f64).powf(self.options.length_penalty);
        self.ended.push(Ended { new, score, finish });
        self.ended.sort_by(|a, b| b.score.total_cmp(&a.score));
        self.ended.truncate(self.options.beams);
    }

    /// True if no beam can still become better than the worst of enough that have ended.
    fn is_done(&self) -> bool {
        let (Some(worst), Some(best)) = (self.ended.last(), self.beams.first()) else { return self.beams.is_empty() };
        let length = best.new.len().max(1) as f64;
        self.ended.len() >= self.options.beams && worst.score >= best.score / length.powf(self.options.length_penalty)
    }

    fn best(self) -> Result<Generated> {
        let best = self.ended.into_iter().next();
        let (ids, finish) = best.map_or((Vec::new(), Finish::Length), |best| (best.new, best.finish));
        self.generator.finished(ids, self.options, finish)
    }
}

fn log_softmax(scores: &[f32]) -> Vec<f32> {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = scores.iter().map(|&s| f64::from(s - top).exp()).sum();
    let shift = f64::from(top) + total.ln();
    scores.iter().map(|&s| (f64::from(s) - shift) as f32).collect()
}
