// ---- scans of lines that lie one after the other -------------------------------------------------------------------
// One pass over the array: a block takes tiles in their order, tells the total of each as soon as it is known, and asks
// for what stands before it. What is folded with what is said by sizes alone (below), so the bits are the same in every
// run; flags and tickets only say when.

#ifdef __CUDACC__
#define GF_ALIGNED alignas(16)
#else
#define GF_ALIGNED
#endif
#ifndef GF_SCAN_GROUP
#define GF_SCAN_GROUP 256
#endif

namespace scans {

constexpr int THREADS = 256, WARPS = THREADS / 32;
// Tiles of a group: a tile is folded with the tiles of its group before it, and with the total of all groups before.
constexpr int GROUP = GF_SCAN_GROUP;
static_assert(GROUP <= THREADS, "a thread reads a tile's total, and the last one the groups'");

// What a thread reads at once.
template <class T> struct GF_ALIGNED Pack {
  static constexpr int COUNT = 16 / sizeof(T);
  T of[COUNT];
};

// How a tile lies: `ROWS` rows of a warp, each of a pack a lane; the warps one after the other.
template <class T> struct Tile {
  static constexpr int PACK = Pack<T>::COUNT, ROWS = PACK <= 4 ? 8 : 32 / PACK;
  static constexpr int ROW = 32 * PACK, WARP = ROWS * ROW, COUNT = WARPS * WARP;
};

// What a block tells others: a number's bits, and whether it is there. One access of 128 bits, which nothing divides.
struct Told {
  u64 bits, is_told;
};

template <class T> __device__ void tell(Told* at, T x) {
  u64 bits = 0;
  memcpy(&bits, &x, sizeof(T));
#ifdef __CUDA_ARCH__
  asm volatile("{ .reg .b128 both; mov.b128 both, {%1, %2}; st.relaxed.gpu.global.b128 [%0], both; }" ::"l"(at), "l"(bits), "l"(1ull)
               : "memory");
#else
  *at = {bits, 1};
#endif
}

// A number that another block tells. That block has a lower ticket, so it runs: this ends.
template <class T> __device__ T asked(const Told* at) {
  Told told = {0, 0};
  for (u32 turn = 0; told.is_told == 0; ++turn) {
    if (turn == 1u << 26) __trap(); // an error is better than a device that hangs
#ifdef __CUDA_ARCH__
    asm volatile("{ .reg .b128 both; ld.relaxed.gpu.global.b128 both, [%2]; mov.b128 {%0, %1}, both; }"
                 : "=l"(told.bits), "=l"(told.is_told)
                 : "l"(at)
                 : "memory");
#else
    told = *at;
#endif
  }
  T x;
  memcpy(&x, &told.bits, sizeof(T));
  return x;
}

// What blocks share, all 0 at first: the totals of tiles and of groups, and the next ticket.
struct Shared {
  Told *of_tiles, *of_groups;
  u32* tickets;
  __device__ Shared(u64* words, at_t tiles)
      : of_tiles((Told*)words), of_groups((Told*)words + tiles), tickets((u32*)(words + 4 * tiles)) {}
  __device__ at_t next_tile() const { return (at_t)atomicAdd(tickets, 1u); }
};

// Where the lines of an array begin, seen from one tile. With `LINES` false there is one line, and every test of a start
// is false at compile time.
template <bool LINES, int TILE> struct Lines {
  at_t size, base, at_base; // elements of a line; the tile's first element, and its position in its line
  __device__ Lines(at_t size, at_t base) : size(size), base(base), at_base(LINES ? base % size : base) {}
  // The position in its line of an element of the tile.
  __device__ at_t position(int offset) const {
    const at_t at = at_base + offset;
    if (!LINES || at < size) return at;
    return size > TILE ? at - size : (at_t)((u32)at % (u32)size);
  }
  // How many elements from this position to the next start, and from one start to the next; what is beyond the tile is
  // as good as anything beyond it.
  __device__ int until_start(at_t position) const { return !LINES ? TILE : position == 0 ? 0 : shortened(size - position); }
  __device__ int step() const { return shortened(size); }
  static __device__ int shortened(at_t count) { return count < 2 * TILE ? (int)count : 2 * TILE; }
  // Whether a line starts among the `count` elements up to the one at this position.
  static __device__ bool starts(at_t last, int count) { return LINES && last < count; }
  // Where the line of the tile's first element starts.
  __device__ at_t line_start() const { return LINES ? base - at_base : 0; }
};

// The fold of all elements of the line before this tile. Of its group each thread takes a tile, and the last thread the
// groups before.
template <class Op, class Acc, bool LINES, int TILE>
__device__ Acc before(at_t tile, const Lines<LINES, TILE>& lines, const Shared& shared, Acc neutral) {
  if (tile == 0 || (LINES && lines.at_base == 0)) return neutral;
  const at_t group = tile / GROUP, first = group * GROUP, from = lines.line_start() / TILE;
  Acc found = neutral;
  const at_t own = first + (at_t)threadIdx.x;
  if (threadIdx.x == THREADS - 1) {
    if (from < first) found = asked<Acc>(shared.of_groups + group - 1);
  } else if (own >= from && own < tile) {
    found = asked<Acc>(shared.of_tiles + own);
  }
  return block_fold<Op, THREADS>(found);
}

// Whether a tile's packs are moved as packs: it is a whole one, of an array that begins where a pack may.
template <class T> __device__ bool is_packed(const T* array, at_t base, at_t count) {
  return base + Tile<T>::COUNT <= count && (u64)array % sizeof(Pack<T>) == 0;
}

// The tile's packs; what lies beyond the array is 0, and nothing comes after it.
template <class T> __device__ void read(const T* values, at_t base, at_t count, Pack<T>* packs) {
  using Own = Tile<T>;
  const int first = (int)threadIdx.x / 32 * Own::WARP + (int)threadIdx.x % 32 * Own::PACK;
  if (is_packed(values, base, count)) {
#pragma unroll
    for (int r = 0; r < Own::ROWS; ++r) packs[r] = *(const Pack<T>*)(values + base + first + r * Own::ROW);
    return;
  }
#pragma unroll
  for (int r = 0; r < Own::ROWS; ++r) {
#pragma unroll
    for (int v = 0; v < Own::PACK; ++v) {
      const at_t at = base + first + r * Own::ROW + v;
      packs[r].of[v] = at < count ? values[at] : T{};
    }
  }
}

// The same number, of which the compiler does not know that it is: what was computed from it need not stay in registers.
template <class T> __device__ void renew(Pack<T>& pack) {
#ifdef __CUDA_ARCH__
  u32 words[4];
  memcpy(words, &pack, 16);
#pragma unroll
  for (int i = 0; i < 4; ++i) asm volatile("" : "+r"(words[i]));
  memcpy(&pack, words, 16);
#endif
}

template <class T> __device__ void write(T* output, at_t at, at_t base, at_t count, const Pack<T>& pack) {
  if (is_packed(output, base, count)) {
    *(Pack<T>*)(output + at) = pack;
    return;
  }
#pragma unroll
  for (int v = 0; v < Tile<T>::PACK; ++v) {
    if (at + v < count) output[at + v] = pack.of[v];
  }
}

// Folds on over a pack, which may hold starts of lines; what `each` is told is stored, if anything.
template <class Op, class Acc, class T, bool LINES, int TILE, class Each>
__device__ Acc folded(Acc x, const Pack<T>& pack, const Lines<LINES, TILE>& lines, int until, Acc neutral, Each each) {
#pragma unroll
  for (int v = 0; v < Pack<T>::COUNT; ++v) {
    if (LINES && v == until) {
      x = neutral;
      until += lines.step();
    }
    x = Op::of(x, convert<Acc>(pack.of[v]));
    each(v, x);
  }
  return x;
}

template <class Op, bool LINES, class Acc, class T>
__device__ void scan_tile(const T* values, T* output, at_t count, at_t tile, const Lines<LINES, Tile<T>::COUNT>& lines,
                          const Shared& shared, Acc neutral) {
  using Own = Tile<T>;
  __shared__ Acc warps[WARPS], rows[WARPS][Own::ROWS];
  __shared__ bool warp_starts[WARPS]; // whether a line starts there
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, first = warp * Own::WARP + lane * Own::PACK;
  Pack<T> packs[Own::ROWS];
  read(values, lines.base, count, packs);
  Acc lanes_before[Own::ROWS], total = neutral;
  int until[Own::ROWS];
  u32 row_starts = 0, lane_starts = 0; // bits of rows: a line starts in it, or in it before this lane
#pragma unroll
  for (int r = 0; r < Own::ROWS; ++r) {
    const at_t at = lines.position(first + r * Own::ROW);
    until[r] = lines.until_start(at);
    if (lines.starts(at, lane * Own::PACK + 1)) lane_starts |= 1u << r;
    Acc x = folded<Op>(neutral, packs[r], lines, until[r], neutral, [](int, Acc) {});
    const at_t last = LINES ? lines.position(first + r * Own::ROW + Own::PACK - 1) : 0;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const Acc y = __shfl_up_sync(0xffffffffu, x, distance);
      if (lane >= distance && !lines.starts(last, distance * Own::PACK)) x = Op::of(y, x);
    }
    lanes_before[r] = __shfl_up_sync(0xffffffffu, x, 1);
    if (lane == 0) lanes_before[r] = neutral;
    const Acc row = __shfl_sync(0xffffffffu, x, 31);
    const bool is_start = LINES && lines.starts(__shfl_sync(0xffffffffu, last, 31), Own::ROW);
    if (is_start) row_starts |= 1u << r;
    if (lane == 0) rows[warp][r] = row;
    total = is_start ? row : Op::of(total, row);
    renew(packs[r]);
  }
  if (lane == 0) warps[warp] = total, warp_starts[warp] = row_starts != 0;
  __syncthreads();
  const auto joined = [&](Acc fold, int end) { // the warps before `end`, one after the other
    for (int w = 0; w < end; ++w) fold = LINES && warp_starts[w] ? warps[w] : Op::of(fold, warps[w]);
    return fold;
  };
  if (threadIdx.x == 0) tell(shared.of_tiles + tile, joined(neutral, WARPS));
  const Acc prefix = before<Op>(tile, lines, shared, neutral);
  if (threadIdx.x == 0 && tile % GROUP == GROUP - 1) {
    tell(shared.of_groups + tile / GROUP, joined(prefix, WARPS));
  }
  Acc carried = joined(prefix, warp);
#pragma unroll
  for (int r = 0; r < Own::ROWS; ++r) {
    Pack<T> pack;
    const Acc x = lane_starts >> r & 1 ? lanes_before[r] : Op::of(carried, lanes_before[r]);
    folded<Op>(x, packs[r], lines, until[r], neutral, [&](int v, Acc x) { pack.of[v] = convert<T>(x); });
    write(output, lines.base + first + r * Own::ROW, lines.base, count, pack);
    const Acc row = rows[warp][r];
    carried = row_starts >> r & 1 ? row : Op::of(carried, row);
  }
}

// Lines of `size` elements, `count` in all.
template <class Op, bool LINES, class Acc, class T>
__device__ void scan(const T* values, T* output, at_t count, at_t size, Acc neutral, u64* words) {
  __shared__ at_t ticket;
  const at_t tiles = pieces(count, Tile<T>::COUNT);
  const Shared shared(words, tiles);
  if (threadIdx.x == 0) ticket = shared.next_tile();
  __syncthreads();
  for (at_t tile = ticket; tile < tiles; tile = ticket) {
    const at_t next = threadIdx.x == 0 ? shared.next_tile() : 0;
    const Lines<LINES, Tile<T>::COUNT> lines(size, tile * Tile<T>::COUNT);
    scan_tile<Op>(values, output, count, tile, lines, shared, neutral);
    if (threadIdx.x == 0) ticket = next; // all have read the last one: the tile has a barrier
    __syncthreads(); // nobody reads this tile's warps and rows any more
  }
}

// What blocks share before a scan.
__device__ void clear(u64* words, at_t count) {
  for (at_t i = first_thread(); i < count; i += all_threads()) words[i] = 0;
}

} // namespace scans
