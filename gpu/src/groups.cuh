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

// ---- many groups: rows by parts of the groups, then tables of parts ----

// Rows of a tile; parts of the groups, at most.
template <class T> struct Split {
  static constexpr int WARPS = 16, THREADS = 32 * WARPS, ITEMS = sizeof(T) == 8 ? 8 : 16, WARP = 32 * ITEMS, TILE = WARPS * WARP;
};
constexpr int PARTS = 256;
// Bits of a group, and of its place in its part.
constexpr int GROUP_BITS = 20, CELL_BITS = 12;
// Runs of tiles, at most: a task takes whole ones. Rows of a task, about.
constexpr int RUNS = 256, TASK = 65536;

// The sum of the numbers of all threads before this one.
template <int WARPS> __device__ u32 sum_before(u32 x) {
  __shared__ u32 warps[WARPS];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  u32 upto = x;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const u32 y = __shfl_up_sync(0xffffffffu, upto, distance);
    if (lane >= distance) upto += y;
  }
  if (lane == 31) warps[warp] = upto;
  __syncthreads();
  u32 before = upto - x;
  for (int w = 0; w < warp; ++w) before += warps[w];
  return before;
}

// Each tile's rows in the order of their parts, of EACH groups: values, and cells in the part. `ends` [tiles, PARTS] says where
// each part ends in its tile. Rows of no group go nowhere.
template <int EACH, class T, class Index>
__device__ void split(const T* values, const Index* indices, at_t rows, at_t size, T* values_into, u16* cells_into, u16* ends,
                      u64* of_parts) {
  using Own = Split<T>;
  __shared__ Pack<T, 16 / sizeof(T)> raw[Own::TILE * sizeof(T) / 16 < Own::TILE / 8 ? Own::TILE * 2 / 16 : Own::TILE * sizeof(T) / 16];
  __shared__ u16 of_warps[Own::WARPS][PARTS]; // rows of each part, then where its next one goes
  T* const own_values = (T*)raw;
  u16* const own_cells = (u16*)raw;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (at_t i = first_thread(); i < PARTS; i += all_threads()) of_parts[i] = 0; // for what counts them afterwards
  for (at_t tile = blockIdx.x; tile < pieces(rows, Own::TILE); tile += gridDim.x) {
    const at_t base = tile * Own::TILE;
    int row[Own::ITEMS]; // its group, and later its place among the warp's rows of its part; -1 without a group
    T value[Own::ITEMS];
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      const at_t at = base + warp * Own::WARP + r * 32 + lane;
      row[r] = -1;
      if (at < rows) {
        const i64 found = indices[at];
        if (found >= 0 && found < (i64)size) row[r] = (int)found;
        value[r] = values[at];
      }
    }
    u32* const masks = (u32*)raw + warp * PARTS; // the lanes of each part
    for (int p = lane; p < PARTS; p += 32) masks[p] = of_warps[warp][p] = 0;
    __syncwarp();
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      const int part = row[r] / EACH;
      if (row[r] >= 0) atomicOr(masks + part, 1u << lane);
      __syncwarp();
      const u32 peers = row[r] >= 0 ? masks[part] : 0, below = __popc(peers & lanes_below());
      const u32 before = row[r] >= 0 ? of_warps[warp][part] : 0;
      __syncwarp();
      if (row[r] >= 0 && below == 0) {
        of_warps[warp][part] = (u16)(before + __popc(peers));
        masks[part] = 0;
      }
      __syncwarp();
      if (row[r] >= 0) row[r] |= (int)((before + below) << GROUP_BITS);
    }
    __syncthreads();
    u32 total = 0;
    if (threadIdx.x < PARTS) {
#pragma unroll
      for (int w = 0; w < Own::WARPS; ++w) total += of_warps[w][threadIdx.x];
    }
    u32 first = sum_before<Own::WARPS>(total);
    if (threadIdx.x < PARTS) {
      ends[tile * PARTS + (at_t)threadIdx.x] = (u16)(first + total);
#pragma unroll
      for (int w = 0; w < Own::WARPS; ++w) {
        const u32 of_warp = of_warps[w][threadIdx.x];
        of_warps[w][threadIdx.x] = (u16)first;
        first += of_warp;
      }
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      if (row[r] < 0) continue;
      const int group = row[r] & ((1 << GROUP_BITS) - 1), place = of_warps[warp][group / EACH] + (row[r] >> GROUP_BITS);
      own_values[place] = value[r];
      row[r] = place << CELL_BITS | group % EACH;
    }
    __syncthreads();
    constexpr int PACK = 16 / sizeof(T);
