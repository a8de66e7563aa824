// ---- what comes back to keys and values -----------------------------------------------------------------------------

namespace attention {

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
    const Rows<T> q_rows = rows_of(q, task), k_rows = rows_of(k, task), v_rows = rows_of(v, task), c_rows = rows_of(c, task);
    const at_t rows = (task.batch * n.heads + task.head) * n.queries;
    const auto bring = [&](int stage, at_t query) {
      fetch<QUERIES, D>(queries + stage * TILE, q_rows, query, n.queries);
      fetch<QUERIES, D>(cotangents + stage * TILE, c_rows, query, n.queries);
      if (threadIdx.x < QUERIES) {
        const at_t row = query + threadIdx.x;
        const bool is_row = row < n.queries; // others see nothing
        of_weights[stage][threadIdx.x] = is_row ? divisors[rows + row] : 0.0f;
        of_slopes[stage][threadIdx.x] = is_row ? products[rows + row] : 0.0f;
      }
    };
    __syncthreads(); // the task before is done with the tiles
    fetch<ROWS, D>(own_keys, k_rows, first, n.keys);
    fetch<ROWS, D>(own_values, v_rows, first, n.keys);
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
    const at_t start = CAUSAL ? larger(first - lead, (at_t)0) / QUERIES * QUERIES : 0; // the first tile that sees a key of these
    if (start < n.queries) bring(0, start);
    commit();
    float key_sums[M][D / 8][4] = {}, value_sums[M][D / 8][4] = {};
    each_tile<QUERIES, STAGES>(start, n.queries, bring, [&](int stage, at_t query) {
      const T *const query_tile = queries + stage * TILE, *const cotangent_tile = cotangents + stage * TILE;
      float weights[M][QUERIES / 8][4] = {}, slopes[M][QUERIES / 8][4] = {};
      if constexpr (HELD) {
        times_rows<M, QUERIES, D>(weights, [&](int m, int d) { return key_side[m][d]; }, query_tile);
        times_rows<M, QUERIES, D>(slopes, [&](int m, int d) { return value_side[m][d]; }, cotangent_tile);
      } else {
        times_rows<M, QUERIES, D>(weights, [&](int m, int d) { return first_side<D>(own_keys, own_row + m * 16, d); }, query_tile);
        times_rows<M, QUERIES, D>(slopes, [&](int m, int d) { return first_side<D>(own_values, own_row + m * 16, d); }, cotangent_tile);
      }
      const bool is_cut = query + QUERIES > n.queries || (CAUSAL && own + 16 * M - 1 > query + lead);
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
            const at_t row = query + column + i % 2, key = own + m * 16 + i / 2 * 8 + group();
            const bool is_seen = !is_cut || (row < n.queries && (!CAUSAL || key <= row + lead));
            weights[m][j][i] = is_seen ? weight : 0.0f;
            slopes[m][j][i] = is_seen ? weight * (slopes[m][j][i] - product[i % 2]) : 0.0f;
          }
        }
      }
      times_tile<M, QUERIES, D>(value_sums, weights, cotangent_tile);
      times_tile<M, QUERIES, D>(key_sums, slopes, query_tile);
    });
    const float factors[2] = {scale.number, scale.number}, ones[2] = {1.0f, 1.0f};
#pragma unroll
    for (int m = 0; m < M; ++m) {
      store<D>(key_result, key_sums[m], task.batch, task.head, n.heads, own + m * 16, n.keys, factors);
      store<D>(value_result, value_sums[m], task.batch, task.head, n.heads, own + m * 16, n.keys, ones);
    }
  }
}

} // namespace attention
