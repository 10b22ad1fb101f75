import type { Command } from "commander";
import type { SetExitCode } from "../main.ts";

/** What `earshot serve` is told. */
export interface ServeFlags {
  readonly host: string;
  readonly port: string;
  readonly model: string;
  readonly prefix?: string;
  readonly seed: string;
  readonly seats?: string;
  readonly apiKeyEnv?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly set: readonly string[];
  readonly fault: readonly string[];
}

/** Adds `earshot serve`. */
export function addServe(program: Command, setExitCode: SetExitCode): void {
  const several = (
    value: string,
    before: readonly string[],
  ) => [...before, value];
  program.command("serve")
    .summary("run the reference server alone")
    .description(
      "Runs the reference server alone: the endpoints of vLLM as vLLM serves them (/v1/realtime, /v1/chat/completions, " +
        "/v1/completions, /v1/responses, /v1/embeddings, /v1/audio/transcriptions and translations, /tokenize), with " +
        "the words of the bundled speech, set delays and faults, and the truth of all it received and sent under /log.",
    )
    .option("--host <address>", "where to listen", "127.0.0.1")
    .option("-p, --port <n>", "0 for any free one", "8000")
    .option("--model <name>", "the model's name", "earshot-reference")
    .option("--prefix <path>", "stands before every path: /team-a")
    .option("--seed <n>", "everything random follows from it", "1")
    .option(
      "--seats <n>",
      "sessions and requests that decode at a time; others wait silently, as behind --max-num-seqs",
    )
    .option(
      "--api-key-env <name>",
      "the environment variable that holds the key to ask for",
    )
    .option("--tls-cert <file>", "serve over TLS: the certificate, in PEM")
    .option("--tls-key <file>", "its key, in PEM")
    .option(
      "--set <name=value>",
      "how sessions and requests behave, as tokenMs=20 or ttftMs=200, see below; again for several",
      several,
      [],
    )
    .option(
      "--fault <fault>",
      "what goes wrong: DO@POINT[~SHARE], see below; again for several",
      several,
      [],
    )
    .addHelpText("after", MORE)
    .action(async (flags: ServeFlags) => {
      const { serveCommand } = await import("../serve_command.ts");
      setExitCode(await serveCommand(flags));
    });
}

const MORE = `
Settings of sessions (/v1/realtime):
  mode delayMs jitterMs tokenMs tokenJitterMs finalTokenMs rightPadTokens
  promptTokens leftPadTokens segmentMs tokensPerDelta segmentPrefix
  acceptDelayMs createdDelayMs pingIntervalMs pongTimeoutMs
Settings of requests (all other endpoints):
  dialect ttftMs ttftJitterMs prefillMsPerToken itlMs itlJitterMs jitterShape
  outputTokens outputTokensJitter tokensPerEvent emptyEvery eventsPerWrite
  keepAliveMs roleChunk reasoningTokens reasoningField toolCalls refusal echo
  usageStyle cachedTokens imageTokens videoTokens audioTokensPerSecond done
  refuseStreamOptions gzip maxConcurrentRequests failAfterRequests dimensions
  rtfx transcriptionForm clipMs
Of both:
  maxModelLen wordErrorRate wordsPerSecond

Faults of sessions:
  DO     refuse=STATUS,BODY error=CODE,MESSAGE frame=TEXT bad-json non-object
         binary noise=N big=BYTES stall[=MS] pause=MS drop close=CODE,REASON
         ping updated duplicate no-deltas no-text
  POINT  accept created update commit appends:N final deltas:N done after-done
Faults of requests:
  DO     status=STATUS[;HEADER: VALUE],BODY redirect=STATUS,URL json html
         type=TYPE bad-gzip drip=MS garbage=BYTES half split cut
         refuse error frame bad-json non-object noise big stall drop duplicate
  POINT  accept headers events:N bytes:N done
SHARE is the part of the sessions or requests, 0 to 1; all unless given.
docs/reference-server.md tells what each setting and fault does.

Examples:
  earshot serve --port 8000
  earshot serve --set tokenMs=20 --set wordErrorRate=0.05 --seats 8
  earshot serve --set ttftMs=200 --set itlMs=20 --set outputTokens=256
  earshot serve --fault drop@appends:20~0.1 \\
    --fault 'status=429;retry-after: 1,slow down@accept~0.05'
`;
