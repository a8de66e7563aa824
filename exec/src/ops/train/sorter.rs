//! Puts rows in the order of their keys: in memory while the session's pool allows, else as sorted runs on the disk.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::datatypes::DataType;
use gradframe_ml_core::Result;
use rayon::slice::ParallelSliceMut;

use super::disk::{BATCH_ROWS, Disk, Run};
use super::merge::Merge;
use super::rows::{Place, RawBatch, prefix};
use crate::memory::Memory;

/// Runs that are merged at once. More are merged in several passes.
pub(super) const FAN_IN: usize = 64;

/// Rows on their way into order.
#[derive(Debug)]
pub(super) struct Sorter {
    disk: Disk,
    memory: Memory,
    /// Most that `memory` is grown to.
    most: usize,
    batches: Vec<Arc<RawBatch>>,
    runs: Vec<Run>,
    rows: usize,
    bytes: usize,
}

/// A row while it is sorted.
struct Entry {
    prefix: u64,
    place: Place,
}

impl Sorter {
    /// No rows yet. `memory` can spill. Of `sharing` sorters that fill at the same time all get the same part of half of
    /// the session's memory: the other half is for what gives them rows, not all of which counts its memory.
    pub fn new(disk: Disk, memory: Memory, sharing: usize) -> Self {
        let most = memory.limit_bytes().map_or(usize::MAX, |limit| limit / 2 / sharing);
        Sorter { disk, memory, most, batches: vec![], runs: vec![], rows: 0, bytes: 0 }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of all rows so far, wherever they are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that are held in memory.
    pub fn memory_bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// The type of a column; None without rows.
    pub fn data_type(&self, column: usize) -> Result<Option<DataType>> {
        let mut found = self.batches.first().map(|batch| batch.columns[column].data_type().clone());
        if let (None, Some(run)) = (&found, self.runs.first()) {
            found = run.read().next()?.map(|batch| batch.columns[column].data_type().clone());
        }
        Ok(found)
    }

    /// Looks at all rows, in no particular order.
    pub fn for_each(&self, mut f: impl FnMut(&RawBatch) -> Result<()>) -> Result<()> {
        for run in &self.runs {
            let mut batches = run.read();
            while let Some(batch) = batches.next()? {
                f(&batch)?;
            }
        }
        self.batches.iter().try_for_each(|batch| f(batch))
    }

    /// Adds rows. False if the pool has no room for them: then [`Sorter::spill`] is to come next.
    pub fn push(&mut self, batch: RawBatch) -> Result<bool> {
        let bytes = batch.memory_bytes()? + batch.rows() * (size_of::<Entry>() + size_of::<Place>());
        self.rows += batch.rows();
        self.bytes += bytes;
        self.batches.push(Arc::new(batch));
        Ok(self.memory.bytes() + bytes <= self.most && self.memory.try_grow(bytes))
    }

    /// Writes what is in memory as a sorted run and gives the memory back.
    /// Errors: `Resources` if the disk or its limit is full.
    pub fn spill(&mut self) -> Result<()> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let mut entries = entries(&self.batches); // on this thread: other partitions are at it on theirs
        entries.sort_unstable_by(|a, b| compare(a, b, &self.batches));
        self.runs.push(self.disk.write_places(&self.batches, &places(entries))?);
        self.batches.clear();
        self.memory.free();
        // Every run is an open file, of which there may not be many.
        if self.runs.len() < 2 * FAN_IN { Ok(()) } else { self.merge_some() }
    }

    /// These rows and the rows of another, in memory where they were.
    pub fn and(mut self, other: Sorter) -> Sorter {
        let Sorter { memory, batches, runs, rows, bytes, .. } = other;
        self.memory.absorb(memory);
        self.batches.extend(batches);
        self.runs.extend(runs);
        self.rows += rows;
        self.bytes += bytes;
        self
    }

    /// All rows in order.
    /// Errors: `Resources` if the disk or its limit is full.
    pub fn finish(mut self) -> Result<Sorted> {
        if self.runs.is_empty() {
            let mut entries = entries(&self.batches);
            entries.par_sort_unstable_by(|a, b| compare(a, b, &self.batches));
            return Ok(Sorted::Memory { batches: self.batches.into(), places: places(entries), memory: self.memory });
        }
        self.spill()?;
        while self.runs.len() > FAN_IN {
            self.merge_some()?;
        }
        Ok(Sorted::Runs { runs: self.runs })
    }

    /// Replaces the first runs by one.
    fn merge_some(&mut self) -> Result<()> {
        let rest = self.runs.split_off(FAN_IN);
        let merging = std::mem::replace(&mut self.runs, rest);
        let mut merge = Merge::new(&merging)?;
        let Some(schema) = merge.schema() else { return Ok(()) };
        let batches = std::iter::from_fn(|| merge.next(BATCH_ROWS).transpose());
        let batches = batches.map(|round| round.and_then(|round| RawBatch::gather(&round.batches, &round.places)));
        self.runs.push(self.disk.write_run(&schema, batches)?);
        Ok(())
    }
}

