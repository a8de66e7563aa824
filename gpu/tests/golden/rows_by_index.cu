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

extern "C" __global__ void __launch_bounds__(256) k1_scatter_start(
    const i32* __restrict__ b1,
    u32* __restrict__ keys,
    at_t* __restrict__ carried,
    const at_t size_N) {
  radix::start_places(b1, size_N, 50, keys, carried);
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_count(
    const u32* __restrict__ keys,
    at_t* counts,
    const at_t shift,
    const at_t size_N) {
  radix::count<at_t>(keys, size_N, (int)shift, counts);
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_clear(
    const u32* __restrict__ keys,
    u64* words,
    const at_t size_N) {
  radix::clear<at_t>(keys, size_N, words);
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_scan(
    const u32* __restrict__ keys,
    at_t* counts,
    u64* words,
    const at_t size_N) {
  radix::scan<at_t>(keys, size_N, counts, words);
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_place(
    const u32* __restrict__ keys,
    const at_t* __restrict__ carried,
    const at_t* __restrict__ ends,
    i64* __restrict__ into,
    const at_t shift,
    const at_t size_N) {
  radix::move(keys, carried, size_N, (int)shift, ends, (u32*)nullptr, into);
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_bounds(
    const i32* __restrict__ b1,
    const i64* __restrict__ order,
    at_t* __restrict__ starts,
    const at_t size_N) {
  const at_t size = 50, rows = size_N;
  for (at_t group = first_thread(); group <= size; group += all_threads()) {
    at_t low = 0, high = rows;
    while (low < high) {
      const at_t middle = low + (high - low) / 2;
      if (radix::group_of<i64>(b1[order[middle]], size) < group) low = middle + 1;
      else high = middle;
    }
    starts[group] = low;
  }
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_fold(
    const float* __restrict__ b2,
    const i64* __restrict__ order,
    const at_t* __restrict__ starts,
    float* __restrict__ b3,
    const at_t size_N) {
  const at_t size = 50, inner = 8, rows = size_N;
  for (at_t task = first_thread(); task < size * inner; task += all_threads()) {
    const at_t group = task / inner % size, end = starts[group + 1];
    const at_t first = task / inner / size * rows * inner + task % inner;
    double total = (double)0;
    for (at_t r = starts[group]; r < end; ++r) {
      total = Sum::of(total, convert<double>(b2[first + (at_t)order[r] * inner]));
    }
    b3[task] = convert<float>(total);
  }
}
