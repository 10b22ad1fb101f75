import {
  choicesOf,
  type JsonSchema,
  resolveSchema,
} from "../plugins/schema_hints.ts";
import { isRecord } from "../lib/record.ts";

/** The options of a plugin as lines for people: name, type, default, meaning. */
export function optionLines(
  schema: JsonSchema | undefined,
  { name, primary }: { name: string; primary?: string | undefined },
): readonly string[] {
  if (schema === undefined) return ["  (its schema does not tell its options)"];
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const rows = Object.entries(properties).map(([key, part]) => {
    const option = resolveSchema(part, schema);
    return {
      key,
      type: typeOf(option, schema),
      note: noteOf(option, required.includes(key)),
    };
  });
  if (rows.length === 0) return ["  no options"];
  const [keyWidth, typeWidth] = [
    rows.map(({ key }) => key),
    rows.map(({ type }) => type),
  ]
    .map((texts) =>
      Math.min(28, Math.max(...texts.map((text) => text.length)))
    );
  return [
    ...rows.map(({ key, type, note }) =>
      `  ${key.padEnd(keyWidth!)}  ${type.padEnd(typeWidth!)}  ${note}`
        .trimEnd()
    ),
    ...(primary === undefined ? [] : ["", `  ${name}=VALUE sets ${primary}`]),
  ];
}

function typeOf(option: JsonSchema, root: JsonSchema): string {
  const choices = choicesOf(option, root);
  if (choices) return choices.map(String).join(" | ");
  if (Array.isArray(option.anyOf)) {
    return option.anyOf.map((part) => typeOf(resolveSchema(part, root), root))
      .join(" | ");
  }
  if (option.type === "array") {
    return `${typeOf(resolveSchema(option.items, root), root)}, …`;
  }
  return typeof option.type === "string" ? option.type : "any";
}

function noteOf(option: JsonSchema, required: boolean): string {
  const notes = [
    ...(required ? ["must be given"] : []),
    ...("default" in option ? defaultNote(option.default) : []),
  ];
  const text = typeof option.description === "string" ? option.description : "";
  return notes.length > 0 ? `${text} (${notes.join("; ")})`.trimStart() : text;
}

/** As it would be typed; what is empty goes without saying. */
function defaultNote(value: unknown): string[] {
  if (isRecord(value) && Object.keys(value).length === 0) return [];
  return [
    `default: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  ];
}
