//! What EXPLAIN ANALYZE says of a model's work.

use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, RatioMetrics};
use gradframe_ml_models::Work;
use gradframe_ml_models::generate::Steps;
use gradframe_plan::ops::text::TextTask;

/// Counts of a partition.
#[derive(Debug)]
pub struct Counts {
    cache_hits: Count,
    tokens: Count,
    batches: Count,
    estimated_flop: Count,
    flop_per_token: usize,
    by_length: Option<(Count, RatioMetrics)>,
    by_step: Option<[Count; 3]>,
}

impl Counts {
    /// `flop_per_token` is what a token takes of the network.
    pub fn new(metrics: &ExecutionPlanMetricsSet, partition: usize, task: TextTask, flop_per_token: usize) -> Self {
        let count = |name: &'static str| MetricBuilder::new(metrics).counter(name, partition);
        let generates = task == TextTask::Generate;
        let padding = || MetricBuilder::new(metrics).ratio_metrics("padding_share", partition);
        Counts {
            cache_hits: count("cache_hits"),
            tokens: count("tokens"),
            batches: count("batches"),
            estimated_flop: count("estimated_flop"),
            flop_per_token,
            by_length: (!generates).then(|| (count("texts"), padding())),
            by_step: generates.then(|| [count("prompt_tokens"), count("shared_prompt_tokens"), count("idle_rows")]),
        }
    }

    /// A row whose texts went through the model already.
    pub fn add_hit(&self) {
        self.cache_hits.add(1);
    }

    /// Whole rows that went through the network.
    pub fn add_work(&self, work: Work) {
        self.tokens.add(work.tokens);
        self.batches.add(work.batches);
        self.estimated_flop.add((work.tokens + work.padding).saturating_mul(self.flop_per_token));
        if let Some((texts, padding)) = &self.by_length {
            texts.add(work.rows);
            padding.add_part(work.padding);
            padding.add_total(work.tokens + work.padding);
        }
    }

    /// Prompts that were continued.
    pub fn add_steps(&self, steps: Steps) {
        self.tokens.add(steps.tokens);
        self.batches.add(steps.runs);
        self.estimated_flop.add((steps.tokens + steps.prompt_tokens).saturating_mul(self.flop_per_token));
        if let Some([prompt, shared, idle]) = &self.by_step {
            prompt.add(steps.prompt_tokens);
            shared.add(steps.shared_tokens);
            idle.add(steps.idle_rows);
        }
    }
}
