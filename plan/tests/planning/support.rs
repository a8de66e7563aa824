//! A model made by hand, tables without rows, and services that hold nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, table_scan};
use gradframe_ml_core::{Error, Result, Tensor};
use gradframe_ml_learn::{Checkpoint, Encoding, FORMAT_VERSION, FeatureSpec, LabelSpec, Model, ModelSpec, TrainingSummary};
use gradframe_plan::ops::predict::{PredictOptions, predict};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{NewRun, PretrainedModels, RunWriter, SourceCall};
use gradframe_plan::{ModelRegistry, NamedModel, RunLog, Services, Sources};

/// The table `t(id, a, b, kind, y)`.
pub fn table() -> LogicalPlanBuilder {
    let float = |name| Field::new(name, DataType::Float64, true);
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        float("a"),
        float("b"),
        Field::new("kind", DataType::Utf8, true),
        float("y"),
    ];
    table_scan(Some("t"), &Schema::new(fields), None).unwrap()
}

/// `y` from `a` and `b`, of which `b` has no weight.
pub fn model() -> Arc<NamedModel> {
    let feature = |name: &str| FeatureSpec {
        name: name.into(),
        data_type: DataType::Float64,
        encoding: Encoding::Standard { mean: 0.0, std: 1.0, min: -1.0, max: 1.0, nulls: 0 },
    };
    let spec = ModelSpec {
        format: FORMAT_VERSION,
        model_type: "linear_reg".into(),
        label: LabelSpec { name: "y".into(), data_type: DataType::Float64, classes: vec![] },
        features: vec![feature("a"), feature("b")],
        options: BTreeMap::new(),
        transform: None,
        module: None,
        training: TrainingSummary::default(),
        evaluation: None,
    };
    let dense = Tensor::from_vec(&[2], vec![2.0, 0.0]).unwrap();
    let weights = [("dense".into(), dense), ("intercept".into(), Tensor::scalar(1.0))].into();
    Arc::new(NamedModel { name: "m".into(), version: 1, created_us: 0, model: Model { spec, weights } })
}

/// The prediction of `input` by `model`.
pub fn predicted(input: LogicalPlanBuilder) -> LogicalPlanBuilder {
    let plan: LogicalPlan = predict(input.build().unwrap(), model(), PredictOptions::default()).unwrap();
    LogicalPlanBuilder::from(plan)
}

/// Services whose registry holds `m`.
pub fn services() -> Services {
    Services {
        models: Arc::new(OneModel),
        runs: Arc::new(Nothing),
        sources: Arc::new(Nothing),
        pretrained: Arc::new(Nothing),
        seed: 7,
    }
}

#[derive(Debug)]
struct OneModel;

impl ModelRegistry for OneModel {
    fn get(&self, name: &str) -> Result<Option<Arc<NamedModel>>> {
        Ok((name == "m").then(model))
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(vec!["m".into()])
    }

    fn commit(&self, name: &str, _model: Model, _replace: bool) -> Result<Arc<NamedModel>> {
        Err(Error::not_implemented("test", name))
    }

    fn remove(&self, _name: &str) -> Result<bool> {
        Ok(false)
    }
}

#[derive(Debug)]
struct Nothing;

impl RunLog for Nothing {
    fn start(&self, _run: NewRun) -> Result<Arc<dyn RunWriter>> {
        Err(Error::not_implemented("test", "runs"))
    }

    fn checkpoint(&self, _run: &str) -> Result<Option<Checkpoint>> {
        Ok(None)
    }

    fn resume(&self, _run: &str, _epochs: u64, _batches: u64) -> Result<Arc<dyn RunWriter>> {
        Err(Error::not_implemented("test", "runs"))
    }

    fn scan(&self, _table: LogTable, _query: &LogQuery) -> Result<Vec<RecordBatch>> {
        Ok(vec![])
    }
}

impl PretrainedModels for Nothing {
    fn find(&self, name: &str, _: &gradframe_plan::services::FindOptions) -> Result<std::path::PathBuf> {
        Err(Error::internal("test", format!("there is no {name}")))
    }

    fn open(&self, directory: &std::path::Path, _: gradframe_ml_models::DtypeChoice) -> Result<Arc<gradframe_ml_models::Model>> {
        Err(Error::internal("test", format!("there is no {}", directory.display())))
    }
}

#[async_trait]
impl Sources for Nothing {
    async fn open(&self, _session: &dyn Session, _call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
        Err(Error::not_implemented("test", "sources"))
    }

    fn functions(&self) -> &[&'static str] {
        &[]
    }
}
