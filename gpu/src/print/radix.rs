//! The passes of an order by digits (`radix.cuh`), as launches.

use std::collections::HashSet;

use gradframe_ml_core::{DType, Shape};
use gradframe_ml_kernels::schedule::Schedule;

use super::text::{Entry, c_type};
use crate::launch::{Argument, Count, Launch, Place, Temporary};

/// Threads of a block, as `radix::THREADS`.
pub const THREADS: u32 = 256;
/// Keys of the smallest tile, and digits.
const TILE_MIN: usize = 2048;
const DIGITS: usize = 256;
/// Blocks of a scan, at most, and its words for each of its tiles: see `scan`.
const SCAN_BLOCKS_MAX: usize = 2048;
const SCAN_WORDS: usize = 5;

/// Temporaries: keys and what they carry, each twice; the counts of digits; what blocks of a scan share.
const KEYS: usize = 0;
const CARRIED: usize = 2;
const COUNTS: usize = 4;
const WORDS: usize = 5;
/// The first temporary that is free for others.
pub const FREE: usize = 6;

/// What keys carry to their places.
#[derive(Clone, Copy, PartialEq)]
pub enum Carried {
    /// Positions.
    Places,
    /// Numbers of this type.
    Values(DType),
}

/// One source of launches, each entry once, and the launches.
pub fn joined(all: impl IntoIterator<Item = (String, Launch)>) -> (String, Vec<Launch>) {
    let (mut sources, launches): (Vec<String>, Vec<Launch>) = all.into_iter().unzip();
    let mut printed = HashSet::new();
    sources.retain(|source| printed.insert(source.clone()));
    (sources.join("\n"), launches)
}

/// An order of rows by keys that are unsigned integers.
pub struct Radix<'a> {
    pub schedule: &'a Schedule,
    pub name: &'a str,
    pub rows: &'a Shape,
    /// U32 or U64.
    pub key: DType,
    /// Bytes of a key that are not zero everywhere.
    pub bytes: usize,
    pub carried: Carried,
    /// Where positions go as i64 in the end; None leaves what was carried where [`Radix::sorted`] says.
    pub into: Option<Place>,
}

impl<'a> Radix<'a> {
    /// The memory that the passes share.
    pub fn temporaries(&self) -> Vec<Temporary> {
        let carried = match self.carried {
            Carried::Places => DType::I64, // room for positions of either width
            Carried::Values(dtype) => dtype,
        };
        let of_rows = |dtype| Temporary { dtype, count: Count::of(self.rows) };
        let of_tiles = |dtype, each| Temporary { dtype, count: Count::with_pieces(&Shape::fixed(&[each]), self.rows, TILE_MIN) };
        vec![
            of_rows(self.key),
            of_rows(self.key),
            of_rows(carried),
            of_rows(carried),
            of_tiles(DType::I64, DIGITS),
            of_tiles(DType::U64, SCAN_WORDS),
        ]
    }

    /// Where the first pass reads keys, and what they carry.
    pub fn first() -> [Place; 2] {
        [Place::Temporary(KEYS), Place::Temporary(CARRIED)]
    }

    /// Where the last pass leaves them.
    pub fn sorted(&self) -> [Place; 2] {
        let last = self.bytes % 2;
        [Place::Temporary(KEYS + last), Place::Temporary(CARRIED + last)]
    }

    /// The C type of what is carried.
    pub fn carried_type(&self) -> &'static str {
        match self.carried {
            Carried::Places => "at_t",
            Carried::Values(dtype) => c_type(dtype),
        }
    }

    /// All passes, in order. Entries that they share have the same source.
    pub fn passes(&self) -> Vec<(String, Launch)> {
        (0..self.bytes).flat_map(|pass| self.pass(pass)).collect()
    }

    /// An entry that reads the keys of a pass; the number of rows. All passes launch the same one: what differs are arguments.
    fn entry(&self, what: &str, pass: usize) -> (Entry<'a>, String) {
        let mut entry = Entry::new(self.schedule, format!("{}_{what}", self.name), THREADS);
        let rows = entry.count(self.rows.dims());
        entry.named(format!("const {}* __restrict__ keys", c_type(self.key)), Argument::Array(Place::Temporary(KEYS + pass % 2)));
        (entry, rows)
    }

    fn tiles(&self) -> Count {
        Count::with_pieces(&Shape::scalar(), self.rows, TILE_MIN)
    }

    fn pass(&self, pass: usize) -> [(String, Launch); 4] {
        let carried = self.carried_type();
        let counts = |entry: &mut Entry, c: &str| entry.named(format!("{c}* counts"), Argument::Array(Place::Temporary(COUNTS)));
        let words = |entry: &mut Entry| entry.named("u64* words", Argument::Array(Place::Temporary(WORDS)));
        let (mut count, rows) = self.entry("count", pass);
        counts(&mut count, "at_t");
        count.named("const at_t shift", Argument::Number(8 * pass));
        count.code.line(format!("radix::count<{carried}>(keys, {rows}, (int)shift, counts);"));
        let (mut clear, rows) = self.entry("clear", pass);
        words(&mut clear);
        clear.code.line(format!("radix::clear<{carried}>(keys, {rows}, words);"));
        let (mut scan, rows) = self.entry("scan", pass);
        counts(&mut scan, "at_t");
        words(&mut scan);
        scan.code.line(format!("radix::scan<{carried}>(keys, {rows}, counts, words);"));
        [
            count.finish(self.tiles(), 1, None),
            clear.finish(self.tiles(), THREADS, None),
            scan.finish(self.tiles().at_most(SCAN_BLOCKS_MAX), 1, None),
            self.moved(pass).finish(self.tiles(), 1, None),
        ]
    }

    /// The last pass need not say where keys went, if nobody asks for what was carried.
    fn moved(&self, pass: usize) -> Entry<'a> {
        let into = self.into.filter(|_| pass + 1 == self.bytes);
        let (mut entry, rows) = self.entry(if into.is_some() { "place" } else { "move" }, pass);
        entry.blocks = 3; // registers are short
        let (key, carried) = (c_type(self.key), self.carried_type());
        let [from, to] = [pass % 2, (pass + 1) % 2].map(|at| Argument::Array(Place::Temporary(CARRIED + at)));
        entry.named(format!("const {carried}* __restrict__ carried"), from);
        entry.named("const at_t* __restrict__ ends", Argument::Array(Place::Temporary(COUNTS)));
        let mut keys_into = "keys_into";
        match into {
            Some(place) => {
                entry.named("i64* __restrict__ into", Argument::Array(place));
                keys_into = "nullptr";
            }
            None => {
                entry.named(format!("{key}* __restrict__ keys_into"), Argument::Array(Place::Temporary(KEYS + (pass + 1) % 2)));
                entry.named(format!("{carried}* __restrict__ into"), to);
            }
        }
        entry.named("const at_t shift", Argument::Number(8 * pass));
        let keys_into = format!("({key}*){keys_into}");
        entry.code.line(format!("radix::move(keys, carried, {rows}, (int)shift, ends, {keys_into}, into);"));
        entry
    }
}
