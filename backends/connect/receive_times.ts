import { Buffer } from "node:buffer";

/** When bytes had arrived, by the system. */
export interface Arrival {
  /** In milliseconds since 1970, on the clock of `performance`; `undefined` if the system reported none. */
  epochMs: number | undefined;
  /** How much too late the time may be, in milliseconds; `undefined` if that is not known. */
  errorMs: number | undefined;
}

/**
 * Returns what asks the system when bytes arrive, one for each thread; `undefined` where it is not 64-bit Linux, or the
 * permission `ffi` was not granted: nobody is prompted for it.
 */
export function receiveTimes(): ReceiveTimes | undefined {
  return opened === undefined ? opened = open() : opened ?? undefined;
}

let opened: ReceiveTimes | null | undefined;

function open(): ReceiveTimes | undefined {
  const { os, arch } = Deno.build;
  if (os !== "linux" || (arch !== "x86_64" && arch !== "aarch64")) return;
  const permission = Deno.permissions.querySync({ name: "ffi" });
  if (permission.state !== "granted") return;
  try {
    return new ReceiveTimes(Deno.dlopen("libc.so.6", CALLS).symbols);
  } catch {
    return;
  }
}

const CALLS = {
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
} as const;

type Calls = Deno.DynamicLibrary<typeof CALLS>["symbols"];

const AF_INET = 2, AF_INET6 = 10;
const SOL_SOCKET = 1, SO_TIMESTAMPING = 37;
/** Times of received packets, taken by the system rather than by the network card. */
const SOF_RX_SOFTWARE = 1 << 3, SOF_SOFTWARE = 1 << 4;
const MSG_DONTWAIT = 0x40;
const CLOCK_REALTIME = 0;

const SOCKADDR_BYTES = 28;
const MAX_DESCRIPTORS = 65536;
/** The system's wall time was set if it moves more than this against the monotonic clock from one read to the next. */
const CLOCK_STEP_MS = 1;

/**
 * Reads sockets by `recvmsg`, which also gives the time at which the last packet of what it read was received, if
 * `SO_TIMESTAMPING` is on (networking/timestamping.rst in the kernel's documentation).
 */
export class ReceiveTimes {
  /** Largest number of bytes of one read. */
  readonly maxBytes = 64 * 1024;
  readonly #calls: Calls;
  readonly #bytes = new Uint8Array(1 + this.maxBytes);
  /** A `msghdr`. The arrays lie outside V8's heap, as the system is given their addresses. */
  readonly #message = new BigUint64Array(new ArrayBuffer(7 * 8));
  readonly #messageWords = new Uint32Array(this.#message.buffer);
  /** Its `iovec`: where the bytes go. */
  readonly #target = new BigUint64Array(new ArrayBuffer(2 * 8));
  /** Its control messages: a `cmsghdr` with three `timespec`. */
  readonly #control = new Uint32Array(new ArrayBuffer(128));
  /** The wall time as a `timespec`. */
  readonly #wall = new Uint32Array(new ArrayBuffer(16));
  readonly #address = new Uint8Array(SOCKADDR_BYTES);
  readonly #length = new Uint32Array(1);
  /** Descriptors of sockets that are open. */
  readonly #known = new Set<number>();
  /** Wall time − monotonic time at the last read. */
  #offsetMs: number | undefined;

  constructor(calls: Calls) {
    this.#calls = calls;
    this.#target[0] = pointerTo(this.#bytes) + 1n;
    this.#target[1] = BigInt(this.maxBytes);
    this.#message[2] = pointerTo(this.#target);
    this.#message[3] = 1n;
    this.#message[4] = pointerTo(this.#control);
  }

