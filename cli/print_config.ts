import {
  Document,
  isMap,
  isScalar,
  isSeq,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { RunConfig } from "../core/config.ts";

/**
 * Formats a configuration as YAML, with a comment beside each value that names its source: a flag, a file, or
 * `default`.
 */
export function formatConfig(
  config: RunConfig,
  sourceOf: (path: string) => string,
): string {
  const document = new Document(config);
  comment(document.contents, "", sourceOf);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function comment(
  node: unknown,
  path: string,
  sourceOf: (path: string) => string,
): void {
  if (isMap(node) && node.items.length > 0) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      comment(value, path === "" ? name : `${path}.${name}`, sourceOf);
    }
  } else if (isSeq(node) && node.items.some((item) => !isScalar(item))) {
    node.items.forEach((item, i) => comment(item, `${path}.${i}`, sourceOf));
  } else if (isScalar(node) || isSeq(node) || isMap(node)) {
    annotate(node, ` ${sourceOf(path)}`);
  }
}

function annotate(node: Scalar | YAMLSeq | YAMLMap, text: string): void {
  if (!isScalar(node)) node.flow = true;
  node.comment = text;
}
