//! Training sets larger than memory: the same model, by way of the disk.

use std::collections::BTreeSet;

use datafusion::scalar::ScalarValue;
use gradframe_exec::ops::train::run_to_end;
use gradframe_plan::ops::train::list;

use crate::testing::{Settings, Testing, line_table, request};

const HASHED: &str = "SELECT a, b, kind, y FROM t";
const ORDERED: &str = "SELECT a, b, kind, y FROM t ORDER BY id % 1000, kind DESC";

/// Less than the rows take, and more than a chunk of them does.
const TIGHT_BYTES: usize = 18 << 20;

/// What EXPLAIN ANALYZE says of Train's spilling, and the bits of the weights.
async fn trained(query: &str, settings: Settings, rows: i64) -> (String, Vec<u8>) {
    let t = Testing::with(settings);
    t.table("t", &line_table(rows), settings.partitions);
    let text = t.analyze(t.plan(query, request("m", "linear_reg")).await.unwrap()).await;
    assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
    assert_eq!(t.context.runtime_env().disk_manager.spilling_progress().active_files_count, 0);
    let line = text.lines().find(|line| line.contains("TrainExec")).unwrap();
    let spilling = line.split("spill_count=").nth(1).unwrap().split(']').next().unwrap();
    (spilling.to_owned(), t.model("m").model.weights.values().flat_map(|w| w.buffer().to_vec()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_have_the_same_bits_however_much_spills() {
    for query in [HASHED, ORDERED] {
        let mut distinct = BTreeSet::new();
        for (memory_bytes, partitions, batch_size) in
            [(None, 2, 8192), (Some(TIGHT_BYTES), 2, 8192), (Some(TIGHT_BYTES), 1, 1000), (Some(TIGHT_BYTES), 3, 8192)]
        {
            let settings = Settings { memory_bytes, partitions, batch_size, ..Settings::default() };
            let (spilling, bits) = trained(query, settings, 250_000).await;
            assert_eq!(spilling.starts_with("0,"), memory_bytes.is_none(), "{memory_bytes:?}: spill_count={spilling}");
            distinct.insert(bits);
        }
        assert_eq!(distinct.len(), 1, "{query}");
    }
}

#[tokio::test]
async fn what_does_not_fit_next_to_a_chunk_goes_to_the_disk_before_encoding() {
    // The rows alone fit, and a chunk of them alone does.
    let whole = trained(HASHED, Settings { partitions: 1, ..Settings::default() }, 60_000).await;
    let tight = Settings { partitions: 1, memory_bytes: Some(11 << 20), ..Settings::default() };
    let (spilling, bits) = trained(HASHED, tight, 60_000).await;
    assert!(spilling.starts_with("1,"), "{spilling}");
    assert!(bits == whole.1);
}

#[tokio::test]
async fn a_dropped_training_leaves_no_files() {
    let t = Testing::with(Settings { memory_bytes: Some(TIGHT_BYTES), ..Settings::default() });
    t.table("t", &line_table(250_000), 2);
    let plan = t.plan(HASHED, request("m", "linear_reg")).await.unwrap();
    let state = t.context.state();
    let cancelled = tokio::time::timeout(std::time::Duration::from_millis(300), run_to_end(&plan, &state)).await;
    drop(cancelled);
    for _ in 0..200 {
        if t.context.runtime_env().disk_manager.spilling_progress().active_files_count == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let left = t.context.runtime_env().disk_manager.spilling_progress();
    assert_eq!((left.active_files_count, left.current_bytes), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_with_weights_and_a_split_has_the_same_bits_by_way_of_the_disk() {
    let mut distinct = BTreeSet::new();
    for memory_bytes in [None, Some(26 << 20)] {
        let t = Testing::with(Settings { memory_bytes, ..Settings::default() });
        t.table("t", &line_table(200_000), 2);
        let mut request = request("m", "dnn_regressor");
        let options: [(&str, ScalarValue); 6] = [
            ("hidden_units", list(&[4i64.into()])),
            ("max_iterations", 1i64.into()),
            ("batch_size", 512i64.into()),
            ("data_split_method", "random".into()),
            ("data_split_eval_fraction", 0.3.into()),
            ("sample_weight_col", "w".into()),
        ];
        request.options.extend(options.map(|(name, value)| (name.to_owned(), value)));
        let query = "SELECT a, b, kind, y, id % 3 + 1 AS w, id FROM t";
        let text = t.analyze(t.plan(query, request).await.unwrap()).await;
        assert_eq!(text.contains("spill_count=0"), memory_bytes.is_none(), "{text}");
        distinct.insert(t.model("m").model.weights.values().flat_map(|w| w.buffer().to_vec()).collect::<Vec<u8>>());
    }
    assert_eq!(distinct.len(), 1);
}
