// Attention by heads, and the cotangents of its operands: softmax(scale q k') v without the weights in memory. Sources: Dao et al.
// 2022; Dao 2023.
//
// Four warps hold tiles of 64 or 128 rows; tiles of the other side pass by in shared memory, brought there while the ones before are
// worked on. Products are those of matrix units, 16 x 8 x 16, in fragments: of the 16 x 16 of the first side, lane 4 g + t holds
// rows g and g + 8, columns 2 t, 2 t + 1 and 8 more; of the 16 x 8 of the second, column g, the same four rows; of the sum, rows g and
// g + 8, columns 2 t, 2 t + 1. So a sum of 16 x 16 is, rounded, the first side of the next product.
namespace attention {

constexpr int THREADS = 128;

// Rows of heads, D numbers each, side by side; distances in elements.
template <class T> struct View { const T* start; at_t batch, head, row; };
struct Sizes { at_t batches, heads, queries, keys; };
// The factor of scores, and the same for powers of two.
struct Scale { float number, of_two; };
struct Quad { u32 at[4]; };

__device__ int lane() { return threadIdx.x % 32; }
__device__ int group() { return threadIdx.x % 32 / 4; }
__device__ int in_group() { return threadIdx.x % 4; }

#ifdef __CUDA_ARCH__
__device__ float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ u32 shared_address(const void* at) {
  u64 address;
  asm("cvta.to.shared.u64 %0, %1;" : "=l"(address) : "l"(at));
  return (u32)address;
}
__device__ void copy_16(void* into, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(into)), "l"(from) : "memory");
}
__device__ void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LATER> __device__ void arrive() { asm volatile("cp.async.wait_group %0;" ::"n"(LATER) : "memory"); }

__device__ u32 pair_of(float low, float high, bf16) {
  u32 y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
__device__ u32 pair_of(float low, float high, f16) {
  u32 y;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
// Four matrices of 8 x 8, of which lane 8 m + r names row r of the m-th.
template <bool TURNED, class T> __device__ Quad matrices(const T* row) {
  Quad q;
  if constexpr (TURNED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(q.at[0]), "=r"(q.at[1]), "=r"(q.at[2]), "=r"(q.at[3])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(q.at[0]), "=r"(q.at[1]), "=r"(q.at[2]), "=r"(q.at[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
  return q;
}
__device__ void multiply(float* c, const Quad& a, u32 b0, u32 b1, bf16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b0), "r"(b1));
}
__device__ void multiply(float* c, const Quad& a, u32 b0, u32 b1, f16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b0), "r"(b1));
}
#else
// The same words where there are no matrix units.
__device__ float power_of_two(float x) { return exp2f(x); }
__device__ void copy_16(void* into, const void* from) { *(Pack<u64, 2>*)into = packed<2>((const u64*)from); }
__device__ void commit() {}
template <int LATER> __device__ void arrive() {}
template <class T> __device__ u32 pair_of(float low, float high, T) {
  return (u32)convert<T>(low).bits | (u32)convert<T>(high).bits << 16;
}
template <bool TURNED, class T> __device__ Quad matrices(const T* row) {
  Quad q;
  for (int m = 0; m < 4; ++m) {
    const T* one = __shfl_sync(0xffffffffu, row, m * 8 + (TURNED ? 2 * in_group() : group()));
    const T* other = __shfl_sync(0xffffffffu, row, m * 8 + 2 * in_group() + 1);
    const T low = TURNED ? one[group()] : one[2 * in_group()], high = TURNED ? other[group()] : one[2 * in_group() + 1];
    q.at[m] = (u32)low.bits | (u32)high.bits << 16;
  }
  return q;
}
template <class T> __device__ void multiply(float* c, const Quad& a, u32 b0, u32 b1, T) {
  const auto half = [](u32 pair, int k) { return single_of(T{(u16)(k % 2 == 0 ? pair : pair >> 16)}); };
  for (int k = 0; k < 16; ++k) {
    const int from = k % 8 / 2;
    const float upper = half(__shfl_sync(0xffffffffu, a.at[k / 8 * 2], group() * 4 + from), k);
    const float lower = half(__shfl_sync(0xffffffffu, a.at[k / 8 * 2 + 1], group() * 4 + from), k);
    const u32 own = k < 8 ? b0 : b1;
    const float left = half(__shfl_sync(0xffffffffu, own, 2 * in_group() * 4 + from), k);
    const float right = half(__shfl_sync(0xffffffffu, own, (2 * in_group() + 1) * 4 + from), k);
    c[0] += upper * left, c[1] += upper * right, c[2] += lower * left, c[3] += lower * right;
  }
}
#endif

__device__ float over_group(float x, bool is_sum) {
#pragma unroll
  for (int distance = 1; distance < 4; distance *= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, x, distance);
    x = is_sum ? x + other : fmaxf(x, other);
  }
  return x;
}

