import { Buffer } from "node:buffer";
import { StringDecoder } from "node:string_decoder";
import type { Arrival } from "../connect/receive_times.ts";
import { encodingOf, isKnownEncoding } from "../connect/content.ts";
import {
  type FailedResponse,
  notAnAnswer,
  statusError,
} from "../connect/status.ts";
import { type Body, inflate, type Inflation, wholeBody } from "./body.ts";
import { eventStream, sniffedBody } from "./events.ts";
import type { ResponseReader } from "./http.ts";
import type { Headers } from "./wire.ts";
import type { Call, Clock } from "../../plugins/mod.ts";

/** Bytes that wait to be decoded: more are decoded at once. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Time of a network read: when it was read here or, where the system reports it, when its last bytes had arrived. */
export interface ReadTime {
  readonly atMs: number;
  /** Largest error of a time that the system took. */
  readonly errorMs: number | undefined;
  /** When the first bytes of such a read had not arrived. */
  readonly sinceMs?: number;
}

/**
 * Keeps the pieces of network reads until every socket that has data was read, so that no decoding delays the time of
 * another socket.
 */
export class NetworkReads {
  readonly #clock: Clock;
  readonly #read: (bytes: Buffer, time: ReadTime) => void;
  #waiting: { readonly time: ReadTime; readonly pieces: Buffer[] }[] = [];
  /** Pieces of the current read that wait. */
  #pieces: Buffer[] | undefined;
  #bytes = 0;
  /** Time of the current read. */
  time: ReadTime = { atMs: 0, errorMs: undefined };

  constructor(clock: Clock, read: (bytes: Buffer, time: ReadTime) => void) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Takes the time of the next read: the system's, where it reports one. Nothing arrives before `sentMs`, or after it is read. */
  begin(arrival?: Arrival, sentMs = -Infinity): void {
    const { epochMs } = this.#clock;
    const nowMs = this.#clock.now();
    if (arrival?.epochMs === undefined) {
      this.time = { atMs: nowMs, errorMs: undefined };
    } else {
      const { errorMs, sinceEpochMs } = arrival;
      const arrivedMs = Math.min(nowMs, arrival.epochMs - epochMs);
      const atMs = Math.max(sentMs, arrivedMs);
      const sinceMs = Math.min(atMs, sinceEpochMs - epochMs);
      this.time = { atMs, errorMs, sinceMs };
    }
    this.#pieces = undefined;
  }

  /** Adds a piece of the current read. */
  add(piece: Buffer): void {
    if (this.#waiting.length === 0) queueMicrotask(this.flush);
    if (this.#pieces) this.#pieces.push(piece);
    else {
      this.#pieces = [piece];
      this.#waiting.push({ time: this.time, pieces: this.#pieces });
    }
    this.#bytes += piece.length;
    // Deno reads a socket that never runs dry without a pause for microtasks.
    if (this.#bytes > MAX_WAITING_BYTES) this.flush();
  }

  /** Passes on the reads at once. */
  readonly flush = (): void => {
    const reads = this.#waiting;
    if (reads.length === 0) return;
    this.#waiting = [];
    this.#pieces = undefined;
    this.#bytes = 0;
    for (const { time, pieces } of reads) {
      const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      this.#read(bytes, time);
    }
  };

  /** Runs a task after the reads were passed on. */
  behind(task: () => void): void {
    queueMicrotask(() => {
      this.flush();
      task();
    });
  }
}

/** The beginning of a response. */
export interface Head {
  readonly status: number;
  readonly headers: Headers;
  /** Time when it was received. */
  readonly atMs: number;
  /** The URL of the request. */
  readonly url: URL;
}

/** Handles a response. */
export interface ResponseHandler {
  readonly call: Pick<Call, "event" | "buffered">;
  readonly reader: ResponseReader;
  /** Hides secrets in text from the server. */
  clean(text: string): string;
  /** Ends the exchange: nothing more of the response is needed, or it failed. Later calls have no effect. */
  settle(error?: unknown): void;
}

/** Reads the body of a response. */
export interface Response {
  /** Reads the bytes of one network read. */
  read(bytes: Buffer, atMs: number): void;
  /** Ends the response. */
  end(): void;
  /** Ends a response whose connection was lost. An error status is one, however much of its message was received. */
  cut(): void;
  /** Stops: nothing more is needed. */
  stop(): void;
}

/**
 * Reads a response as its head says: as events, as a whole, or as the message of an error; decompressed.
 *
 * @throws {RequestError} If its status is not one of an answer, or its encoding is not known.
 */
export function responseOf(
  head: Head,
  handler: ResponseHandler,
): Response {
  const { status, headers } = head;
  if (status < 200) throw notAnAnswer(status);
  const isError = status >= 300;
  const header = (name: string) => headers.get(name);
  const failed = { status, url: head.url, header };
  let isOver = false;
  /** Bytes received since the last event, which are kept in memory. */
  let heldBytes = 0;
  const body = isError ? errorBody(failed, handler.clean) : bodyOf(
    head,
    handler,
    () => {
      heldBytes = 0;
      return isOver;
    },
  );

  function settle(error?: unknown): void {
    if (isOver) return;
    isOver = true;
    handler.settle(error);
  }

  function read(bytes: Buffer, atMs: number): void {
    if (isOver) return;
    hold(bytes.length);
    if (isOver) return;
    try {
      if (body.read(bytes, atMs)) settle();
    } catch (error) {
      settle(error);
    }
  }

  function end(): void {
    if (isOver) return;
    try {
      body.end();
      settle();
    } catch (error) {
      settle(error);
    }
  }

  function hold(bytes: number): void {
    heldBytes += bytes;
    handler.call.buffered(heldBytes + (inflation?.waitingBytes ?? 0));
  }

  const encoding = encodingOf(header("content-encoding"));
  if (isError && encoding !== undefined && !isKnownEncoding(encoding)) {
    throw statusError(failed, "");
  }
  const inflation: Inflation | undefined = encoding === undefined
    ? undefined
    : inflate(encoding, { read, end, fail: isError ? end : settle });
  return {
    read(bytes, atMs) {
      if (!inflation) return read(bytes, atMs);
      inflation.write(bytes, atMs);
      hold(0);
    },
    end: inflation?.end ?? end,
    cut() {
      if (isError) end();
    },
    stop() {
      isOver = true;
      inflation?.stop();
    },
  };
}

function bodyOf(
  { headers, atMs }: Head,
  { call, reader }: ResponseHandler,
  isOver: () => boolean,
): Body {
  const whole = () =>
    wholeBody(atMs, (text, endMs) => reader.body(text, endMs));
  const events = () =>
    eventStream((event, eventMs) => {
      if (isOver()) return true;
      call.event(eventMs);
      return reader.event(event, eventMs);
    });
  const contentType = headers.get("content-type");
  if (/^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? "")) {
    return events();
  }
  const { mislabelled } = reader;
  if (!mislabelled) return whole();
  const mislabelledEvents = () => {
    mislabelled(contentType);
    return events();
  };
  return sniffedBody(mislabelledEvents, whole);
}

/** Largest part of an error's body that is read. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Reads the body of an error status. Its end throws, as does a body that is too long for a message. */
function errorBody(
  response: FailedResponse,
  clean: (text: string) => string,
): Body {
  const decoder = new StringDecoder("utf8");
  let text = "", bytes = 0;
  const end = () => {
    throw statusError(response, clean(text));
  };
  return {
    read(piece) {
      text += decoder.write(piece);
      bytes += piece.length;
      if (bytes > MAX_ERROR_BYTES) end();
      return false;
    },
    end,
  };
}
