// CUDA's driver and compiler on a host, as far as this crate calls them: what runs on a device can so be tested without one.
//
// Streams are queues that run as late as they may: when somebody waits for them. A wait that is missing so shows at once, where
// a device would most often have been fast enough. Kernels are compiled by the system's C++ compiler with the words of `shim.h`.
// Memory that is freed is filled with rubbish in the order of its stream.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <string>
#include <unistd.h>
#include <vector>

typedef int Result; // CUDA_SUCCESS and others
enum { OK = 0, INVALID = 1, NO_MEMORY = 2, NO_DEVICE = 100, CAPTURED = 900, NOT_FOUND = 500 };

static std::recursive_mutex one;
#define LOCK std::lock_guard<std::recursive_mutex> guard(one)

static int said(const char* name, int otherwise) {
  const char* text = getenv(name);
  return text ? atoi(text) : otherwise;
}
static std::string folder() { return getenv("EMULATED_FOLDER"); }

typedef std::function<void()> Work;

struct Stream {
  std::deque<Work> queue;
  uint64_t done = 0, given = 0;
  std::vector<Work>* captured = nullptr;
};
struct Event { Stream* stream = nullptr; uint64_t number = 0; };
struct Block { char* address; size_t bytes; Stream* stream; bool is_over; };
struct Pool { std::vector<Block> free; size_t used = 0, reserved = 0; };
static std::map<char*, std::pair<size_t, Pool*>> allocated;
static std::map<char*, size_t> pinned;
static std::map<Stream*, std::shared_ptr<Stream>> streams;
static Pool standard;

static void run_up_to(Stream* stream, uint64_t number) {
  while (stream->done < number) {
    Work work = stream->queue.front();
    stream->queue.pop_front();
    ++stream->done;
    work();
  }
}
static void put(Stream* stream, Work work) {
  if (stream->captured) return stream->captured->push_back(work);
  stream->queue.push_back(work);
  ++stream->given;
}
static size_t total() { return size_t(said("EMULATED_MEMORY_MB", 4096)) << 20; }
static size_t reserved_by_all = 0;

extern "C" {

Result cuInit(unsigned) { return said("EMULATED_INIT", OK); }
Result cuDriverGetVersion(int* version) { *version = said("EMULATED_VERSION", 13000); return OK; }
Result cuGetErrorName(Result, const char** name) { *name = "CUDA_ERROR_EMULATED"; return OK; }
Result cuGetErrorString(Result, const char** text) { *text = "emulated"; return OK; }
Result cuDeviceGet(int* device, int number) { *device = number; return number == 0 ? OK : 101; }
Result cuDeviceGetCount(int* count) { *count = 1; return OK; }
Result cuDeviceGetName(char* name, int length, int) { snprintf(name, length, "emulated"); return OK; }
Result cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 1; // compute capability 9.0; it has pools
  return OK;
}
Result cuDevicePrimaryCtxRetain(void** context, int) { *context = &standard; return OK; }
Result cuDevicePrimaryCtxRelease_v2(int) { return OK; }
static thread_local void* current = nullptr;
Result cuCtxGetCurrent(void** context) { *context = current; return OK; }
Result cuCtxSetCurrent(void* context) { current = context; return OK; }
Result cuMemGetInfo_v2(size_t* free, size_t* all) { *all = total(); *free = total() - reserved_by_all; return OK; }

Result cuStreamCreate(Stream** stream, unsigned) {
  LOCK;
  auto made = std::make_shared<Stream>();
  streams[made.get()] = made;
  *stream = made.get();
  return OK;
}
Result cuStreamDestroy_v2(Stream* stream) { LOCK; run_up_to(stream, stream->given); return OK; } // events may still name it
Result cuStreamSynchronize(Stream* stream) {
  LOCK;
  if (stream->captured) return CAPTURED;
  run_up_to(stream, stream->given);
  return OK;
}
Result cuCtxSynchronize() { LOCK; for (auto& s : streams) run_up_to(s.first, s.first->given); return OK; }

Result cuEventCreate(Event** event, unsigned) { *event = new Event; return OK; }
Result cuEventDestroy_v2(Event* event) { delete event; return OK; }
Result cuEventRecord(Event* event, Stream* stream) { LOCK; *event = {stream, stream->given}; return OK; }
Result cuEventSynchronize(Event* event) { LOCK; if (event->stream) run_up_to(event->stream, event->number); return OK; }
Result cuEventElapsedTime(float* milliseconds, Event*, Event*) { *milliseconds = 1; return OK; }
Result cuStreamWaitEvent(Stream* stream, Event* event, unsigned) {
  LOCK;
  Event then = *event;
  if (then.stream) put(stream, [then] { run_up_to(then.stream, then.number); });
  return OK;
}

