// 0: b2 f32[N, 6] = pointwise over [N, 6]
//      v0: f32 = load b0[i0, 5-1*i1]
//      v1: f32 = load b1[0, i1]
//      v2: f32 = mul v0 v1
//      v3: f32 = exp v2
//      v4: f32 = load b0[i0, i1]
//      v5: f32 = max v3 v4

extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    const float* __restrict__ b0,
    const float* __restrict__ b1,
    float* __restrict__ b2,
    const at_t size_N) {
  const at_t count = (size_N * 6);
  for (at_t i = first_thread(); i < count; i += all_threads()) {
    const at_t i0 = i / 6;
    const at_t i1 = i % 6;
    const float v0 = b0[i0 * 6 + 5 - i1];
    const float v1 = b1[i1];
    const float v2 = v0 * v1;
    const float v3 = expf(v2);
    const float v4 = b0[i];
    const float v5 = larger(v3, v4);
    b2[i] = v5;
  }
}
