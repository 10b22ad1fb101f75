import { z } from "zod";
import {
  type BackendPlugin,
  defineBackend,
  type Turn,
} from "../../plugins/mod.ts";
import { path, refuse } from "../connect/options.ts";
import { openBackend } from "./backend.ts";
import { bytesOf } from "./bytes.ts";
import { embeddingsReader } from "./embeddings_reader.ts";
import { type OpenAiOptions, openAiShape, refineTarget } from "./options.ts";
import type { Protocol, SentText } from "./protocol.ts";

/** Options of {@linkcode embeddings}. */
export interface EmbeddingsOptions extends OpenAiOptions {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/embeddings"}
   */
  path?: string;
  /**
   * How vectors are asked for: `base64` costs the client a fraction of the time that `float` costs. What comes is
   * read either way.
   *
   * @default {"base64"}
   */
  encodingFormat?: "base64" | "float";
  /** How long each vector is to be. As the model has it, unless given. */
  dimensions?: number;
}

const embeddingsOptions = z.strictObject({
  ...openAiShape,
  path: path().default("/v1/embeddings").describe(
    "Where the endpoint is on the server",
  ),
  encodingFormat: z.enum(["base64", "float"]).default("base64").describe(
    "How vectors are asked for: base64 costs the client less",
  ),
  dimensions: z.int().positive().optional().describe(
    "How long each vector is to be",
  ),
}).superRefine((settings, context) => {
  if (Object.hasOwn(settings.body, "input")) {
    refuse(context, "body", "Cannot set input as it is the data's");
  }
  refineTarget(settings, context);
});

type EmbeddingsSettings = z.output<typeof embeddingsOptions>;

/** Asks `/v1/embeddings` for the vectors of texts. */
export const embeddings: BackendPlugin<EmbeddingsOptions> = defineBackend({
  name: "embeddings",
  summary: "Asks /v1/embeddings for the vectors of texts",
  primary: "target",
  options: embeddingsOptions,
  open: (settings, context) =>
    openBackend(settings, context, embeddingsProtocol),
});

/** A request, whole, and how many vectors it is to bring. */
interface PreparedEmbeddings {
  readonly body: Uint8Array;
  readonly inputs: number;
}

function embeddingsProtocol(
  settings: EmbeddingsSettings,
  model: string,
): Protocol<PreparedEmbeddings> {
  const { encodingFormat, dimensions, body } = settings;
  return {
    needs: [["text", "texts"]],
    facts: { encodingFormat, ...(dimensions !== undefined && { dimensions }) },
    streams: false,
    prepare(turn) {
      const input = inputOf(turn);
      const fields = Object.entries({
        model,
        input,
        encoding_format: encodingFormat,
        dimensions,
        ...body,
      }).filter(([, value]) => value !== null);
      return Promise.resolve({
        body: bytesOf(JSON.stringify(Object.fromEntries(fields))),
        inputs: [input].flat().length,
      });
    },
    request: ({ prepared: { body } }) => ({
      contentType: "application/json",
      body,
    }),
    reader: (_call, { prepared: { inputs } }) =>
      embeddingsReader({ inputs, dimensions }),
    sent: ({ turn }) => sentIn(inputOf(turn)),
  };
}

/**
 * One text, or a batch.
 *
 * @throws {Error} If the batch is empty.
 */
function inputOf(
  { columns: { text = "", texts } }: Turn,
): string | readonly string[] {
  if (texts?.length === 0) {
    throw new Error(
      "Cannot send texts as there must be one at least: current value is []",
    );
  }
  return texts ?? text;
}

function sentIn(input: string | readonly string[]): SentText {
  return typeof input === "string"
    ? { text: input, tokenize: { prompt: input } }
    : { text: input };
}