Result cuMemPoolCreate(Pool** pool, const void*) { *pool = new Pool; return OK; }
Result cuMemPoolDestroy(Pool*) { return OK; }
Result cuMemPoolSetAttribute(Pool*, int, void*) { return OK; }
Result cuMemPoolGetAttribute(Pool* pool, int attribute, void* value) {
  LOCK;
  *(uint64_t*)value = attribute == 5 ? pool->reserved : pool->used;
  return OK;
}
Result cuMemPoolTrimTo(Pool* pool, size_t kept) {
  LOCK;
  for (size_t i = 0; i < pool->free.size();) {
    Block block = pool->free[i];
    if (!block.is_over || pool->reserved <= kept) { ++i; continue; }
    free(block.address);
    pool->reserved -= block.bytes;
    reserved_by_all -= block.bytes;
    pool->free.erase(pool->free.begin() + i);
  }
  return OK;
}
Result cuMemAllocFromPoolAsync(char** address, size_t asked, Pool* pool, Stream* stream) {
  LOCK;
  if (stream->captured) return CAPTURED;
  const size_t bytes = (asked + 511) / 512 * 512;
  for (size_t i = pool->free.size(); i-- > 0;) {
    Block block = pool->free[i];
    if (block.bytes != bytes || (block.stream != stream && !block.is_over)) continue;
    pool->free.erase(pool->free.begin() + i);
    *address = block.address;
    pool->used += bytes;
    allocated[block.address] = {bytes, pool};
    return OK;
  }
  if (reserved_by_all + bytes > total()) return NO_MEMORY;
  *address = (char*)aligned_alloc(512, bytes);
  pool->used += bytes;
  pool->reserved += bytes;
  reserved_by_all += bytes;
  allocated[*address] = {bytes, pool};
  return OK;
}
Result cuMemAllocAsync(char** address, size_t bytes, Stream* stream) {
  return cuMemAllocFromPoolAsync(address, bytes, &standard, stream);
}
Result cuMemFreeAsync(char* address, Stream* stream) {
  LOCK;
  if (stream->captured) return CAPTURED;
  if (!allocated.count(address)) return INVALID;
  auto [bytes, pool] = allocated[address];
  allocated.erase(address);
  pool->used -= bytes;
  pool->free.push_back({address, bytes, stream, false});
  put(stream, [=, bytes = bytes, pool = pool] {
    memset(address, 0xEE, bytes);
    for (Block& block : pool->free) block.is_over |= block.address == address;
  });
  return OK;
}
Result cuMemHostAlloc(char** address, size_t bytes, unsigned) {
  LOCK;
  *address = (char*)malloc(bytes);
  pinned[*address] = bytes;
  return OK;
}
Result cuMemFreeHost(char* address) { LOCK; pinned.erase(address); free(address); return OK; }
static bool is_pinned(const char* address) {
  auto after = pinned.upper_bound((char*)address);
  return after != pinned.begin() && address < std::prev(after)->first + std::prev(after)->second;
}
Result cuMemcpyHtoDAsync_v2(char* to, const char* from, size_t bytes, Stream* stream) {
  LOCK;
  if (is_pinned(from)) { // read when the copy runs
    put(stream, [=] { memcpy(to, from, bytes); });
  } else {
    auto held = std::make_shared<std::string>(from, bytes);
    put(stream, [=] { memcpy(to, held->data(), bytes); });
  }
  return OK;
}
Result cuMemcpyDtoHAsync_v2(char* to, const char* from, size_t bytes, Stream* stream) {
  LOCK;
  put(stream, [=] { memcpy(to, from, bytes); });
  return OK;
}
Result cuMemcpyDtoDAsync_v2(char* to, const char* from, size_t bytes, Stream* stream) {
  LOCK;
  put(stream, [=] { memcpy(to, from, bytes); });
  return OK;
}

