//! A session with a model `m` and a table `t`, and services that only answer what planning asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use gradframe_ml_core::{Error, Result};
use gradframe_ml_learn::{Checkpoint, Encoding, FORMAT_VERSION, FeatureSpec, LabelSpec, Model, ModelSpec, TrainingSummary};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{NewRun, PretrainedModels, RunWriter, SourceCall};
use gradframe_plan::{ModelRegistry, ModelTable, NamedModel, RunLog, Services, Sources};

/// A session whose tables are `t(x, y)` and, as a table too, the model `m` that predicts `y` from `x`.
pub struct Setup {
    pub context: SessionContext,
    pub files: Arc<Files>,
}

impl Setup {
    pub fn new() -> Self {
        let model = Arc::new(NamedModel { name: "m".into(), version: 1, created_us: 0, model: model() });
        let files = Arc::new(Files::default());
        let services = Services {
            models: Arc::new(Models(vec![Arc::clone(&model)])),
            runs: Arc::new(NoRuns),
            sources: Arc::clone(&files) as Arc<dyn Sources>,
            pretrained: Arc::clone(&files) as Arc<dyn PretrainedModels>,
            seed: 0,
        };
        let context = SessionContext::new_with_config(SessionConfig::new().with_extension(Arc::new(services)));
        context.register_table("t", Arc::new(EmptyTable::new(schema()))).unwrap();
        context.register_table("m", Arc::new(ModelTable::new(model))).unwrap();
        Self { context, files }
    }
}

fn schema() -> SchemaRef {
    let field = |name| Field::new(name, DataType::Float64, true);
    Arc::new(Schema::new(vec![field("x"), field("y")]))
}

fn model() -> Model {
    let encoding = Encoding::Standard { mean: 0.0, std: 1.0, min: -1.0, max: 1.0, nulls: 0 };
    let spec = ModelSpec {
        format: FORMAT_VERSION,
        model_type: "linear_reg".into(),
        label: LabelSpec { name: "y".into(), data_type: DataType::Float64, classes: vec![] },
        features: vec![FeatureSpec { name: "x".into(), data_type: DataType::Float64, encoding }],
        options: BTreeMap::new(),
        transform: None,
        module: None,
        training: TrainingSummary::default(),
        evaluation: None,
    };
    Model { spec, weights: BTreeMap::new() }
}

#[derive(Debug)]
struct Models(Vec<Arc<NamedModel>>);

impl ModelRegistry for Models {
    fn get(&self, name: &str) -> Result<Option<Arc<NamedModel>>> {
        Ok(self.0.iter().find(|model| model.name == name).cloned())
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(self.0.iter().map(|model| model.name.clone()).collect())
    }

    fn commit(&self, _: &str, _: Model, _: bool) -> Result<Arc<NamedModel>> {
        Err(Error::internal("test", "planning commits no model"))
    }

    fn remove(&self, _: &str) -> Result<bool> {
        Err(Error::internal("test", "planning removes no model"))
    }
}

#[derive(Debug)]
struct NoRuns;

impl RunLog for NoRuns {
    fn start(&self, _: NewRun) -> Result<Arc<dyn RunWriter>> {
        Err(Error::internal("test", "planning starts no run"))
    }

    fn checkpoint(&self, _: &str) -> Result<Option<Checkpoint>> {
        Err(Error::internal("test", "planning reads no checkpoint"))
    }

    fn resume(&self, _: &str, _: u64, _: u64) -> Result<Arc<dyn RunWriter>> {
        Err(Error::internal("test", "planning resumes no run"))
    }

    fn scan(&self, _: LogTable, _: &LogQuery) -> Result<Vec<RecordBatch>> {
        Err(Error::internal("test", "planning reads no log"))
    }
}

/// Files with the columns of `t`. Remembers what was opened.
#[derive(Debug, Default)]
pub struct Files {
    pub opened: Mutex<Vec<SourceCall>>,
}

impl PretrainedModels for Files {
    fn find(&self, name: &str, _: &gradframe_plan::services::FindOptions) -> Result<std::path::PathBuf> {
        Err(Error::internal("test", format!("there is no {name}")))
    }

    fn open(&self, directory: &std::path::Path, _: gradframe_ml_models::DtypeChoice) -> Result<Arc<gradframe_ml_models::Model>> {
        Err(Error::internal("test", format!("there is no {}", directory.display())))
    }
}

#[async_trait]
impl Sources for Files {
    async fn open(&self, _: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
        self.opened.lock().unwrap().push(call.clone());
        if call.paths.iter().any(|path| path.contains("missing")) {
            return Err(Error::execution("read", format!("no file `{}`", call.paths[0])));
        }
        Ok(Arc::new(EmptyTable::new(schema())))
    }

    fn functions(&self) -> &[&'static str] {
        &["read_csv", "read_parquet"]
    }
}
