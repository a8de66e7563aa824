// ---- order by digits -----------------------------------------------------------------------------------------------
// A pass puts keys, and what each carries, in the order of one digit, and leaves equal ones in the order in which they
// stand: after a pass for each digit, the last one first, all are in order. A block takes tiles; the places of a tile's
// digits are the sums of what all tiles before it count. Integers are added, so the order of adding changes nothing.
// Source: Merrill and Grimshaw 2011, with the counts of all tiles scanned at once.

namespace radix {

constexpr int THREADS = 256, WARPS = THREADS / 32, DIGITS = 256;

// Keys of a tile: as many as shared memory has room for.
template <class K, class V> struct Tile {
  static constexpr int ITEMS = sizeof(K) + sizeof(V) <= 8 ? 16 : 8, WARP = 32 * ITEMS, COUNT = WARPS * WARP;
};

// Bits that are in order as unsigned numbers where numbers are in order: NaN after all others, -0 as 0.
__device__ u32 ordered(bool x) { return x; }
__device__ u32 ordered(u8 x) { return x; }
__device__ u32 ordered(u16 x) { return x; }
__device__ u32 ordered(u32 x) { return x; }
__device__ u64 ordered(u64 x) { return x; }
__device__ u32 ordered(i8 x) { return (u8)x ^ 0x80u; }
__device__ u32 ordered(i16 x) { return (u16)x ^ 0x8000u; }
__device__ u32 ordered(i32 x) { return (u32)x ^ 0x80000000u; }
__device__ u64 ordered(i64 x) { return (u64)x ^ 0x8000000000000000ull; }
__device__ u32 ordered(float x) {
  if (is_nan(x)) return 0xffffffffu;
  const u32 bits = x == 0 ? 0 : bits_as<u32>(x);
  return bits >> 31 ? ~bits : bits ^ 0x80000000u;
}
__device__ u64 ordered(double x) {
  if (is_nan(x)) return 0xffffffffffffffffull;
  const u64 bits = x == 0 ? 0 : bits_as<u64>(x);
  return bits >> 63 ? ~bits : bits ^ 0x8000000000000000ull;
}
__device__ u32 ordered_half(u16 bits, bool is_none) {
  if (is_none) return 0xffffu;
  if ((bits & 0x7fff) == 0) bits = 0;
  return bits >> 15 ? (u16)~bits : bits ^ 0x8000u;
}
__device__ u32 ordered(f16 x) { return ordered_half(x.bits, is_nan(single_of(x))); }
__device__ u32 ordered(bf16 x) { return ordered_half(x.bits, is_nan(single_of(x))); }

template <class K> __device__ u32 digit(K key, int shift) { return (u32)(key >> shift) & (DIGITS - 1); }

// Each element's key and place.
template <bool DESCENDING, class K, class T>
__device__ void start(const T* values, at_t count, K* keys, at_t* places) {
  for (at_t i = first_thread(); i < count; i += all_threads()) {
    const K key = ordered(values[i]);
    keys[i] = DESCENDING ? ~key : key;
    places[i] = i;
  }
}

// Each row's group, or the one after the last for an index outside; and what it carries: its value or its place.
template <class K, class T> __device__ K group_of(T index, at_t groups) {
  return index >= 0 && (i64)index < (i64)groups ? (K)index : (K)groups;
}
template <class K, class T, class V>
__device__ void start_values(const T* indices, const V* values, at_t count, at_t groups, K* keys, V* carried) {
  for (at_t i = first_thread(); i < count; i += all_threads()) {
    keys[i] = group_of<K>(indices[i], groups);
    carried[i] = values[i];
  }
}
template <class K, class T>
__device__ void start_places(const T* indices, at_t count, at_t groups, K* keys, at_t* places) {
  for (at_t i = first_thread(); i < count; i += all_threads()) {
    keys[i] = group_of<K>(indices[i], groups);
    places[i] = i;
  }
}

// How often each digit is in each tile; the counts of one digit lie side by side.
template <class V, class K> __device__ void count(const K* keys, at_t n, int shift, at_t* counts) {
  using Own = Tile<K, V>;
  __shared__ u32 own[DIGITS];
  const at_t tiles = pieces(n, Own::COUNT);
  for (at_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    own[threadIdx.x] = 0;
    __syncthreads();
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      const at_t at = tile * Own::COUNT + r * THREADS + (at_t)threadIdx.x;
      if (at < n) atomicAdd(&own[digit(keys[at], shift)], 1u);
    }
    __syncthreads();
    counts[(at_t)threadIdx.x * tiles + tile] = (at_t)own[threadIdx.x];
    __syncthreads(); // the next tile clears them
  }
}

// Words that a scan of all counts shares.
template <class V, class K> __device__ void clear(const K*, at_t n, u64* words) {
  const at_t counts = DIGITS * pieces(n, Tile<K, V>::COUNT);
  scans::clear(words, 5 * pieces(counts, scans::Tile<at_t>::COUNT));
}

