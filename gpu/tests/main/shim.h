// The words of CUDA on a host, so that printed kernels run without a device: each thread of a block is a fiber, and a
// barrier is where one hands over to the next.

#include <cmath>
#include <cstring>
#include <cstdlib>
#include <functional>
#include <setjmp.h>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__ inline
#define __shared__ static
#define __launch_bounds__(...)

// A device stops at a pack that is not where packs lie; a host might not.
#define GF_ALIGNED(address, bytes) \
  if ((size_t)(address) % (bytes) != 0) std::abort();

struct Triple { unsigned x, y, z; };
static Triple threadIdx, blockIdx, blockDim, gridDim;

namespace host {

struct Fiber {
  ucontext_t context; // where it begins
  jmp_buf at;         // where it goes on: jumps are no system calls, as switches of contexts are
  std::vector<char> stack;
  bool is_started = false, is_done = false;
};
static unsigned running, waiting, barriers; // threads that run, those of them at the block's barrier, and barriers passed
static std::vector<Fiber> fibers;
static jmp_buf scheduler;
static const std::function<void()>* body;
static unsigned current;

static void hand_over() {
  if (_setjmp(fibers[current].at) == 0) _longjmp(scheduler, 1);
  threadIdx = {current, 0, 0};
}

// A fiber is a thread of one block after another.
static void start() {
  while (true) {
    (*body)();
    fibers[current].is_done = true;
    --running;
    hand_over();
  }
}

static void resume(Fiber& fiber) {
  if (_setjmp(scheduler) != 0) return;
  if (fiber.is_started) _longjmp(fiber.at, 1);
  fiber.is_started = true;
  setcontext(&fiber.context);
}

static void add_fibers(unsigned threads) {
  while (fibers.size() < threads) {
    fibers.emplace_back();
    fibers.back().stack.resize(64 * 1024);
  }
  for (Fiber& fiber : fibers) {
    if (fiber.is_started) continue;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = fiber.stack.size();
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, start, 0);
  }
}

// All fibers take turns. In a turn, each runs up to where it hands over; the lanes of a warp do so at the same words, so
// that after a turn all of them have come there. The block's barrier opens between two turns.
static void run_block(unsigned threads) {
  for (unsigned t = 0; t < threads; ++t) fibers[t].is_done = false;
  running = threads;
  waiting = 0;
  while (running > 0) {
    for (unsigned t = 0; t < threads; ++t) {
      if (fibers[t].is_done) continue;
      current = t;
      threadIdx = {t, 0, 0};
      resume(fibers[t]);
    }
    if (waiting == running) {
      waiting = 0;
      ++barriers;
    }
  }
}

static void barrier() {
  const unsigned passed = barriers;
  ++waiting;
  while (barriers == passed) hand_over();
}

static void launch(const std::function<void()>& entry, unsigned blocks, unsigned threads) {
  body = &entry;
  add_fibers(threads);
  gridDim = {blocks, 1, 1};
  blockDim = {threads, 1, 1};
  for (unsigned block = 0; block < blocks; ++block) {
    blockIdx = {block, 0, 0};
    run_block(threads);
  }
}

// What the lane at this number of the same warp holds.
template <class T> static T from_lane(T x, unsigned lane) {
  static T held[1024];
  held[current] = x;
  hand_over();
  const T y = held[current / 32 * 32 + lane];
  hand_over();
  return y;
}

template <class... P, size_t... I> void call(void (*entry)(P...), void** arguments, std::index_sequence<I...>) {
  entry(*(P*)arguments[I]...);
}
template <class... P> void call(void (*entry)(P...), void** arguments) {
  call(entry, arguments, std::index_sequence_for<P...>());
}

} // namespace host

#define __syncthreads() host::barrier()
template <class T> T __shfl_xor_sync(unsigned, T x, int distance) { return host::from_lane(x, (host::current ^ distance) % 32); }
template <class T> T __shfl_sync(unsigned, T x, int lane) { return host::from_lane(x, lane); }
template <class T> T __shfl_up_sync(unsigned, T x, unsigned distance) {
  const unsigned lane = host::current % 32;
  return host::from_lane(x, lane < distance ? lane : lane - distance);
}

#define __syncwarp() host::hand_over()
template <class T> unsigned __match_any_sync(unsigned, T x) {
  static T held[1024];
  held[host::current] = x;
  host::hand_over();
  unsigned peers = 0;
  for (unsigned lane = 0; lane < 32; ++lane) peers |= (held[host::current / 32 * 32 + lane] == x) << lane;
  host::hand_over();
  return peers;
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }

// Blocks run one after the other, so what one of them tells is there when the next asks.
inline void __threadfence() {}
inline void __trap() { abort(); }
template <class T> T atomicAdd(T* at, T x) {
  const T old = *at;
  *at += x;
  return old;
}
#define GF_SCAN_GROUP 4 // so that arrays of a few tiles have groups

// A way in for each entry: its arguments behind pointers, as cuLaunchKernel takes them.
#define GF_HOST_ENTRY(entry)                                                                                            \
  extern "C" void host_##entry(void** arguments, unsigned blocks, unsigned threads) {                                  \
    host::launch([=] { host::call(entry, arguments); }, blocks, threads);                                              \
  }
