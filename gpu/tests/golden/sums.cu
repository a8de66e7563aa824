// 0: b1 f32[] = fold Sum of v1 over [N, 100] x []
//      v0: f32 = load b0[i0, i1]
//      v1: f32 = mul v0 v0
// 1: b2 f32[100] = fold Sum of v0 over [N] x [100]
//      v0: f32 = load b0[i0, i1]

extern "C" __global__ void __launch_bounds__(256) k0_fold_chunks(
    const float* __restrict__ b0,
    double* __restrict__ partial,
    const at_t size_N) {
  const at_t folded = (size_N * 100), chunks = pieces(folded, 16384);
  for (at_t task = (at_t)blockIdx.x; task < chunks; task += gridDim.x) {
    const at_t first = task / chunks * folded, start = task % chunks * 16384;
    const at_t end = start + 16384 < folded ? start + 16384 : folded;
    const at_t whole = end;
    Folded<Sum, double> fold{(double)0};
    for (at_t tile = start; tile < whole; tile += 4096) {
      Pack<float, 4> p0[4];
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        const at_t f = tile + (u * 256 + (at_t)threadIdx.x) * 4;
        if (f >= whole) continue;
        const at_t i = first + f;
        p0[u] = packed<4>(&b0[i]);
      }
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        const at_t f = tile + (u * 256 + (at_t)threadIdx.x) * 4;
        if (f >= whole) continue;
        const at_t i = first + f;
        float pack[4];
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          const float v1 = p0[u].at[k] * p0[u].at[k];
          pack[k] = v1;
        }
        fold.add(sum_of<4>(pack));
      }
    }
    const double total = block_fold<Sum, 256>(fold.total);
    if (threadIdx.x == 0) partial[task] = total;
  }
}

extern "C" __global__ void __launch_bounds__(1024) k0_fold_joined(
    const double* __restrict__ partial,
    float* __restrict__ b1,
    const at_t size_N) {
  const at_t chunks = pieces((size_N * 100), 16384);
  const at_t end = chunks;
  Folded<Sum, double> fold{(double)0};
#pragma unroll 4
  for (at_t c = threadIdx.x; c < end; c += 1024) fold.add(partial[c]);
  const double total = block_fold<Sum, 1024>(fold.total);
  if (blockIdx.x == 0 && threadIdx.x == 0) b1[0] = convert<float>(total);
}

extern "C" __global__ void __launch_bounds__(256) k1_fold_chunks(
    const float* __restrict__ b0,
    double* __restrict__ partial,
    const at_t size_N) {
  __shared__ double sums[1024];
  const at_t folded = size_N, inner = 100, stripes = pieces(inner, 100);
  const at_t chunks = pieces(folded, 160);
  const int group = threadIdx.x / 25;
  for (at_t task = (at_t)blockIdx.x; task < chunks * stripes; task += gridDim.x) {
    const at_t line = task / stripes / chunks, chunk = task / stripes % chunks;
    const at_t column = (task % stripes * 25 + (at_t)threadIdx.x % 25) * 4;
    const at_t start = chunk * 160, end = start + 160 < folded ? start + 160 : folded;
    Folded<Sum, double> folds[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      folds[k].total = (double)0;
    }
    if (group < 10 && column < inner) {
      for (at_t tile = start + group; tile < end; tile += 40) {
        Pack<float, 4> p0[4];
#pragma unroll
        for (int u = 0; u < 4; ++u) {
          const at_t f = tile + u * 10;
          if (f >= end) continue;
          const at_t i = (line * folded + f) * inner + column;
          p0[u] = packed<4>(&b0[i]);
        }
        float rows[4][4] = {};
#pragma unroll
        for (int u = 0; u < 4; ++u) {
          const at_t f = tile + u * 10;
          if (f >= end) continue;
          const at_t i = (line * folded + f) * inner + column;
#pragma unroll
          for (int k = 0; k < 4; ++k) {
            rows[k][u] = p0[u].at[k];
          }
        }
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          folds[k].add(sum_of<4>(rows[k]));
        }
      }
    }
#pragma unroll
    for (int half = 8; half > 0; half /= 2) {
      if (group >= half && group < 2 * half) {
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          sums[(int)threadIdx.x * 4 + k] = folds[k].total;
        }
      }
      __syncthreads();
      if (group < half && group + half < 10) {
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          folds[k].add(sums[(int)threadIdx.x * 4 + k + half * 100]);
        }
      }
    }
    if (group == 0 && column < inner) {
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        partial[(line * chunks + chunk) * inner + column + k] = folds[k].total;
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(1024) k1_fold_joined(
    const double* __restrict__ partial,
    float* __restrict__ b2,
    const at_t size_N) {
  const at_t chunks = pieces(size_N, 160);
  __shared__ double sums[1024];
  const at_t inner = 100, stripes = pieces(inner, 32);
  const int group = threadIdx.x / 32;
  for (at_t task = (at_t)blockIdx.x; task < stripes; task += gridDim.x) {
    const at_t line = task / stripes, column = task % stripes * 32 + (at_t)threadIdx.x % 32;
    const at_t end = column < inner ? chunks : 0;
    Folded<Sum, double> fold{(double)0};
#pragma unroll 4
    for (at_t c = group; c < end; c += 32) fold.add(partial[(line * chunks + c) * inner + column]);
    sums[threadIdx.x] = fold.total;
    __syncthreads();
    for (int half = 16; half > 0; half /= 2) {
      if (group < half) fold.add(sums[threadIdx.x + half * 32]);
      if (group < half) sums[threadIdx.x] = fold.total;
      __syncthreads();
    }
    if (group == 0 && column < inner) b2[line * inner + column] = convert<float>(fold.total);
  }
}
