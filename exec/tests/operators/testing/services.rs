//! Models and runs in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Checkpoint, Model};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{
    BatchOrder, MetricPoint, MetricRow, NewArtifact, NewDataset, NewRun, PretrainedModels, RunOutcome, RunWriter, SourceCall,
    model_exists,
};
use gradframe_plan::{ModelRegistry, NamedModel, RunLog, Sources};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub struct MemoryModels(Mutex<BTreeMap<String, Arc<NamedModel>>>);

impl ModelRegistry for MemoryModels {
    fn get(&self, name: &str) -> Result<Option<Arc<NamedModel>>> {
        Ok(self.0.lock().get(name).cloned())
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }

    fn commit(&self, name: &str, model: Model, replace: bool) -> Result<Arc<NamedModel>> {
        let mut models = self.0.lock();
        let version = models.get(name).map_or(1, |old| old.version + 1);
        if version > 1 && !replace {
            return Err(model_exists(name));
        }
        let named = Arc::new(NamedModel { name: name.into(), version, created_us: 0, model });
        models.insert(name.into(), Arc::clone(&named));
        Ok(named)
    }

    fn remove(&self, name: &str) -> Result<bool> {
        Ok(self.0.lock().remove(name).is_some())
    }
}

#[derive(Debug, Default)]
pub struct MemoryRuns(Arc<Mutex<Vec<Run>>>);

#[derive(Debug, Clone)]
pub struct Run {
    pub id: String,
    pub new: NewRun,
    pub points: Vec<MetricPoint>,
    pub outcome: Option<RunOutcome>,
    /// The last one first.
    pub checkpoints: Vec<Checkpoint>,
}

impl MemoryRuns {
    pub fn all(&self) -> Vec<Run> {
        self.0.lock().clone()
    }

    /// How the last run ended; None while it runs.
    pub fn outcome(&self) -> Option<RunOutcome> {
        self.0.lock().last().unwrap().outcome.clone()
    }
}

#[derive(Debug)]
struct Writer {
    id: String,
    at: usize,
    runs: Arc<Mutex<Vec<Run>>>,
}

impl RunLog for MemoryRuns {
    fn start(&self, new: NewRun) -> Result<Arc<dyn RunWriter>> {
        let mut runs = self.0.lock();
        let (id, at) = (format!("run{}", runs.len() + 1), runs.len());
        runs.push(Run { id: id.clone(), new, points: vec![], outcome: None, checkpoints: vec![] });
        Ok(Arc::new(Writer { id, at, runs: Arc::clone(&self.0) }))
    }

    fn checkpoint(&self, run: &str) -> Result<Option<Checkpoint>> {
        Ok(self.0.lock().iter().find(|r| r.id == run).and_then(|r| r.checkpoints.first().cloned()))
    }

    fn resume(&self, run: &str, epochs: u64, _batches: u64) -> Result<Arc<dyn RunWriter>> {
        let mut runs = self.0.lock();
        let at = runs.iter().position(|r| r.id == run).ok_or_else(|| Error::plan("test", "no such run"))?;
        runs[at].points.retain(|point| point.epoch <= epochs as i64);
        runs[at].outcome = None;
        Ok(Arc::new(Writer { id: run.into(), at, runs: Arc::clone(&self.0) }))
    }

    fn scan(&self, table: LogTable, query: &LogQuery) -> Result<Vec<RecordBatch>> {
        let runs = self.0.lock();
        let columns = match table {
            LogTable::Runs => runs_columns(&runs),
            LogTable::Metrics => metrics_columns(&runs),
            _ => return Err(Error::not_implemented("test", table.name())),
        };
        let all = RecordBatch::try_new(table.schema(), columns).unwrap();
        Ok(vec![query.apply(&all)?])
    }
}

