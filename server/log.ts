/** One event that the server received or sent. */
export interface LogEntry {
  /** Position in the log, from 0, over everything ever added. */
  readonly seq: number;
  /** Milliseconds since 1970, with fraction: when the bytes came from the socket, or were handed to it. */
  readonly atMs: number;
  /** Id of the session, or of the request's answer. */
  readonly session: string;
  /** From the client, to the client, or a note about the connection or the request. */
  readonly direction: "in" | "out" | "note";
  /** The event's type; `(bad json)`, `(binary)`, … if it has none. */
  readonly type: string;
  /** Size of the message's payload. */
  readonly bytes: number;
  /** Audio received in the session so far, this event included. */
  readonly audioMs?: number;
  /** {@linkcode hashAudio} of all audio received in the session so far, this event included. */
  readonly audioHash?: number;
  /** Length of the event's text in UTF-16 units: 0 for an empty delta. */
  readonly chars?: number;
}

/** An entry before it has its position and time. */
export type NewLogEntry = Omit<LogEntry, "seq">;

/** A bounded log of events. It keeps the newest. */
export type Log = ReturnType<typeof createLog>;

const DIRECTIONS = ["in", "out", "note"] as const;

/** Types come from clients too: those beyond this many are logged as `(other)`. */
const MAX_TYPES = 1000;

/** The optional fields of an entry. A column has −1 where an entry has no such field. */
const OPTIONAL = ["audioMs", "audioHash", "chars"] as const;

/** Entries by column: about 50 bytes an entry, and nothing for the garbage collector. */
interface Columns {
  readonly numbers: Readonly<
    Record<"atMs" | "bytes" | typeof OPTIONAL[number], Float64Array>
  >;
  readonly session: string[];
  readonly direction: Uint8Array;
  readonly type: Uint16Array;
}

function createColumns(length: number): Columns {
  const column = () => new Float64Array(length);
  return {
    numbers: {
      atMs: column(),
      bytes: column(),
      audioMs: column(),
      audioHash: column(),
      chars: column(),
    },
    session: new Array<string>(length).fill(""),
    direction: new Uint8Array(length),
    type: new Uint16Array(length),
  };
}

/** Creates a log of at most `limit` entries. */
export function createLog(limit: number) {
  const types = createTypes();
  let size = Math.min(limit, 4096);
  let columns = createColumns(size);
  let next = 0;
  let first = 0;
  let clearedTo = 0;

  function write(
    { numbers, session, direction, type }: Columns,
    i: number,
    entry: NewLogEntry,
  ): void {
    numbers.atMs[i] = entry.atMs;
    numbers.bytes[i] = entry.bytes;
    for (const name of OPTIONAL) numbers[name][i] = entry[name] ?? -1;
    session[i] = entry.session;
    direction[i] = DIRECTIONS.indexOf(entry.direction);
    type[i] = types.indexOf(entry.type);
  }

  function read(seq: number): LogEntry {
    const i = seq % size;
    const { numbers, session, direction, type } = columns;
    const optional: Partial<Record<typeof OPTIONAL[number], number>> = {};
    for (const name of OPTIONAL) {
      if (numbers[name][i]! >= 0) optional[name] = numbers[name][i]!;
    }
    return {
      seq,
      atMs: numbers.atMs[i]!,
      session: session[i]!,
      direction: DIRECTIONS[direction[i]!]!,
      type: types.names[type[i]!]!,
      bytes: numbers.bytes[i]!,
      ...optional,
    };
  }

  function grow(): void {
    const larger = Math.min(limit, size * 2);
    const to = createColumns(larger);
    for (let seq = first; seq < next; seq++) {
      write(to, seq % larger, read(seq));
    }
    columns = to;
    size = larger;
  }

  return {
    /** Adds an event at the end; drops the oldest if the log is full. */
    add(entry: NewLogEntry): void {
      if (next - first === size) {
        if (size < limit) grow();
        else first++;
      }
      write(columns, next++ % size, entry);
    },
    /** The entries, oldest first, from the position `since` on, of one session or of all. */
    *entries(
      { since = 0, session }: { since?: number; session?: string | undefined } =
        {},
    ): Generator<LogEntry> {
      const end = next;
      for (let seq = Math.max(first, since); seq < end; seq++) {
        if (seq < first) continue;
        const entry = read(seq);
        if (session === undefined || entry.session === session) yield entry;
      }
    },
    /** Number of entries dropped. */
    get dropped(): number {
      return first - clearedTo;
    },
    /** Removes every entry; positions go on. */
    clear(): void {
      first = clearedTo = next;
    },
  };
}

/** Numbers for the types of entries, at most {@linkcode MAX_TYPES} of them. */
function createTypes() {
  const names = ["(other)"];
  const indices = new Map([["(other)", 0]]);
  return {
    names,
    indexOf(name: string): number {
      const known = indices.get(name);
      if (known !== undefined) return known;
      if (names.length > MAX_TYPES) return 0;
      indices.set(name, names.length);
      return names.push(name) - 1;
    },
  };
}

/**
 * Continues the hash of a session's audio. Two clients that send the same bytes in the same order get the same hash,
 * however they cut them: `h = h · 16777619 + sample` over little-endian 16-bit samples, modulo 2³².
 *
 * @param samples The next samples.
 * @param hash The hash of the samples before them.
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

/** Powers for four samples a step: the multiplications need not wait for each other. */
const P1 = 16_777_619;
const P2 = Math.imul(P1, P1);
const P3 = Math.imul(P2, P1);
const P4 = Math.imul(P3, P1);
