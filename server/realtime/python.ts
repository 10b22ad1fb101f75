/** What Python's `repr()` gives for a value of JSON; vLLM's error messages are made of it. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") {
    const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
    const escaped = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    return quote +
      (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (typeof value === "object") {
    return `{${
      Object.entries(value)
        .map(([key, item]) => `${pythonRepr(key)}: ${pythonRepr(item)}`)
        .join(", ")
    }}`;
  }
  return String(value);
}

/** What Python's `str()` gives. */
export function pythonStr(value: unknown): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** The Python type of a value of JSON. */
export function pythonType(value: unknown): string {
  if (value === null || value === undefined) return "NoneType";
  if (Array.isArray(value)) return "list";
  if (typeof value === "number") {
    return Number.isInteger(value) ? "int" : "float";
  }
  return { boolean: "bool", string: "str" }[typeof value as string] ?? "dict";
}

/** One finding of pydantic about a field, as its `ValidationError` prints it. */
export function pydanticError(
  model: string,
  { field, message, kind, input }: {
    field: string;
    message: string;
    kind: string;
    input: unknown;
  },
): string {
  return `1 validation error for ${model}\n${field}\n  ${message} [type=${kind}, input_value=${
    shortened(pythonRepr(input))
  }, input_type=${
    pythonType(input)
  }]\n    For further information visit https://errors.pydantic.dev/2.14/v/${kind}`;
}

/** pydantic shows at most 50 characters of a value: its ends. */
function shortened(repr: string): string {
  return repr.length > 50 ? `${repr.slice(0, 25)}...${repr.slice(-24)}` : repr;
}
