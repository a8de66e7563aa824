// ---- folds of a warp or a block -------------------------------------------------------------------------------------

struct Sum {
  static constexpr bool has_ties = false;
  static __device__ double of(double a, double b) { return a + b; }
  static __device__ i64 of(i64 a, i64 b) { return sum(a, b); }
  static __device__ u64 of(u64 a, u64 b) { return sum(a, b); }
};
struct Prod {
  static constexpr bool has_ties = false;
  static __device__ double of(double a, double b) { return a * b; }
  static __device__ i64 of(i64 a, i64 b) { return product(a, b); }
  static __device__ u64 of(u64 a, u64 b) { return product(a, b); }
};
struct Max {
  static constexpr bool has_ties = true; // of zeros of either sign: the result depends on the order
  template <class T> static __device__ T of(T a, T b) { return larger(a, b); }
  static __device__ float of(float a, float b) {
#ifdef __CUDA_ARCH__
    float y;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
    return y;
#else
    return larger(a, b);
#endif
  }
};
struct Min {
  static constexpr bool has_ties = true;
  template <class T> static __device__ T of(T a, T b) { return smaller(a, b); }
  static __device__ float of(float a, float b) {
#ifdef __CUDA_ARCH__
    float y;
    asm("min.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
    return y;
#else
    return smaller(a, b);
#endif
  }
};

// A fold in the making.
template <class Op, class T> struct Folded {
  T total, other;
  __device__ void add(T x) { total = Op::of(total, x); }
  template <int LANES> __device__ void settle() {
    if constexpr (Op::has_ties) total = __shfl_sync(0xffffffffu, total, threadIdx.x % 32 / LANES * LANES);
  }
};

// Folds over teams of neighbouring lanes, in an order that only their number determines; every lane gets them. Several
// together wait for each other's shuffles once.
template <int LANES, class... F> __device__ void team_fold(F&... folds) {
#pragma unroll
  for (int distance = LANES / 2; distance > 0; distance /= 2) {
    ((folds.other = __shfl_xor_sync(0xffffffffu, folds.total, distance)), ...);
    (folds.add(folds.other), ...);
  }
  (folds.template settle<LANES>(), ...);
}

// The fold of N numbers, in pairs.
template <class Op, int N, class T> __device__ T fold_of(const T* x) {
  if constexpr (N == 1) {
    return x[0];
  } else {
    return Op::of(fold_of<Op, N / 2>(x), fold_of<Op, N - N / 2>(x + N / 2));
  }
}

// The sum of N floats, in pairs and in float.
template <int N> __device__ float sum_of(const float* x) {
  if constexpr (N == 1) {
    return x[0];
  } else {
    return sum_of<N / 2>(x) + sum_of<N - N / 2>(x + N / 2);
  }
}

// The fold over a warp's lanes; every lane gets it.
template <class Op, class T> __device__ T warp_fold(T x) {
  Folded<Op, T> fold{x};
  team_fold<32>(fold);
  return fold.total;
}

// The fold over a block's threads, whole warps of them; every thread gets it.
template <class Op, int THREADS, class T> __device__ T block_fold(T x) {
  __shared__ T warps[THREADS / 32];
  x = warp_fold<Op>(x);
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
  __syncthreads();
  x = fold_of<Op, THREADS / 32>(warps);
  __syncthreads(); // the next fold writes there again
  return x;
}

// Each lane's number with those of the lanes before it.
template <class T> __device__ T warp_sum_upto(T x) {
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const T before = __shfl_up_sync(0xffffffffu, x, distance);
    if ((int)threadIdx.x % 32 >= distance) x += before;
  }
  return x;
}

// The sum of the numbers of a block's threads before this one; a barrier has to come before the next.
template <int WARPS> __device__ u32 block_sum_before(u32 x) {
  __shared__ u32 warps[WARPS];
  const int warp = threadIdx.x / 32;
  const u32 upto = warp_sum_upto(x);
  if (threadIdx.x % 32 == 31) warps[warp] = upto;
  __syncthreads();
  u32 before = upto - x;
  for (int w = 0; w < warp; ++w) before += warps[w];
  return before;
}

__device__ u32 lanes_below() { return (1u << threadIdx.x % 32) - 1; }

// The lanes whose number, of BITS bits, is this lane's; none for a lane without one (-1). A vote for each bit: the
// instruction that compares all numbers takes longer.
template <int BITS> __device__ u32 peers_of(int number) {
#ifdef __CUDA_ARCH__
  u32 peers = __ballot_sync(0xffffffffu, number >= 0);
#pragma unroll
  for (int bit = 0; bit < BITS; ++bit) {
    const bool is_set = (number >> bit & 1) != 0;
    const u32 those = __ballot_sync(0xffffffffu, is_set);
    peers &= is_set ? those : ~those;
  }
#else
  const u32 peers = __match_any_sync(0xffffffffu, number);
#endif
  return number >= 0 ? peers : 0;
}

// Which of two elements a search for the extreme finds: a NaN before all numbers, the first of equals.
template <bool LARGEST, class T> __device__ bool is_found_before(T x, at_t x_place, T y, at_t y_place) {
  if (is_nan(x) != is_nan(y)) return is_nan(x);
  if (!is_nan(x) && x != y) return LARGEST ? x > y : x < y;
  return x_place < y_place;
}

// Whether x comes before y in order: a NaN is the largest, -0 is 0.
template <class T> __device__ bool is_less(T x, T y) { return is_nan(y) ? !is_nan(x) : x < y; }
