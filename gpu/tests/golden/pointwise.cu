// 0: b2 f32[N, 6] = pointwise over [N, 6]
//      v0: f32 = load b0[i0, 5-1*i1]
//      v1: f32 = load b1[0, i1]
//      v2: f32 = mul v0 v1
//      v3: f32 = exp v2
//      v4: f32 = load b0[i0, i1]
//      v5: f32 = max v3 v4

extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    const float* __restrict__ b1,
    const float* __restrict__ b0,
    float* __restrict__ b2,
    const at_t size_N) {
  const at_t count = (size_N * 6);
  const at_t whole = count;
  for (at_t tile = (at_t)blockIdx.x * 1024; tile < whole; tile += (at_t)gridDim.x * 1024) {
    Pack<float, 2> p1[2];
    Pack<float, 2> p4[2];
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      const at_t i = tile + (u * 256 + (at_t)threadIdx.x) * 2;
      if (i >= whole) continue;
      const at_t i1 = i % 6;
      p1[u] = packed<2>(&b1[i1]);
      p4[u] = packed<2>(&b0[i]);
    }
#pragma unroll
    for (int u = 0; u < 2; ++u) {
      const at_t i = tile + (u * 256 + (at_t)threadIdx.x) * 2;
      if (i >= whole) continue;
      Pack<float, 2> out_b2;
      const at_t i0 = i / 6;
      const at_t i1 = i % 6;
      const at_t start1 = i1;
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const at_t i1 = start1 + k;
        const float v0 = b0[i0 * 6 + 5 - i1];
        const float v2 = v0 * p1[u].at[k];
        const float v3 = expf(v2);
        const float v5 = larger(v3, p4[u].at[k]);
        out_b2.at[k] = v5;
      }
      unpacked(&b2[i], out_b2);
    }
  }
}
