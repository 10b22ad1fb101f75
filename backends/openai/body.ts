import type { Turn } from "../../plugins/mod.ts";
import type { GenerationSettings } from "./options.ts";

/** The fields of a body, but for what is asked: plain JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** How endpoints call the most tokens that they may generate. */
const LIMITS = [
  "max_completion_tokens",
  "max_tokens",
  "max_output_tokens",
] as const;

/** What goes into a body beside what all have. */
export interface FieldsOptions {
  /** The name of the model. */
  readonly model: string;
  /** How the endpoint calls the most tokens that it may generate. */
  readonly maxTokensField: typeof LIMITS[number];
  /** What the turn itself brings. */
  readonly turn: Turn;
  /** Fields of this endpoint alone. */
  readonly own?: Fields;
}

/**
 * The fields of a request for generated text. Those of the `body` option win; null takes one away.
 *
 * @throws {Error} If an exact number of tokens is asked for, and nobody says how many.
 */
export function fieldsOf(
  settings: GenerationSettings,
  { model, maxTokensField, turn, own = {} }: FieldsOptions,
): Fields {
  const { streamUsage, ignoreEos, body } = settings;
  const stream = streams(settings);
  const all = {
    model,
    ...own,
    [maxTokensField]: turn.maxOutputTokens ?? settings.maxOutputTokens,
    ...(ignoreEos && { ignore_eos: true }),
    ...(stream && { stream }),
    ...(stream && streamUsage !== "off" && {
      stream_options: {
        include_usage: true,
        ...(streamUsage === "continuous" && { continuous_usage_stats: true }),
      },
    }),
    ...body,
  };
  const fields = Object.fromEntries(
    Object.entries(all).filter(([, value]) =>
      value !== null && value !== undefined
    ),
  );
  if (ignoreEos) requireLimit(fields);
  return fields;
}

/** How many tokens each answer to a turn may have; `undefined` where no limit is sent. */
export function tokenLimit(
  settings: Pick<GenerationSettings, "body" | "maxOutputTokens">,
  { maxOutputTokens }: Turn,
): number | undefined {
  const limit =
    LIMITS.map((name) => settings.body[name]).find(Number.isInteger) ??
      maxOutputTokens ?? settings.maxOutputTokens;
  return limit === undefined ? undefined : Number(limit);
}

/** How many tokens a turn must bring, in all its answers, where `ignoreEos` asks for an exact number. */
export function exactTokens(
  settings: GenerationSettings,
  turn: Turn,
): number | undefined {
  const limit = settings.ignoreEos ? tokenLimit(settings, turn) : undefined;
  return limit === undefined ? undefined : limit * answersIn(settings);
}

/** Whether an answer is streamed: the `body` option has the last word. */
export function streams(
  { stream, body }: Pick<GenerationSettings, "stream" | "body">,
): boolean {
  return (Object.hasOwn(body, "stream") ? body.stream : stream) === true;
}

/** How many answers are asked for, by `n` in the `body` option. */
export function answersIn({ body }: Pick<GenerationSettings, "body">): number {
  const { n } = body;
  return Number.isInteger(n) && (n as number) > 1 ? n as number : 1;
}

function requireLimit(fields: Fields): void {
  if (LIMITS.some((name) => name in fields)) return;
  throw new Error(
    "Cannot send ignore_eos as the number of tokens must be known: neither the data nor the option maxOutputTokens says how many",
  );
}
