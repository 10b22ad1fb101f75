import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { type Libc, libc, pointerTo } from "../../lib/libc.ts";
import { descriptorOf } from "./descriptor.ts";

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
  /** The bytes that wait to be read, as they were found: their number, and the time of the last one. */
  waiting: Waiting[];
}

interface Waiting extends Omit<Arrival, "sinceEpochMs"> {
  /** Number of bytes, from the first one that waits. */
  readonly bytes: number;
  /** When so many were found. */
  readonly foundMs: number;
}

/** Returns the reader of this thread; `undefined` where the system reports no times: see {@linkcode libc}. */
export function receiveTimes(): ReceiveTimes | undefined {
  return libc && (reader ??= new ReceiveTimes(libc));
}

let reader: ReceiveTimes | undefined;

const SOL_SOCKET = 1, SO_TIMESTAMPING = 37;
/** Times of received packets, taken by the system rather than by the network card. */
const SOF_RX_SOFTWARE = 1 << 3, SOF_SOFTWARE = 1 << 4;
const MSG_PEEK = 0x2, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const CLOCK_REALTIME = 0;

/** Most bytes that one call reads. */
const READ_BYTES = 64 * 1024;
/** While sockets are read, all others are looked at as often as this, in milliseconds. */
const LOOK_MS = 2;
/** Least time between two looks ÷ time that one takes. */
const LOOK_RATIO = 20;
/** Most lengths that are kept of what waits in a socket. */
const MAX_WAITING = 32;
/** The wall time was set if it moves more than this against the monotonic clock from one call to the next. */
const CLOCK_STEP_MS = 1;

/**
 * Reads sockets by `recvmsg`, which also gives the time at which the last packet of what it reads was received, if
 * `SO_TIMESTAMPING` is on (networking/timestamping.rst in the kernel's documentation). Packets that wait together have
 * the time of the last one. So while one socket after another is read, the others are looked at from time to time.
 */
