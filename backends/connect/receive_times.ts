import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { type Libc, libc, pointerTo } from "../../lib/libc.ts";
import { Descriptors } from "./descriptor.ts";

/** When bytes that a socket gave had arrived, by the system: in milliseconds since 1970, by a monotonic clock. */
export interface Arrival {
  /** When the last of them had arrived; `undefined` if the system reported no time. */
  epochMs: number | undefined;
  /** How much too late that may be; `undefined` if it is not known. */
  errorMs: number | undefined;
  /** When none of them had arrived yet, as far as it is known. */
  sinceEpochMs: number;
}

/** A socket whose bytes are read with their times. */
export interface TimedSocket {
  readonly socket: Socket;
  readonly descriptor: number;
  /** Of the bytes that it gave last. */
  readonly arrival: Arrival;
  /** When it was last known to have nothing to read. */
  emptyMs: number;
  /** Whether all that was found in it was read. */
  isDrained: boolean;
}

/** Bytes that one call read of a socket. */
interface Piece extends Arrival {
  readonly timed: TimedSocket;
  readonly bytes: Buffer;
}

/** Returns the reader of this thread; `undefined` where the system reports no times: see {@linkcode libc}. */
export function receiveTimes(): ReceiveTimes | undefined {
  return libc && (reader ??= new ReceiveTimes(libc));
}

let reader: ReceiveTimes | undefined;

const SOL_SOCKET = 1, SO_TIMESTAMPING = 37;
/** Times of received packets, taken by the system rather than by the network card. */
const SOF_RX_SOFTWARE = 1 << 3, SOF_SOFTWARE = 1 << 4;
const MSG_DONTWAIT = 0x40;
const EPOLL_CLOEXEC = 0x80000, EPOLL_CTL_ADD = 1;
const EPOLLIN = 1, EPOLLET = 1 << 31;
const CLOCK_REALTIME = 0;

/** Most bytes that one call reads. */
const READ_BYTES = 64 * 1024;
/** Sockets that are found at once. */
const READY_SOCKETS = 256;
/** While what was read is passed on, sockets are read as often as this, in milliseconds. */
const READ_MS = 1;
/** For no longer than this, in milliseconds: the work that follows has to wait meanwhile. */
const MAX_READ_MS = 5;
/** The wall time was set if it moves more than this against the monotonic clock. */
const CLOCK_STEP_MS = 1;
/** How often the two clocks are compared, in milliseconds: a wall time that is adjusted moves 5 µs meanwhile. */
const COMPARE_MS = 10;

/**
 * Reads sockets by `recvmsg`, which also gives the time at which the last packet of what it reads was received, if
 * `SO_TIMESTAMPING` is on (networking/timestamping.rst in the kernel's documentation). Packets that wait together have
 * the time of the last one. So with each socket that Deno gives something of, all others that have something are read.
 */
