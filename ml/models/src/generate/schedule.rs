//! Which rows take the next step: who is done leaves, who waits comes in.

use gradframe_ml_core::{Result, Tensor};
use rustc_hash::FxHashMap;

use super::cache::{Cache, Part};
use super::sampling::{Draws, penalize, pick};
use super::{GenerateOptions, Generated, Generator, OnStep, ROWS, Steps};

/// A beginning that prompts share is read once if it has so many tokens.
const SHARED_MIN: usize = 8;
/// Tokens of prompts that are read in one run.
const READ_TOKENS: usize = 2048;

/// Prompts being continued.
pub struct Schedule<'a> {
    generator: &'a Generator,
    options: &'a GenerateOptions,
    /// Different prompts; of equal ones with other seeds, each.
    prompts: Vec<&'a [u32]>,
    /// The seed of each.
    seeds: Vec<u64>,
    /// For each prompt given, its number among them.
    numbers: Vec<usize>,
    /// Those not begun, the shortest last.
    waiting: Vec<usize>,
    done: Vec<Option<Generated>>,
    rows: Vec<Row>,
    cache: Option<Cache>,
    shared: Option<Cache>,
    steps: Steps,
}

/// A prompt that is being continued, in the row of the cache of its own number.
struct Row {
    prompt: usize,
    new: Vec<u32>,
    draws: Draws,
    is_done: bool,
}

impl<'a> Schedule<'a> {
    /// `asked`: the seed of each prompt.
    pub fn new(generator: &'a Generator, prompts: &'a [Vec<u32>], asked: &[u64], options: &'a GenerateOptions) -> Result<Self> {
        let (mut different, mut seeds, mut known) = (Vec::new(), Vec::new(), FxHashMap::default());
        let numbers = prompts.iter().zip(asked).map(|(prompt, &seed)| {
            *known.entry((prompt.as_slice(), seed)).or_insert_with(|| {
                different.push(prompt.as_slice());
                seeds.push(seed);
                different.len() - 1
            })
        });
        let numbers = numbers.collect();
        let mut waiting: Vec<usize> = (0..different.len()).collect();
        waiting.sort_by_key(|&prompt| (std::cmp::Reverse(different[prompt].len()), prompt));
        waiting.reverse(); // the longest are taken first, from the end
        let done = different.iter().map(|_| None).collect();
        let (rows, cache, shared, steps) = Default::default();
        Ok(Schedule { generator, options, prompts: different, seeds, numbers, waiting, done, rows, cache, shared, steps })
    }

    pub fn all(mut self, on_step: &mut OnStep) -> Result<(Vec<Generated>, Steps)> {
        self.read_shared(on_step)?;
        loop {
            if self.has_room() {
                self.admit(on_step)?;
            }
            if self.rows.iter().all(|row| row.is_done) {
                if self.waiting.is_empty() {
                    break;
                }
                continue;
            }
            self.step(on_step)?;
        }
        let done = &self.done;
        let results = self.numbers.iter().filter_map(|&number| done[number].clone()).collect();
        Ok((results, self.steps))
    }

    /// The beginning that all prompts share, if that saves something.
    fn read_shared(&mut self, on_step: &mut OnStep) -> Result<()> {
        let Some((first, rest)) = self.prompts.split_first() else { return Ok(()) };
        let common = |other: &&[u32]| first.iter().zip(*other).take_while(|(a, b)| a == b).count();
        let most = self.prompts.iter().map(|p| p.len() - 1).min().unwrap_or(0);
        let length = rest.iter().map(common).min().unwrap_or(0).min(most);
        if length < SHARED_MIN {
            return Ok(());
        }
        let tokens = first[..length].to_vec();
        let (cache, _) = self.run(Cache::empty(self.generator.stepper.cache, 1, length)?, &tokens, on_step)?;
        self.steps.prompt_tokens += length;
        self.steps.shared_tokens += length * (self.prompts.len() - 1);
        self.shared = Some(cache);
        Ok(())
    }

    fn shared_length(&self) -> usize {
        self.shared.as_ref().map_or(0, |cache| cache.at)
    }

    /// True if enough rows are done that it pays to move the others: a quarter of them, or all.
    fn has_room(&self) -> bool {
        let busy = self.rows.iter().filter(|row| !row.is_done).count();
        let free = ROWS - busy;
        let may_shrink = busy > 0 && 2 * busy <= self.rows.len();
        busy == 0 || (free >= ROWS / 4 && !self.waiting.is_empty()) || may_shrink
    }

