import assert from "node:assert/strict";
import type { RealtimeOptions } from "../../backends/realtime/realtime.ts";
import type { Sample } from "../../plugins/mod.ts";
import {
  created,
  finalCommit,
  type Message,
  type Peer,
  type ScriptedServer,
  scriptedServer,
  type ScriptOptions,
} from "./scripted_server.ts";
import { transcribeOnce, type TranscribeOptions } from "./transcribe.ts";

/** The body of a test. */
export type Body = (
  server: ScriptedServer,
  transport: "native" | "ws",
) => Promise<void>;

/** Registers a test over both transports, against a server that plays a script. */
export function test(
  name: string,
  script: (peer: Peer) => void | Promise<void>,
  body: Body,
  options?: ScriptOptions,
): void {
  for (const transport of ["native", "ws"] as const) {
    Deno.test(`realtime() ${name}, over ${transport}`, async () => {
      await using server = await scriptedServer(script, options);
      await body(server, transport);
    });
  }
}

/** Registers such a test of one utterance and its result. */
export function utterance(
  name: string,
  script: (peer: Peer) => void | Promise<void>,
  check: (sample: Sample, server: ScriptedServer) => void | Promise<void>,
  { options = {}, input = {}, server = {} }: {
    options?: Partial<RealtimeOptions>;
    input?: TranscribeOptions;
    server?: ScriptOptions;
  } = {},
): void {
  test(name, script, async (server, transport) => {
    const given = {
      target: server.url,
      transport,
      chunkMs: 20,
      speed: 4,
      ...options,
    };
    await check(await transcribeOnce(given, input), server);
  }, server);
}

/** Returns the failure of a sample; asserts that it has one. */
export function failureOf({ outcome }: Sample) {
  assert.ok(outcome.status !== "ok", "it went well");
  return outcome.failure;
}

/** Returns whether each commit that a client sent was final. */
export const commits = (peer: Peer) =>
  peer.received.filter(({ type }) => type === "input_audio_buffer.commit").map((
    { final },
  ) => final);
/** Messages that the client sent, by the last word of their type. */
export const typesOf = (peer: Peer) =>
  peer.received.map(({ type }) => type.split(".").at(-1));

/** Sends session.created, receives the whole utterance and answers. */
export async function answer(
  peer: Peer,
  ...messages: (Message | string)[]
): Promise<void> {
  peer.send(created);
  await finalCommit(peer);
  peer.send(...messages);
}

export async function first(server: ScriptedServer): Promise<Peer> {
  while (!server.peers[0]) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return server.peers[0];
}

/** The path of a test certificate. */
export function fileOf(name: string): string {
  return new URL(`../../backends/connect/testdata/${name}`, import.meta.url)
    .pathname;
}
