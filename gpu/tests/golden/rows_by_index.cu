// 0: b2 f32[N, 8] = gather b0 [50, 8] axis 0 by b1
// 1: b3 f32[50, 8] = scatter Sum b2 by b1 into 50

extern "C" __global__ void __launch_bounds__(256) k0_gather(
    const float* __restrict__ b0,
    const i32* __restrict__ b1,
    float* __restrict__ b2,
    const at_t size_N) {
  const at_t picked = size_N, inner = 8, count = picked * inner;
  for (at_t i = first_thread(); i < count; i += all_threads()) {
    const i64 row = b1[i / inner % picked];
    const bool is_inside = row >= 0 && row < 50;
    const at_t from = (i / inner / picked * 50 + (at_t)row) * inner + i % inner;
    b2[i] = is_inside ? b0[from] : 0.0f;
  }
}

extern "C" __global__ void __launch_bounds__(96) k1_scatter_few(
    const float* __restrict__ b2,
    const i32* __restrict__ b1,
    double* partial,
    const at_t size_N) {
  const at_t rows = size_N, size = 50, inner = 8;
  groups::fold_chunks<Sum, 400>(b2, b1, rows, size, inner, (double)0, partial);
}

extern "C" __global__ void __launch_bounds__(1024) k1_scatter_join(
    const double* partial,
    float* __restrict__ b3,
    const at_t size_N) {
  groups::join_chunks<Sum, 400>(partial, b3, (at_t)(size_N * 8), (double)0);
}
