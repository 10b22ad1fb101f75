import type { Output, RequestError, Usage } from "../../plugins/mod.ts";
import {
  fieldOf,
  isObject,
  objectsIn,
  protocolError,
  tryJson,
} from "./json.ts";
import type { AnswerReader } from "./protocol.ts";
import { receivedWhole } from "./answer.ts";
import { serverErrorIn } from "./server_error.ts";
import { usageOf } from "./usage.ts";

/** What an answer is held to. */
export interface EmbeddingsAsked {
  /** How many vectors are to come. */
  readonly inputs: number;
  /** How long each is to be, where that was asked for. */
  readonly dimensions: number | undefined;
}

/** Reads vectors: they are counted and measured, and not kept. */
export function embeddingsReader(asked: EmbeddingsAsked): AnswerReader {
  let output: Output | undefined;
  return {
    event({ type, data }) {
      throw serverErrorIn(tryJson(data) ?? data, type) ?? protocolError(
        "vectors must come as JSON: current value is an event stream",
      );
    },
    body(data) {
      const answer = receivedWhole(data);
      output = {
        embeddings: measured(objectsIn(answer.data), asked),
        ...usageIn(answer.usage),
      };
    },
    result() {
      if (output) return output;
      throw protocolError("vectors must come as JSON: the answer is empty");
    },
  };
}

/** What no two vectors may differ in, and every input must have. */
function measured(
  data: readonly unknown[],
  { inputs, dimensions: wanted }: EmbeddingsAsked,
): NonNullable<Output["embeddings"]> {
  const lengths = data.map((item) => lengthOf(fieldOf(item, "embedding")));
  if (lengths.length !== inputs) {
    throw countError(lengths.length, inputs);
  }
  const dimensions = wanted ?? lengths[0]!;
  const other = lengths.find((length) => length !== dimensions);
  if (other === undefined) return { count: inputs, dimensions };
  throw protocolError(
    `each vector must have ${dimensions} dimensions, as ${
      wanted === undefined ? "the first has" : "was asked for"
    }: current value is ${other}`,
  );
}

function countError(count: number, inputs: number): RequestError {
  return protocolError(
    `there must be a vector for each input, of which there are ${inputs}: current value is ${count}`,
  );
}

const BYTES_PER_NUMBER = 4;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** How long a vector is: a list of numbers, or floats of 32 bits in base64. */
function lengthOf(embedding: unknown): number {
  const length = typeof embedding === "string"
    ? bytesIn(embedding) / BYTES_PER_NUMBER
    : Array.isArray(embedding) && embedding.every(Number.isFinite)
    ? embedding.length
    : NaN;
  if (Number.isInteger(length) && length > 0) return length;
  throw protocolError(
    `a vector must be a list of numbers, or 32-bit floats in base64: current value is ${
      shown(embedding)
    }`,
  );
}

function bytesIn(base64: string): number {
  if (base64.length % 4 !== 0 || !BASE64.test(base64)) return NaN;
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return base64.length / 4 * 3 - padding;
}

/** Vectors are long: their beginning will do. */
function shown(embedding: unknown): string {
  const text = JSON.stringify(embedding) ?? "none";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** All tokens are the input's, under either name. */
function usageIn(usage: unknown): { usage?: Usage } {
  const { inputTokens, audioTokens, cachedTokens } = usageOf(usage) ?? {};
  const input = inputTokens || (totalIn(usage) ?? inputTokens);
  const known = {
    ...(input !== undefined && { inputTokens: input }),
    ...(audioTokens !== undefined && { audioTokens }),
    ...(cachedTokens !== undefined && { cachedTokens }),
  };
  return Object.keys(known).length > 0 ? { usage: known } : {};
}

function totalIn(usage: unknown): number | undefined {
  const total = isObject(usage) ? usage.total_tokens : undefined;
  return Number.isInteger(total) && total as number >= 0
    ? total as number
    : undefined;
}
