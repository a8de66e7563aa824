//! When models and their versions were registered or logged, of a store that they come from.

use gradframe_ml_core::Result;

use super::Store;
use super::sql::params;

impl Store {
    /// Sets when a model was made and changed last, in microseconds; of a model that is there.
    pub fn date_model(&self, name: &str, (created_us, updated_us): (i64, i64)) -> Result<()> {
        let sql = "UPDATE model_names SET created = ?2, updated = ?3 WHERE name = ?1 AND created IS NOT NULL";
        self.database.write(|transaction| transaction.execute(sql, params![name, created_us, updated_us]).map(|_| ()))
    }

    /// The same of a logged model.
    pub fn date_logged_model(&self, id: &str, (created_us, updated_us): (i64, i64)) -> Result<()> {
        let sql = "UPDATE logged_models SET created = ?2, updated = ?3 WHERE logged_model = ?1";
        self.database.write(|transaction| transaction.execute(sql, params![id, created_us, updated_us]).map(|_| ()))
    }

    /// The same of a version.
    pub fn date_version(&self, model: &str, version: u64, (created_us, updated_us): (i64, i64)) -> Result<()> {
        let sql = "UPDATE models SET created = ?3, updated = ?4 WHERE model = ?1 AND version = ?2";
        let version = version as i64;
        self.database.write(|transaction| transaction.execute(sql, params![model, version, created_us, updated_us]).map(|_| ()))
    }
}