#pragma unroll
    for (int i = threadIdx.x; i < Own::TILE / PACK; i += Own::THREADS) unpacked(values_into + base + i * PACK, raw[i]);
    __syncthreads();
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      if (row[r] >= 0) own_cells[row[r] >> CELL_BITS] = (u16)(row[r] & ((1 << CELL_BITS) - 1));
    }
    __syncthreads();
#pragma unroll
    for (int i = threadIdx.x * 8; i < Own::TILE; i += Own::THREADS * 8) unpacked(cells_into + base + i, packed<8>(own_cells + i));
    __syncthreads(); // the next tile writes there again
  }
}

// Tiles in runs.
struct Runs {
  at_t tiles, each, runs;
  __device__ Runs(at_t tiles) : tiles(tiles), each(pieces(tiles, RUNS)), runs(tiles == 0 ? 0 : pieces(tiles, each)) {}
};

// Where a part begins in a tile, and where it ends.
struct Bounds {
  int start, end;
  __device__ Bounds() : start(0), end(0) {}
  __device__ Bounds(const u16* ends, at_t tile, int part)
      : start(part == 0 ? 0 : ends[tile * PARTS + part - 1]), end(ends[tile * PARTS + part]) {}
};

// How many rows of each part are in each run, `counts` [runs, PARTS], and in all. A thread a part.
__device__ void count_parts(const u16* ends, at_t tiles, u32* counts, u64* of_parts) {
  const Runs runs(tiles);
  for (at_t run = blockIdx.x; run < runs.runs; run += gridDim.x) {
    const at_t start = run * runs.each, end = tiles - start < runs.each ? tiles : start + runs.each;
    u32 total = 0;
#pragma unroll 8
    for (at_t tile = start; tile < end; ++tile) {
      const Bounds bounds(ends, tile, threadIdx.x);
      total += bounds.end - bounds.start;
    }
    counts[run * PARTS + (at_t)threadIdx.x] = total;
    atomicAdd(of_parts + threadIdx.x, (u64)total);
  }
}

// Tasks of a part of so many rows: each begins in a multiple of TASK rows, and takes whole runs, so that some are empty.
__device__ u32 tasks_of(u64 rows) { return (u32)(rows / TASK) + 1; }

// A part's tiles from `begin` to `end`.
struct Task {
  bool is_there;
  int part;
  at_t begin, end;
};

// For one warp. A lane looks at 8 parts, then at 8 runs.
__device__ Task task_of(at_t number, int parts, const u32* counts, const u64* of_parts, const Runs& runs) {
  const int lane = threadIdx.x % 32;
  u32 own = 0;
  for (int p = lane * 8; p < lane * 8 + 8; ++p) own += p < parts ? tasks_of(of_parts[p]) : 0;
  u32 upto = own;
  for (int distance = 1; distance < 32; distance *= 2) {
    const u32 y = __shfl_up_sync(0xffffffffu, upto, distance);
    if (lane >= distance) upto += y;
  }
  if ((u64)number >= __shfl_sync(0xffffffffu, upto, 31)) return {false, 0, 0, 0};
  const u32 others = __ballot_sync(0xffffffffu, upto > (u32)number);
  const int finder = __ffs(others) - 1;
  u32 left = (u32)number - (upto - own);
  int part = lane * 8;
  if (lane == finder) {
    for (u32 of_part; left >= (of_part = tasks_of(of_parts[part])); ++part) left -= of_part;
  }
  part = __shfl_sync(0xffffffffu, part, finder);
  left = __shfl_sync(0xffffffffu, left, finder);
  u64 rows = 0;
  for (int r = lane * 8; r < lane * 8 + 8; ++r) rows += r < runs.runs ? counts[r * PARTS + part] : 0;
  u64 before = rows;
  for (int distance = 1; distance < 32; distance *= 2) {
    const u64 y = __shfl_up_sync(0xffffffffu, before, distance);
    if (lane >= distance) before += y;
  }
  before -= rows;
  i64 begin = 0, end = 0; // how many runs are before it, and not after it
  for (int r = lane * 8; r < lane * 8 + 8 && r < runs.runs; ++r) {
    begin += before / TASK < left;
    end += before / TASK <= left;
    before += counts[r * PARTS + part];
  }
  begin = warp_fold<Sum>(begin) * runs.each;
  end = warp_fold<Sum>(end) * runs.each;
  return {true, part, (at_t)begin, (at_t)(end < runs.tiles ? end : runs.tiles)};
}

// What a warp reads at once: of 4 * STEP tiles, a quarter of it of each, the part's rows but for those after the first
// 8 * LONGEST.
constexpr int STEP = 2, LONGEST = 6, TILES = 4 * STEP, FIRST = 8 * LONGEST;
template <class T> struct Rows {
  int cell[STEP * LONGEST];
  T value[STEP * LONGEST];
  bool are_more;
};

