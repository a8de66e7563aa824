// ---- scans of lines that lie one after the other -------------------------------------------------------------------
// One pass over the array: a block takes tiles in their order, tells the total of each as soon as it is known, and asks
// for what stands before it. What is folded with what is said by sizes alone (below), so the bits are the same in every
// run; flags and tickets only say when.

#ifndef GF_SCAN_GROUP
#define GF_SCAN_GROUP 32
#endif

namespace scans {

constexpr int THREADS = 256, WARPS = THREADS / 32;
// Tiles of a group: a lane of one warp asks for the total of each.
constexpr int GROUP = GF_SCAN_GROUP;
static_assert(GROUP <= 32, "a lane reads a tile's total");

// What a thread moves at once.
template <class T> using Part = Pack<T, 16 / sizeof(T)>;

// How a tile lies: a thread's packs one after the other, then the next thread's.
template <class T> struct Tile {
  static constexpr int PACK = 16 / sizeof(T), PACKS = PACK <= 4 ? 8 : 32 / PACK;
  static constexpr int THREAD = PACKS * PACK, WARP = 32 * THREAD, COUNT = WARPS * WARP;
  // Where a warp keeps its packs: neither neighbouring packs nor those of neighbouring threads share banks.
  static __device__ int slot(int pack) {
    const int thread = pack / PACKS;
    return thread * PACKS + (pack % PACKS ^ thread * PACKS / 8 % PACKS);
  }
};

// What a block tells others: a number's bits, and what it is. One access of 128 bits, which nothing divides.
struct Told {
  u64 bits, state;
};
// Not there yet; the fold of a tile or group alone; the fold of all up to the group's end.
enum : u64 { NOTHING = 0, ALONE = 1, WHOLE = 2 };

template <class T> __device__ void tell(Told* at, T x, u64 state) {
  u64 bits = 0;
  memcpy(&bits, &x, sizeof(T));
#ifdef __CUDA_ARCH__
  asm volatile("{ .reg .b128 both; mov.b128 both, {%1, %2}; st.relaxed.gpu.global.b128 [%0], both; }" ::"l"(at), "l"(bits), "l"(state)
               : "memory");
#else
  *at = {bits, state};
#endif
}

__device__ Told asked(const Told* at) {
  Told told;
#ifdef __CUDA_ARCH__
  asm volatile("{ .reg .b128 both; ld.relaxed.gpu.global.b128 both, [%2]; mov.b128 {%0, %1}, both; }"
               : "=l"(told.bits), "=l"(told.state)
               : "l"(at)
               : "memory");
#else
  told = *at;
#endif
  return told;
}

template <class T> __device__ T number_of(const Told& told) {
  T x;
  memcpy(&x, &told.bits, sizeof(T));
  return x;
}

// One more turn of waiting for a block with a lower ticket, which runs: this ends.
__device__ void wait_on(u32& turns) {
  if (++turns == 1u << 26) __trap(); // an error is better than a device that hangs
  __nanosleep(300);                  // who asks without pause is in the way of who tells
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

// The fold of the line up to a group's start, for one warp. Each lane asks for one of the 32 groups before it; from the
// nearest one whose WHOLE is known, those after it follow one by one. A WHOLE is made in this very way, so that it does
// not matter which one is found. `told` is what the lane's group told before.
template <class Op, class Acc> __device__ Acc before_group(at_t group, const Shared& shared, Told told) {
  const int lane = threadIdx.x % 32;
  int nearest = 0;
  for (u32 turns = 0;; wait_on(turns)) {
    if (turns > 0 && told.state != WHOLE && lane < group) told = asked(shared.of_groups + group - 1 - lane);
    const u32 whole = __ballot_sync(0xffffffffu, told.state == WHOLE);
    const u32 nothing = __ballot_sync(0xffffffffu, told.state == NOTHING);
    if (whole == 0) continue;
    nearest = __ffs(whole) - 1;
    if ((nothing & ((1u << nearest) - 1)) == 0) break;
  }
  const Acc x = number_of<Acc>(told);
  Acc found = __shfl_sync(0xffffffffu, x, nearest);
  for (int l = nearest - 1; l >= 0; --l) found = Op::of(found, __shfl_sync(0xffffffffu, x, l));
  return found;
}

// The fold of all elements of the line before this tile, for one warp; it tells what it knows of its group, if the tile is
// the group's last one. `total` is the tile's, from the last start in it, if it has one.
template <class Op, class Acc, bool LINES, int TILE>
__device__ Acc before(at_t tile, const Lines<LINES, TILE>& lines, const Shared& shared, Acc neutral, Acc total, bool has_start) {
  const int lane = threadIdx.x % 32;
  const at_t group = tile / GROUP, first = group * GROUP, from = lines.line_start() / TILE, own = first + lane;
  const bool is_near = from >= first;
  Acc near = neutral;
  Told far_told = {0, NOTHING};
  __nanosleep(500); // about what the others' telling takes
  if (!is_near && lane < group) far_told = asked(shared.of_groups + group - 1 - lane);
  if (own >= from && own < tile) {
    Told told;
    for (u32 turns = 0; (told = asked(shared.of_tiles + own)).state == NOTHING;) wait_on(turns);
    near = number_of<Acc>(told);
  }
  near = warp_fold<Op>(near);
  const Acc of_group = has_start ? total : Op::of(near, total);
  const bool tells = lane == 0 && tile % GROUP == GROUP - 1;
  if (tells) tell<Acc>(shared.of_groups + group, of_group, has_start || is_near ? WHOLE : ALONE);
  if (is_near) return near;
  const Acc far = before_group<Op, Acc>(group, shared, far_told);
  if (tells && !has_start) tell<Acc>(shared.of_groups + group, Op::of(far, of_group), WHOLE);
  return Op::of(far, near);
}

// Whether a tile's packs are moved as packs: it is a whole one, of an array that begins where a pack may.
template <class T> __device__ bool is_packed(const T* array, at_t base, at_t count) {
  return base + Tile<T>::COUNT <= count && (u64)array % 16 == 0;
}

// Begins to copy 16 bytes to shared memory; when that is done, `wait_for_copies` says.
__device__ void copy_ahead(void* into, const void* from) {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((u32)__cvta_generic_to_shared(into)), "l"(from) : "memory");
#else
  memcpy(into, from, 16);
#endif
}
__device__ void wait_for_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
  __syncwarp();
}