// ---- tiles -------------------------------------------------------------------------------------------------------

// Where 8 elements of a row lie in a tile: so that 8 rows' lie in 8 different banks.
template <int D> __device__ int place(int row, int chunk) {
  const int turn = D >= 64 ? row % 8 : row * D / 64 % (D / 8);
  return row * D + (chunk ^ turn) * 8;
}

// Starts to bring a tile: rows from `first` on; in place of those behind the last one, that one again.
template <int ROWS, int D, class T> __device__ void fetch(T* tile, const T* rows, at_t step, at_t first, at_t count) {
  constexpr int CHUNKS = D / 8;
#pragma unroll
  for (int i = threadIdx.x; i < ROWS * CHUNKS; i += THREADS) {
    const int row = i / CHUNKS, chunk = i % CHUNKS;
    copy_16(&tile[place<D>(row, chunk)], &rows[smaller(first + row, count - 1) * step + chunk * 8]);
  }
}

// 16 rows of a tile by the k-th 16 columns, as a first side; TURNED: as a second side of two times 8 columns, summed along rows.
template <int D, bool TURNED = false, class T> __device__ Quad first_side(const T* tile, int row, int k) {
  return matrices<TURNED>(&tile[place<D>(row + lane() % 16, 2 * k + lane() / 16)]);
}

// 16 rows by the k-th 16 columns as a second side of two times 8 columns, summed along columns.
template <int D, class T> __device__ Quad second_side(const T* tile, int row, int k) {
  return matrices<false>(&tile[place<D>(row + lane() % 8 + lane() / 16 * 8, 2 * k + lane() / 8 % 2)]);
}

// sums [16 M x N] += first side [16 M x D] . rows of the tile [N x D]'; SIDE gives the k-th part of the m-th 16 rows.
template <int M, int N, int D, class T, class Side> __device__ void times_rows(float (&sums)[M][N / 8][4], Side side, const T* tile) {
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    Quad own[M];
#pragma unroll
    for (int m = 0; m < M; ++m) own[m] = side(m, k);
#pragma unroll
    for (int n = 0; n < N / 16; ++n) {
      const Quad other = second_side<D>(tile, n * 16, k);
#pragma unroll
      for (int m = 0; m < M; ++m) {
        multiply(sums[m][2 * n], own[m], other.at[0], other.at[1], T{});
        multiply(sums[m][2 * n + 1], own[m], other.at[2], other.at[3], T{});
      }
    }
  }
}

