// ---- the value of attention -----------------------------------------------------------------------------------------

namespace attention {

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
    const Rows<T> q_rows = rows_of(q, task), k_rows = rows_of(k, task), v_rows = rows_of(v, task);
    const at_t end = seen<CAUSAL>(first + ROWS, n);
    const auto bring = [&](int stage, at_t key) {
      fetch<KEYS, D>(keys[stage], k_rows, key, n.keys);
      fetch<KEYS, D>(values[stage], v_rows, key, n.keys);
    };
    __syncthreads(); // the task before is done with the tiles
    fetch<ROWS, D>(queries, q_rows, first, n.queries);
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
    each_tile<KEYS, STAGES>(0, end, bring, [&](int stage, at_t key) {
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
    });
#pragma unroll
    for (int m = 0; m < M; ++m) {
      float factors[2];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float all = over_group(total[m][half], true);
        const at_t row = own + m * 16 + half * 8 + group();
        factors[half] = 1 / all;
        if (n.keys == 0 || (CAUSAL && row + lead < 0)) { // nothing is seen: zeros, also beside values that are infinite
          factors[half] = 0;
#pragma unroll
          for (int c = 0; c < D / 8; ++c) sums[m][c][2 * half] = sums[m][c][2 * half + 1] = 0;
        }
        const float base = most[m][half] == -infinity<float>() ? 0.0f : most[m][half] * scale.of_two;
        if (in_group() == 0 && row < n.queries) {
          divisors[(task.batch * n.heads + task.head) * n.queries + row] = base + log2f(all);
        }
      }
      store<D>(out, sums[m], task.batch, task.head, n.heads, own + m * 16, n.queries, factors);
    }
  }
}

} // namespace attention