// A warp's packs of a tile, neighbours by neighbouring lanes; what lies beyond the array is 0, and nothing comes after it.
template <class T> __device__ void read(const T* values, at_t base, at_t count, Part<T>* own) {
  using Own = Tile<T>;
  const int lane = threadIdx.x % 32;
  const at_t first = base + (int)threadIdx.x / 32 * Own::WARP;
  if (is_packed(values, base, count)) {
#pragma unroll
    for (int p = lane; p < 32 * Own::PACKS; p += 32) copy_ahead(own + Own::slot(p), values + first + p * Own::PACK);
    return;
  }
  for (int p = lane; p < 32 * Own::PACKS; p += 32) {
    Part<T> pack;
    for (int v = 0; v < Own::PACK; ++v) {
      const at_t at = first + p * Own::PACK + v;
      pack.at[v] = at < count ? values[at] : T{};
    }
    own[Own::slot(p)] = pack;
  }
}

template <class T> __device__ void write(T* output, at_t base, at_t count, const Part<T>* own) {
  using Own = Tile<T>;
  const int lane = threadIdx.x % 32;
  const at_t first = base + (int)threadIdx.x / 32 * Own::WARP;
  if (is_packed(output, base, count)) {
#pragma unroll
    for (int p = lane; p < 32 * Own::PACKS; p += 32) unpacked(output + first + p * Own::PACK, own[Own::slot(p)]);
    return;
  }
  for (int p = lane; p < 32 * Own::PACKS; p += 32) {
    const Part<T> pack = own[Own::slot(p)];
    for (int v = 0; v < Own::PACK; ++v) {
      const at_t at = first + p * Own::PACK + v;
      if (at < count) output[at] = pack.at[v];
    }
  }
}

// The same number, of which the compiler does not know that it is: what was computed from it need not stay in registers.
template <class T> __device__ void renew(Part<T>& pack) {
#ifdef __CUDA_ARCH__
  u32 words[4];
  memcpy(words, &pack, 16);
#pragma unroll
  for (int i = 0; i < 4; ++i) asm volatile("" : "+r"(words[i]));
  memcpy(&pack, words, 16);
#endif
}

// Whether the elements of a pack are added in float first, as in folds.
template <class Op, class Acc, class T> struct InFloat { static constexpr bool is_used = false; };
template <> struct InFloat<Sum, double, float> { static constexpr bool is_used = true; };

// Each element of a pack with those before it.
__device__ void sums(const Part<float>& pack, float* upto) {
  const float *x = pack.at, two = x[0] + x[1];
  upto[0] = x[0], upto[1] = two, upto[2] = two + x[2], upto[3] = two + (x[2] + x[3]);
}

// Whether all sums of packs are what a float can be.
__device__ bool are_finite(const Part<float>* packs) {
  float total = 0;
#pragma unroll
  for (int p = 0; p < Tile<float>::PACKS; ++p) {
    float upto[4];
    sums(packs[p], upto);
    total += upto[3];
  }
  return is_finite(total);
}