// sums [16 M x D] += rounded sums [16 M x N] . tile [N x D]
template <int M, int N, int D, class T>
__device__ void times_tile(float (&sums)[M][D / 8][4], const float (&side)[M][N / 8][4], const T* tile) {
#pragma unroll
  for (int k = 0; k < N / 16; ++k) {
    Quad own[M];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      const float *low = side[m][2 * k], *high = side[m][2 * k + 1];
      own[m] = {pair_of(low[0], low[1], T{}), pair_of(low[2], low[3], T{}), pair_of(high[0], high[1], T{}),
                pair_of(high[2], high[3], T{})};
    }
#pragma unroll
    for (int n = 0; n < D / 16; ++n) {
      const Quad other = first_side<D, true>(tile, k * 16, n);
#pragma unroll
      for (int m = 0; m < M; ++m) {
        multiply(sums[m][2 * n], own[m], other.at[0], other.at[1], T{});
        multiply(sums[m][2 * n + 1], own[m], other.at[2], other.at[3], T{});
      }
    }
  }
}

// Stores 16 rows of sums, times a factor, where they are rows of an array [B, rows, H, D].
template <int D, class T>
__device__ void store(T* array, float (*sums)[4], at_t batch, at_t head, at_t heads, at_t first, at_t rows, const float* factors) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const at_t row = first + group() + half * 8;
    if (row >= rows) continue;
    T* const at = &array[((batch * rows + row) * heads + head) * D + 2 * in_group()];
#pragma unroll
    for (int n = 0; n < D / 8; ++n) {
      const float* s = &sums[n][2 * half];
      *(u32*)&at[n * 8] = pair_of(s[0] * factors[half], s[1] * factors[half], T{});
    }
  }
}

// Which head, and which tile of its rows.
struct Task { at_t batch, head, tile; };
__device__ Task task_of(at_t number, const Sizes& n) {
  const at_t all = n.batches * n.heads;
  return {number % all / n.heads, number % all % n.heads, number / all};
}

// Keys that the queries before `end` see.
template <bool CAUSAL> __device__ at_t seen(at_t end, const Sizes& n) {
  const at_t last = CAUSAL ? smaller(n.keys, smaller(end, n.queries) + n.keys - n.queries) : n.keys;
  return larger(last, (at_t)0);
}

// ---- the value ---------------------------------------------------------------------------------------------------

