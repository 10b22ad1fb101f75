import { type Configured, UsageError } from "../plugins/mod.ts";
import { pluginOf } from "./plugin_of.ts";
import { parseSpec } from "../plugins/spec.ts";

const OPEN_LOOP = "poisson=RATE or constant=RATE starts RATE requests a second";
const CLOSED_LOOP = "concurrent=N keeps N streams in flight";

/** Names that other tools have for loads. */
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
 * Returns the load that `--load` names, with its options.
 *
 * @throws {UsageError} If there is no such load, or its options are invalid.
 */
export async function loadOf(text: string): Promise<Configured<"load">> {
  if (/^[\d.,\s]+$/.test(text)) throw bareNumbers(text);
  const { name } = parseSpec(text);
  const hint = FOREIGN.get(name.toLowerCase());
  if (hint !== undefined) {
    throw new UsageError(
      `--load: unknown load ${JSON.stringify(name)}; ${hint}`,
    );
  }
  return await pluginOf("load", text);
}
