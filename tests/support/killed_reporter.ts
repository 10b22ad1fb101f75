import { jsonlReporter } from "../../reporters/jsonl.ts";
import { open } from "./reporters.ts";
import { runInfo } from "./report.ts";
import { goodSample } from "./samples.ts";

const [path = ""] = Deno.args;
const reporter = await open(jsonlReporter({ path }));
reporter.start?.(runInfo);
reporter.samples?.(Array.from({ length: 500 }, () => goodSample));
setTimeout(() => Deno.kill(Deno.pid, "SIGKILL"), 1000);
