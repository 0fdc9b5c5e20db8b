// Preloaded into a peer that has no option for it: the process and its threads see a processor
// with AVX2 and without AVX-512 and AMX. Linux lets a process trap its CPUID instructions where the
// processor can (arch_prctl, CPUID faulting); the handler answers with fewer features. Where it
// cannot, a library may be preloaded behind this one in which UD2 stands for every CPUID
// (HORNET_CPUID_IS_UD2=1); without one the process ends with code 3 before it begins.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static int traps_cpuid;

static long set_cpuid(long allowed) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static void hide(uint32_t leaf, uint32_t subleaf, uint32_t* a, uint32_t* b, uint32_t* c, uint32_t* d) {
  if (leaf == 7 && subleaf == 0) {
    // AVX-512 F, DQ, IFMA, PF, ER, CD, BW, VL
    *b &= ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31);
    // VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ
    *c &= ~(1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14);
    // 4VNNIW, 4FMAPS, VP2INTERSECT, AMX-BF16, FP16, AMX-TILE, AMX-INT8
    *d &= ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25);
  }
  if (leaf == 7 && subleaf == 1) *a &= ~(1u << 4 | 1u << 5);  // AVX-VNNI, AVX512-BF16
  if (leaf == 0xd && subleaf == 0) *a &= 7;                   // states: x87, SSE, AVX
}

static void answer_cpuid(int number, siginfo_t* info, void* context) {
  (void)info;
  greg_t* r = ((ucontext_t*)context)->uc_mcontext.gregs;
  const uint8_t* code = (const uint8_t*)r[REG_RIP];
  const uint8_t second = number == SIGSEGV ? 0xa2 : 0x0b;
  if (code[0] != 0x0f || code[1] != second) {  // not CPUID: a real fault, which happens again
    signal(number, SIG_DFL);
    return;
  }
  const uint32_t leaf = (uint32_t)r[REG_RAX], subleaf = (uint32_t)r[REG_RCX];
  uint32_t a, b, c, d;
  if (traps_cpuid) set_cpuid(1);
  __cpuid_count(leaf, subleaf, a, b, c, d);
  if (traps_cpuid) set_cpuid(0);
  hide(leaf, subleaf, &a, &b, &c, &d);
  r[REG_RAX] = a;
  r[REG_RBX] = b;
  r[REG_RCX] = c;
  r[REG_RDX] = d;
  r[REG_RIP] += 2;
}

// The program may neither take the signal for itself nor block it.
int sigaction(int number, const struct sigaction* action, struct sigaction* old) {
  int (*real)(int, const struct sigaction*, struct sigaction*) = dlsym(RTLD_NEXT, "sigaction");
  const int ours = action != NULL && action->sa_sigaction == answer_cpuid;
  return real(number, (number == SIGSEGV || number == SIGILL) && !ours ? NULL : action, old);
}

int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) {
  int (*real)(int, const sigset_t*, sigset_t*) = dlsym(RTLD_NEXT, "pthread_sigmask");
  sigset_t without;
  if (set != NULL && how != SIG_UNBLOCK) {
    without = *set;
    sigdelset(&without, SIGSEGV);
    sigdelset(&without, SIGILL);
    set = &without;
  }
  return real(how, set, old);
}

// The C library, and with it getenv(), begins later: the environment is the third argument, as glibc
// gives it.
static int cpuid_is_ud2(char** environment) {
  while (*environment != NULL && strcmp(*environment, "HORNET_CPUID_IS_UD2=1") != 0) ++environment;
  return *environment != NULL;
}

__attribute__((constructor)) static void begin(int argc, char** argv, char** environment) {
  (void)argc;
  (void)argv;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = answer_cpuid;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (cpuid_is_ud2(environment)) {
    sigaction(SIGILL, &action, NULL);
    return;
  }
  sigaction(SIGSEGV, &action, NULL);
  traps_cpuid = 1;
  if (set_cpuid(0) != 0) _exit(3);
}