// The value [B, T, H, D], and for each query [B, H, T] the logarithm to base 2 of what its weights were divided by.
template <class T, int D, bool CAUSAL, int M = (D <= 64 ? 2 : 1), int KEYS = (D <= 64 ? 32 : 64)>
__device__ void value(View<T> q, View<T> k, View<T> v, Sizes n, Scale scale, T* out, float* divisors) {
  constexpr int ROWS = 64 * M, STAGES = D <= 64 ? 2 : 1;
  alignas(16) __shared__ T queries[ROWS * D], keys[STAGES][KEYS * D], values[STAGES][KEYS * D];
  const at_t tiles = pieces(n.queries, ROWS), tasks = n.batches * n.heads * tiles;
  for (at_t number = blockIdx.x; number < tasks; number += gridDim.x) {
    const Task task = task_of(number, n);
    const at_t first = (tiles - 1 - task.tile) * ROWS; // the longest first
    const at_t own = first + threadIdx.x / 32 * 16 * M, lead = n.keys - n.queries;
    const T* const q_rows = q.start + task.batch * q.batch + task.head * q.head;
    const T* const k_rows = k.start + task.batch * k.batch + task.head * k.head;
    const T* const v_rows = v.start + task.batch * v.batch + task.head * v.head;
    const at_t end = seen<CAUSAL>(first + ROWS, n);
    const auto bring = [&](int stage, at_t key) {
      fetch<KEYS, D>(keys[stage], k_rows, k.row, key, n.keys);
      fetch<KEYS, D>(values[stage], v_rows, v.row, key, n.keys);
    };
    __syncthreads(); // the task before is done with the tiles
    fetch<ROWS, D>(queries, q_rows, q.row, first, n.queries);
    commit();
    if (end > 0) bring(0, 0);
    commit();
    arrive<1>();
    __syncthreads();
    Quad side[M][D / 16];
#pragma unroll
    for (int m = 0; m < M; ++m) {
#pragma unroll
      for (int c = 0; c < D / 16; ++c) side[m][c] = first_side<D>(queries, (int)(own - first) + m * 16, c);
    }
    float sums[M][D / 8][4] = {}, most[M][2], total[M][2] = {};
#pragma unroll
    for (int m = 0; m < M; ++m) most[m][0] = most[m][1] = -infinity<float>();
    int stage = 0;
    for (at_t key = 0; key < end; key += KEYS) {
      if (STAGES == 2) {
        if (key + KEYS < end) bring(stage ^ 1, key + KEYS);
        commit();
      }
      arrive<STAGES - 1>();
      __syncthreads();
      float scores[M][KEYS / 8][4] = {};
      times_rows<M, KEYS, D>(scores, [&](int m, int c) { return side[m][c]; }, keys[stage]);
      const bool is_cut = key + KEYS > n.keys || (CAUSAL && key + KEYS - 1 > own + lead);
#pragma unroll
      for (int m = 0; m < M; ++m) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const at_t row = own + m * 16 + half * 8 + group();
          const at_t last = CAUSAL ? smaller(row + lead, n.keys - 1) : n.keys - 1;
          float largest = most[m][half];
#pragma unroll
          for (int j = 0; j < KEYS / 8; ++j) {
            float* const s = &scores[m][j][2 * half];
            if (is_cut) {
              const at_t column = key + j * 8 + 2 * in_group();
              if (column > last) s[0] = -infinity<float>();
              if (column + 1 > last) s[1] = -infinity<float>();
            }
            largest = fmaxf(largest, fmaxf(s[0], s[1]));
          }
          largest = over_group(largest, false);
          const float base = largest == -infinity<float>() ? 0.0f : largest * scale.of_two;
          const float kept = power_of_two(most[m][half] * scale.of_two - base);
          most[m][half] = largest;
          float added = 0;
#pragma unroll
          for (int j = 0; j < KEYS / 8; ++j) {
            float* const s = &scores[m][j][2 * half];
            s[0] = power_of_two(fmaf(s[0], scale.of_two, -base));
            s[1] = power_of_two(fmaf(s[1], scale.of_two, -base));
            added += s[0] + s[1];
          }
          total[m][half] = fmaf(total[m][half], kept, added);
#pragma unroll
          for (int c = 0; c < D / 8; ++c) sums[m][c][2 * half] *= kept, sums[m][c][2 * half + 1] *= kept;
        }
      }
      times_tile<M, KEYS, D>(sums, scores, values[stage]);
      __syncthreads();
      if (STAGES == 1) {
        if (key + KEYS < end) bring(0, key + KEYS);
        commit();
      } else {
        stage ^= 1;
      }
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
      float factors[2];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float all = over_group(total[m][half], true);
        const at_t row = own + m * 16 + half * 8 + group();
        factors[half] = 1 / all;
        const float base = most[m][half] == -infinity<float>() ? 0.0f : most[m][half] * scale.of_two;
        if (in_group() == 0 && row < n.queries) {
          divisors[(task.batch * n.heads + task.head) * n.queries + row] = base + log2f(all);
        }
      }
      store<D>(out, sums[m], task.batch, task.head, n.heads, own + m * 16, n.queries, factors);
    }
  }
}

// ---- cotangents --------------------------------------------------------------------------------------------------

// The sum over a row of the value times its cotangent, by the four lanes of a group.
template <int D, class T> __device__ float row_product(const T* a, const T* b) {
  float sum = 0;
#pragma unroll
  for (int chunk = in_group(); chunk < D / 8; chunk += 4) {
    const auto x = packed<8>(a + chunk * 8), y = packed<8>(b + chunk * 8);
#pragma unroll
    for (int j = 0; j < 8; ++j) sum = fmaf(single_of(x.at[j]), single_of(y.at[j]), sum);
  }
  return over_group(sum, true);
}

