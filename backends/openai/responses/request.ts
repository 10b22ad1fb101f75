import type { InferenceRequest } from "../../../plugins/mod.ts";
import { fieldsOf } from "../body.ts";
import { bytesOf, joinBytes, type Part } from "../bytes.ts";
import { jsonItems } from "../json_parts.ts";
import { openMedia } from "../media.ts";
import type { Protocol } from "../protocol.ts";
import type { ResponsesSettings } from "./responses.ts";
import {
  checkHistory,
  earlierId,
  inputOf,
  instructionsOf,
  sentIn,
} from "../responses_history.ts";
import { itemsOf, toolOf } from "../responses_input.ts";
import { saidIn, type SaidMessage } from "../said.ts";

/** A turn on its way to the wire: bytes, so that what is left when it is due is to put them in a row. */
export interface PreparedResponse {
  /** The body of a request that has no history. */
  readonly body: Uint8Array;
  /** In it: what the turn itself says, items with commas between them. Empty for nothing but a tool's result. */
  readonly own: Uint8Array;
  /** In it: the fields that no other turn has a say in, as JSON that begins with a comma. */
  readonly fields: string;
  /** What the model is told ahead of everything else. */
  readonly instructions: string | undefined;
  /** The words of the turn, for counting; `undefined` where there is more to it than words. */
  readonly said: readonly SaidMessage[] | undefined;
}

/** A request of this API. */
export type ResponsesRequest = InferenceRequest<PreparedResponse>;

/** Builds requests: text and media are encoded beforehand, once for all turns that send them again. */
export function responsesRequests(
  settings: ResponsesSettings,
  model: string,
): Pick<Protocol<PreparedResponse>, "prepare" | "request" | "sent"> {
  const { history, imagesAs } = settings;
  const wire = { imagesAs, media: openMedia() };
  const isTold = Object.hasOwn(settings.body, "instructions");

  /** What the model is told, unless the `body` option tells it. */
  function told(instructions: string | undefined): string {
    return isTold ? "" : field("instructions", instructions);
  }

  function bodyOf(request: ResponsesRequest): Uint8Array {
    const { prepared, session } = request;
    const input = inputOf(request, history);
    if (session.history.length === 0) return prepared.body;
    return joinBytes([
      '{"input":[',
      ...withCommas(input),
      "]",
      told(instructionsOf(request, history)),
      field("previous_response_id", earlierId(request, history)),
      prepared.fields,
      "}",
    ]);
  }

  return {
    async prepare(turn, signal) {
      checkHistory(turn, history);
      const { columns } = turn;
      const fields = jsonFields({ settings, model, turn });
      const own = joinBytes(jsonItems(await itemsOf(columns, wire)));
      signal.throwIfAborted();
      const head = bytesOf('{"input":[');
      const body = joinBytes([
        head,
        own,
        "]",
        told(columns.system),
        fields,
        "}",
      ]);
      return {
        body,
        own: body.subarray(head.length, head.length + own.length),
        fields,
        instructions: columns.system,
        said: saidIn(columns),
      };
    },
    request: (request) => ({
      contentType: "application/json",
      body: bodyOf(request),
    }),
    sent: (request) => sentIn(request, history),
  };
}

function jsonFields(
  { settings, model, turn }: {
    readonly settings: ResponsesSettings;
    readonly model: string;
    readonly turn: ResponsesRequest["turn"];
  },
): string {
  const { tools } = turn.columns;
  const fields = fieldsOf({ ...settings, streamUsage: "off" }, {
    model,
    maxTokensField: "max_output_tokens",
    turn,
    own: {
      store: settings.history === "server",
      ...(tools && { tools: tools.map(toolOf) }),
    },
  });
  const json = JSON.stringify(fields).slice(1, -1);
  return json === "" ? "" : `,${json}`;
}

function field(name: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

function withCommas(parts: readonly Part[]): readonly Part[] {
  return parts.filter(({ length }) => length > 0)
    .flatMap((part, i) => i === 0 ? [part] : [",", part]);
}
