/** One event that the server received or sent. */
export interface LogEntry {
  /** Position in the log, from 0, over everything ever added. */
  readonly seq: number;
  /** Milliseconds since 1970, with fraction: when the bytes came from the socket, or were handed to it. */
  readonly atMs: number;
  /** The session's id, as `session.created` tells it; a request's, which is its answer's. */
  readonly session: string;
  /** From the client, to the client, or what happened to the connection or the request. */
  readonly direction: "in" | "out" | "note";
  /** The event's type; `(bad json)`, `(binary)`, … where it has none. */
  readonly type: string;
  /** Size of the message's payload. */
  readonly bytes: number;
  /** Audio received in the session so far, this event's included. */
  readonly audioMs?: number;
  /** {@linkcode hashAudio} of all audio received in the session so far, this event's included. */
  readonly audioHash?: number;
  /** Length of the text that the event carries, in UTF-16 units: 0 for an empty delta. */
  readonly chars?: number;
}

/** What is known when an event is added. */
export type NewLogEntry = Omit<LogEntry, "seq">;

/** A bounded record of events: the newest are kept. */
export interface Log {
  /** Adds an event at the end; drops the oldest if full. */
  add(entry: NewLogEntry): void;
  /** What is kept, oldest first. */
  entries(filter?: LogFilter): Generator<LogEntry>;
  /** How many were dropped. */
  readonly dropped: number;
  /** Forgets everything; positions go on. */
  clear(): void;
}

/** Which entries to read. */
export interface LogFilter {
  /** From this position on. */
  readonly since?: number;
  /** Of this session only. */
  readonly session?: string;
}

/** A log of at most `limit` entries, kept in columns: about 50 bytes an entry, and nothing for the collector. */
export function createLog(limit: number): Log {
  const names = interner(MAX_NAMES);
  let columns = createColumns(Math.min(limit, 4096));
  let next = 0;
  let first = 0;
  let clearedTo = 0;

  function grow(): void {
    const bigger = createColumns(Math.min(limit, columns.atMs.length * 2));
    for (let seq = first; seq < next; seq++) {
      copy(columns, seq % columns.atMs.length, {
        to: bigger,
        at: seq % bigger.atMs.length,
      });
    }
    columns = bigger;
  }

  function entryAt(seq: number): LogEntry {
    const i = seq % columns.atMs.length;
    const audioMs = columns.audioMs[i]!;
    const audioHash = columns.audioHash[i]!;
    const chars = columns.chars[i]!;
    return {
      seq,
      atMs: columns.atMs[i]!,
      session: columns.session[i]!,
      direction: DIRECTIONS[columns.direction[i]!]!,
      type: names.nameOf(columns.type[i]!),
      bytes: columns.bytes[i]!,
      ...(audioMs >= 0 && { audioMs }),
      ...(audioHash >= 0 && { audioHash }),
      ...(chars >= 0 && { chars }),
    };
  }

  return {
    add(entry) {
      if (next - first === columns.atMs.length) {
        if (columns.atMs.length < limit) grow();
        else first++;
      }
      const i = next++ % columns.atMs.length;
      columns.atMs[i] = entry.atMs;
      columns.session[i] = entry.session;
      columns.direction[i] = DIRECTIONS.indexOf(entry.direction);
      columns.type[i] = names.indexOf(entry.type);
      columns.bytes[i] = entry.bytes;
      columns.audioMs[i] = entry.audioMs ?? -1;
      columns.audioHash[i] = entry.audioHash ?? -1;
      columns.chars[i] = entry.chars ?? -1;
    },
    *entries({ since = 0, session } = {}) {
      const end = next;
      for (let seq = Math.max(first, since); seq < end; seq++) {
        if (seq < first) continue;
        const entry = entryAt(seq);
        if (session === undefined || entry.session === session) yield entry;
      }
    },
    get dropped() {
      return first - clearedTo;
    },
    clear() {
      first = clearedTo = next;
    },
  };
}

/**
 * Hash of audio, to be continued: of two runs over the same bytes in the same order, whatever the chunks, the last
 * values agree. The polynomial `h = h · 16777619 + sample` over little-endian 16-bit samples, modulo 2³².
 *
 * @param samples The next samples.
 * @param hash What the samples before them gave.
 */
export function hashAudio(samples: Int16Array, hash = 0x811c9dc5): number {
  let i = 0;
  for (const end = samples.length - 3; i < end; i += 4) {
    hash = (Math.imul(hash, P4) + Math.imul(samples[i]!, P3) +
      Math.imul(samples[i + 1]!, P2) + Math.imul(samples[i + 2]!, P1) +
      samples[i + 3]!) | 0;
  }
  for (; i < samples.length; i++) {
    hash = (Math.imul(hash, P1) + samples[i]!) | 0;
  }
  return hash >>> 0;
}

/** Four samples a step, so that the multiplications need not wait for each other. */
const P1 = 16_777_619;
const P2 = Math.imul(P1, P1);
const P3 = Math.imul(P2, P1);
const P4 = Math.imul(P3, P1);

const DIRECTIONS = ["in", "out", "note"] as const;

/** Types come from clients too: beyond this many they are all `(other)`. */
const MAX_NAMES = 1000;

interface Columns {
  readonly atMs: Float64Array;
  readonly session: string[];
  readonly direction: Uint8Array;
  readonly type: Uint16Array;
  readonly bytes: Float64Array;
  readonly audioMs: Float64Array;
  readonly audioHash: Float64Array;
  readonly chars: Float64Array;
}

function createColumns(length: number): Columns {
  return {
    atMs: new Float64Array(length),
    session: new Array<string>(length).fill(""),
    direction: new Uint8Array(length),
    type: new Uint16Array(length),
    bytes: new Float64Array(length),
    audioMs: new Float64Array(length),
    audioHash: new Float64Array(length),
    chars: new Float64Array(length),
  };
}

function copy(
  from: Columns,
  i: number,
  { to, at }: { to: Columns; at: number },
): void {
  to.atMs[at] = from.atMs[i]!;
  to.session[at] = from.session[i]!;
  to.direction[at] = from.direction[i]!;
  to.type[at] = from.type[i]!;
  to.bytes[at] = from.bytes[i]!;
  to.audioMs[at] = from.audioMs[i]!;
  to.audioHash[at] = from.audioHash[i]!;
  to.chars[at] = from.chars[i]!;
}

/** Numbers for names, at most `limit` of them. */
function interner(limit: number) {
  const indices = new Map<string, number>([["(other)", 0]]);
  const names = ["(other)"];
  return {
    indexOf(name: string): number {
      const known = indices.get(name);
      if (known !== undefined) return known;
      if (names.length > limit) return 0;
      indices.set(name, names.length);
      return names.push(name) - 1;
    },
    nameOf: (index: number) => names[index]!,
  };
}