fn runs_columns(runs: &[Run]) -> Vec<ArrayRef> {
    let status = |run: &Run| match &run.outcome {
        None => "running",
        Some(RunOutcome::Finished) => "finished",
        Some(RunOutcome::Failed(_)) => "failed",
        Some(RunOutcome::Cancelled) => "cancelled",
    };
    let error = |run: &Run| if let Some(RunOutcome::Failed(why)) = &run.outcome { Some(why.clone()) } else { None };
    vec![
        Arc::new(runs.iter().map(|r| Some(r.id.as_str())).collect::<StringArray>()),
        Arc::new(runs.iter().map(|r| Some(r.new.title.as_str())).collect::<StringArray>()),
        Arc::new(runs.iter().map(|r| Some(status(r))).collect::<StringArray>()),
        Arc::new(TimestampMicrosecondArray::from(vec![0; runs.len()]).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(vec![None; runs.len()]).with_timezone("UTC")),
        Arc::new(runs.iter().map(|r| r.new.model.as_deref()).collect::<StringArray>()),
        Arc::new(runs.iter().map(|r| r.new.seed).collect::<UInt64Array>()),
        Arc::new(runs.iter().map(|r| Some(r.new.reproducible)).collect::<BooleanArray>()),
        Arc::new(runs.iter().map(error).collect::<StringArray>()),
        Arc::new(runs.iter().map(|_| Some("Default")).collect::<StringArray>()),
        Arc::new(StringArray::new_null(runs.len())),
        Arc::new(StringArray::new_null(runs.len())),
        Arc::new(StringArray::new_null(runs.len())),
        Arc::new(BooleanArray::from(vec![false; runs.len()])),
    ]
}

fn metrics_columns(runs: &[Run]) -> Vec<ArrayRef> {
    let points: Vec<(&str, &MetricPoint)> = runs.iter().flat_map(|r| r.points.iter().map(|p| (r.id.as_str(), p))).collect();
    vec![
        Arc::new(points.iter().map(|(run, _)| Some(*run)).collect::<StringArray>()),
        Arc::new(points.iter().map(|(_, p)| Some(p.name.as_str())).collect::<StringArray>()),
        Arc::new(points.iter().map(|(_, p)| p.step).collect::<Int64Array>()),
        Arc::new(points.iter().map(|(_, p)| p.epoch).collect::<Int64Array>()),
        Arc::new(points.iter().map(|(_, p)| p.value).collect::<Float64Array>()),
        Arc::new(TimestampMicrosecondArray::from(vec![0; points.len()]).with_timezone("UTC")),
    ]
}

impl RunWriter for Writer {
    fn id(&self) -> &str {
        &self.id
    }

    fn log(&self, points: &[MetricPoint]) -> Result<()> {
        self.runs.lock()[self.at].points.extend_from_slice(points);
        Ok(())
    }

    fn log_rows(&self, _rows: &[MetricRow<'_>]) -> Result<()> {
        Ok(()) // the losses of single batches, which no test here asks for
    }

    fn set_params(&self, _params: &[(String, String)]) -> Result<()> {
        Err(Error::not_implemented("test", "parameters"))
    }

    fn set_tags(&self, _tags: &[(String, String)]) -> Result<()> {
        Err(Error::not_implemented("test", "tags"))
    }

    fn add_artifact(&self, _artifact: &NewArtifact<'_>, _content: &mut dyn std::io::Read) -> Result<()> {
        Err(Error::not_implemented("test", "artifacts"))
    }

    fn set_batches(&self, _batches: &BatchOrder) -> Result<()> {
        Ok(())
    }

    fn add_dataset(&self, _dataset: &NewDataset) -> Result<()> {
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        self.runs.lock()[self.at].checkpoints.insert(0, checkpoint.clone());
        Ok(())
    }

    fn finish(&self, outcome: RunOutcome) -> Result<()> {
        self.runs.lock()[self.at].outcome = Some(outcome);
        Ok(())
    }
}

#[derive(Debug)]
pub struct NoSources;

impl PretrainedModels for NoSources {
    fn find(&self, name: &str, _: &gradframe_plan::services::FindOptions) -> Result<std::path::PathBuf> {
        Err(Error::internal("test", format!("there is no {name}")))
    }

    fn open(&self, directory: &std::path::Path, _: gradframe_ml_models::DtypeChoice) -> Result<Arc<gradframe_ml_models::Model>> {
        Err(Error::internal("test", format!("there is no {}", directory.display())))
    }
}

#[async_trait]
impl Sources for NoSources {
    async fn open(&self, _session: &dyn Session, _call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
        Err(Error::not_implemented("test", "sources"))
    }

    fn functions(&self) -> &[&'static str] {
        &[]
    }
}
