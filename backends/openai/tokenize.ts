import { isRequestError } from "../../plugins/mod.ts";
import { NO_SUCH_PATH } from "../connect/discovery.ts";
import {
  probe,
  probeConnections,
  type ProbeOptions,
} from "../connect/probe.ts";
import { fieldOf, tryJson } from "./json.ts";

/** A question to `/tokenize`: `{ prompt }` or `{ messages }`, with whatever goes with it. */
export type Question = Readonly<Record<string, unknown>>;

/** Asks the server for the number of tokens. */
export interface Tokenize extends Disposable {
  /** The number; `undefined` where the server cannot say, for once or at all. */
  count(question: Question, signal: AbortSignal): Promise<number | undefined>;
}

/** Whom to ask, and how. */
export interface TokenizeOptions {
  readonly url: URL;
  readonly model: string;
  readonly ask: ProbeOptions;
  /** Told once of a server that does not tokenize, with what it answered. */
  onUnknown(answer: string): void;
}

/** Connections at a time: they are the run's to use. */
const MAX_SOCKETS = 4;

/**
 * Asks over connections of its own, so that no request of the run has to wait for one or finds one open. As long as
 * the server has not understood a question there is one at a time, and a kind that it does not know is asked once.
 */
export function openTokenize(
  { url, model, ask, onUnknown }: TokenizeOptions,
): Tokenize {
  const connections = probeConnections(url, ask, MAX_SOCKETS);
  const headers = { ...ask.headers, "content-type": "application/json" };
  const unknown = new Set<Kind>();
  let isUnderstood = false, isTold = false;
  let first: Promise<unknown> | undefined;

  function tell(answer: string): void {
    if (!isTold) onUnknown(answer);
    isTold = true;
  }

  function giveUp(kinds: readonly Kind[], answer: string): void {
    tell(answer);
    for (const kind of kinds) unknown.add(kind);
  }

  async function answer(
    question: Question,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const sent = JSON.stringify({ model, ...question });
    const options = { ...ask, headers, connections, signal, body: sent };
    const count = countIn(await probe(url, options));
    if (count !== undefined) isUnderstood = true;
    else giveUp([kindOf(question)], "is not answered with a count");
    return count;
  }

  /** A server that cannot be reached now may be at the next request; one that is silent would hold up the run. */
  function failed(error: unknown, question: Question): undefined {
    if (!isRequestError(error)) return;
    const { class: kind, code = "", message } = error;
    if (kind === "connect_timeout") {
      giveUp(KINDS, `is not answered within ${ask.timeoutMs} ms`);
    } else if (kind === "protocol_error") {
      giveUp([kindOf(question)], `is not answered with a count: ${message}`);
    } else if (kind !== "http_error") {
      return;
    } else if (NO_SUCH_PATH.includes(code)) {
      giveUp(KINDS, `is answered with ${code}`);
    } else if (!isPassing(Number(code))) {
      giveUp([kindOf(question)], `fails: ${message}`);
    } else if (code === "500") tell(`fails: ${message}`);
  }

  return {
    async count(question, signal) {
      while (!isUnderstood && first) await first;
      if (unknown.has(kindOf(question))) return undefined;
      const asked = answer(question, signal).catch((error) =>
        failed(error, question)
      );
      first = asked.finally(() => first = undefined);
      return await asked;
    },
    [Symbol.dispose]: () => connections.destroy(),
  };
}

const KINDS = ["prompt", "messages"] as const;
type Kind = typeof KINDS[number];

/** A server may know one kind of question and not the other: without a chat template, there are no messages. */
function kindOf(question: Question): Kind {
  return "messages" in question ? "messages" : "prompt";
}

/** Whether another request may fare better. */
function isPassing(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && status !== 501);
}

/** The count, or the length of the list of tokens where there is no count. */
function countIn(body: string): number | undefined {
  const answer = tryJson(body);
  const count = fieldOf(answer, "count");
  if (Number.isInteger(count) && count as number >= 0) return count as number;
  const tokens = fieldOf(answer, "tokens");
  return Array.isArray(tokens) && tokens.length > 0 ? tokens.length : undefined;
}
