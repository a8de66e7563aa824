// ---- what comes back to queries -------------------------------------------------------------------------------------

namespace attention {

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
    const Rows<T> q_rows = rows_of(q, task), k_rows = rows_of(k, task), v_rows = rows_of(v, task);
    const Rows<T> c_rows = rows_of(c, task), out_rows = rows_of(out, task);
    const at_t end = seen<CAUSAL>(first + ROWS, n);
    const auto bring = [&](int stage, at_t key) {
      fetch<KEYS, D>(keys + stage * TILE, k_rows, key, n.keys);
      fetch<KEYS, D>(values + stage * TILE, v_rows, key, n.keys);
    };
    __syncthreads(); // the task before is done with the tiles
    fetch<ROWS, D>(keys, q_rows, first, n.queries); // by way of the tiles into registers
    fetch<ROWS, D>(values, c_rows, first, n.queries);
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
        product[m][half] = row_product<D>(out_rows.start + inside * out_rows.step, c_rows.start + inside * c_rows.step);
        if (in_group() == 0 && row < n.queries) products[at] = product[m][half];
      }
    }
    float sums[M][D / 8][4] = {};
    each_tile<KEYS, STAGES>(0, end, bring, [&](int stage, at_t key) {
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
    });
    const float factors[2] = {scale.number, scale.number};
#pragma unroll
    for (int m = 0; m < M; ++m) {
      store<D>(result, sums[m], task.batch, task.head, n.heads, own + m * 16, n.queries, factors);
    }
  }
}

} // namespace attention
