import {
  cleaner,
  headersOf,
  secretsIn,
  tlsOf,
} from "../connect/credentials.ts";
import { proxyFor } from "../connect/endpoint.ts";
import { checkHealth, firstModel } from "../connect/discovery.ts";
import { endpointOf } from "../connect/endpoint.ts";
import { limitMs } from "../connect/options.ts";
import { cleanFailure, traceTo } from "../connect/server_text.ts";
import { openHttp } from "../http/transport.ts";
import type { OpenAiSettings } from "./options.ts";
import type { ProtocolOf } from "./protocol.ts";
import { shortAnswers } from "./short_answers.ts";
import { openTokenCounts, tokenizerOf } from "./token_counts.ts";
import { shownTo, showRequest } from "./trace_exchange.ts";
import { mislabelledStreams } from "./whole_answer.ts";
import type { Backend, OpenContext } from "../../plugins/mod.ts";
import { secretTexts } from "../../lib/redact.ts";

/** Settings of a backend that knows its path. */
export type EndpointSettings = OpenAiSettings & { readonly path: string };

/** All that is read, asked and refused before the run happens here. */
export async function openBackend<Settings extends EndpointSettings, Prepared>(
  settings: Settings,
  context: OpenContext,
  protocolOf: ProtocolOf<Settings, Prepared>,
): Promise<Backend<Prepared>> {
  const endpoint = endpointOf(settings.target, settings.path);
  const headers = headersOf(settings, endpoint, context);
  const tls = await tlsOf(settings);
  const tokenizer = await tokenizerOf(settings);
  const url = endpoint.http(settings.path);
  const { env, signal } = context;
  const proxy = proxyFor(url, env);
  const clean = cleaner([
    ...secretsIn(headers),
    ...secretsIn(url.searchParams),
    ...secretTexts({ body: settings.body }),
    ...secretsIn({ proxy: proxy?.authorization ?? "" }),
  ]);
  const http = openHttp({
    ...settings,
    headersTimeoutMs: limitMs(settings.headersTimeoutMs),
    receiveTimeoutMs: limitMs(settings.receiveTimeoutMs),
    requestTimeoutMs: limitMs(settings.requestTimeoutMs),
    headers,
    tls,
    env,
    clean,
  });
  const { connectTimeoutMs: timeoutMs } = settings;
  const ask = { headers, tls, timeoutMs, signal, env, clean };
  await checkHealth(settings, endpoint, ask);
  const model = settings.model ?? await firstModel(endpoint, ask);
  const protocol = protocolOf(settings, model, context);
  const counts = openTokenCounts({
    tokenize: settings.tokenize,
    tokenizer,
    url: endpoint.http("/tokenize"),
    model,
    ask,
    warn: context.warn,
  });
  const checkLength = shortAnswers(context);
  const trace = traceTo(context, clean);
  const mislabelled = protocol.streams
    ? mislabelledStreams({ warn: (text) => context.warn(clean(text)) })
    : undefined;
  const { protocol: scheme, host, pathname } = url;
  return {
    needs: protocol.needs,
    facts: {
      ...protocol.facts,
      model,
      url: `${scheme}//${host}${pathname}`,
      ...(proxy && { proxy: proxy.url.origin }),
    },
    prepare: (turn, signal) => protocol.prepare(turn, signal),
    async send(request, call) {
      call.throwIfAborted();
      const answer = protocol.reader(call, request);
      const reader = trace ? shownTo(trace, answer) : answer;
      try {
        const wire = { url, ...protocol.request(request) };
        if (trace) showRequest(trace, wire);
        const { requestId } = await http.exchange(wire, call, {
          ...reader,
          mislabelled,
        });
        const output = reader.result();
        checkLength(output, protocol.exactTokens?.(request.turn));
        return requestId === undefined || output.responseId !== undefined
          ? output
          : { ...output, responseId: requestId };
      } catch (error) {
        throw cleanFailure(error, clean);
      }
    },
    countTokens: (sample, request, signal) =>
      counts.count(sample, () => protocol.sent?.(request), signal),
    async [Symbol.asyncDispose]() {
      counts[Symbol.dispose]();
      await http[Symbol.asyncDispose]();
    },
  };
}