// A thread's packs of a tile, folded on from x: past starts of lines, of which the next one comes after `until` elements.
// `each` is told what all are with those before them.
template <class Op, bool LINES, class Acc, class T, class Each>
__device__ Acc folded(Acc x, Part<T>* packs, const Lines<LINES, Tile<T>::COUNT>& lines, int until, Acc neutral, Each each) {
  constexpr int PACK = Tile<T>::PACK, PACKS = Tile<T>::PACKS;
  if constexpr (InFloat<Op, Acc, T>::is_used) {
    if ((!LINES || until >= Tile<T>::THREAD) && are_finite(packs)) {
#pragma unroll
      for (int p = 0; p < PACKS; ++p) {
        float upto[PACK];
        sums(packs[p], upto);
#pragma unroll
        for (int v = 0; v < PACK - 1; ++v) each(p, v, Op::of(x, (Acc)upto[v]));
        x = Op::of(x, (Acc)upto[PACK - 1]);
        each(p, PACK - 1, x);
        renew<T>(packs[p]);
      }
      return x;
    }
  }
#pragma unroll
  for (int p = 0; p < PACKS; ++p) {
#pragma unroll
    for (int v = 0; v < PACK; ++v) {
      if (LINES && until-- == 0) {
        x = neutral;
        until = lines.step() - 1;
      }
      x = Op::of(x, convert<Acc>(packs[p].at[v]));
      each(p, v, x);
    }
    renew<T>(packs[p]);
  }
  return x;
}

// What a block keeps of a tile.
template <class Acc, class T> struct Kept {
  Part<T> packs[WARPS][32 * Tile<T>::PACKS];
  Acc warps[WARPS], before;
  bool has_start[WARPS]; // whether a line starts there
  at_t ticket;
};

// Folds a tile, and tells its total.
template <class Op, bool LINES, class Acc, class T>
__device__ void scan_tile(const T* values, T* output, at_t count, at_t tile, const Lines<LINES, Tile<T>::COUNT>& lines,
                          const Shared& shared, Acc neutral, Kept<Acc, T>& kept) {
  using Own = Tile<T>;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, first = warp * Own::WARP + lane * Own::THREAD;
  read(values, lines.base, count, kept.packs[warp]);
  Part<T> packs[Own::PACKS];
  wait_for_copies();
#pragma unroll
  for (int p = 0; p < Own::PACKS; ++p) packs[p] = kept.packs[warp][Own::slot(lane * Own::PACKS + p)];
  const at_t at = lines.position(first), last = LINES ? lines.position(first + Own::THREAD - 1) : 0;
  const int until = lines.until_start(at);
  Acc x = folded<Op, LINES>(neutral, packs, lines, until, neutral, [](int, int, Acc) {});
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const Acc y = __shfl_up_sync(0xffffffffu, x, distance);
    if (lane >= distance && !lines.starts(last, distance * Own::THREAD)) x = Op::of(y, x);
  }
  Acc lanes_before = __shfl_up_sync(0xffffffffu, x, 1);
  if (lane == 0) lanes_before = neutral;
  if (lane == 31) kept.warps[warp] = x, kept.has_start[warp] = lines.starts(last, Own::WARP);
  __syncthreads();
  Acc total = neutral, carried = neutral; // of the warps one after the other, all and those before this one
  bool has_start = false, is_carried = true;
#pragma unroll
  for (int w = 0; w < WARPS; ++w) {
    if (w == warp) carried = total, is_carried = !has_start;
    const bool starts = LINES && kept.has_start[w];
    total = starts ? kept.warps[w] : Op::of(total, kept.warps[w]);
    has_start |= starts;
  }
  if (warp == 0) {
    if (lane == 0) tell<Acc>(shared.of_tiles + tile, total, ALONE);
    const Acc before_tile = before<Op>(tile, lines, shared, neutral, total, has_start);
    if (lane == 0) kept.before = before_tile;
  }
  __syncthreads();
  if (is_carried) carried = Op::of(kept.before, carried);
  x = lines.starts(at, lane * Own::THREAD + 1) ? lanes_before : Op::of(carried, lanes_before);
  Part<T> pack;
  folded<Op, LINES>(x, packs, lines, until, neutral, [&](int p, int v, Acc x) {
    pack.at[v] = convert<T>(x);
    if (v == Own::PACK - 1) kept.packs[warp][Own::slot(lane * Own::PACKS + p)] = pack;
  });
  __syncwarp();
  write(output, lines.base, count, kept.packs[warp]);
}

// Lines of `size` elements, `count` in all.
template <class Op, bool LINES, class Acc, class T>
__device__ void scan(const T* values, T* output, at_t count, at_t size, Acc neutral, u64* words) {
  using Own = Tile<T>;
  __shared__ Kept<Acc, T> kept;
  const at_t tiles = pieces(count, Own::COUNT);
  const Shared shared(words, tiles);
  while (true) {
    if (threadIdx.x == 0) kept.ticket = shared.next_tile();
    __syncthreads(); // and all are done with the last tile
    const at_t tile = kept.ticket;
    if (tile >= tiles) return;
    const Lines<LINES, Own::COUNT> lines(size, tile * Own::COUNT);
    scan_tile<Op>(values, output, count, tile, lines, shared, neutral, kept);
  }
}

// What blocks share before a scan.
__device__ void clear(u64* words, at_t count) {
  for (at_t i = first_thread(); i < count; i += all_threads()) words[i] = 0;
}

} // namespace scans
