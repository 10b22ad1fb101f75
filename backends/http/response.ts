import { Buffer } from "node:buffer";
import { noAnswer, refusal, statusError } from "../connect/status.ts";
import { type Body, wholeBody } from "./body.ts";
import { encodingOf, inflate, type Inflation, isKnown } from "./encoding.ts";
import { eventStream, sniffedBody } from "./events.ts";
import type { ResponseReader } from "./http.ts";
import { headerOf, isEventStream, type RawHeaders } from "./raw_headers.ts";
import type { Call, Clock } from "../../plugins/mod.ts";

/** The beginning of a response. */
export interface Head {
  readonly status: number;
  readonly headers: RawHeaders;
  /** When it came. */
  readonly atMs: number;
  /** Where the request went. */
  readonly url: URL;
  /** What statuses mean, in place of what they mean for a request of the run. */
  readonly hints?: Readonly<Record<number, string>>;
}

/** Who makes something of a response. */
export interface Audience {
  readonly call: Pick<Call, "event" | "buffered">;
  readonly reader: ResponseReader;
  /** Takes secrets out of text. */
  clean(text: string): string;
  /** Nothing more of the response is wanted, or it cannot be had: what is told afterwards is not heard. */
  settle(error?: unknown): void;
}

/** Takes the body of a response, read by read. */
export interface Response {
  /** The bytes of one network read. */
  read(bytes: Buffer, atMs: number): void;
  /** All has come. */
  end(): void;
  /** The connection was lost. A refusal is one, however much of its words has come. */
  cut(): void;
  /** Nothing more is wanted. */
  stop(): void;
}

/**
 * Reads a response as its head says: as events, as a whole, or as the words of a refusal; decompressed.
 *
 * @throws {RequestError} If its status is none of an answer, or if it is encoded in a way that is not known: with the
 * status, if it is a refusal.
 */
export function responseOf(head: Head, audience: Audience): Response {
  const { status, headers } = head;
  if (status < 200) throw noAnswer(status);
  const isRefusal = status >= 300;
  let isOver = false;
  /** Bytes that have come since the last event: what is not an event yet is held. */
  let heldBytes = 0;
  const body = isRefusal
    ? refusal(head, audience.clean)
    : bodyOf(head, audience, () => {
      heldBytes = 0;
      return isOver;
    });

  function settle(error?: unknown): void {
    if (isOver) return;
    isOver = true;
    audience.settle(error);
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
    audience.call.buffered(heldBytes + (inflation?.waitingBytes ?? 0));
  }

  const encoding = encodingOf(headerOf(headers, "content-encoding"));
  if (isRefusal && encoding !== undefined && !isKnown(encoding)) {
    throw statusError(head, "");
  }
  const inflation: Inflation | undefined = encoding === undefined
    ? undefined
    : inflate(encoding, {
      read,
      end,
      // A refusal is one, whatever its words are packed in.
      fail: isRefusal ? end : settle,
    });
  return {
    read(bytes, atMs) {
      if (!inflation) return read(bytes, atMs);
      inflation.write(bytes, atMs);
      hold(0);
    },
    end: inflation?.end ?? end,
    cut() {
      if (isRefusal) end();
    },
    stop() {
      isOver = true;
      inflation?.stop();
    },
  };
}

function bodyOf(
  { headers, atMs }: Head,
  { call, reader }: Audience,
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
  if (isEventStream(headers)) return events();
  const { mislabelled } = reader;
  if (!mislabelled) return whole();
  return sniffedBody({
    events() {
      mislabelled(headerOf(headers, "content-type"));
      return events();
    },
    whole,
  });
}

/** Puts together what one network read has brought. */
export interface Reads {
  /** A piece of it. */
  piece(bytes: Buffer): void;
  /** Tells at once what has come. */
  flush(): void;
  /** Runs a task behind what has come, once that is told of. */
  behind(task: () => void): void;
}

/**
 * Undici tells of each chunk of HTTP apart, however many came in one network read, and parses all sockets that have
 * something to read before it lets go. So a read is what comes until then: its time is taken with its first piece,
 * and it is told of when all are in, so that no decoding delays another socket's stamp.
 */
export function networkReads(
  clock: Clock,
  tell: (bytes: Buffer, atMs: number) => void,
): Reads {
  let pieces: Buffer[] = [];
  let atMs = 0;

  function flush(): void {
    if (pieces.length === 0) return;
    const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    pieces = [];
    tell(bytes, atMs);
  }

  return {
    piece(bytes) {
      if (pieces.length === 0) {
        atMs = clock.now();
        queueMicrotask(flush);
      }
      pieces.push(bytes);
    },
    flush,
    behind(task) {
      queueMicrotask(() => {
        flush();
        task();
      });
    },
  };
}
