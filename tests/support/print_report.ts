import { consoleReporter } from "../../reporters/console/console.ts";
import { jsonReporter } from "../../reporters/json.ts";
import { context, finish } from "./reporters.ts";
import { speechReport } from "./report.ts";

const [name] = Deno.args;
const many = {
  ...speechReport,
  stages: Array.from({ length: 100 }, () => speechReport.stages).flat(),
};
const reporter = name === "json"
  ? jsonReporter({ path: "-" })
  : consoleReporter({});
await finish(await reporter.open(context), many);
