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
  readonly audioHash?: number | undefined;
  /** Length of the event's text in UTF-16 units: 0 for an empty delta. */
  readonly chars?: number | undefined;
}

/** An entry before it has its position and time. */
export type NewLogEntry = Omit<LogEntry, "seq">;

/** A bounded log of events. It keeps the newest. */
export type Log = ReturnType<typeof createLog>;

const DIRECTIONS = ["in", "out", "note"] as const;

/** Types come from clients too: those beyond this many are logged as `(other)`. */
const MAX_TYPES = 1000;

/** Entries of a page. */
const PAGE = 4096;

/** Fields that are numbers. An entry that lacks one has −1 there. */
const NUMBERS = ["atMs", "bytes", "audioMs", "audioHash", "chars"] as const;

/** Entries by column: about 50 bytes an entry, and nothing for the garbage collector. */
function createPage() {
  return {
    session: new Array<string>(PAGE).fill(""),
    direction: new Uint8Array(PAGE),
    type: new Uint16Array(PAGE),
    numbers: NUMBERS.map(() => new Float64Array(PAGE)),
  };
}

type Page = ReturnType<typeof createPage>;

/** Creates a log of at most `limit` entries. It grows by pages, so that no event waits for a copy of the log. */
export function createLog(limit: number) {
  const types = ["(other)"];
  const typeIndices = new Map([["(other)", 0]]);
  const pages = new Map<number, Page>();
  let page = createPage();
  let next = 0;
  let first = 0;
  let clearedTo = 0;

  function typeIndex(name: string): number {
    const known = typeIndices.get(name);
    if (known !== undefined) return known;
    if (types.length > MAX_TYPES) return 0;
    typeIndices.set(name, types.length);
    return types.push(name) - 1;
  }

  function read(seq: number): LogEntry {
    const page = pages.get(Math.floor(seq / PAGE))!;
    const i = seq % PAGE;
    const numbers: Partial<Record<typeof NUMBERS[number], number>> = {};
    for (const [column, name] of NUMBERS.entries()) {
      const value = page.numbers[column]![i]!;
      if (value >= 0) numbers[name] = value;
    }
    return {
      seq,
      session: page.session[i]!,
      direction: DIRECTIONS[page.direction[i]!]!,
      type: types[page.type[i]!]!,
      ...numbers as { atMs: number; bytes: number },
    };
  }

  return {
    /** Adds an event at the end; drops the oldest if the log is full. */
    add(entry: NewLogEntry): void {
      const i = next % PAGE;
      if (i === 0) {
        page = createPage();
        pages.set(next / PAGE, page);
        const oldest = Math.floor(first / PAGE);
        for (const number of pages.keys()) {
          if (number >= oldest) break;
          pages.delete(number);
        }
      }
      page.session[i] = entry.session;
      page.direction[i] = DIRECTIONS.indexOf(entry.direction);
      page.type[i] = typeIndex(entry.type);
      for (const [column, name] of NUMBERS.entries()) {
        page.numbers[column]![i] = entry[name] ?? -1;
      }
      first = Math.max(first, ++next - limit);
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

/**
 * Continues the hash of a session's audio. Two clients that send the same bytes in the same order get the same hash,
 * however they cut them: `h = h · 16777619 + sample` over little-endian 16-bit samples, modulo 2³².
 *
 * @param samples The next samples.
 * @param hash The hash of the samples before them.
 */
export function hashAudio(samples: Int16Array, hash = 0x811c9dc5): number {
  for (const sample of samples) {
    hash = (Math.imul(hash, 16_777_619) + sample) | 0;
  }
  return hash >>> 0;
}
