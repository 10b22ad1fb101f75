// Logs every write to a TCP socket with the time of the system call, which the process itself does not see.
// Build: cc -O2 -shared -fPIC -o socket_log.so socket_log.c -ldl
// Use: SOCKET_LOG=FILE LD_PRELOAD=./socket_log.so deno run -A cli.ts …
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// One record of the log. The file is an array of these; a length of 0 ends it.
enum { HEAD = 136, MAX_RECORDS = 8 * 1024 * 1024, MAX_FDS = 65536 };
struct record {
  double beforeMs, afterMs;  // since 1970, around the system call
  int32_t ports;             // of the connection: joins its two ends
  int32_t length;            // bytes written
  char head[HEAD];           // the first bytes
};

static struct record *records;
static _Atomic uint64_t count;
enum { NOT_TCP = -1 };
static _Atomic int32_t ports[MAX_FDS];  // 0: not looked at
static ssize_t (*real_write)(int, const void *, size_t), (*real_send)(int, const void *, size_t, int);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static int (*real_close)(int), (*real_accept4)(int, struct sockaddr *, socklen_t *, int);
static int (*real_connect)(int, const struct sockaddr *, socklen_t);

__attribute__((constructor)) static void start(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_send = dlsym(RTLD_NEXT, "send");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
  real_close = dlsym(RTLD_NEXT, "close");
  real_accept4 = dlsym(RTLD_NEXT, "accept4");
  real_connect = dlsym(RTLD_NEXT, "connect");
  const char *path = getenv("SOCKET_LOG");
  if (!path) return;
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  size_t bytes = (size_t)MAX_RECORDS * sizeof(struct record);
  if (fd < 0 || ftruncate(fd, bytes)) return;
  void *map = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  real_close(fd);
  if (map != MAP_FAILED) records = map;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

// Both ports of a connection, the smaller one first: the same at either end.
static int32_t ports_of(int fd) {
  if (!records || fd < 0 || fd >= MAX_FDS) return 0;
  int32_t known = ports[fd];
  if (known) return known == NOT_TCP ? 0 : known;
  struct sockaddr_in6 here, there;
  socklen_t a = sizeof here, b = sizeof there;
  if (getsockname(fd, (void *)&here, &a) || (here.sin6_family != AF_INET && here.sin6_family != AF_INET6)) {
    ports[fd] = NOT_TCP;
    return 0;
  }
  if (getpeername(fd, (void *)&there, &b)) return 0;  // not connected yet
  uint32_t p = ntohs(here.sin6_port), q = ntohs(there.sin6_port);
  return ports[fd] = p < q ? p << 16 | q : q << 16 | p;
}

static void log_call(int32_t both, double before, ssize_t length, const struct iovec *parts, int n) {
  if (length <= 0) return;
  uint64_t i = atomic_fetch_add(&count, 1);
  if (i >= MAX_RECORDS) return;
  struct record *r = &records[i];
  r->beforeMs = before;
  r->afterMs = now();
  r->ports = both;
  size_t at = 0, end = length < HEAD ? length : HEAD;
  for (int k = 0; k < n && at < end; k++) {
    size_t more = parts[k].iov_len < end - at ? parts[k].iov_len : end - at;
    memcpy(r->head + at, parts[k].iov_base, more);
    at += more;
  }
  r->length = length;
}

#define LOGGED(call, parts, n)              \
  int32_t both = ports_of(fd);              \
  if (!both) return call;                   \
  double before = now();                    \
  ssize_t length = call;                    \
  log_call(both, before, length, parts, n); \
  return length;

#define LOGGED_ONE(call)                      \
  struct iovec whole = {(void *)bytes, size}; \
  LOGGED(call, &whole, 1)

ssize_t write(int fd, const void *bytes, size_t size) { LOGGED_ONE(real_write(fd, bytes, size)) }
ssize_t send(int fd, const void *bytes, size_t size, int flags) { LOGGED_ONE(real_send(fd, bytes, size, flags)) }
ssize_t writev(int fd, const struct iovec *parts, int n) { LOGGED(real_writev(fd, parts, n), parts, n) }
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  LOGGED(real_sendmsg(fd, message, flags), message->msg_iov, (int)message->msg_iovlen)
}

// A descriptor may be that of an earlier connection, closed by a call that is not seen here.
static int forget(int fd) {
  if (fd >= 0 && fd < MAX_FDS) ports[fd] = 0;
  return fd;
}

int close(int fd) { return real_close(forget(fd)); }
int connect(int fd, const struct sockaddr *to, socklen_t size) { return real_connect(forget(fd), to, size); }
int accept4(int fd, struct sockaddr *from, socklen_t *size, int flags) {
  return forget(real_accept4(fd, from, size, flags));
}
