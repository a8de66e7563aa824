// ---- rows folded into few groups -----------------------------------------------------------------------------------
// Threads keep a number for each group and fold in registers; a block folds a chunk of the rows, then a block the chunks of
// each number. Chunks are cut by the number of rows alone, so the bits are the same in every run.

namespace grouped {

constexpr int THREADS = 256;

// The rows of a chunk: whole tiles, so many that there are no more than `most` chunks.
__device__ at_t chunk_length(at_t rows, at_t most, at_t least, at_t tile) {
  const at_t length = pieces(rows, most) < least ? least : pieces(rows, most);
  return pieces(length, tile) * tile;
}

// The fold of one number's chunks.
template <class Op, class T> __device__ void joined(const u64* partial, at_t chunks, u64* total, T neutral) {
  Folded<Op, T> fold{neutral};
#pragma unroll 4
  for (at_t c = (at_t)threadIdx.x; c < chunks; c += THREADS) fold.add(bits_as<T>(partial[c]));
  const T all = block_fold<Op, THREADS>(fold.total);
  if (threadIdx.x == 0) total[0] = bits_as<u64>(all);
}

// A sum of integers that 64 bits may not hold: that of the lower halves, and that of the upper ones.
__device__ void joined_wide(const u64* partial, at_t chunks, u64* total) {
  Folded<Sum, i64> lower{0}, upper{0};
#pragma unroll 4
  for (at_t c = (at_t)threadIdx.x; c < chunks; c += THREADS) {
    const i64 own = (i64)partial[c];
    lower.add(own & 0xffffffffll);
    upper.add(own >> 32);
  }
  const i64 low = block_fold<Sum, THREADS>(lower.total), high = block_fold<Sum, THREADS>(upper.total);
  if (threadIdx.x == 0) {
    total[0] = (u64)low;
    total[1] = (u64)high;
  }
}

} // namespace grouped
