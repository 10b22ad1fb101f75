import { datasetForPath } from "../datasets/for_path.ts";
import { formatSpec, parseSpec } from "../plugins/spec.ts";
import { catalogue } from "../catalogue.ts";

/** What `--data` says as a spec: a path stands for the dataset that reads it. */
export async function datasetSpec(text: string): Promise<string> {
  const { name, primary, options } = parseSpec(text);
  if (primary !== undefined || Object.hasOwn(catalogue.dataset, name)) {
    return text;
  }
  const dataset = await datasetForPath(name);
  if (dataset === undefined) return text;
  return formatSpec({
    name: dataset,
    primary: [{ text: name, quoted: true }],
    options,
  });
}
