//! The elements that a mask keeps (`compact.cuh`). How many they are is known when they are there, so this is no node of a
//! schedule, whose shapes are known before, but a method of the device.

use gradframe_ml_core::DType;

use super::text::c_type;

/// Threads of a block, elements of a tile, blocks at most, and words that blocks share for each tile.
pub const THREADS: u32 = 256;
pub const TILE: usize = 4096;
pub const BLOCKS_MAX: usize = 2048;
pub const WORDS: usize = 5;
/// The entries: one clears the words, the other takes the elements.
pub const CLEAR: &str = "compact_clear";
pub const PICK: &str = "compact_pick";

/// Both entries for elements of this type: [`CLEAR`] is called with words and their number, [`PICK`] with values, mask, the number
/// of elements, output, where the number that is kept goes, and words.
pub fn entries(dtype: DType) -> String {
    let c = c_type(dtype);
    format!(
        "extern \"C\" __global__ void __launch_bounds__({THREADS}) {CLEAR}(u64* words, const i64 count) {{\n\
         \x20 scans::clear(words, (at_t)count);\n}}\n\
         extern \"C\" __global__ void __launch_bounds__({THREADS}, 8) {PICK}(\n\
         \x20   const {c}* __restrict__ values, const bool* __restrict__ mask, const i64 count,\n\
         \x20   {c}* __restrict__ output, i64* kept, u64* words) {{\n\
         \x20 compact::pick(values, mask, (at_t)count, output, kept, words);\n}}\n"
    )
}
