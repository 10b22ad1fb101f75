import type { IncomingMessage } from "node:http";
import { type Random, random } from "../lib/random.ts";
import type { ServerClock } from "./clock.ts";
import type { Fault } from "./faults.ts";
import type { Log, LogEntry } from "./log.ts";
import type { Options } from "./settings.ts";

/** State of a server, which all its sessions and requests share. */
export interface ServerHost {
  readonly options: Options;
  readonly models: readonly string[];
  readonly seats: Seats;
  /** Generator of ids. */
  readonly ids: Random;
  readonly clock: ServerClock;
  readonly log: Log;
}

/** A session or a request. */
export interface Context {
  readonly host: ServerHost;
  /** Its id, on the wire and in the log. */
  readonly id: string;
  readonly options: Options;
  /** Its faults, drawn by their shares. */
  readonly faults: readonly Fault[];
  readonly clock: ServerClock;
  /** Creates a generator for one purpose. */
  random(purpose: string): Random;
  /** Adds an entry to the log, with the time now unless another one is given. */
  record(
    direction: LogEntry["direction"],
    type: string,
    fields?: Partial<LogEntry>,
  ): void;
}

/** Creates the context of a session or a request, and draws its faults. */
export function createContext(
  host: ServerHost,
  id: string,
  options: Options,
): Context {
  const { clock, log, options: { seed } } = host;
  const draw = random(seed, `${id} faults`);
  return {
    host,
    id,
    options,
    faults: options.faults.filter(({ share = 1 }) => draw() < share),
    clock,
    random: (purpose) => random(seed, `${id} ${purpose}`),
    record: (direction, type, fields) =>
      log.add({
        atMs: clock.now(),
        session: id,
        direction,
        type,
        bytes: 0,
        ...fields,
      }),
  };
}

/** Draws sixteen hexadecimal digits. */
export function randomHex(random: Random): string {
  let digits = "";
  for (let i = 0; i < 4; i++) {
    digits += Math.floor(random() * 65_536).toString(16).padStart(4, "0");
  }
  return digits;
}

/** Creates the id of an answer: OpenAI's have 32 digits, vLLM's end in the request's `x-request-id` if it has one. */
export function answerId(
  prefix: string,
  { headers }: IncomingMessage,
  dialect: Options["dialect"],
  ids: Random,
): string {
  const digits = randomHex(ids) + randomHex(ids);
  if (dialect === "openai") return prefix + digits;
  const given = headers["x-request-id"];
  return prefix + (typeof given === "string" ? given : digits.slice(0, 16));
}

/** Derives an id from another id and a number. */
export function innerId(prefix: string, id: string, number: number): string {
  const digits = id.replace(/^.*_|[^0-9a-f]/g, "").slice(-14).padStart(14, "0");
  return prefix + digits + number.toString(16).padStart(2, "0");
}

/** Limits how many sessions and requests decode at a time. The others wait in order. */
export type Seats = ReturnType<typeof createSeats>;

/** Creates `count` seats. */
export function createSeats(count: number) {
  const waiting = new Set<() => void>();
  let free = count;
  return {
    /** Calls `seated` as soon as a seat is free, at once if one is. Returns how to leave the seat, or the queue. */
    take(seated: () => void): () => void {
      let isSeated = false;
      let hasLeft = false;
      const sit = () => {
        waiting.delete(sit);
        isSeated = true;
        free--;
        seated();
      };
      if (free > 0) sit();
      else waiting.add(sit);
      return () => {
        if (hasLeft) return;
        hasLeft = true;
        waiting.delete(sit);
        if (!isSeated) return;
        free++;
        const [next] = waiting;
        next?.();
      };
    },
  };
}
