//! Medians, and lines of figures.

use std::time::Instant;

use gradframe_ml_core::Result;

/// Counted runs.
const RUNS: usize = 5;

/// The median seconds of several runs after one that does not count.
pub fn median_seconds(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    work()?;
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}

/// One figure.
pub fn say(task: &str, figure: f64, unit: &str) {
    println!("{task} | {figure:.4} | {unit}");
}