// Each count with all before it.
template <class V, class K> __device__ void scan(const K*, at_t n, at_t* counts, u64* words) {
  const at_t all = DIGITS * pieces(n, Tile<K, V>::COUNT);
  scans::scan<Sum, false>(counts, counts, all, all, (i64)0, words);
}

// One pass: tiles in their order locally, then to their places. `ends` are the scanned counts; keys that nobody needs any
// more go nowhere (null).
template <class K, class V, class Out>
__device__ void move(const K* keys, const V* values, at_t n, int shift, const at_t* ends, K* keys_into, Out* into) {
  using Own = Tile<K, V>;
  __shared__ K own_keys[Own::COUNT];
  __shared__ V own_values[Own::COUNT];
  __shared__ u32 of_warps[WARPS][DIGITS], starts[DIGITS];
  __shared__ at_t bases[DIGITS];
  static_assert(Own::COUNT >= WARPS * DIGITS && sizeof(K) >= sizeof(u32), "keys stand where lanes stood");
  u32* const lanes_of = (u32*)own_keys; // the lanes of each digit, before keys go there
  const at_t tiles = pieces(n, Own::COUNT);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (at_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const at_t base = tile * Own::COUNT;
    K key[Own::ITEMS];
    V value[Own::ITEMS];
    u32 rank[Own::ITEMS];
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      const at_t at = base + warp * Own::WARP + r * 32 + lane;
      key[r] = at < n ? keys[at] : (K)~(K)0; // comes after all that are there
      if (at < n) value[r] = values[at];
    }
    for (int w = 0; w < WARPS; ++w) of_warps[w][threadIdx.x] = lanes_of[w * DIGITS + threadIdx.x] = 0;
    __syncthreads();
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      const u32 own = digit(key[r], shift);
      u32* const lanes = lanes_of + warp * DIGITS + own;
      atomicOr(lanes, 1u << lane);
      __syncwarp();
      const u32 peers = *lanes, below = __popc(peers & lanes_below());
      const u32 before = of_warps[warp][own];
      __syncwarp();
      if (below == 0) of_warps[warp][own] = before + __popc(peers), *lanes = 0;
      __syncwarp();
      rank[r] = before + below;
    }
    __syncthreads();
    u32 total = 0;
    for (int w = 0; w < WARPS; ++w) {
      const u32 of_warp = of_warps[w][threadIdx.x];
      of_warps[w][threadIdx.x] = total;
      total += of_warp;
    }
    const u32 first = block_sum_before<WARPS>(total);
    const at_t before_all = (at_t)threadIdx.x * tiles + tile;
    starts[threadIdx.x] = first;
    bases[threadIdx.x] = (before_all == 0 ? 0 : ends[before_all - 1]) - (at_t)first;
    __syncthreads();
#pragma unroll
    for (int r = 0; r < Own::ITEMS; ++r) {
      const u32 own = digit(key[r], shift);
      const u32 place = starts[own] + of_warps[warp][own] + rank[r];
      own_keys[place] = key[r];
      own_values[place] = value[r];
    }
    __syncthreads();
    const int there = n - base < Own::COUNT ? (int)(n - base) : Own::COUNT;
    for (int i = threadIdx.x; i < there; i += THREADS) {
      const K own = own_keys[i];
      const at_t to = bases[digit(own, shift)] + i;
      if (keys_into) keys_into[to] = own;
      into[to] = convert<Out>(own_values[i]);
    }
    __syncthreads(); // the next tile writes there again
  }
}

// Where each group's rows begin in their order; that of the group after the last is where the last one's end.
template <class K> __device__ void bounds(const K* keys, at_t rows, at_t groups, at_t* starts) {
  for (at_t i = first_thread(); i <= rows; i += all_threads()) {
    const at_t from = i == 0 ? 0 : (at_t)keys[i - 1] + 1;
    const at_t to = i == rows ? groups : (at_t)keys[i];
    for (at_t group = from; group <= to; ++group) starts[group] = i;
  }
}

// The fold of each group's values, which lie in the order of groups: by a block where groups are large, else by a warp.
template <class Op, class Acc, class V>
__device__ void fold(const V* values, const at_t* starts, at_t rows, at_t groups, Acc neutral, V* output) {
  if (rows / groups >= 2048) {
    for (at_t group = blockIdx.x; group < groups; group += gridDim.x) {
      Acc total = neutral;
      for (at_t i = starts[group] + (at_t)threadIdx.x; i < starts[group + 1]; i += THREADS) {
        total = Op::of(total, convert<Acc>(values[i]));
      }
      total = block_fold<Op, THREADS>(total);
      if (threadIdx.x == 0) output[group] = convert<V>(total);
    }
    return;
  }
  for (at_t group = first_thread() / 32; group < groups; group += all_threads() / 32) {
    Acc total = neutral;
    for (at_t i = starts[group] + (at_t)threadIdx.x % 32; i < starts[group + 1]; i += 32) {
      total = Op::of(total, convert<Acc>(values[i]));
    }
    total = warp_fold<Op>(total);
    if (threadIdx.x % 32 == 0) output[group] = convert<V>(total);
  }
}

} // namespace radix
