import { z } from "zod";
import { concurrent, type LoadProfile, openLoop } from "../core/load.ts";
import { UsageError } from "../plugins/mod.ts";
import { explain, jsonSchemaOf, suggestion } from "../plugins/schema_hints.ts";
import { parseSpec } from "./spec.ts";
import { coerceSpec } from "./spec_options.ts";

/** One kind of load, as the command line knows it. */
export interface LoadKind<Options = unknown> {
  /** One line for `earshot list`. */
  readonly summary: string;
  /** The option that `NAME=VALUE` sets. */
  readonly primary: string;
  /** What the options are. */
  readonly options: z.ZodType<Options>;
  /** Makes the profile of checked options. */
  profile(options: Options): LoadProfile;
}

const ABOVE_0 = "must be above 0";
/** No machine has the sockets for more; each stream costs memory before it is opened. */
const MOST_STREAMS = 100_000;

const streams = z.strictObject({
  streams: z.array(
    z.int().positive(ABOVE_0).max(
      MOST_STREAMS,
      `must be at most ${MOST_STREAMS}`,
    ),
  ).min(1, "must name at least one")
    .describe(
      "Sessions in flight; a stage for each number",
    ),
});

const rates = z.strictObject({
  rates: z.array(z.number().positive(ABOVE_0)).min(1, "must name at least one")
    .describe(
      "Requests a second; a stage for each number",
    ),
  maxInFlight: z.int().positive(ABOVE_0).optional().describe(
    "Arrivals beyond this many in flight are dropped and counted",
  ),
});

/** Every load, by its name. */
export const loads: Readonly<Record<string, LoadKind>> = {
  concurrent: kind({
    summary: "Closed loop: so many sessions in flight at any time",
    primary: "streams",
    options: streams,
    profile: ({ streams }) => concurrent(streams),
  }),
  constant: kind({
    summary: "Open loop: starts at even gaps, whatever the server does",
    primary: "rates",
    options: rates,
    profile: arriving("constant"),
  }),
  poisson: kind({
    summary: "Open loop: independent starts, at exponentially distributed gaps",
    primary: "rates",
    options: rates,
    profile: arriving("poisson"),
  }),
};

/** Forgets the type of the options, which only the kind itself needs. */
function kind<Options>(given: LoadKind<Options>): LoadKind {
  return { ...given, profile: (options) => given.profile(options as Options) };
}

function arriving(arrival: "constant" | "poisson") {
  return ({ rates: perSecond, maxInFlight }: z.output<typeof rates>) =>
    openLoop(
      arrival,
      perSecond,
      maxInFlight === undefined ? {} : { maxInFlight },
    );
}

const OPEN_LOOP =
  "poisson=RATE or constant=RATE offers so many requests a second";
const CLOSED_LOOP = "concurrent=N keeps N streams in flight";

/** Loads as other tools call them. */
const FOREIGN: ReadonlyMap<string, string> = new Map(Object.entries({
  rate: OPEN_LOOP,
  qps: OPEN_LOOP,
  rps: OPEN_LOOP,
  async: OPEN_LOOP,
  "request-rate": OPEN_LOOP,
  concurrency: CLOSED_LOOP,
  streams: CLOSED_LOOP,
  users: CLOSED_LOOP,
  vus: CLOSED_LOOP,
  throughput: CLOSED_LOOP,
  synchronous: "concurrent=1 sends one request after another",
  sweep: "give a list, as concurrent=1,2,4,8: a stage for each number",
}));

function bareNumbers(text: string): UsageError {
  return new UsageError(
    `--load: must name a load, but was ${
      JSON.stringify(text)
    }; use concurrent=${text.trim()} for streams, or poisson=${text.trim()} for requests a second`,
  );
}

/**
 * The profile that `--load` names.
 *
 * @throws {UsageError} If it names none, or its options are not right.
 */
export function loadOf(text: string): LoadProfile {
  if (/^[\d.,\s]+$/.test(text)) throw bareNumbers(text);
  const spec = parseSpec(text);
  const found = Object.hasOwn(loads, spec.name) ? loads[spec.name] : undefined;
  if (found === undefined) {
    const name = JSON.stringify(spec.name);
    throw new UsageError(
      `--load: unknown load ${name}; ${
        FOREIGN.get(spec.name.toLowerCase()) ??
          suggestion(spec.name, Object.keys(loads))
      }`,
    );
  }
  const options = coerceSpec(spec, found);
  const result = found.options.safeParse(options);
  if (result.success) return found.profile(result.data);
  const problems = explain(
    result.error.issues,
    options,
    jsonSchemaOf(found.options),
  );
  const lines = problems.map(({ path, message }) =>
    `\n  ${path || spec.name}: ${message}`
  );
  throw new UsageError(`Cannot offer load "${text}":${lines.join("")}`, {
    problems,
  });
}