/// Rows in order.
#[derive(Debug)]
pub(super) enum Sorted {
    Memory {
        batches: Arc<[Arc<RawBatch>]>,
        places: Vec<Place>,
        /// What they take.
        memory: Memory,
    },
    /// At most `FAN_IN` sorted runs.
    Runs { runs: Vec<Run> },
}

impl Sorted {
    /// The key of the row at this place in the order.
    pub fn key(&self, at: usize) -> Result<Option<Vec<u8>>> {
        match self {
            Sorted::Memory { batches, places, .. } => {
                Ok(places.get(at).map(|&(batch, row)| batches[batch as usize].key(row as usize).to_vec()))
            }
            Sorted::Runs { runs } => Merge::new(runs)?.key(at),
        }
    }
}

fn entries(batches: &[Arc<RawBatch>]) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(batches.iter().map(|batch| batch.rows()).sum());
    for (b, batch) in (0..).zip(batches) {
        entries.extend((0..batch.rows()).map(|row| Entry { prefix: prefix(batch.key(row)), place: (b, row as u32) }));
    }
    entries
}

fn places(entries: Vec<Entry>) -> Vec<Place> {
    entries.into_iter().map(|entry| entry.place).collect()
}

fn compare(a: &Entry, b: &Entry, batches: &[Arc<RawBatch>]) -> Ordering {
    let key = |entry: &Entry| batches[entry.place.0 as usize].key(entry.place.1 as usize);
    a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use datafusion::execution::TaskContext;
    use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};

    use super::super::dataset::Digest;
    use super::super::rows::KeyMaker;
    use super::*;

    struct Session {
        context: TaskContext,
        spilled: SpillMetrics,
        pool: Arc<dyn MemoryPool>,
    }

    fn session(memory_bytes: usize) -> Session {
        let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(memory_bytes));
        let env = RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&pool)).build_arc().unwrap();
        let spilled = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        Session { context: TaskContext::default().with_runtime(env), spilled, pool }
    }

    fn batches() -> Vec<RawBatch> {
        let keys = KeyMaker::new(&[DataType::Int64], &[], 3).unwrap();
        let batch = |from: i64| {
            let columns = vec![Arc::new(Int64Array::from_iter_values(from..from + 50)) as ArrayRef];
            RawBatch { keys: keys.keys(&columns, &[], &mut Digest::default()).unwrap(), columns }
        };
        (0..200).map(|i| batch(i * 37)).collect()
    }

    fn sorter(session: &Session) -> Sorter {
        let disk = Disk::new(&session.context, session.spilled.clone());
        let mut rows = Sorter::new(disk, Memory::spillable("test", &session.context), 1);
        for batch in batches() {
            if !rows.push(batch).unwrap() {
                rows.spill().unwrap();
            }
        }
        rows
    }

    fn values(sorted: Sorted) -> Vec<i64> {
        let numbers = |batches: &[Arc<RawBatch>], places: &[Place]| {
            RawBatch::gather(batches, places).unwrap().columns[0].as_primitive::<Int64Type>().values().to_vec()
        };
        match sorted {
            Sorted::Memory { batches, places, .. } => numbers(&batches, &places),
            Sorted::Runs { runs } => {
                let mut merge = Merge::new(&runs).unwrap();
                let rounds = std::iter::from_fn(|| merge.next(333).unwrap());
                rounds.flat_map(|round| numbers(&round.batches, &round.places)).collect()
            }
        }
    }

    #[test]
    fn the_order_is_the_same_in_memory_and_through_several_passes_of_merging() {
        let roomy = session(10 << 20);
        let in_memory = sorter(&roomy);
        assert_eq!((in_memory.rows(), roomy.spilled.spill_file_count.value()), (10_000, 0));
        let expected = values(in_memory.finish().unwrap());
        assert_eq!(expected.len(), 10_000);
        for memory_bytes in [6_000, 200_000] {
            let tight = session(memory_bytes);
            let rows = sorter(&tight);
            assert_eq!(rows.runs.len() > FAN_IN, memory_bytes == 6_000, "{} runs", rows.runs.len());
            let sorted = rows.finish().unwrap();
            assert_eq!(tight.pool.reserved(), 0);
            assert_eq!(sorted.key(5_000).unwrap().unwrap().len(), 16);
            assert!(values(sorted) == expected);
            assert!(tight.spilled.spilled_rows.value() >= 10_000);
            assert_eq!(tight.context.runtime_env().disk_manager.used_disk_space(), 0, "files are gone with the rows");
        }
    }

    #[test]
    fn no_rows_are_in_order() {
        let session = session(1000);
        let rows =
            Sorter::new(Disk::new(&session.context, session.spilled.clone()), Memory::spillable("test", &session.context), 1);
        assert!(values_of_nothing(rows.finish().unwrap()));
    }

    fn values_of_nothing(sorted: Sorted) -> bool {
        matches!(sorted, Sorted::Memory { places, .. } if places.is_empty())
    }
}
