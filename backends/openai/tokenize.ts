import { isRequestError } from "../../plugins/mod.ts";
import { NO_SUCH_PATH } from "../connect/target.ts";
import {
  probe,
  probeConnections,
  type ProbeOptions,
} from "../connect/probe.ts";
import { fieldOf, type JsonObject, tryJson } from "./json.ts";

/** Counts tokens by the server's `/tokenize`. */
export interface Tokenize extends Disposable {
  /**
   * Sends a question, `{ prompt }` or `{ messages }` with further fields. Resolves with the number of tokens, or
   * `undefined` if the server does not answer this question or any.
   */
  count(question: JsonObject, signal: AbortSignal): Promise<number | undefined>;
}

/** Options of {@linkcode openTokenize}. */
export interface TokenizeOptions {
  readonly url: URL;
  readonly model: string;
  readonly ask: ProbeOptions;
  /** Called with the server's answer if it does not tokenize. */
  warn(answer: string): void;
}

/** Maximum number of connections: the server's others are for the run. */
const MAX_SOCKETS = 4;

/**
 * Opens connections for questions, so that no request of the run waits for one or reuses one. Until the server has
 * answered a question, one is sent at a time, and a kind of question that the server does not support is sent once.
 */
export function openTokenize(
  { url, model, ask, warn }: TokenizeOptions,
): Tokenize {
  const connections = probeConnections(url, ask, MAX_SOCKETS);
  const headers = { ...ask.headers, "content-type": "application/json" };
  const unsupported = new Set<Kind>();
  let isSupported = false;
  let first: Promise<unknown> | undefined;

  function giveUp(kinds: readonly Kind[], answer: string): void {
    warn(answer);
    for (const kind of kinds) unsupported.add(kind);
  }

  async function askServer(
    question: JsonObject,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const body = JSON.stringify({ model, ...question });
    const options = { ...ask, headers, connections, signal, body };
    const count = countIn(await probe(url, options));
    if (count !== undefined) isSupported = true;
    else giveUp([kindOf(question)], "is not answered with a count");
    return count;
  }

  /** A server that is unreachable now may answer later. A silent one is given up, as it would delay the run. */
  function handleError(error: unknown, question: JsonObject): undefined {
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
    } else if (!isTemporary(Number(code))) {
      giveUp([kindOf(question)], `fails: ${message}`);
    } else if (code === "500") warn(`fails: ${message}`);
  }

  return {
    async count(question, signal) {
      while (!isSupported && first) await first;
      if (unsupported.has(kindOf(question))) return undefined;
      const answer = askServer(question, signal).catch((error) =>
        handleError(error, question)
      );
      first = answer.finally(() => first = undefined);
      return await answer;
    },
    [Symbol.dispose]: () => connections.destroy(),
  };
}

const KINDS = ["prompt", "messages"] as const;
type Kind = typeof KINDS[number];

/** Returns the kind of a question. A server may support one of them: without a chat template it knows no messages. */
function kindOf(question: JsonObject): Kind {
  return "messages" in question ? "messages" : "prompt";
}

/** Reports whether a later request may succeed. */
function isTemporary(status: number): boolean {
  return [408, 425, 429].includes(status) || (status >= 500 && status !== 501);
}

/** Returns the count in an answer, or the length of its list of tokens. */
function countIn(body: string): number | undefined {
  const answer = tryJson(body);
  const count = fieldOf(answer, "count");
  if (Number.isInteger(count) && count as number >= 0) return count as number;
  const tokens = fieldOf(answer, "tokens");
  return Array.isArray(tokens) && tokens.length > 0 ? tokens.length : undefined;
}
