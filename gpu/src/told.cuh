// ---- what blocks tell each other ------------------------------------------------------------------------------------
// Of one pass over an array, for scans and what is like them: the totals of tiles, and what stands before each.

#ifndef GF_SCAN_GROUP
#define GF_SCAN_GROUP 32
#endif

namespace scans {

// Tiles of a group: a lane of one warp asks for the total of each.
constexpr int GROUP = GF_SCAN_GROUP;
static_assert(GROUP <= 32, "a lane reads a tile's total");

// What a block tells others: a number's bits, and what it is. One access of 128 bits, which nothing divides.
struct Told {
  u64 bits, state;
};
// Not there yet; the fold of a tile or group alone; the fold of all up to the group's end.
enum : u64 { NOTHING = 0, ALONE = 1, WHOLE = 2 };

template <class T> __device__ void tell(Told* at, T x, u64 state) {
  u64 bits = 0;
  memcpy(&bits, &x, sizeof(T));
#ifdef __CUDA_ARCH__
  asm volatile("{ .reg .b128 both; mov.b128 both, {%1, %2}; st.relaxed.gpu.global.b128 [%0], both; }" ::"l"(at), "l"(bits), "l"(state)
               : "memory");
#else
  *at = {bits, state};
#endif
}

__device__ Told asked(const Told* at) {
  Told told;
#ifdef __CUDA_ARCH__
  asm volatile("{ .reg .b128 both; ld.relaxed.gpu.global.b128 both, [%2]; mov.b128 {%0, %1}, both; }"
               : "=l"(told.bits), "=l"(told.state)
               : "l"(at)
               : "memory");
#else
  told = *at;
#endif
  return told;
}

template <class T> __device__ T number_of(const Told& told) {
  T x;
  memcpy(&x, &told.bits, sizeof(T));
  return x;
}

// One more turn of waiting for a block with a lower ticket, which runs: this ends.
__device__ void wait_on(u32& turns) {
  if (++turns == 1u << 26) __trap(); // an error is better than a device that hangs
  __nanosleep(300);                  // who asks without pause is in the way of who tells
}

// What blocks share, all 0 at first: the totals of tiles and of groups, and the next ticket.
struct Shared {
  Told *of_tiles, *of_groups;
  u32* tickets;
  __device__ Shared(u64* words, at_t tiles)
      : of_tiles((Told*)words), of_groups((Told*)words + tiles), tickets((u32*)(words + 4 * tiles)) {}
  __device__ at_t next_tile() const { return (at_t)atomicAdd(tickets, 1u); }
};

// Where the lines of an array begin, seen from one tile. With `LINES` false there is one line, and every test of a start
// is false at compile time.
template <bool LINES, int TILE> struct Lines {
  at_t size, base, at_base; // elements of a line; the tile's first element, and its position in its line
  __device__ Lines(at_t size, at_t base) : size(size), base(base), at_base(LINES ? base % size : base) {}
  // The position in its line of an element of the tile.
  __device__ at_t position(int offset) const {
    const at_t at = at_base + offset;
    if (!LINES || at < size) return at;
    return size > TILE ? at - size : (at_t)((u32)at % (u32)size);
  }
  // How many elements from this position to the next start, and from one start to the next; what is beyond the tile is
  // as good as anything beyond it.
  __device__ int until_start(at_t position) const { return !LINES ? TILE : position == 0 ? 0 : shortened(size - position); }
  __device__ int step() const { return shortened(size); }
  static __device__ int shortened(at_t count) { return count < 2 * TILE ? (int)count : 2 * TILE; }
  // Whether a line starts among the `count` elements up to the one at this position.
  static __device__ bool starts(at_t last, int count) { return LINES && last < count; }
  // Where the line of the tile's first element starts.
  __device__ at_t line_start() const { return LINES ? base - at_base : 0; }
};

// The fold of the line up to a group's start, for one warp. Each lane asks for one of the 32 groups before it; from the
// nearest one whose WHOLE is known, those after it follow one by one. A WHOLE is made in this very way, so that it does
// not matter which one is found. `told` is what the lane's group told before.
template <class Op, class Acc> __device__ Acc before_group(at_t group, const Shared& shared, Told told) {
  const int lane = threadIdx.x % 32;
  int nearest = 0;
  for (u32 turns = 0;; wait_on(turns)) {
    if (turns > 0 && told.state != WHOLE && lane < group) told = asked(shared.of_groups + group - 1 - lane);
    const u32 whole = __ballot_sync(0xffffffffu, told.state == WHOLE);
    const u32 nothing = __ballot_sync(0xffffffffu, told.state == NOTHING);
    if (whole == 0) continue;
    nearest = __ffs(whole) - 1;
    if ((nothing & ((1u << nearest) - 1)) == 0) break;
  }
  const Acc x = number_of<Acc>(told);
  Acc found = __shfl_sync(0xffffffffu, x, nearest);
  for (int l = nearest - 1; l >= 0; --l) found = Op::of(found, __shfl_sync(0xffffffffu, x, l));
  return found;
}

// The fold of all elements of the line before this tile, for one warp; it tells what it knows of its group, if the tile is
// the group's last one. `total` is the tile's, from the last start in it, if it has one.
template <class Op, class Acc, bool LINES, int TILE>
__device__ Acc before(at_t tile, const Lines<LINES, TILE>& lines, const Shared& shared, Acc neutral, Acc total, bool has_start) {
  const int lane = threadIdx.x % 32;
  const at_t group = tile / GROUP, first = group * GROUP, from = lines.line_start() / TILE, own = first + lane;
  const bool is_near = from >= first;
  Acc near = neutral;
  Told far_told = {0, NOTHING};
  __nanosleep(500); // about what the others' telling takes
  if (!is_near && lane < group) far_told = asked(shared.of_groups + group - 1 - lane);
  if (own >= from && own < tile) {
    Told told;
    for (u32 turns = 0; (told = asked(shared.of_tiles + own)).state == NOTHING;) wait_on(turns);
    near = number_of<Acc>(told);
  }
  near = warp_fold<Op>(near);
  const Acc of_group = has_start ? total : Op::of(near, total);
  const bool tells = lane == 0 && tile % GROUP == GROUP - 1;
  if (tells) tell<Acc>(shared.of_groups + group, of_group, has_start || is_near ? WHOLE : ALONE);
  if (is_near) return near;
  const Acc far = before_group<Op, Acc>(group, shared, far_told);
  if (tells && !has_start) tell<Acc>(shared.of_groups + group, Op::of(far, of_group), WHOLE);
  return Op::of(far, near);
}

} // namespace scans

