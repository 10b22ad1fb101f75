/** The calls of the C library that are used. */
const CALLS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32", nonblocking: true },
} as const;

/** The C library of Linux on a 64-bit machine: what is passed to it is laid out for that. */
export type Libc = Deno.DynamicLibrary<typeof CALLS>["symbols"];

/**
 * The C library; `undefined` on other systems, or without the permission `ffi`: nobody is prompted. It is opened with
 * this module, as a test that opened it first would leave it open.
 */
export const libc: Libc | undefined = open();

function open(): Libc | undefined {
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return;
  const permission = Deno.permissions.querySync({ name: "ffi" });
  if (permission.state !== "granted") return;
  try {
    return Deno.dlopen("libc.so.6", CALLS).symbols;
  } catch {
    return;
  }
}

/** Address of an array in memory, for structures that contain it. It must be outside V8's heap, which moves things. */
export function pointerTo(array: ArrayBufferView<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(array)));
}
