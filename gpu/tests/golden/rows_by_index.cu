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

extern "C" __global__ void __launch_bounds__(256) k1_scatter_start(i64* __restrict__ into, const at_t size_N) {
  for (at_t i = first_thread(); i < size_N; i += all_threads()) {
    into[i] = i % size_N;
  }
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_merge(
    const i32* __restrict__ b1,
    const i64* __restrict__ from,
    i64* __restrict__ into,
    const at_t width,
    const at_t size_N) {
  const at_t size = size_N, inner = 1;
  for (at_t i = first_thread(); i < size * inner; i += all_threads()) {
    const at_t line = i / inner / size * size * inner + i % inner, place = i / inner % size;
    at_t element = (at_t)from[i];
    const i64 own = (b1[element] >= 0 && b1[element] < 50 ? (i64)b1[element] : (i64)50);
    const bool is_left = place / width % 2 == 0;
    const at_t run = place / width * width, pair = is_left ? run : run - width;
    // How many of the other run come first: of equals, the left run's.
    at_t low = is_left ? pair + width : pair, high = is_left ? pair + 2 * width : run;
    low = low < size ? low : size;
    high = high < size ? high : size;
    const at_t other = low;
    while (low < high) {
      const at_t middle = low + (high - low) / 2;
      element = (at_t)from[line + middle * inner];
      const i64 found = (b1[element] >= 0 && b1[element] < 50 ? (i64)b1[element] : (i64)50);
      const bool is_before = is_left ? is_less(found, own) : !is_less(own, found);
      if (is_before) low = middle + 1;
      else high = middle;
    }
    into[line + (pair + (place - run) + (low - other)) * inner] = from[i];
  }
}

extern "C" __global__ void __launch_bounds__(256) k1_scatter_groups(
    const float* __restrict__ b2,
    const i64* __restrict__ order,
    const i32* __restrict__ b1,
    float* __restrict__ b3,
    const at_t size_N) {
  const at_t size = 50, inner = 8, rows = size_N;
  for (at_t task = first_thread(); task < size * inner; task += all_threads()) {
    const at_t group = task / inner % size;
    const at_t first = task / inner / size * rows * inner + task % inner;
    at_t bounds[2]; // of the group's rows in their order
    for (int side = 0; side < 2; ++side) {
      at_t low = 0, high = rows;
      while (low < high) {
        const at_t middle = low + (high - low) / 2;
        if ((b1[order[middle]] >= 0 && b1[order[middle]] < 50 ? (i64)b1[order[middle]] : (i64)50) < group + side) low = middle + 1;
        else high = middle;
      }
      bounds[side] = low;
    }
    double total = (double)0;
    for (at_t r = bounds[0]; r < bounds[1]; ++r) {
      total = Sum::of(total, convert<double>(b2[first + (at_t)order[r] * inner]));
    }
    b3[task] = convert<float>(total);
  }
}
