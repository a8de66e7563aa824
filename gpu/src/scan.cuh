// ---- scans of lines that lie one after the other -------------------------------------------------------------------
// One pass over the array: a block takes tiles in their order, tells the total of each as soon as it is known, and asks
// for what stands before it. What is folded with what is said by sizes alone (below), so the bits are the same in every
// run; flags and tickets only say when.

namespace scans {

constexpr int THREADS = 256, WARPS = THREADS / 32;

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
