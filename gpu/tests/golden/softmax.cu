// 0: b1 f16[N, 1000] = rows [1000] over [N]
//      v0: f16 = load b0[i0, i1]
//      v1: f32 = cast v0
//      v2: f32 row = reduce Max v1
//      v3: f16 row = cast v2
//      v4: f32 row = cast v3
//      v5: bool row = isfinite v4
//      v6: f16 row = scalar 0x0
//      v7: f16 row = select v5 v3 v6
//      v8: f16 = spread v7
//      v9: f32 = cast v8
//      v10: f32 = sub v1 v9
//      v11: f16 = cast v10
//      v12: f32 = cast v11
//      v13: f32 = exp v12
//      v14: f16 = cast v13
//      v15: f32 = cast v14
//      v16: f32 row = reduce Sum v15
//      v17: f16 row = cast v16
//      v18: f16 = spread v17
//      v19: f32 = cast v18
//      v20: f32 = div v15 v19
//      v21: f16 = cast v20

extern "C" __global__ void __launch_bounds__(256) k0_rows(
    const f16* __restrict__ b0,
    f16* __restrict__ b1,
    const at_t size_N) {
  const at_t rows = size_N;
  const int lane = threadIdx.x;
  for (at_t row = (at_t)blockIdx.x; row < rows; row += gridDim.x) {
    float row1[4];
    float row15[4];
    float fold2 = -infinity<float>();
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const at_t e = k * 256 + lane;
      if (e < 1000) {
        const at_t at = row * 1000 + e;
        const f16 v0 = b0[at];
        const float v1 = convert<float>(v0);
        row1[k] = v1;
        fold2 = Max::of(fold2, (float)v1);
      }
    }
    const float v2 = convert<float>(block_fold<Max, 256>(fold2));
    const f16 v3 = convert<f16>(v2);
    const float v4 = convert<float>(v3);
    const bool v5 = is_finite(v4);
    const f16 v7 = v5 ? v3 : f16{0x0};
    double fold16 = (double)0;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const at_t e = k * 256 + lane;
      if (e < 1000) {
        const at_t at = row * 1000 + e;
        const float v9 = convert<float>(v7);
        const float v10 = row1[k] - v9;
        const f16 v11 = convert<f16>(v10);
        const float v12 = convert<float>(v11);
        const float v13 = expf(v12);
        const f16 v14 = convert<f16>(v13);
        const float v15 = convert<float>(v14);
        row15[k] = v15;
        fold16 = Sum::of(fold16, (double)v15);
      }
    }
    const float v16 = convert<float>(block_fold<Sum, 256>(fold16));
    const f16 v17 = convert<f16>(v16);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const at_t e = k * 256 + lane;
      if (e < 1000) {
        const at_t at = row * 1000 + e;
        const float v19 = convert<float>(v17);
        const float v20 = row15[k] / v19;
        const f16 v21 = convert<f16>(v20);
        b1[at] = v21;
      }
    }
  }
}
