// ---- rows folded into groups, without sorting ------------------------------------------------------------------------
// Each warp folds the rows that are its own into a table of its own in shared memory; then tables are folded in their
// order. Rows of one group among a warp's 32 are folded among themselves first, in a tree that the groups alone shape. So
// floats, too, give the same bits in every run.

namespace groups {

__device__ constexpr int log2_up(int n) { return n <= 1 ? 0 : 1 + log2_up((n + 1) / 2); }

// So many lanes that have another one's cell are looked at one by one.
constexpr int FEW_PEERS = 4;

// The fold over each set of peers, which their first lane gets: neighbours among them in pairs, then pairs of pairs.
template <class Op, class Acc> __device__ Acc folded(Acc x, u32 peers) {
  const u32 lower = lanes_below();
  u32 number = __popc(peers & lower), after = peers & ~lower & ~(lower + 1);
  while (__any_sync(0xffffffffu, after != 0)) {
    const Acc y = __shfl_sync(0xffffffffu, x, after == 0 ? 0 : __ffs(after) - 1);
    if (after != 0) x = Op::of(x, y);
    after &= ~__ballot_sync(0xffffffffu, (number & 1) != 0); // they have been taken
    number >>= 1;
  }
  return x;
}

// A warp's table. Few cells are each lane's own, until they are settled. Of more, a lane leaves its tag at its cell: who finds
// another's there has a peer.
template <class Op, int CELLS, class Acc> struct Table {
  static constexpr bool IS_OF_LANES = CELLS <= 32;
  static constexpr int SIZE = IS_OF_LANES ? CELLS * 32 : CELLS, TAGS = IS_OF_LANES ? 1 : CELLS, BITS = log2_up(CELLS);
  Acc* const own;      // SIZE of them
  u8* const own_tags;  // TAGS of them
  const Acc neutral;

  __device__ void clear() {
    for (int c = threadIdx.x % 32; c < SIZE; c += 32) own[c] = neutral;
    __syncwarp();
  }

  __device__ void fold(int cell, Acc x) { own[cell] = Op::of(own[cell], x); }

  // Whether this lane has another one's cell, for all but one of a cell's lanes.
  __device__ bool is_taken(int cell, int tag) {
    if (cell >= 0) own_tags[cell] = (u8)tag;
    __syncwarp();
    return cell >= 0 && own_tags[cell] != (u8)tag;
  }

  // The fold of each cell's lanes, which their first one gets: it says whether this lane is one.
  __device__ bool fold_peers(int cell, Acc& x, u32 taken) {
    const int lane = threadIdx.x % 32;
    if (__popc(taken) == 31) { // all lanes have one cell
      x = warp_fold<Op>(x);
      return lane == 0;
    }
    if (__popc(taken) > FEW_PEERS) {
      const u32 peers = peers_of<BITS>(cell);
      x = folded<Op>(cell >= 0 ? x : neutral, peers);
      return peers != 0 && (peers & lanes_below()) == 0;
    }
    bool is_first = cell >= 0;
    while (taken != 0) {
      const int found = __shfl_sync(0xffffffffu, cell, __ffs(taken) - 1);
      const u32 peers = __ballot_sync(0xffffffffu, cell == found);
      const int first = __ffs(peers) - 1;
      if (cell == found) is_first = lane == first;
      for (u32 rest = peers & (peers - 1); rest != 0; rest &= rest - 1) {
        const Acc y = __shfl_sync(0xffffffffu, x, __ffs(rest) - 1);
        if (lane == first) x = Op::of(x, y);
      }
      taken &= ~peers;
    }
    return is_first;
  }

  __device__ void add_one(int cell, Acc x) {
    bool is_first = cell >= 0;
    const u32 taken = __ballot_sync(0xffffffffu, is_taken(cell, threadIdx.x % 32));
    if (taken != 0) is_first = fold_peers(cell, x, taken);
    if (is_first) fold(cell, x);
    __syncwarp();
  }

  // Whether all values of all lanes have one cell, as in rows that are sorted.
  template <int N> static __device__ bool are_one(const int (&cell)[N]) {
    const int first = __shfl_sync(0xffffffffu, cell[0], 0);
    bool differ = first < 0;
#pragma unroll
    for (int k = 0; k < N; ++k) differ |= cell[k] != first;
    return !__any_sync(0xffffffffu, differ);
  }

  // N values of each lane; those without a cell (-1) are none.
  template <int N, class T> __device__ void add(const int (&cell)[N], const T (&value)[N]) {
    const int lane = threadIdx.x % 32;
    if constexpr (IS_OF_LANES) {
#pragma unroll
      for (int k = 0; k < N; ++k) {
        if (cell[k] >= 0) fold(cell[k] * 32 + lane, convert<Acc>(value[k]));
      }
    } else if (are_one(cell)) {
      Acc wide[N];
#pragma unroll
      for (int k = 0; k < N; ++k) wide[k] = convert<Acc>(value[k]);
      const Acc x = warp_fold<Op>(fold_of<Op, N>(wide));
      if (lane == 0) fold(cell[0], x);
      __syncwarp();
    } else {
#pragma unroll
      for (int k = 0; k < N; ++k) add_one(cell[k], convert<Acc>(value[k]));
    }
  }

  // After this, a cell's fold is at its number.
  __device__ void settle() {
    __syncwarp();
    if constexpr (IS_OF_LANES) {
      for (int c = 0; c < CELLS; ++c) {
        const Acc x = warp_fold<Op>(own[c * 32 + threadIdx.x % 32]);
        __syncwarp(); // all have read it
        if (threadIdx.x % 32 == 0) own[c] = x;
      }
      __syncwarp();
    }
  }
};

// ---- few groups: tables of chunks of rows ----

// Warps of a block, each with a table; and what a thread reads at once.
template <int CELLS> struct Few {
  static constexpr int WARPS = CELLS <= 1024 ? 3 : CELLS <= 2048 ? 2 : 1, THREADS = 32 * WARPS, ITEMS = 8, STEP = THREADS * ITEMS;
};
constexpr int CHUNK = 16384, CHUNKS = 4096; // elements of a chunk at least, and chunks at most

struct Chunks {
  at_t chunks, each;
  __device__ Chunks(at_t count, int step) {
    const at_t whole = pieces(count, CHUNK);
    chunks = whole < CHUNKS ? whole : CHUNKS;
    each = chunks == 0 ? 0 : pieces(pieces(count, chunks), step) * step;
  }
};

// The cells of ITEMS elements of a thread, in packs of 4, and their values.
template <int ITEMS, class T, class Index>
__device__ void read(const T* values, const Index* indices, at_t at, int step, at_t end, at_t size, at_t inner, int (&cell)[ITEMS],
                     T (&value)[ITEMS]) {
  const bool is_packed = inner == 1 && (u64)values % sizeof(Pack<T, 4>) == 0 && (u64)indices % sizeof(Pack<Index, 4>) == 0;
  const auto cell_of = [&](i64 group, at_t rest) { return group >= 0 && group < (i64)size ? (int)(group * inner + rest) : -1; };
#pragma unroll
  for (int k = 0; k < ITEMS; k += 4, at += step) {
    if (is_packed && at + 4 <= end) {
      const Pack<Index, 4> index = packed<4>(indices + at);
      const Pack<T, 4> found = packed<4>(values + at);
#pragma unroll
      for (int v = 0; v < 4; ++v) cell[k + v] = cell_of((i64)index.at[v], 0), value[k + v] = found.at[v];
    } else {
#pragma unroll
      for (int v = 0; v < 4; ++v) {
        cell[k + v] = -1;
        if (at + v >= end) continue;
        cell[k + v] = cell_of((i64)indices[(at + v) / inner], (at + v) % inner);
        value[k + v] = values[at + v];
      }
    }
  }
}

// `values` [rows, inner] in chunks: `partial` [chunks, CELLS], where CELLS = size * inner.
template <class Op, int CELLS, class Acc, class T, class Index>
__device__ void fold_chunks(const T* values, const Index* indices, at_t rows, at_t size, at_t inner, Acc neutral, Acc* partial) {
  using Own = Few<CELLS>;
  __shared__ Acc tables[Own::WARPS][Table<Op, CELLS, Acc>::SIZE];
  __shared__ u8 tags[Own::WARPS][Table<Op, CELLS, Acc>::TAGS];
  Table<Op, CELLS, Acc> table{tables[threadIdx.x / 32], tags[threadIdx.x / 32], neutral};
  const at_t count = rows * inner;
  const Chunks chunks(count, Own::STEP);
  for (at_t task = blockIdx.x; task < chunks.chunks; task += gridDim.x) {
    const at_t start = task * chunks.each, end = count - start < chunks.each ? count : start + chunks.each;
    table.clear();
    for (at_t base = start; base < end; base += Own::STEP) {
      int cell[Own::ITEMS];
      T value[Own::ITEMS];
      read(values, indices, base + (at_t)threadIdx.x * 4, 4 * Own::THREADS, end, size, inner, cell, value);
      table.add(cell, value);
    }
    table.settle();
    __syncthreads();
    for (int c = threadIdx.x; c < CELLS; c += Own::THREADS) {
      Acc x = tables[0][c];
#pragma unroll
      for (int w = 1; w < Own::WARPS; ++w) x = Op::of(x, tables[w][c]);
      partial[task * CELLS + c] = x;
    }
    __syncthreads(); // the next chunk's tables
  }
}

// The chunks of each cell, by a block of 32 warps for 32 cells side by side.
template <class Op, int CELLS, class Acc, class T>
__device__ void join_chunks(const Acc* partial, T* output, at_t count, Acc neutral) {
  constexpr int WARPS = 32;
  __shared__ Acc found[WARPS][32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const Chunks chunks(count, Few<CELLS>::STEP);
  for (int first = blockIdx.x * 32; first < CELLS; first += gridDim.x * 32) {
    const int cell = first + lane;
    Acc x = neutral;
    if (cell < CELLS) {
#pragma unroll 8
      for (at_t c = warp; c < chunks.chunks; c += WARPS) x = Op::of(x, partial[c * CELLS + cell]);
    }
    found[warp][lane] = x;
    __syncthreads();
    if (warp == 0 && cell < CELLS) {
      for (int w = 1; w < WARPS; ++w) x = Op::of(x, found[w][lane]);
      output[cell] = convert<T>(x);
    }
    __syncthreads(); // the next cells
  }
}

} // namespace groups
