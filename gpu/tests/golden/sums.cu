// 0: b1 f32[] = fold Sum of v1 over [N, 100] x []
//      v0: f32 = load b0[i0, i1]
//      v1: f32 = mul v0 v0
// 1: b2 f32[100] = fold Sum of v0 over [N] x [100]
//      v0: f32 = load b0[i0, i1]

extern "C" __global__ void __launch_bounds__(256) k0_fold_chunks(
    const float* __restrict__ b0,
    double* __restrict__ partial,
    const at_t size_N) {
  const at_t folded = (size_N * 100), chunks = pieces(folded, 8192);
  for (at_t task = (at_t)blockIdx.x; task < chunks; task += gridDim.x) {
    const at_t first = task / chunks * folded;
    const at_t start = task % chunks * 8192;
    const at_t end = start + 8192 < folded ? start + 8192 : folded;
    double total = (double)0;
    for (at_t f = start + threadIdx.x; f < end; f += 256) {
      const at_t i = first + f;
      const float v0 = b0[i];
      const float v1 = v0 * v0;
      total = Sum::of(total, (double)v1);
    }
    const double all = block_fold<Sum, 256>(total);
    if (threadIdx.x == 0) partial[task] = all;
  }
}

extern "C" __global__ void __launch_bounds__(256) k0_fold_joined(
    const double* __restrict__ partial,
    float* __restrict__ b1,
    const at_t size_N) {
  const at_t chunks = pieces((size_N * 100), 8192), inner = 1;
  for (at_t task = (at_t)blockIdx.x; task < 1; task += gridDim.x) {
    double total = (double)0;
    for (at_t c = threadIdx.x; c < chunks; c += 256) {
      total = Sum::of(total, partial[(task / inner * chunks + c) * inner + task % inner]);
    }
    const float all = convert<float>(block_fold<Sum, 256>(total));
    if (threadIdx.x == 0) b1[task] = all;
  }
}

extern "C" __global__ void __launch_bounds__(256) k1_fold_chunks(
    const float* __restrict__ b0,
    double* __restrict__ partial,
    const at_t size_N) {
  const at_t folded = size_N, chunks = pieces(folded, 64);
  for (at_t task = first_thread(); task < 100 * chunks; task += all_threads()) {
    const at_t inner = 100;
    const at_t first = task / inner / chunks * folded * inner + task % inner;
    const at_t start = task / inner % chunks * 64;
    const at_t end = start + 64 < folded ? start + 64 : folded;
    double total = (double)0;
    for (at_t f = start; f < end; ++f) {
      const at_t i = first + f * 100;
      const float v0 = b0[i];
      total = Sum::of(total, (double)v0);
    }
    partial[task] = total;
  }
}

extern "C" __global__ void __launch_bounds__(256) k1_fold_joined(
    const double* __restrict__ partial,
    float* __restrict__ b2,
    const at_t size_N) {
  const at_t chunks = pieces(size_N, 64), inner = 100;
  for (at_t task = first_thread(); task < 100; task += all_threads()) {
    double total = (double)0;
    for (at_t c = 0; c < chunks; ++c) {
      total = Sum::of(total, partial[(task / inner * chunks + c) * inner + task % inner]);
    }
    b2[task] = convert<float>(total);
  }
}
