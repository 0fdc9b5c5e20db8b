#include "base/fault_guard.h"

#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

namespace hornet {
namespace {

constexpr uintptr_t kPageBytes = 4096;
constexpr size_t kMaxPages = 64;

// What the signal handler reads and writes: no locks, no memory but this.
struct Slot {
  std::atomic<uintptr_t> begin = 0, end = 0;  // end 0: free
  std::atomic<size_t> num_pages = 0;          // that were damaged
  std::array<std::atomic<uintptr_t>, kMaxPages> pages = {};
  // Of pages beyond kMaxPages the first and the last: all between them count as damaged.
  std::atomic<uintptr_t> first_more = UINTPTR_MAX, last_more = 0;
};
static_assert(std::atomic<uintptr_t>::is_always_lock_free);

std::array<Slot, 512> g_slots;
std::mutex g_mutex;  // of those who register, and of g_users
int g_users = 0;
struct sigaction g_before = {};

void note(Slot& slot, uintptr_t page) {
  const size_t index = slot.num_pages.fetch_add(1);
  if (index < kMaxPages) {
    slot.pages[index] = page;
    return;
  }
  uintptr_t first = slot.first_more, last = slot.last_more;
  while (page < first && !slot.first_more.compare_exchange_weak(first, page)) {
  }
  while (page > last && !slot.last_more.compare_exchange_weak(last, page)) {
  }
}

bool repair(uintptr_t address) {
  for (Slot& slot : g_slots) {
    if (address < slot.begin || address >= slot.end) continue;
    const uintptr_t page = address / kPageBytes * kPageBytes;
    // Noted first: another thread that reads the zeros is to find the note.
    note(slot, page);
    void* zeros = mmap(reinterpret_cast<void*>(page), kPageBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return zeros != MAP_FAILED;
  }
  return false;
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const bool repaired = repair(reinterpret_cast<uintptr_t>(info->si_addr));
  errno = error;
  if (repaired) return;
  if ((g_before.sa_flags & SA_SIGINFO) != 0) return g_before.sa_sigaction(signal, info, context);
  if (g_before.sa_handler != SIG_DFL && g_before.sa_handler != SIG_IGN) {
    return g_before.sa_handler(signal);
  }
  // The access is repeated, and ends the process as it would have without this.
  ::signal(SIGBUS, SIG_DFL);
}

}  // namespace

FaultGuard::FaultGuard() {
  const std::scoped_lock lock(g_mutex);
  if (g_users++ > 0) return;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGBUS, &action, &g_before);
}

FaultGuard::~FaultGuard() {
  const std::scoped_lock lock(g_mutex);
  if (--g_users == 0) sigaction(SIGBUS, &g_before, nullptr);
}

GuardedRegion::GuardedRegion(const std::byte* data, size_t size) {
  if (size == 0) return;
  const std::scoped_lock lock(g_mutex);
  for (size_t i = 0; i < g_slots.size(); ++i) {
    Slot& slot = g_slots[i];
    if (slot.end != 0) continue;
    slot.num_pages = 0;
    slot.first_more = UINTPTR_MAX;
    slot.last_more = 0;
    slot.begin = reinterpret_cast<uintptr_t>(data);
    slot.end = reinterpret_cast<uintptr_t>(data) + size;
    slot_ = static_cast<int>(i);
    return;
  }
}

GuardedRegion::~GuardedRegion() {
  if (slot_ < 0) return;
  const std::scoped_lock lock(g_mutex);
  g_slots[static_cast<size_t>(slot_)].end = 0;
}

bool GuardedRegion::is_damaged(const std::byte* data, size_t size) const {
  if (slot_ < 0 || size == 0) return false;
  const Slot& slot = g_slots[static_cast<size_t>(slot_)];
  const size_t count = slot.num_pages;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  const auto meets = [&](uintptr_t first_page, uintptr_t last_page) {
    return first_page < begin + size && last_page + kPageBytes > begin;
  };
  for (size_t i = 0; i < std::min(count, kMaxPages); ++i) {
    const uintptr_t page = slot.pages[i];
    if (meets(page, page)) return true;
  }
  return count > kMaxPages && meets(slot.first_more, slot.last_more);
}

}  // namespace hornet
