#include "clinux.h"
#include <elf.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <ucontext.h>

/* Only instructions fault: a system call with a buffer that is away returns EFAULT. So those whose buffer may be
 * one are turned into signals (seccomp), and made here with the memory behind the buffer. */

static const struct ferry_lender *volatile lender;

/* The memory behind a buffer; in a child, which has none of the session's, the buffer itself. */
static struct iovec lend(uintptr_t address, size_t size, int is_input) {
  uintptr_t lent = ferry_forked() ? address : lender->lend(address, size, is_input);
  return (struct iovec){(void *)lent, size};
}

#if defined(__x86_64__)

static struct sigaction before;

static long send_to(const greg_t *registers, struct iovec *part) {
  struct msghdr message = {.msg_iov = part, .msg_iovlen = 1};
  message.msg_name = (void *)registers[REG_R8];
  message.msg_namelen = message.msg_name ? (socklen_t)registers[REG_R9] : 0;
  return syscall(SYS_sendmsg, (int)registers[REG_RDI], &message, (int)registers[REG_R10]);
}

static long receive_from(const greg_t *registers, struct iovec *part) {
  struct msghdr message = {.msg_iov = part, .msg_iovlen = 1};
  socklen_t *length = (socklen_t *)registers[REG_R9];
  message.msg_name = (void *)registers[REG_R8];
  message.msg_namelen = message.msg_name && length ? *length : 0;
  long count = syscall(SYS_recvmsg, (int)registers[REG_RDI], &message, (int)registers[REG_R10]);
  if (count >= 0 && message.msg_name && length) *length = message.msg_namelen;
  return count;
}

/* Makes a call that became a signal; -1 with errno when it fails. */
static long make(int number, const greg_t *registers) {
  int file = (int)registers[REG_RDI];
  uintptr_t address = (uintptr_t)registers[REG_RSI];
  size_t size = (size_t)registers[REG_RDX];
  int is_input = number == SYS_read || number == SYS_pread64 || number == SYS_recvfrom;
  struct iovec part = lend(address, size, is_input);
  long position = registers[REG_R10], count;
  /* The same calls with vectors, which are not turned into signals. */
  switch (number) {
    case SYS_sendto: count = send_to(registers, &part); break;
    case SYS_recvfrom: count = receive_from(registers, &part); break;
    case SYS_pread64: count = syscall(SYS_preadv, file, &part, 1, position, 0); break;
    case SYS_pwrite64: count = syscall(SYS_pwritev, file, &part, 1, position, 0); break;
    default: count = syscall(is_input ? SYS_readv : SYS_writev, file, &part, 1);
  }
  /* No more than there is room for, whatever MSG_TRUNC says. */
  if (is_input && count > 0 && (uintptr_t)part.iov_base != address)
    lender->filled(address, (size_t)count < size ? (size_t)count : size);
  return count;
}

static void on_call(int number, siginfo_t *info, void *raw) {
  int error = errno;
  greg_t *registers = ((ucontext_t *)raw)->uc_mcontext.gregs;
  /* 1: SYS_SECCOMP. */
  if (info->si_code != 1 || !lender) {
    errno = error;
    if (before.sa_flags & SA_SIGINFO) {
      before.sa_sigaction(number, info, raw);
    } else if (before.sa_handler == SIG_DFL) {
      signal(number, SIG_DFL);
      raise(number);
    } else if (before.sa_handler != SIG_IGN) {
      before.sa_handler(number);
    }
    return;
  }
  long result = make(info->si_syscall, registers);
  registers[REG_RAX] = result < 0 ? -errno : result;
  errno = error;
}

/* Calls with a buffer whose address has its upper half between two numbers. Programs that this one starts inherit
 * the filter but not the handler: it must not be about anything that they do. */
static int install(uint32_t low, uint32_t high) {
  const unsigned upper = offsetof(struct seccomp_data, args[1]) + 4;
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 10),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_recvfrom, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, upper),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, low, 0, 1),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, high, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  };
  struct sock_fprog filter = {sizeof program / sizeof *program, program};
  long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (result < 0 && errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  return result == 0 ? 0 : -1;
}

