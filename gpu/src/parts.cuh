// ---- rows folded into many groups: by parts of the groups, then tables of parts ----------------------------------------
// After `groups.cuh`, whose tables it has.

namespace groups {

// Rows of a tile; parts of the groups, at most.
template <class T> struct Split {
  static constexpr int WARPS = 16, THREADS = 32 * WARPS, ITEMS = sizeof(T) == 8 ? 8 : 16, WARP = 32 * ITEMS, TILE = WARPS * WARP;
};
constexpr int PARTS = 256;
// Bits of a group, and of its place in its part.
constexpr int GROUP_BITS = 20, CELL_BITS = 12;
// Runs of tiles, at most: a task takes whole ones. Rows of a task, about.
constexpr int RUNS = 256, TASK = 65536;

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
    u32 first = block_sum_before<Own::WARPS>(total);
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
  const u32 upto = warp_sum_upto(own);
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
  u64 before = warp_sum_upto(rows) - rows;
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
  const u32 before = block_sum_before<PARTS / 32>(own);
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
