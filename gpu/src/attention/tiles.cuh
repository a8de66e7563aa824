// ---- tiles of attention ---------------------------------------------------------------------------------------------

namespace attention {

// Rows of heads, D numbers each, side by side; distances in elements.
template <class T> struct View { const T* start; at_t batch, head, row; };
struct Sizes { at_t batches, heads, queries, keys; };
// The factor of scores, and the same for powers of two.
struct Scale { float number, of_two; };

// Which head, and which tile of its rows.
struct Task { at_t batch, head, tile; };
__device__ Task task_of(at_t number, const Sizes& n) {
  const at_t all = n.batches * n.heads;
  return {number % all / n.heads, number % all % n.heads, number / all};
}

// The rows of one head.
template <class T> struct Rows { const T* start; at_t step; };
template <class T> __device__ Rows<T> rows_of(const View<T>& view, const Task& task) {
  return {view.start + task.batch * view.batch + task.head * view.head, view.row};
}

// Where 8 elements of a row lie in a tile: so that 8 rows' lie in 8 different banks.
template <int D> __device__ int place(int row, int chunk) {
  const int turn = D >= 64 ? row % 8 : row * D / 64 % (D / 8);
  return row * D + (chunk ^ turn) * 8;
}

// Starts to bring a tile: rows from `first` on; those behind the last one are 0, so that a weight of 0 makes nothing of them.
template <int ROWS, int D, class T> __device__ void fetch(T* tile, const Rows<T>& rows, at_t first, at_t count) {
  constexpr int CHUNKS = D / 8;
#pragma unroll
  for (int i = threadIdx.x; i < ROWS * CHUNKS; i += THREADS) {
    const int row = i / CHUNKS, chunk = i % CHUNKS;
    const T* const from = &rows.start[smaller(first + row, count - 1) * rows.step + chunk * 8];
    copy_16(&tile[place<D>(row, chunk)], from, first + row < count);
  }
}

// The tiles from `at` on, STEP rows each, of which the first one is on its way: with two stages, the next one is brought while one is
// worked on.
template <int STEP, int STAGES, class Bring, class Work> __device__ void each_tile(at_t at, at_t end, Bring bring, Work work) {
  for (int stage = 0; at < end; at += STEP) {
    const bool are_more = at + STEP < end;
    if (STAGES == 2) {
      if (are_more) bring(stage ^ 1, at + STEP);
      commit();
    }
    arrive<STAGES - 1>();
    __syncthreads();
    work(stage, at);
    __syncthreads();
    if (STAGES == 1) {
      if (are_more) bring(0, at + STEP);
      commit();
    } else {
      stage ^= 1;
    }
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

// Keys that the queries before `end` see.
template <bool CAUSAL> __device__ at_t seen(at_t end, const Sizes& n) {
  const at_t last = CAUSAL ? smaller(n.keys, smaller(end, n.queries) + n.keys - n.queries) : n.keys;
  return larger(last, (at_t)0);
}

} // namespace attention