__device__ void find(const u16* ends, at_t tile, const Task& task, Bounds (&bounds)[STEP]) {
#pragma unroll
  for (int k = 0; k < STEP; ++k) {
    const at_t own = tile + k * 4 + (at_t)threadIdx.x / 8;
    bounds[k] = own < task.end ? Bounds(ends, own, task.part) : Bounds();
  }
}

template <class T> __device__ void read(const T* values, const u16* cells, at_t tile, const Bounds (&bounds)[STEP], Rows<T>& rows) {
  rows.are_more = false;
#pragma unroll
  for (int k = 0; k < STEP; ++k) {
    const at_t from = (tile + k * 4 + (at_t)threadIdx.x / 8) * Split<T>::TILE;
    rows.are_more |= bounds[k].end - bounds[k].start > FIRST;
#pragma unroll
    for (int i = 0; i < LONGEST; ++i) {
      const int at = bounds[k].start + i * 8 + (int)threadIdx.x % 8, item = k * LONGEST + i;
      rows.cell[item] = -1;
      if (at < bounds[k].end) rows.cell[item] = cells[from + at], rows.value[item] = values[from + at];
    }
  }
}

// The rows of a part beyond the first ones of each tile.
template <class T, class Cells>
__device__ void add_rest(const T* values, const u16* cells, const u16* ends, at_t tile, const Task& task, Cells& table) {
  for (at_t own = tile; own < tile + TILES && own < task.end; ++own) {
    const Bounds bounds(ends, own, task.part);
    for (int first = bounds.start + FIRST; first < bounds.end; first += 256) {
      int cell[8];
      T value[8];
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        const int at = first + k * 32 + (int)threadIdx.x;
        cell[k] = -1;
        if (at < bounds.end) cell[k] = cells[own * Split<T>::TILE + at], value[k] = values[own * Split<T>::TILE + at];
      }
      table.add(cell, value);
    }
  }
}

// The table of each task, by one warp: `partial` [tasks, EACH].
template <class Op, int EACH, class Acc, class T>
__device__ void fold_parts(const T* values, const u16* cells, const u16* ends, const u32* counts, const u64* of_parts, at_t rows,
                           at_t size, Acc neutral, Acc* partial) {
  __shared__ Acc own[Table<Op, EACH, Acc>::SIZE];
  __shared__ u8 tags[Table<Op, EACH, Acc>::TAGS];
  Table<Op, EACH, Acc> table{own, tags, neutral};
  const Runs runs(pieces(rows, Split<T>::TILE));
  for (at_t number = blockIdx.x;; number += gridDim.x) {
    const Task task = task_of(number, (int)pieces(size, EACH), counts, of_parts, runs);
    if (!task.is_there) return;
    table.clear();
    Bounds bounds[STEP];
    Rows<T> now, next;
    find(ends, task.begin, task, bounds);
    read(values, cells, task.begin, bounds, now);
    find(ends, task.begin + TILES, task, bounds);
    for (at_t tile = task.begin; tile < task.end; tile += TILES) {
      read(values, cells, tile + TILES, bounds, next);
      find(ends, tile + 2 * TILES, task, bounds);
      table.add(now.cell, now.value);
      if (__any_sync(0xffffffffu, now.are_more)) add_rest(values, cells, ends, tile, task, table);
      now = next;
    }
    table.settle();
    for (int c = threadIdx.x; c < EACH; c += 32) partial[number * EACH + c] = own[c];
    __syncwarp(); // the next task clears them
  }
}

// The tables of each part, by a thread a group.
template <class Op, int EACH, class Acc, class T>
__device__ void join_parts(const Acc* partial, const u64* of_parts, at_t size, Acc neutral, T* output) {
  __shared__ u32 tasks[PARTS], firsts[PARTS];
  const u32 own = (at_t)threadIdx.x < pieces(size, EACH) ? tasks_of(of_parts[threadIdx.x]) : 0;
  const u32 before = sum_before<PARTS / 32>(own);
  tasks[threadIdx.x] = own, firsts[threadIdx.x] = before;
  __syncthreads();
  for (at_t group = first_thread(); group < size; group += all_threads()) {
    const int part = (int)(group / EACH);
    const Acc* const found = partial + (at_t)firsts[part] * EACH + group % EACH;
    Acc x = neutral;
#pragma unroll 4
    for (u32 t = 0; t < tasks[part]; ++t) x = Op::of(x, found[(at_t)t * EACH]);
    output[group] = convert<T>(x);
  }
}

} // namespace groups
