// 0: b2 f32[N] = pointwise over [N]
//      v0: u64 = load b0[0]
//      v1: i64 = iota i0
//      v2: u64 = cast v1
//      v3: u64 = threefry v0 v2
//      v4: u64 = scalar 0x28
//      v5: u64 = shr v3 v4
//      v6: f32 = cast v5
//      v7: f32 = scalar 0x33800000
//      v8: f32 = mul v6 v7

extern "C" __global__ void __launch_bounds__(256) k0_pointwise(
    const u64* __restrict__ b0,
    float* __restrict__ b2,
    const at_t size_N) {
  const at_t count = size_N;
  const u64 v0 = b0[0];
  const at_t whole = count / 4 * 4;
  for (at_t i = first_thread() * 4; i < whole; i += all_threads() * 4) {
    Pack<float, 4> out_b2;
    const at_t start = i;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const at_t i = start + k;
      const at_t i0 = i;
      const i64 v1 = (i64)(i0);
      const u64 v2 = convert<u64>(v1);
      const u64 v3 = threefry(v0, v2);
      const u64 v5 = shifted_right(v3, 40ull);
      const float v6 = convert<float>(v5);
      const float v8 = v6 * 5.9604645e-8f;
      out_b2.at[k] = v8;
    }
    unpacked(&b2[i], out_b2);
  }
  for (at_t i = whole + first_thread(); i < count; i += all_threads()) {
    const at_t i0 = i;
    const i64 v1 = (i64)(i0);
    const u64 v2 = convert<u64>(v1);
    const u64 v3 = threefry(v0, v2);
    const u64 v5 = shifted_right(v3, 40ull);
    const float v6 = convert<float>(v5);
    const float v8 = v6 * 5.9604645e-8f;
    b2[i] = v8;
  }
}