// The cotangent of q [B, T, H, D], and for each query [B, H, T] the sum of its weights times their cotangents.
template <class T, int D, bool CAUSAL, int M = 1, int KEYS = 32>
__device__ void of_queries(View<T> q, View<T> k, View<T> v, View<T> out, View<T> c, Sizes n, Scale scale, const float* divisors,
                           T* result, float* products) {
  constexpr int ROWS = 64 * M, STAGES = D <= 64 ? 2 : 1, TILE = KEYS * STAGES > ROWS ? KEYS * D : ROWS / STAGES * D;
  alignas(16) __shared__ T keys[STAGES * TILE], values[STAGES * TILE];
  const at_t tiles = pieces(n.queries, ROWS), tasks = n.batches * n.heads * tiles;
  for (at_t number = blockIdx.x; number < tasks; number += gridDim.x) {
    const Task task = task_of(number, n);
    const at_t first = (tiles - 1 - task.tile) * ROWS; // the longest first
    const at_t own = first + threadIdx.x / 32 * 16 * M, lead = n.keys - n.queries;
    const T* const q_rows = q.start + task.batch * q.batch + task.head * q.head;
    const T* const k_rows = k.start + task.batch * k.batch + task.head * k.head;
    const T* const v_rows = v.start + task.batch * v.batch + task.head * v.head;
    const T* const c_rows = c.start + task.batch * c.batch + task.head * c.head;
    const T* const out_rows = out.start + task.batch * out.batch + task.head * out.head;
    const at_t end = seen<CAUSAL>(first + ROWS, n);
    const auto bring = [&](int stage, at_t key) {
      fetch<KEYS, D>(keys + stage * TILE, k_rows, k.row, key, n.keys);
      fetch<KEYS, D>(values + stage * TILE, v_rows, v.row, key, n.keys);
    };
    __syncthreads(); // the task before is done with the tiles
    fetch<ROWS, D>(keys, q_rows, q.row, first, n.queries); // by way of the tiles into registers
    fetch<ROWS, D>(values, c_rows, c.row, first, n.queries);
    commit();
    arrive<0>();
    __syncthreads();
    Quad side[M][D / 16], cotangent[M][D / 16];
#pragma unroll
    for (int m = 0; m < M; ++m) {
#pragma unroll
      for (int d = 0; d < D / 16; ++d) {
        side[m][d] = first_side<D>(keys, (int)(own - first) + m * 16, d);
        cotangent[m][d] = first_side<D>(values, (int)(own - first) + m * 16, d);
      }
    }
    __syncthreads();
    if (end > 0) bring(0, 0);
    commit();
    float divisor[M][2], product[M][2];
#pragma unroll
    for (int m = 0; m < M; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const at_t row = own + m * 16 + half * 8 + group(), inside = smaller(row, n.queries - 1);
        const at_t at = (task.batch * n.heads + task.head) * n.queries + inside;
        divisor[m][half] = divisors[at];
        product[m][half] = row_product<D>(out_rows + inside * out.row, c_rows + inside * c.row);
        if (in_group() == 0 && row < n.queries) products[at] = product[m][half];
      }
    }
    float sums[M][D / 8][4] = {};
    int stage = 0;
    for (at_t key = 0; key < end; key += KEYS) {
      if (STAGES == 2) {
        if (key + KEYS < end) bring(stage ^ 1, key + KEYS);
        commit();
      }
      arrive<STAGES - 1>();
      __syncthreads();
      float scores[M][KEYS / 8][4] = {}, slopes[M][KEYS / 8][4] = {};
      times_rows<M, KEYS, D>(scores, [&](int m, int d) { return side[m][d]; }, keys + stage * TILE);
      times_rows<M, KEYS, D>(slopes, [&](int m, int d) { return cotangent[m][d]; }, values + stage * TILE);
      const bool is_cut = key + KEYS > n.keys || (CAUSAL && key + KEYS - 1 > own + lead);
#pragma unroll
      for (int m = 0; m < M; ++m) {
#pragma unroll
        for (int j = 0; j < KEYS / 8; ++j) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const int half = i / 2;
            const at_t row = own + m * 16 + half * 8 + group(), column = key + j * 8 + 2 * in_group() + i % 2;
            const float weight = power_of_two(fmaf(scores[m][j][i], scale.of_two, -divisor[m][half]));
            const bool is_seen = !is_cut || (column < n.keys && (!CAUSAL || column <= row + lead));
            slopes[m][j][i] = is_seen ? weight * (slopes[m][j][i] - product[m][half]) : 0.0f;
          }
        }
      }
      times_tile<M, KEYS, D>(sums, slopes, keys + stage * TILE);
      __syncthreads();
      if (STAGES == 1) {
        if (key + KEYS < end) bring(0, key + KEYS);
        commit();
      } else {
        stage ^= 1;
      }
    }
    const float factors[2] = {scale.number, scale.number};
