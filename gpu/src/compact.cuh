// ---- the elements that a mask keeps --------------------------------------------------------------------------------
// One pass over the array, as a scan of how many are kept: a block takes a tile, asks how many are kept before it, puts what
// it keeps together in shared memory and moves it to its place.

namespace compact {

using scans::Part;
constexpr int THREADS = 256, WARPS = THREADS / 32, ITEMS = 16, TILE = THREADS * ITEMS;

// How a thread's elements lie in packs.
template <class T> struct Packs {
  static constexpr int EACH = 16 / sizeof(T), COUNT = ITEMS / EACH, WARP = 32 * COUNT;
  // Where a warp keeps its packs: neither neighbouring packs nor those of neighbouring threads share banks.
  static __device__ int slot(int pack) {
    const int thread = pack / COUNT;
    return thread * COUNT + (pack % COUNT ^ thread * COUNT / 8 % COUNT);
  }
};

// A warp's packs of a tile, neighbours by neighbouring lanes; what lies beyond the array is 0.
template <class T> __device__ void read(const T* values, at_t base, at_t count, bool is_packed, Part<T>* own) {
  using Own = Packs<T>;
  const at_t first = base + (int)threadIdx.x / 32 * 32 * ITEMS;
  for (int p = threadIdx.x % 32; p < Own::WARP; p += 32) {
    if (is_packed) {
      scans::copy_ahead(own + Own::slot(p), values + first + p * Own::EACH);
      continue;
    }
    Part<T> pack;
    for (int v = 0; v < Own::EACH; ++v) {
      const at_t at = first + p * Own::EACH + v;
      pack.at[v] = at < count ? values[at] : T{};
    }
    own[Own::slot(p)] = pack;
  }
}

// Which of a thread's elements are kept, a bit each.
__device__ u32 bits_of(const bool* mask, at_t base, at_t count, bool is_packed) {
  const at_t first = base + (at_t)threadIdx.x * ITEMS;
  u32 bits = 0;
  if (is_packed) {
    const Part<bool> flags = packed<ITEMS>(mask + first);
#pragma unroll
    for (int v = 0; v < ITEMS; ++v) bits |= (u32)flags.at[v] << v;
  } else {
    for (int v = 0; v < ITEMS; ++v) bits |= (u32)(first + v < count && mask[first + v]) << v;
  }
  return bits;
}

// How many are kept before this thread's in the tile; in all of it.
__device__ u32 kept_before(u32 own, u32& total) {
  __shared__ u32 warps[WARPS];
  const int warp = threadIdx.x / 32;
  const u32 upto = warp_sum_upto(own);
  if (threadIdx.x % 32 == 31) warps[warp] = upto;
  __syncthreads();
  u32 before = upto - own;
  total = 0;
#pragma unroll
  for (int w = 0; w < WARPS; ++w) {
    if (w == warp) before += total;
    total += warps[w];
  }
  return before;
}

// What is kept of `values`, in its order, goes to `output`, and how many that are to `kept`. `words`: as a scan's.
template <class T> __device__ void pick(const T* values, const bool* mask, at_t count, T* output, i64* kept, u64* words) {
  using Own = Packs<T>;
  __shared__ Part<T> tile_packs[WARPS][Own::WARP];
  __shared__ i64 before_tile;
  __shared__ at_t ticket;
  T* const together = (T*)tile_packs;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const at_t tiles = pieces(count, TILE);
  const scans::Shared shared(words, tiles);
  while (true) {
    if (threadIdx.x == 0) ticket = shared.next_tile();
    __syncthreads(); // and all are done with the last tile
    const at_t tile = ticket, base = tile * TILE;
    if (tile >= tiles) return;
    const bool is_packed = base + TILE <= count && ((u64)values | (u64)mask) % 16 == 0;
    read(values, base, count, is_packed, tile_packs[warp]);
    const u32 bits = bits_of(mask, base, count, is_packed);
    u32 total, place = kept_before(__popc(bits), total);
    if (warp == 0) {
      if (lane == 0) scans::tell<i64>(shared.of_tiles + tile, (i64)total, scans::ALONE);
      const scans::Lines<false, TILE> lines(count, base);
      const i64 before = scans::before<Sum>(tile, lines, shared, (i64)0, (i64)total, false);
      if (lane == 0) before_tile = before;
      if (lane == 0 && tile == tiles - 1) *kept = before + total;
    }
    scans::wait_for_copies();
    Part<T> packs[Own::COUNT];
#pragma unroll
    for (int p = 0; p < Own::COUNT; ++p) packs[p] = tile_packs[warp][Own::slot(lane * Own::COUNT + p)];
    __syncthreads(); // all have read theirs
#pragma unroll
    for (int v = 0; v < ITEMS; ++v) {
      if (bits >> v & 1) together[place++] = packs[v / Own::EACH].at[v % Own::EACH];
    }
    __syncthreads();
    T* const into = output + (at_t)before_tile;
    for (u32 i = threadIdx.x; i < total; i += THREADS) into[i] = together[i];
  }
}

} // namespace compact
