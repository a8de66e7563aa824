// Attention by heads, and the cotangents of its operands: softmax(scale q k') v without the weights in memory. Sources: Dao et al.
// 2022; Dao 2023.
//
// Four warps hold tiles of 64 or 128 rows (`tiles.cuh`); tiles of the other side pass by in shared memory, brought there while the ones
// before are worked on. Here are products of matrix units, 16 x 8 x 16, in fragments: of the 16 x 16 of the first side, lane 4 g + t
// holds rows g and g + 8, columns 2 t, 2 t + 1 and 8 more; of the 16 x 8 of the second, column g, the same four rows; of the sum, rows g
// and g + 8, columns 2 t, 2 t + 1. So a sum of 16 x 16 is, rounded, the first side of the next product.
namespace attention {

constexpr int THREADS = 128;

struct Quad { u32 at[4]; };

__device__ int lane() { return threadIdx.x % 32; }
__device__ int group() { return threadIdx.x % 32 / 4; }
__device__ int in_group() { return threadIdx.x % 4; }

#ifdef __CUDA_ARCH__
__device__ float power_of_two(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
__device__ u32 shared_address(const void* at) {
  u64 address;
  asm("cvta.to.shared.u64 %0, %1;" : "=l"(address) : "l"(at));
  return (u32)address;
}
// Zeros, unless it is there; nothing is read then.
__device__ void copy_16(void* into, const void* from, bool is_there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(into)), "l"(from), "r"(is_there ? 16 : 0) : "memory");
}
__device__ void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LATER> __device__ void arrive() { asm volatile("cp.async.wait_group %0;" ::"n"(LATER) : "memory"); }

__device__ u32 pair_of(float low, float high, bf16) {
  u32 y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
__device__ u32 pair_of(float low, float high, f16) {
  u32 y;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}
// Four matrices of 8 x 8, of which lane 8 m + r names row r of the m-th.
template <bool TURNED, class T> __device__ Quad matrices(const T* row) {
  Quad q;
  if constexpr (TURNED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(q.at[0]), "=r"(q.at[1]), "=r"(q.at[2]), "=r"(q.at[3])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(q.at[0]), "=r"(q.at[1]), "=r"(q.at[2]), "=r"(q.at[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
  return q;
}
__device__ void multiply(float* c, const Quad& a, u32 b0, u32 b1, bf16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b0), "r"(b1));
}
__device__ void multiply(float* c, const Quad& a, u32 b0, u32 b1, f16) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.at[0]), "r"(a.at[1]), "r"(a.at[2]), "r"(a.at[3]), "r"(b0), "r"(b1));
}
#else
// The same words where there are no matrix units.
__device__ float power_of_two(float x) { return exp2f(x); }
__device__ void copy_16(void* into, const void* from, bool is_there) {
  *(Pack<u64, 2>*)into = is_there ? packed<2>((const u64*)from) : Pack<u64, 2>{};
}
__device__ void commit() {}
template <int LATER> __device__ void arrive() {}
template <class T> __device__ u32 pair_of(float low, float high, T) {
  return (u32)convert<T>(low).bits | (u32)convert<T>(high).bits << 16;
}
template <bool TURNED, class T> __device__ Quad matrices(const T* row) {
  Quad q;
  for (int m = 0; m < 4; ++m) {
    const T* one = __shfl_sync(0xffffffffu, row, m * 8 + (TURNED ? 2 * in_group() : group()));
    const T* other = __shfl_sync(0xffffffffu, row, m * 8 + 2 * in_group() + 1);
    const T low = TURNED ? one[group()] : one[2 * in_group()], high = TURNED ? other[group()] : one[2 * in_group() + 1];
    q.at[m] = (u32)low.bits | (u32)high.bits << 16;
  }
  return q;
}
template <class T> __device__ void multiply(float* c, const Quad& a, u32 b0, u32 b1, T) {
  const auto half = [](u32 pair, int k) { return single_of(T{(u16)(k % 2 == 0 ? pair : pair >> 16)}); };
  for (int k = 0; k < 16; ++k) {
    const int from = k % 8 / 2;
    const float upper = half(__shfl_sync(0xffffffffu, a.at[k / 8 * 2], group() * 4 + from), k);
    const float lower = half(__shfl_sync(0xffffffffu, a.at[k / 8 * 2 + 1], group() * 4 + from), k);
    const u32 own = k < 8 ? b0 : b1;
    const float left = half(__shfl_sync(0xffffffffu, own, 2 * in_group() * 4 + from), k);
    const float right = half(__shfl_sync(0xffffffffu, own, (2 * in_group() + 1) * 4 + from), k);
    c[0] += upper * left, c[1] += upper * right, c[2] += lower * left, c[3] += lower * right;
  }
}
#endif

__device__ float over_group(float x, bool is_sum) {
#pragma unroll
  for (int distance = 1; distance < 4; distance *= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, x, distance);
    x = is_sum ? x + other : fmaxf(x, other);
  }
  return x;
}

} // namespace attention
