import { z } from "zod";
import {
  type BackendPlugin,
  defineBackend,
  type Output,
  type Turn,
  type Usage,
} from "../../plugins/mod.ts";
import { endpointPath } from "../connect/options.ts";
import { parseBody, protocolError, serverErrorIn } from "./answer.ts";
import { type AnswerReader, openBackend, type Protocol } from "./backend.ts";
import { fieldOf, objectsIn, tryJson } from "../../lib/json.ts";
import { base64Size, bytesOf, jsonRequest, withoutEmpty } from "./json.ts";
import { type OpenAiOptions, openAiShape, refineOpenAi } from "./options.ts";
import { usageOf } from "./usage.ts";

/** Options of {@linkcode embeddings}. */
export interface EmbeddingsOptions extends OpenAiOptions {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/embeddings"}
   */
  path?: string;
  /**
   * Requested encoding of vectors. Reading `base64` costs the client a fraction of the time of `float`. Answers are read
   * in either encoding.
   *
   * @default {"base64"}
   */
  encodingFormat?: "base64" | "float";
  /** Requested length of each vector. The model's default unless set. */
  dimensions?: number;
}

const embeddingsOptions = z.strictObject({
  ...openAiShape,
  path: endpointPath("/v1/embeddings"),
  encodingFormat: z.enum(["base64", "float"]).default("base64").describe(
    "Requested encoding of vectors: base64 costs the client less",
  ),
  dimensions: z.int().positive().optional().describe(
    "Requested length of each vector",
  ),
}).superRefine((settings, context) =>
  refineOpenAi(settings, context, ["input"])
);

/** Requests the vectors of texts from `/v1/embeddings`. */
export const embeddings: BackendPlugin<EmbeddingsOptions> = defineBackend({
  name: "embeddings",
  summary: "Requests the vectors of texts from /v1/embeddings",
  primary: "target",
  options: embeddingsOptions,
  open: (settings, context) =>
    openBackend(settings, context, embeddingsProtocol),
});

function embeddingsProtocol(
  settings: z.output<typeof embeddingsOptions>,
  model: string,
): Protocol<{ readonly body: Uint8Array; readonly inputs: number }> {
  const { encodingFormat, dimensions, body } = settings;
  return {
    needs: [["text", "texts"]],
    facts: { encodingFormat, ...(dimensions !== undefined && { dimensions }) },
    prepare(turn) {
      const input = inputOf(turn);
      const fields = withoutEmpty({
        model,
        input,
        encoding_format: encodingFormat,
        dimensions,
        ...body,
      });
      return Promise.resolve({
        body: bytesOf(JSON.stringify(fields)),
        inputs: [input].flat().length,
      });
    },
    request: ({ prepared }) => jsonRequest(prepared.body),
    reader: (_call, { prepared }) =>
      embeddingsReader(prepared.inputs, dimensions),
    sent: ({ turn }) => ({ text: inputOf(turn) }),
  };
}

/**
 * Returns the text of a turn, or its batch of texts.
 *
 * @throws {Error} If the batch is empty.
 */
function inputOf(
  { columns: { text = "", texts } }: Turn,
): string | readonly string[] {
  if (texts?.length === 0) {
    throw new Error("texts must contain at least one text, but was []");
  }
  return texts ?? text;
}

/**
 * Reads vectors: one for each input, of the length requested, if any. They are checked and counted, but not kept.
 */
export function embeddingsReader(
  inputs: number,
  dimensions: number | undefined,
): AnswerReader {
  let output: Output | undefined;
  return {
    event({ type, data }) {
      throw serverErrorIn(tryJson(data) ?? data, type) ??
        protocolError("must be JSON, but was an event stream");
    },
    body(data) {
      const answer = parseBody(data);
      output = withoutEmpty({
        embeddings: measure(objectsIn(answer.data), inputs, dimensions),
        usage: inputUsage(answer.usage),
      });
    },
    result() {
      if (output) return output;
      throw protocolError("must be JSON, but was empty");
    },
  };
}

/** Checks that there is a vector for each input, all of one length. */
function measure(
  data: readonly unknown[],
  inputs: number,
  wanted: number | undefined,
): NonNullable<Output["embeddings"]> {
  const lengths = data.map((item) => lengthOf(fieldOf(item, "embedding")));
  if (lengths.length !== inputs) {
    throw protocolError(
      `it must have a vector for each of ${inputs} inputs, but has ${lengths.length}`,
    );
  }
  const dimensions = wanted ?? lengths[0]!;
  const other = lengths.find((length) => length !== dimensions);
  if (other === undefined) return { count: inputs, dimensions };
  const rule = wanted === undefined ? "as the first has" : "as requested";
  throw protocolError(
    `each vector must have ${dimensions} dimensions, ${rule}, but one has ${other}`,
  );
}

const BYTES_PER_NUMBER = 4;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Returns the length of a vector: a list of numbers, or 32-bit floats in base64. */
function lengthOf(embedding: unknown): number {
  let length = NaN;
  if (Array.isArray(embedding) && embedding.every(Number.isFinite)) {
    length = embedding.length;
  } else if (typeof embedding === "string" && isBase64(embedding)) {
    length = base64Size(embedding) / BYTES_PER_NUMBER;
  }
  if (Number.isInteger(length) && length > 0) return length;
  const text = JSON.stringify(embedding) ?? "undefined";
  const start = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  throw protocolError(
    `a vector must be a list of numbers or 32-bit floats in base64, but was ${start}`,
  );
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && BASE64.test(text);
}

/** Returns the token counts of an answer to embeddings: all tokens are input, whatever the server names them. */
function inputUsage(usage: unknown): Usage | undefined {
  const { inputTokens, audioTokens, cachedTokens } = usageOf(usage) ?? {};
  const total = fieldOf(usage, "total_tokens");
  const isTotal = Number.isInteger(total) && total as number >= 0;
  const known = withoutEmpty({
    inputTokens: inputTokens || (isTotal ? total as number : inputTokens),
    audioTokens,
    cachedTokens,
  });
  return Object.keys(known).length > 0 ? known : undefined;
}