typedef void (*Entry)(void**, unsigned, unsigned);
struct Function { Entry entry; unsigned arguments; };
// A module's code is the path of a library, and a zero.
Result cuModuleLoadData(void** module, const char* path) { *module = dlopen(path, RTLD_NOW | RTLD_LOCAL); return *module ? OK : INVALID; }
Result cuModuleUnload(void*) { return OK; }
Result cuModuleGetFunction(Function** function, void* module, const char* name) {
  auto entry = (Entry)dlsym(module, (std::string("host_") + name).c_str());
  auto count = (unsigned*)dlsym(module, (std::string("count_") + name).c_str());
  if (!entry || !count) return NOT_FOUND;
  *function = new Function{entry, *count};
  return OK;
}
Result cuLaunchKernel(Function* function, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned, unsigned,
                      Stream* stream, void** given, void**) {
  LOCK;
  std::vector<uint64_t> values(function->arguments);
  for (size_t i = 0; i < values.size(); ++i) memcpy(&values[i], given[i], 8); // narrow ones lie in wide places
  put(stream, [=] {
    std::vector<uint64_t> own = values;
    std::vector<void*> arguments;
    for (uint64_t& value : own) arguments.push_back(&value);
    function->entry(arguments.data(), blocks < 5 ? blocks : 5, threads);
  });
  return OK;
}

struct Graph { std::vector<Work> work; };
Result cuStreamBeginCapture_v2(Stream* stream, int) { LOCK; stream->captured = new std::vector<Work>; return OK; }
Result cuStreamEndCapture(Stream* stream, Graph** graph) {
  LOCK;
  *graph = new Graph{*stream->captured};
  stream->captured = nullptr;
  return said("EMULATED_NO_GRAPHS", 0) ? CAPTURED : OK;
}
Result cuGraphInstantiateWithFlags(Graph** made, Graph* graph, unsigned long long) { *made = graph; return OK; }
Result cuGraphExecDestroy(Graph*) { return OK; }
Result cuGraphDestroy(Graph*) { return OK; }
Result cuGraphLaunch(Graph* graph, Stream* stream) {
  LOCK;
  std::vector<Work> work = graph->work;
  put(stream, [=] { for (const Work& one : work) one(); });
  return OK;
}

struct Program { std::string source, log, code; };
Result nvrtcVersion(int* major, int* minor) { *major = 0; *minor = 1; return OK; }
const char* nvrtcGetErrorString(int) { return "emulated"; }
Result nvrtcCreateProgram(Program** program, const char* source, const char*, int, const char* const*, const char* const*) {
  *program = new Program{source, "", ""};
  return OK;
}
Result nvrtcDestroyProgram(Program** program) { delete *program; return OK; }
Result nvrtcGetProgramLogSize(Program* program, size_t* size) { *size = program->log.size() + 1; return OK; }
Result nvrtcGetProgramLog(Program* program, char* log) { strcpy(log, program->log.c_str()); return OK; }
Result nvrtcGetCUBINSize(Program* program, size_t* size) { *size = program->code.size() + 1; return OK; }
Result nvrtcGetCUBIN(Program* program, char* code) { strcpy(code, program->code.c_str()); return OK; }
Result nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  static int number = 0;
  std::string at = "int";
  for (int i = 0; i < count; ++i)
    if (strstr(options[i], "GF_AT=long long")) at = "i64";
  std::string base;
  { LOCK; base = folder() + "/module" + std::to_string(getpid()) + "_" + std::to_string(number++); }
  std::ofstream file(base + ".cpp");
  file << "#include \"" << folder() << "/shim.h\"\n" << program->source << "\n";
  const std::regex head("__global__\\s+void\\s+(?:__launch_bounds__\\([^)]*\\)\\s+)?(\\w+)\\s*\\(([^)]*)\\)");
  for (std::sregex_iterator found(program->source.begin(), program->source.end(), head), end; found != end; ++found) {
    const std::string name = (*found)[1], arguments = (*found)[2];
    size_t commas = 0;
    for (char c : arguments) commas += c == ',';
    file << "GF_HOST_ENTRY(" << name << ")\nextern \"C\" unsigned count_" << name << ";\nunsigned count_" << name << " = "
         << (arguments.find_first_not_of(" \n") == std::string::npos ? 0 : commas + 1) << ";\n";
  }
  file.close();
  const std::string command = "c++ -std=c++17 -O1 -w -U_FORTIFY_SOURCE -ffp-contract=off -shared -fPIC -DGF_AT=" + at + " -o " + base + ".so " +
                              base + ".cpp 2> " + base + ".log";
  if (system(command.c_str()) != 0) {
    std::ifstream log(base + ".log");
    program->log.assign(std::istreambuf_iterator<char>(log), {});
    return 6;
  }
  program->code = base + ".so";
  return OK;
}

int cublasLtCreate(void**) { return 1; } // not initialised: printed kernels multiply
size_t cublasLtGetVersion() { return 0; }

} // extern "C"