  /** Asks for the times of a connected TCP socket of this process. Returns its descriptor, if it is found. */
  open(ends: SocketEnds): number | undefined {
    // A descriptor may have been closed, and its number used again, before it is forgotten.
    const descriptor = this.#find(ends, this.#known) ??
      this.#find(ends, new Set());
    if (descriptor === undefined) return undefined;
    const flags = new Uint32Array([SOF_RX_SOFTWARE | SOF_SOFTWARE]);
    const failed = this.#calls.setsockopt(
      descriptor,
      SOL_SOCKET,
      SO_TIMESTAMPING,
      flags,
      flags.byteLength,
    );
    if (failed) return undefined;
    this.#known.add(descriptor);
    return descriptor;
  }

  /** Forgets a descriptor, whose number the system will use again. */
  close(descriptor: number): void {
    this.#known.delete(descriptor);
  }

  /**
   * Reads what has arrived; `firstByte` was read before and comes first. The time when the last of it arrived is written
   * into `arrival`.
   */
  read(
    descriptor: number,
    firstByte: number | undefined,
    arrival: Arrival,
  ): Buffer {
    this.#bytes[0] = firstByte ?? 0;
    this.#messageWords[10] = this.#control.byteLength;
    const count = this.#calls.recvmsg(
      descriptor,
      this.#message,
      MSG_DONTWAIT,
    );
    this.#readTime(arrival, count > 0);
    const from = firstByte === undefined ? 1 : 0;
    return Buffer.from(this.#bytes.subarray(from, 1 + Math.max(0, count)));
  }

  #readTime(arrival: Arrival, isRead: boolean): void {
    const control = this.#control, wall = this.#wall;
    const hasTime = isRead && this.#messageWords[10]! > 0 &&
      control[3] === SO_TIMESTAMPING;
    arrival.epochMs = arrival.errorMs = undefined;
    if (!hasTime) return;
    const beforeMs = now();
    this.#calls.clock_gettime(CLOCK_REALTIME, wall);
    const nowMs = now();
    const seconds = wall[0]! - control[4]!;
    const waitedMs = seconds * 1e3 + (wall[2]! - control[6]!) / 1e6;
    const offsetMs = wall[0]! * 1e3 + wall[2]! / 1e6 - nowMs;
    const movedMs = Math.abs(offsetMs - (this.#offsetMs ?? offsetMs));
    this.#offsetMs = offsetMs;
    const errorMs = nowMs - beforeMs;
    if (waitedMs < 0 || movedMs > CLOCK_STEP_MS + errorMs) return;
    arrival.epochMs = nowMs - waitedMs;
    arrival.errorMs = errorMs;
  }

  #find(ends: SocketEnds, except: ReadonlySet<number>): number | undefined {
    const { getsockname, getpeername } = this.#calls;
    for (let descriptor = 0; descriptor < MAX_DESCRIPTORS; descriptor++) {
      if (except.has(descriptor)) continue;
      if (!this.#isAt(getsockname, descriptor, ends.local)) continue;
      if (this.#isAt(getpeername, descriptor, ends.remote)) return descriptor;
    }
    return undefined;
  }

  /** Whether one end of a socket, as a system call gives it, is at an address. */
  #isAt(
    call: Calls["getsockname"],
    descriptor: number,
    { address, port }: SocketEnd,
  ): boolean {
    const bytes = this.#address;
    this.#length[0] = SOCKADDR_BYTES;
    if (call(descriptor, bytes, this.#length) !== 0) return false;
    const family = bytes[0];
    if (family !== AF_INET && family !== AF_INET6) return false;
    if (bytes[2]! * 256 + bytes[3]! !== port) return false;
    const found = family === AF_INET
      ? bytes.subarray(4, 8).join(".")
      : groups(bytes.subarray(8, 24));
    return hostname(found) === hostname(address);
  }
}

/** One end of a connection. */
export interface SocketEnd {
  readonly address: string;
  readonly port: number;
}

/** Both ends of a connection: no other has the same. */
export interface SocketEnds {
  readonly local: SocketEnd;
  readonly remote: SocketEnd;
}

/** The eight groups of an IPv6 address. */
function groups(bytes: Uint8Array): string {
  return Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16),
  ).join(":");
}

/** An IP address in its usual form, which may be written in several ways. */
function hostname(address: string): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return URL.parse(`http://${host}`)?.hostname ?? address;
}

// deno-lint-ignore house/one-clock -- a socket that is read may belong to no run, which has a clock
const now = () => performance.timeOrigin + performance.now();

function pointerTo(array: ArrayBufferView<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(array)));
}