export class ReceiveTimes {
  readonly #libc: Libc;
  readonly #descriptors: Descriptors;
  readonly #bytes = new Uint8Array(1 + READ_BYTES);
  /** A `msghdr`. */
  readonly #message = new BigUint64Array(new ArrayBuffer(7 * 8));
  readonly #controlLength = new Uint32Array(this.#message.buffer, 5 * 8, 1);
  /** Its `iovec`: where the bytes go, and how many. */
  readonly #target = new BigUint64Array(new ArrayBuffer(2 * 8));
  readonly #targetLength = new Uint32Array(this.#target.buffer, 8, 1);
  /** Its control messages: a `cmsghdr` with three `timespec`. */
  readonly #control = new Uint32Array(new ArrayBuffer(128));
  /** The wall time as a `timespec`. */
  readonly #wall = new Uint32Array(new ArrayBuffer(16));
  readonly #sockets = new Map<number, TimedSocket>();
  /** Finds the sockets in which something waits, each once. */
  readonly #epoll: number;
  readonly #ready = epollEvents(READY_SOCKETS);
  /** Pieces that were read and not yet pushed. */
  readonly #queue: Piece[] = [];
  /** When all sockets in which something waited were last found. */
  #lookedMs = -Infinity;
  /** Wall time − monotonic time, its error, and when it was measured; unknown after the wall time was set. */
  #offsetMs: number | undefined;
  #offsetErrorMs = 0;
  #comparedMs = -Infinity;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#descriptors = new Descriptors(libc);
    this.#epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    this.#target[0] = pointerTo(this.#bytes) + 1n;
    this.#message[2] = pointerTo(this.#target);
    this.#message[3] = 1n;
    this.#message[4] = pointerTo(this.#control);
  }

  /** Asks for the times of a connected socket; `undefined` if the system does not give them. */
  open(socket: Socket): TimedSocket | undefined {
    const descriptor = this.#descriptors.find(socket, this.#sockets);
    if (descriptor === undefined) return undefined;
    const { setsockopt, epoll_ctl } = this.#libc;
    const times = new Uint32Array([SOF_RX_SOFTWARE | SOF_SOFTWARE]);
    const found = epollEvents(1);
    found.set(0, EPOLLIN | EPOLLET, descriptor);
    const failed =
      setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPING, times, 4) ||
      epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, found.bytes);
    if (failed) return undefined;
    const emptyMs = now();
    const timed: TimedSocket = {
      socket,
      descriptor,
      arrival: {
        epochMs: undefined,
        errorMs: undefined,
        sinceEpochMs: emptyMs,
      },
      emptyMs,
      isDrained: true,
    };
    this.#sockets.set(descriptor, timed);
    return timed;
  }

  /** Forgets a socket that was closed. */
  close(timed: TimedSocket): void {
    if (this.#sockets.get(timed.descriptor) !== timed) return;
    this.#sockets.delete(timed.descriptor);
  }

  /**
   * Pushes into a socket what has arrived, and sets its arrival before. The first byte was read before. Does the same for
   * all other sockets that have something: at once, as Deno may be about to report that one of them has ended. Returns
   * whether more may be pushed into this one.
   */
  read(timed: TimedSocket, firstByte: number): boolean {
    const queue = this.#queue;
    const startMs = now();
    let readMs = startMs;
    this.#receive(timed, firstByte);
    this.#receiveOthers(startMs);
    const goesOn = pushed(queue.shift()!);
    for (let piece = queue.shift(); piece; piece = queue.shift()) {
      pushed(piece);
      const nowMs = now();
      if (nowMs < readMs + READ_MS || nowMs > startMs + MAX_READ_MS) continue;
      this.#receiveOthers(nowMs);
      readMs = nowMs;
    }
    return goesOn;
  }

  #receiveOthers(nowMs: number): void {
    const { bytes, flags, descriptor } = this.#ready;
    const count = this.#libc.epoll_wait(this.#epoll, bytes, READY_SOCKETS, 0);
    for (let i = 0; i < count; i++) {
      const timed = this.#sockets.get(descriptor(i));
      if (!timed) continue;
      // An error is left to Deno: whoever asks first takes it.
      if (flags(i) === EPOLLIN && isFlowing(timed.socket)) this.#receive(timed);
      else timed.isDrained = false;
    }
    if (count < READY_SOCKETS) this.#lookedMs = nowMs;
  }

  /** Reads what there is, with the first byte if that was read before. */
  #receive(timed: TimedSocket, firstByte?: number): void {
    const start = firstByte === undefined ? 1 : 0;
    const nowMs = now();
    if (nowMs > this.#comparedMs + COMPARE_MS) this.#compareClocks();
    this.#bytes[0] = firstByte ?? 0;
    this.#targetLength[0] = READ_BYTES;
    this.#controlLength[0] = this.#control.byteLength;
    const count = Math.max(
      0,
      this.#libc.recvmsg(timed.descriptor, this.#message, MSG_DONTWAIT),
    );
    if (count > 0 || firstByte !== undefined) {
      const bytes = Buffer.allocUnsafe(1 - start + count);
      bytes.set(this.#bytes.subarray(start, 1 + count));
      const sinceEpochMs = timed.isDrained
        ? Math.max(timed.emptyMs, this.#lookedMs)
        : timed.emptyMs;
      const epochMs = this.#timeOf(count, sinceEpochMs);
      const errorMs = epochMs && this.#offsetErrorMs;
      this.#queue.push({ timed, bytes, epochMs, errorMs, sinceEpochMs });
    }
    timed.isDrained = count < READ_BYTES;
    if (timed.isDrained) timed.emptyMs = nowMs;
  }

  /** The time of the bytes received last, if none of them had come before `sinceMs`; `undefined` where it is not known. */
  #timeOf(count: number, sinceMs: number): number | undefined {
    const control = this.#control, offsetMs = this.#offsetMs;
    const isGiven = count > 0 && this.#controlLength[0]! > 0 &&
      control[3] === SO_TIMESTAMPING;
    if (!isGiven || offsetMs === undefined) return undefined;
    const epochMs = control[4]! * 1e3 + control[6]! / 1e6 - offsetMs;
    const isPossible = epochMs >= sinceMs - CLOCK_STEP_MS &&
      epochMs <= now() + CLOCK_STEP_MS;
    return isPossible ? epochMs : undefined;
  }

  #compareClocks(): void {
    const wall = this.#wall, known = this.#offsetMs;
    const beforeMs = now();
    this.#libc.clock_gettime(CLOCK_REALTIME, wall);
    const nowMs = now();
    const offsetMs = wall[0]! * 1e3 + wall[2]! / 1e6 - nowMs;
    this.#offsetErrorMs = nowMs - beforeMs;
    const movedMs = Math.abs(offsetMs - (known ?? offsetMs));
    const isSet = movedMs > CLOCK_STEP_MS + this.#offsetErrorMs;
    this.#offsetMs = isSet ? undefined : offsetMs;
    this.#comparedMs = nowMs;
  }
}

/** Pushes a piece into its socket. Returns whether more may be pushed. */
function pushed({ timed, bytes, epochMs, errorMs, sinceEpochMs }: Piece) {
  const { socket, arrival } = timed;
  // The clocks are compared to a few microseconds only, and times do not go back.
  arrival.epochMs = epochMs && Math.max(epochMs, arrival.epochMs ?? 0);
  arrival.errorMs = errorMs;
  arrival.sinceEpochMs = sinceEpochMs;
  return !socket.destroyed && socket.push(bytes);
}

/** Whether a socket gives on at once what is pushed into it. */
function isFlowing({ destroyed, readableFlowing, readableLength }: Socket) {
  return !destroyed && readableFlowing === true && readableLength === 0;
}

/** Makes room for so many of the system's `epoll_event`, which are packed on x86. */
function epollEvents(count: number) {
  const [words, at] = Deno.build.arch === "x86_64" ? [3, 1] : [4, 2];
  const bytes = new Uint32Array(count * words);
  return {
    bytes,
    flags: (i: number) => bytes[i * words]!,
    descriptor: (i: number) => bytes[i * words + at]!,
    set(i: number, flags: number, descriptor: number) {
      bytes[i * words] = flags;
      bytes[i * words + at] = descriptor;
    },
  };
}

// deno-lint-ignore house/one-clock -- a socket that is read may belong to no run, which has a clock
const { timeOrigin } = performance;
// deno-lint-ignore house/one-clock -- as above
const now = () => timeOrigin + performance.now();