#pragma unroll
    for (int m = 0; m < M; ++m) {
      store<D>(result, sums[m], task.batch, task.head, n.heads, own + m * 16, n.queries, factors);
    }
  }
}

// The cotangents of k and v [B, S, H, D]: each tile of keys sees all queries pass by, so that sums are taken in one order. HELD: keys
// and values stay in registers, else in shared memory.
template <class T, int D, bool CAUSAL, int M = 1, int QUERIES = (D <= 64 ? 64 : 32), bool HELD = true, int STAGES = (D <= 64 ? 2 : 1)>
__device__ void of_keys(View<T> q, View<T> k, View<T> v, View<T> c, Sizes n, Scale scale, const float* divisors,
                        const float* products, T* key_result, T* value_result) {
  constexpr int ROWS = 64 * M, OWN = HELD ? 0 : ROWS * D, LEAST = HELD ? ROWS / STAGES : 0;
  constexpr int TILE = (QUERIES > LEAST ? QUERIES : LEAST) * D;
  alignas(16) __shared__ T queries[STAGES * TILE + OWN], cotangents[STAGES * TILE + OWN];
  alignas(16) __shared__ float of_weights[STAGES][QUERIES], of_slopes[STAGES][QUERIES];
  T *const own_keys = HELD ? queries : queries + STAGES * TILE, *const own_values = HELD ? cotangents : cotangents + STAGES * TILE;
  const at_t tiles = pieces(n.keys, ROWS), tasks = n.batches * n.heads * tiles;
  for (at_t number = blockIdx.x; number < tasks; number += gridDim.x) {
    const Task task = task_of(number, n);
    const at_t first = task.tile * ROWS, own = first + threadIdx.x / 32 * 16 * M, lead = n.keys - n.queries;
    const int own_row = (int)(own - first);
    const T* const q_rows = q.start + task.batch * q.batch + task.head * q.head;
    const T* const k_rows = k.start + task.batch * k.batch + task.head * k.head;
    const T* const v_rows = v.start + task.batch * v.batch + task.head * v.head;
    const T* const c_rows = c.start + task.batch * c.batch + task.head * c.head;
    const at_t rows = (task.batch * n.heads + task.head) * n.queries;
    const auto bring = [&](int stage, at_t query) {
      fetch<QUERIES, D>(queries + stage * TILE, q_rows, q.row, query, n.queries);
      fetch<QUERIES, D>(cotangents + stage * TILE, c_rows, c.row, query, n.queries);
      if (threadIdx.x < QUERIES) {
        const at_t row = query + threadIdx.x;
        const bool is_row = row < n.queries; // others have weights of 0
        of_weights[stage][threadIdx.x] = is_row ? divisors[rows + row] : infinity<float>();
        of_slopes[stage][threadIdx.x] = is_row ? products[rows + row] : 0.0f;
      }
    };
    __syncthreads(); // the task before is done with the tiles
    fetch<ROWS, D>(own_keys, k_rows, k.row, first, n.keys);
    fetch<ROWS, D>(own_values, v_rows, v.row, first, n.keys);
    commit();
    Quad key_side[M][D / 16], value_side[M][D / 16];
    if constexpr (HELD) {
      arrive<0>();
      __syncthreads();
#pragma unroll
      for (int m = 0; m < M; ++m) {
#pragma unroll
        for (int d = 0; d < D / 16; ++d) {
          key_side[m][d] = first_side<D>(own_keys, own_row + m * 16, d);
          value_side[m][d] = first_side<D>(own_values, own_row + m * 16, d);
        }
      }
      __syncthreads();
    }
    at_t query = CAUSAL ? larger(first - lead, (at_t)0) / QUERIES * QUERIES : 0; // the first tile that sees a key of these
    if (query < n.queries) bring(0, query);
    commit();
    float key_sums[M][D / 8][4] = {}, value_sums[M][D / 8][4] = {};
    int stage = 0;
    for (; query < n.queries; query += QUERIES) {
      if (STAGES == 2) {
        if (query + QUERIES < n.queries) bring(stage ^ 1, query + QUERIES);
        commit();
      }
      arrive<STAGES - 1>();
      __syncthreads();
      const T *const query_tile = queries + stage * TILE, *const cotangent_tile = cotangents + stage * TILE;
      float weights[M][QUERIES / 8][4] = {}, slopes[M][QUERIES / 8][4] = {};
      if constexpr (HELD) {
        times_rows<M, QUERIES, D>(weights, [&](int m, int d) { return key_side[m][d]; }, query_tile);
        times_rows<M, QUERIES, D>(slopes, [&](int m, int d) { return value_side[m][d]; }, cotangent_tile);
      } else {
        times_rows<M, QUERIES, D>(weights, [&](int m, int d) { return first_side<D>(own_keys, own_row + m * 16, d); }, query_tile);
        times_rows<M, QUERIES, D>(slopes, [&](int m, int d) { return first_side<D>(own_values, own_row + m * 16, d); }, cotangent_tile);
      }
      const bool is_cut = CAUSAL && own + 16 * M - 1 > query + lead;
#pragma unroll
      for (int j = 0; j < QUERIES / 8; ++j) {
        const int column = j * 8 + 2 * in_group();
        const float divisor[2] = {of_weights[stage][column], of_weights[stage][column + 1]};
        const float product[2] = {of_slopes[stage][column], of_slopes[stage][column + 1]};
#pragma unroll
        for (int m = 0; m < M; ++m) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const float weight = power_of_two(fmaf(weights[m][j][i], scale.of_two, -divisor[i % 2]));
            const bool is_seen = !is_cut || own + m * 16 + i / 2 * 8 + group() <= query + column + i % 2 + lead;
            weights[m][j][i] = is_seen ? weight : 0.0f;
            slopes[m][j][i] = is_seen ? weight * (slopes[m][j][i] - product[i % 2]) : 0.0f;
          }
        }
      }
      times_tile<M, QUERIES, D>(value_sums, weights, cotangent_tile);
      times_tile<M, QUERIES, D>(key_sums, slopes, query_tile);
      __syncthreads();
      if (STAGES == 1) {
        if (query + QUERIES < n.queries) bring(0, query + QUERIES);
        commit();
      } else {
        stage ^= 1;
      }
    }
    const float factors[2] = {scale.number, scale.number}, ones[2] = {1.0f, 1.0f};
#pragma unroll
    for (int m = 0; m < M; ++m) {
      store<D>(key_result, key_sums[m], task.batch, task.head, n.heads, own + m * 16, n.keys, factors);
      store<D>(value_result, value_sums[m], task.batch, task.head, n.heads, own + m * 16, n.keys, ones);
    }
  }
}

} // namespace attention