export class ReceiveTimes {
  readonly #libc: Libc;
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
  /** A `pollfd` for each socket. */
  #polls = new Int32Array(0);
  /** Number of bytes of the last call. */
  #count = 0;
  #isPollsCurrent = false;
  #lookedMs = -Infinity;
  #nextLookMs = -Infinity;
  /** Wall time − monotonic time at the last call. */
  #offsetMs: number | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#target[0] = pointerTo(this.#bytes) + 1n;
    this.#message[2] = pointerTo(this.#target);
    this.#message[3] = 1n;
    this.#message[4] = pointerTo(this.#control);
  }

  /** Asks for the times of a connected socket; `undefined` if the system does not give them. */
  open(socket: Socket): TimedSocket | undefined {
    // A descriptor may have been closed, and its number used again, before that is known here.
    const descriptor = descriptorOf(socket, this.#libc, this.#sockets) ??
      descriptorOf(socket, this.#libc);
    if (descriptor === undefined) return undefined;
    const flags = new Uint32Array([SOF_RX_SOFTWARE | SOF_SOFTWARE]);
    const failed = this.#libc.setsockopt(
      descriptor,
      SOL_SOCKET,
      SO_TIMESTAMPING,
      flags,
      flags.byteLength,
    );
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
      waiting: [],
    };
    this.#sockets.set(descriptor, timed);
    this.#isPollsCurrent = false;
    return timed;
  }

  /** Forgets a socket that was closed. */
  close(timed: TimedSocket): void {
    if (this.#sockets.get(timed.descriptor) !== timed) return;
    this.#sockets.delete(timed.descriptor);
    this.#isPollsCurrent = false;
  }

  /**
   * Pushes into a socket what has arrived, in pieces that each have one time, and sets its arrival before each. The
   * first byte was read before. Returns whether more may be pushed.
   */
  read(timed: TimedSocket, firstByte: number): boolean {
    const { socket, descriptor, arrival, waiting } = timed;
    let first: number | undefined = firstByte;
    let bytes = 0;
    arrival.sinceEpochMs = Math.max(
      timed.emptyMs,
      waiting.length > 0 ? -Infinity : this.#lookedMs,
    );
    if (waiting.length > 0) timed.waiting = [];
    for (const part of waiting) {
      const piece = this.#receive(descriptor, first, part.bytes - bytes);
      arrival.epochMs = part.epochMs;
      arrival.errorMs = part.errorMs;
      socket.push(piece);
      if (socket.destroyed) return false;
      first = undefined;
      bytes += piece.length;
      arrival.sinceEpochMs = part.foundMs;
    }
    let askedMs: number, isFull: boolean, goesOn = true;
    do {
      askedMs = now();
      const piece = this.#receive(descriptor, first, READ_BYTES);
      isFull = piece.length === READ_BYTES;
      if (piece.length === 0) break;
      this.#setTime(arrival);
      goesOn = socket.push(piece);
      first = undefined;
    } while (isFull && goesOn && !socket.destroyed);
    if (!isFull) timed.emptyMs = askedMs;
    if (askedMs > this.#nextLookMs) this.#look();
    return goesOn;
  }

  /** Reads at most `most` bytes, with the first one if that was read before. */
  #receive(
    descriptor: number,
    first: number | undefined,
    most: number,
  ): Buffer {
    const start = first === undefined ? 1 : 0;
    this.#bytes[0] = first ?? 0;
    this.#call(descriptor, most - 1 + start, MSG_DONTWAIT);
    return Buffer.from(this.#bytes.subarray(start, 1 + this.#count));
  }

  #call(descriptor: number, most: number, flags: number): void {
    this.#targetLength[0] = most;
    this.#controlLength[0] = this.#control.byteLength;
    const count = this.#libc.recvmsg(descriptor, this.#message, flags);
    this.#count = Math.max(0, count);
  }

  /** Sets the time of what the last call read. */
  #setTime(arrival: Pick<Arrival, "epochMs" | "errorMs">): void {
    const control = this.#control, wall = this.#wall;
    arrival.epochMs = arrival.errorMs = undefined;
    const isGiven = this.#count > 0 && this.#controlLength[0]! > 0 &&
      control[3] === SO_TIMESTAMPING;
    if (!isGiven) return;
    const beforeMs = now();
    this.#libc.clock_gettime(CLOCK_REALTIME, wall);
    const nowMs = now();
    const waitedMs = (wall[0]! - control[4]!) * 1e3 +
      (wall[2]! - control[6]!) / 1e6;
    const offsetMs = wall[0]! * 1e3 + wall[2]! / 1e6 - nowMs;
    const movedMs = Math.abs(offsetMs - (this.#offsetMs ?? offsetMs));
    const errorMs = nowMs - beforeMs;
    this.#offsetMs = offsetMs;
    if (waitedMs < 0 || movedMs > CLOCK_STEP_MS + errorMs) return;
    arrival.epochMs = nowMs - waitedMs;
    arrival.errorMs = errorMs;
  }

  /** Finds the sockets in which something waits, and asks for its time. */
  #look(): void {
    const startMs = now();
    const polls = this.#currentPolls();
    if (this.#libc.poll(polls, BigInt(this.#sockets.size), 0) > 0) {
      let at = 1;
      for (const timed of this.#sockets.values()) {
        // An error is left to Deno: whoever asks first takes it.
        if (polls[at]! >>> 16 === POLLIN) this.#peek(timed, startMs);
        at += 2;
      }
    }
    const tookMs = now() - startMs;
    this.#lookedMs = startMs;
    this.#nextLookMs = startMs + tookMs +
      Math.max(LOOK_MS, LOOK_RATIO * tookMs);
  }

  #peek(timed: TimedSocket, foundMs: number): void {
    const { descriptor, waiting } = timed;
    const flags = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT;
    this.#call(descriptor, READ_BYTES, flags);
    const known = waiting.at(-1)?.bytes ?? 0;
    if (this.#count <= known || waiting.length >= MAX_WAITING) return;
    if (known === 0) timed.emptyMs = Math.max(timed.emptyMs, this.#lookedMs);
    const part = {
      bytes: this.#count,
      foundMs,
      epochMs: undefined,
      errorMs: undefined,
    };
    this.#setTime(part);
    waiting.push(part);
  }

  #currentPolls(): Int32Array<ArrayBuffer> {
    if (this.#isPollsCurrent) return this.#polls;
    this.#polls = new Int32Array(2 * this.#sockets.size);
    let at = 0;
    for (const descriptor of this.#sockets.keys()) {
      this.#polls[at] = descriptor;
      this.#polls[at + 1] = POLLIN;
      at += 2;
    }
    this.#isPollsCurrent = true;
    return this.#polls;
  }
}

// deno-lint-ignore house/one-clock -- a socket that is read may belong to no run, which has a clock
const { timeOrigin } = performance;
// deno-lint-ignore house/one-clock -- as above
const now = () => timeOrigin + performance.now();