    /// Reads prompts that wait, and puts them beside the rows that go on.
    fn admit(&mut self, on_step: &mut OnStep) -> Result<()> {
        let old = self.cache.take();
        let kept: Vec<usize> = (0..self.rows.len()).filter(|&row| !self.rows[row].is_done).collect();
        let mut read = Vec::new();
        let mut free = ROWS - kept.len();
        while free > 0 && !self.waiting.is_empty() {
            let group = self.next_group(free);
            free -= group.len();
            let (cache, scores) = self.read(&group, on_step)?;
            read.push((group, cache, scores));
        }
        let mut parts: Vec<Part> = Vec::new();
        if let Some(cache) = &old {
            parts.extend(kept.iter().map(|&row| Part { cache, row }));
        }
        for (group, cache, _) in &read {
            parts.extend((0..group.len()).map(|row| Part { cache, row }));
        }
        self.cache = Some(Cache::of(self.generator.stepper.cache, &parts, 1)?);
        drop(parts);
        self.rows.retain(|row| !row.is_done);
        for (group, _, scores) in read {
            let start = self.rows.len();
            let new: Vec<Row> = group.iter().map(|&prompt| self.row(prompt)).collect();
            self.rows.extend(new);
            self.take_tokens(&scores, start..start + group.len())?;
        }
        Ok(())
    }

    fn row(&self, prompt: usize) -> Row {
        let draws = Draws::new(self.seeds[prompt], self.prompts[prompt]);
        Row { prompt, new: Vec::new(), draws, is_done: false }
    }

    /// Prompts of one length that wait, at most `most`.
    fn next_group(&mut self, most: usize) -> Vec<usize> {
        let mut group = Vec::new();
        while let Some(&prompt) = self.waiting.last() {
            let length = self.prompts[prompt].len();
            let other_length = group.first().is_some_and(|&first: &usize| self.prompts[first].len() != length);
            let is_full = group.len() >= most || (!group.is_empty() && (group.len() + 1) * length > READ_TOKENS);
            if other_length || is_full {
                break;
            }
            self.waiting.pop();
            group.push(prompt);
        }
        group
    }

    /// Reads prompts of one length, behind what they share.
    fn read(&mut self, group: &[usize], on_step: &mut OnStep) -> Result<(Cache, Tensor)> {
        let (shared, length) = (self.shared_length(), self.prompts[group[0]].len());
        let shape = self.generator.stepper.cache;
        let cache = match &self.shared {
            Some(cache) => Cache::of(shape, &vec![Part { cache, row: 0 }; group.len()], length - shared)?,
            None => Cache::empty(shape, group.len(), length)?,
        };
        let tokens: Vec<u32> = group.iter().flat_map(|&prompt| &self.prompts[prompt][shared..]).copied().collect();
        self.steps.prompt_tokens += tokens.len();
        self.run(cache, &tokens, on_step)
    }

    fn run(&mut self, cache: Cache, tokens: &[u32], on_step: &mut OnStep) -> Result<(Cache, Tensor)> {
        let done = self.generator.stepper.step(cache, tokens)?;
        self.steps.runs += 1;
        on_step(self.steps)?;
        Ok(done)
    }

    /// All rows' next tokens.
    fn step(&mut self, on_step: &mut OnStep) -> Result<()> {
        let Some(cache) = self.cache.take() else { return Ok(()) };
        let tokens: Vec<u32> = self.rows.iter().map(|row| row.new.last().copied().unwrap_or(0)).collect();
        self.steps.idle_rows += self.rows.iter().filter(|row| row.is_done).count();
        let (cache, scores) = self.run(cache, &tokens, on_step)?;
        self.cache = Some(cache);
        self.take_tokens(&scores, 0..self.rows.len())
    }

    /// Picks a token for each of these rows that is not done, of scores [B, V].
    fn take_tokens(&mut self, scores: &Tensor, rows: std::ops::Range<usize>) -> Result<()> {
        let values = scores.values::<f32>()?;
        let each = self.generator.vocabulary;
        for (scores, row) in values.chunks_exact(each).zip(rows) {
            if !self.rows[row].is_done {
                self.take_token(scores, row)?;
            }
        }
        Ok(())
    }

    fn take_token(&mut self, scores: &[f32], row: usize) -> Result<()> {
        let (generator, options) = (self.generator, self.options);
        let own = &mut self.rows[row];
        let prompt = self.prompts[own.prompt];
        let is_early = own.new.len() < options.min_tokens;
        let id = match options.repetition_penalty == 1.0 && !is_early {
            true => pick(scores, options, own.draws, own.new.len()),
            false => {
                let mut scores = scores.to_vec();
                penalize(&mut scores, &[prompt, &own.new].concat(), options.repetition_penalty);
                let ends = generator.ends.iter().filter(|_| is_early);
                ends.for_each(|&end| {
                    if let Some(s) = scores.get_mut(end as usize) {
                        *s = f32::NEG_INFINITY
                    }
                });
                pick(&scores, options, own.draws, own.new.len())
            }
        };
        own.new.push(id);
        self.steps.tokens += 1;
        let Some(finish) = generator.finish(prompt.len(), &own.new, options)? else { return Ok(()) };
        own.is_done = true;
        let ids = std::mem::take(&mut own.new);
        self.done[own.prompt] = Some(generator.finished(ids, options, finish)?);
        Ok(())
    }
}
