/**
 * `deno task bench`: compares the cost of earshot with that of the least client that does the same. Prints tables, and
 * one line of JSON at the end.
 *
 * @module
 */
import { describeEnvironment } from "../plugins/host.ts";
import { httpSuite } from "./http/suite.ts";
import { liveSuite } from "./live/suite.ts";
import { benchOptions, type SuiteName } from "./options.ts";
import { realtimeSuite } from "./realtime/suite.ts";

const SUITES = { http: httpSuite, live: liveSuite, realtime: realtimeSuite };

const options = benchOptions(Deno.args);
const results: Partial<Record<SuiteName, unknown>> = {};
for (const name of options.suites) {
  const { table, ...figures } = await SUITES[name](options);
  if (!options.json) console.log(`${table}\n`);
  results[name] = figures;
}
console.log(JSON.stringify({
  benchmark: "earshot",
  options,
  environment: describeEnvironment(),
  ...results,
}));
