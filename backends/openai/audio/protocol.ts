import type { OpenContext } from "../../../plugins/mod.ts";
import type { Form } from "../../http/multipart.ts";
import type { Fields } from "../body.ts";
import type { Protocol } from "../protocol.ts";
import { wholeAnswers } from "../whole_answer.ts";
import type { ResponseFormat } from "./transcript.ts";
import type { SpeechToTextSettings } from "./options.ts";
import { transcriptReader } from "./reader.ts";
import { uploads } from "./upload.ts";

/** Uploads speech and reads text: transcriptions and translations differ in path and fields alone. */
export function speechToText(
  settings: SpeechToTextSettings & { readonly responseFormat: ResponseFormat },
  model: string,
  { warn, fields = {} }: Pick<OpenContext, "warn"> & {
    readonly fields?: Fields;
  },
): Protocol<Form> {
  const { stream, responseFormat: format, audioFormat, language } = settings;
  const whole = stream ? wholeAnswers({ warn }) : () => {};
  return {
    needs: ["audio"],
    facts: {
      stream,
      responseFormat: format,
      audioFormat,
      ...(language !== undefined && { language }),
    },
    streams: stream,
    prepare: uploads(settings, {
      model,
      ...commonFields(settings),
      ...fields,
      ...streaming(settings),
    }),
    request: ({ prepared }) => prepared,
    reader: (call) => transcriptReader(call, { format, whole }),
    sent: () => undefined,
  };
}

function commonFields(
  { language, prompt, temperature, responseFormat }: SpeechToTextSettings,
): Fields {
  return { language, prompt, temperature, response_format: responseFormat };
}

/** vLLM has the options of a stream as fields of their own. */
function streaming({ stream, streamUsage }: SpeechToTextSettings): Fields {
  if (!stream) return {};
  const isCounted = streamUsage !== "off";
  return {
    stream,
    ...(isCounted && { stream_include_usage: true }),
    ...(streamUsage === "continuous" && {
      stream_continuous_usage_stats: true,
    }),
  };
}