static void divert_lists(void);

int ferry_catch_calls(uintptr_t low, uintptr_t high, const struct ferry_lender *own) {
  if (!lender) {
    struct sigaction ours = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};
    lender = own;
    if (sigaction(SIGSYS, &ours, &before)) return -1;
  }
  divert_lists();
  return install((uint32_t)(low >> 32), (uint32_t)((high - 1) >> 32) + 1);
}

/* A filter cannot see the buffers that writev() is given in a list, which is how C++ streams write much at once. So
 * the places where programs and libraries keep the address of that function get another one. */
static ssize_t write_parts(int file, const struct iovec *parts, int count) {
  enum { most = 1024 }; /* UIO_MAXIOV of the kernel, which says so when there are more */
  if (count <= 0 || count > most) return syscall(SYS_writev, file, parts, count);
  struct iovec lent[count];
  for (int i = 0; i < count; i++) lent[i] = lend((uintptr_t)parts[i].iov_base, parts[i].iov_len, 0);
  return syscall(SYS_writev, file, lent, count);
}

static void divert(uintptr_t base, const Elf64_Rela *relocations, size_t size, const Elf64_Sym *symbols,
                   const char *names, uintptr_t constant, uintptr_t constant_end) {
  for (size_t i = 0; relocations && i < size / sizeof *relocations; i++) {
    unsigned kind = ELF64_R_TYPE(relocations[i].r_info);
    if (kind != R_X86_64_JUMP_SLOT && kind != R_X86_64_GLOB_DAT) continue;
    if (strcmp(names + symbols[ELF64_R_SYM(relocations[i].r_info)].st_name, "writev")) continue;
    uintptr_t slot = base + relocations[i].r_offset, page = slot & ~(uintptr_t)4095;
    int is_constant = slot >= constant && slot < constant_end;
    if (is_constant && mprotect((void *)page, 4096, PROT_READ | PROT_WRITE)) continue;
    __atomic_store_n((uintptr_t *)slot, (uintptr_t)write_parts, __ATOMIC_RELEASE);
    if (is_constant) mprotect((void *)page, 4096, PROT_READ);
  }
}

static int divert_in(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size, (void)unused;
  const Elf64_Dyn *entry = NULL;
  uintptr_t base = object->dlpi_addr, constant = 0, constant_end = 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const Elf64_Phdr *part = &object->dlpi_phdr[i];
    if (part->p_type == PT_DYNAMIC) entry = (const Elf64_Dyn *)(base + part->p_vaddr);
    if (part->p_type == PT_GNU_RELRO) {
      constant = (base + part->p_vaddr) & ~(uintptr_t)4095;
      constant_end = base + part->p_vaddr + part->p_memsz;
    }
  }
  const Elf64_Rela *lists[2] = {NULL, NULL};
  size_t sizes[2] = {0, 0};
  const Elf64_Sym *symbols = NULL;
  const char *names = NULL;
  for (; entry && entry->d_tag != DT_NULL; entry++) {
    /* The C library has made addresses of them, but for objects of the kernel's. */
    void *place = (void *)(entry->d_un.d_ptr < base ? base + entry->d_un.d_ptr : entry->d_un.d_ptr);
    switch (entry->d_tag) {
      case DT_RELA: lists[0] = place; break;
      case DT_RELASZ: sizes[0] = entry->d_un.d_val; break;
      case DT_JMPREL: lists[1] = place; break;
      case DT_PLTRELSZ: sizes[1] = entry->d_un.d_val; break;
      case DT_SYMTAB: symbols = place; break;
      case DT_STRTAB: names = place; break;
      default: break;
    }
  }
  for (int i = 0; symbols && names && i < 2; i++)
    divert(base, lists[i], sizes[i], symbols, names, constant, constant_end);
  return 0;
}

static void divert_lists(void) { dl_iterate_phdr(divert_in, NULL); }

#else

int ferry_catch_calls(uintptr_t low, uintptr_t high, const struct ferry_lender *own) {
  (void)low, (void)high, (void)own;
  return -1;
}

#endif
