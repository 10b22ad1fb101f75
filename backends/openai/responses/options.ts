import { z } from "zod";
import { path, refineTarget, refuse } from "../../connect/options.ts";
import {
  type GenerationOptions,
  generationShape,
  refuseDataFields,
} from "../options.ts";

/** Options of {@linkcode responses}. */
export interface ResponsesOptions
  extends Omit<GenerationOptions, "streamUsage"> {
  /**
   * Path of the endpoint on the server.
   *
   * @default {"/v1/responses"}
   */
  path?: string;
  /**
   * Answers that later turns of a session are sent with: the server's `answers`, the `scripted` ones of the data, or
   * `none`, which sends each turn alone. With `server` the server stores them and turns refer to
   * `previous_response_id`.
   *
   * @default {"answers"}
   */
  history?: "answers" | "scripted" | "server" | "none";
  /**
   * Form of images: their `data`, or the `url` of those that have one, for the server to fetch.
   *
   * @default {"data"}
   */
  imagesAs?: "data" | "url";
}

const { streamUsage: _, ...shape } = generationShape;

/** Schema of {@linkcode ResponsesOptions}. */
export const responsesOptions = z.strictObject({
  ...shape,
  path: path().default("/v1/responses").describe(
    "Path of the endpoint on the server",
  ),
  history: z.enum(["answers", "scripted", "server", "none"]).default("answers")
    .describe(
      "Answers that later turns are sent with: the server's, the data's, an id, or none",
    ),
  imagesAs: z.enum(["data", "url"]).default("data").describe(
    "Form of images: their data, or the URL of those that have one",
  ),
}).superRefine((settings, context) => {
  refuseDataFields(settings, ["input", "previous_response_id"], context);
  if (settings.history === "server" && settings.body.store === false) {
    refuse(
      context,
      "history",
      "must not be server if body.store is false, as the server stores no answers then",
    );
  }
  refineTarget(settings, context);
});

/** Validated {@linkcode ResponsesOptions} with their defaults. */
export type ResponsesSettings = z.output<typeof responsesOptions>;
