import { z } from "zod";
import {
  type BackendPlugin,
  defineBackend,
  type OpenContext,
} from "../../../plugins/mod.ts";
import { path, refuse } from "../../connect/options.ts";
import { openBackend } from "../backend.ts";
import { exactTokens, streams } from "../body.ts";
import {
  type GenerationOptions,
  generationShape,
  refineTarget,
} from "../options.ts";
import type { Protocol } from "../protocol.ts";
import { responseReader } from "./reader.ts";
import { type PreparedResponse, responsesRequests } from "./request.ts";
import { wholeAnswers } from "../whole_answer.ts";

/** Options of {@linkcode responses}. */
export interface ResponsesOptions
  extends Omit<GenerationOptions, "streamUsage"> {
  /**
   * Where the endpoint is on the server.
   *
   * @default {"/v1/responses"}
   */
  path?: string;
  /**
   * What later turns of a session are sent with: the `answers` that the server gave, the `scripted` ones of the data,
   * or `none`; with `server` the server keeps them, and turns go by `previous_response_id`.
   *
   * @default {"answers"}
   */
  history?: "answers" | "scripted" | "server" | "none";
  /**
   * How pictures are sent: their `data`, or the `url` of those that have one, for the server to fetch.
   *
   * @default {"data"}
   */
  imagesAs?: "data" | "url";
}

const { streamUsage: _, ...shape } = generationShape;

const responsesOptions = z.strictObject({
  ...shape,
  path: path().default("/v1/responses").describe(
    "Where the endpoint is on the server",
  ),
  history: z.enum(["answers", "scripted", "server", "none"]).default("answers")
    .describe(
      "What later turns are sent with: the server's answers, the data's, an id, or none",
    ),
  imagesAs: z.enum(["data", "url"]).default("data").describe(
    "How pictures are sent: their data, or the URL of those that have one",
  ),
}).superRefine((settings, context) => {
  const taken = ["input", "previous_response_id"].find((name) =>
    Object.hasOwn(settings.body, name)
  );
  if (taken) refuse(context, "body", `Cannot set ${taken} as it is the data's`);
  const { history, body } = settings;
  if (history === "server" && body["store"] === false) {
    refuse(
      context,
      "history",
      "Cannot be used as the server must keep its answers, and body.store is false",
    );
  }
  refineTarget(settings, context);
});

/** {@linkcode ResponsesOptions} with what was left out. */
export type ResponsesSettings = z.output<typeof responsesOptions>;

/** Sends turns to `/v1/responses` and reads the answer as it comes. */
export const responses: BackendPlugin<ResponsesOptions> = defineBackend({
  name: "responses",
  summary: "Sends text, speech and pictures to /v1/responses",
  primary: "target",
  options: responsesOptions,
  open: (settings, context) =>
    openBackend(settings, context, responsesProtocol),
});

function responsesProtocol(
  settings: ResponsesSettings,
  model: string,
  context: OpenContext,
): Protocol<PreparedResponse> {
  const { history } = settings;
  const stream = streams(settings);
  const whole = stream ? wholeAnswers(context) : () => {};
  return {
    needs: [["text", "messages", "audio", "images", "toolResult"]],
    facts: { stream, history },
    streams: stream,
    ...responsesRequests(settings, model),
    exactTokens: (turn) =>
      exactTokens({ ...settings, streamUsage: "off" }, turn),
    reader: (call) => responseReader(call, whole),
  };
}
