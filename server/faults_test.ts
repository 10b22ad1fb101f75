import assert from "node:assert/strict";
import { parseFault } from "./faults.ts";
import { type RunningServer, startServer } from "./mod.ts";
import {
  append,
  connectClient,
  final,
  refusedClient,
  start,
  type TestClient,
  update,
} from "../tests/support/websocket_client.ts";

Deno.test("parseFault() reads what goes wrong, where, and how often", () => {
  assert.deepEqual(parseFault("drop@appends:5"), {
    do: "drop",
    at: "appends:5",
  });
  assert.deepEqual(parseFault("close=1011,going away@deltas:3~0.1"), {
    do: "close",
    code: 1011,
    reason: "going away",
    at: "deltas:3",
    share: 0.1,
  });
  assert.deepEqual(parseFault('status=503,{"a":"b@c"}@accept'), {
    do: "status",
    status: 503,
    headers: {},
    body: '{"a":"b@c"}',
    at: "accept",
  });
  assert.deepEqual(parseFault("stall@update"), { do: "stall", at: "update" });
  assert.deepEqual(parseFault("stall=50@update"), {
    do: "stall",
    ms: 50,
    at: "update",
  });
});

Deno.test("parseFault() rejects what is not a fault", () => {
  for (
    const text of [
      "",
      "drop",
      "jump@done",
      "drop@somewhere",
      "drop@appends:0",
      "close=1006@done",
      "close=200@done",
      "status=199,@accept",
      "pause@update",
      "drop@done~2",
    ]
  ) {
    assert.throws(
      () => parseFault(text),
      /^TypeError: fault "/,
      text,
    );
  }
});

Deno.test("parseFault() says which part is wrong, and what would be right", () => {
  for (
    const [text, rule] of [
      [
        "half@accept",
        "POINT of half must be headers, events:N, bytes:N or done",
      ],
      ["drop@done~2", "SHARE must be a number from 0 to 1"],
      ["drop@done~x", "SHARE must be a number from 0 to 1"],
      ["drop@done~", "SHARE must be a number from 0 to 1"],
      [
        "status=999@accept",
        "status must have STATUS from 200 to 599, then each header as ;NAME: VALUE, then ,BODY",
      ],
      ["status=503@done", "POINT of status must be accept"],
      [
        "jump@done",
        'unknown fault "jump"; there are: status, json,',
      ],
      ["pause@final", "pause must have MS, a whole number of milliseconds"],
      [
        "big=99999999999@headers",
        "big must have BYTES, a whole number of at most 67108864",
      ],
      ["noise@accept", "POINT of noise must be created, update,"],
      ["noise", "POINT of noise must be created, update,"],
      ["noise@somewhere", "POINT of noise must be created, update,"],
    ] as const
  ) {
    assert.throws(() => parseFault(text), ({ message }: TypeError) => {
      const start = `fault ${JSON.stringify(text)}: ${rule}`;
      assert.equal(message.slice(0, start.length), start);
      return true;
    });
  }
});

Deno.test("parseFault() names what was probably meant", () => {
  for (
    const [text, words] of [
      ["halff@events:1", 'unknown fault "halff"; did you mean "half"?'],
      ["drop@evnts:1", '; did you mean "events:1"?'],
      ["stall=5@accpt", '; did you mean "accept"?'],
      ["json@done", "POINT of json must be accept"],
      [
        "drop@events",
        '; did you mean "events:5"?',
      ],
      [
        "drop@events:N",
        '; did you mean "events:5"?',
      ],
      [
        "drop@deltas:0",
        '; did you mean "deltas:5"?',
      ],
      ["drop@done:2", '; did you mean "done"?'],
      ["drop", "POINT of drop must be"],
    ] as const
  ) {
    assert.throws(
      () => parseFault(text),
      ({ message }: TypeError) => message.includes(words),
      text,
    );
  }
});

/** Runs a test on a connection with a fault. */
function withFault(
  name: string,
  fault: string,
  task: (client: TestClient, server: RunningServer) => Promise<void>,
): void {
  Deno.test(`the fault ${fault} ${name}`, async () => {
    await using server = await startServer({ tokenMs: 0 });
    const query = new URLSearchParams({ fault });
    await using client = await connectClient(
      `${server.url}/v1/realtime?${query}`,
    );
    await task(client, server);
  });
}

const speak = (client: TestClient) => {
  for (const event of [update(), start, append(500), append(500), final]) {
    client.send(event);
  }
};

Deno.test("the fault status answers the upgrade with its status and body", async () => {
  await using server = await startServer();
  const refusal = (fault: string) =>
    refusedClient(
      `${server.url}/v1/realtime?${new URLSearchParams({ fault })}`,
    );
  assert.deepEqual(await refusal('status=503,{"error":"full"}@accept'), {
    status: 503,
    body: '{"error":"full"}',
  });
  assert.deepEqual(await refusal("status=429@accept"), {
    status: 429,
    body: "",
  });
  const bad = await refusal("nonsense");
  assert.equal(bad.status, 400);
  assert.match(bad.body, /^fault "nonsense": unknown fault "nonsense"/);
});

Deno.test("the fault drop at accept ends the connection before it opens", async () => {
  await using server = await startServer();
  await assert.rejects(
    connectClient(`${server.url}/v1/realtime?fault=drop@accept`),
    /socket hang up|ECONNRESET|closed/i,
  );
});

withFault(
  "takes the place of session.created",
  "error=overloaded,Too many@created",
  async (client) => {
    assert.deepEqual(await client.settled(), [
      { type: "error", error: "Too many", code: "overloaded" },
    ]);
  },
);

withFault(
  "takes the place of done",
  "error=processing_error,EngineCore died@done",
  async (client) => {
    speak(client);
    const events = await client.settled();
    assert.deepEqual(events.at(-1), {
      type: "error",
      error: "EngineCore died",
      code: "processing_error",
    });
    assert.ok(!events.some(({ type }) => type === "transcription.done"));
  },
);

withFault("comes between deltas", "error=x,y@deltas:3", async (client) => {
  speak(client);
  const events = await client.until("transcription.done");
  const types = events.map(({ type }) => type);
  assert.equal(types.indexOf("error"), 1 + 3);
  assert.equal(types.length, 1 + 23 + 1 + 1);
});

withFault("sends any text", "frame=[1,2@appends:2", async (client) => {
  speak(client);
  await client.until("transcription.done");
  assert.ok(client.received.includes("[1,2"));
});

withFault("sends a binary frame", "garbage=3@commit", async (client) => {
  speak(client);
  await client.until("transcription.done");
  const frame = client.received[1];
  assert.ok(frame instanceof Uint8Array && frame.length === 3);
});

withFault("sends any frame", 'frame={"type":"a@b"}@update', async (client) => {
  client.send(update());
  await client.until("a@b");
});

withFault("sends unknown events", "noise=40@update", async (client) => {
  client.send(update());
  const events = await client.settled();
  assert.equal(
    events.filter(({ type }) => type === "reference.noise").length,
    40,
  );
});

withFault(
  "sends a frame over 1 MiB",
  "big=1500000@deltas:1",
  async (client, server) => {
    speak(client);
    const done = (await client.until("transcription.done")).at(-1)!;
    assert.ok((done.text as string).length > 0);
    assert.ok(
      server.log().some(({ bytes, direction }) =>
        bytes === 1_500_000 && direction === "out"
      ),
    );
  },
);

withFault(
  "sends nothing more",
  "stall@appends:2",
  async (client, server) => {
    speak(client);
    client.close();
    await client.closed;
    const log = server.log();
    const second = log.filter(({ type }) => type.endsWith("append"))[1]!;
    assert.ok(
      log.some(({ seq, direction }) => seq > second.seq && direction === "in"),
    );
    assert.ok(
      !log.some(({ seq, direction }) =>
        seq > second.seq && direction === "out"
      ),
    );
  },
);

withFault(
  "holds what follows",
  "stall=60@update",
  async (client, server) => {
    speak(client);
    await client.until("transcription.done");
    const log = server.log();
    const held = log.find(({ type }) => type === "session.update")!;
    const first = log.find(({ type }) => type === "transcription.delta")!;
    assert.ok(first.atMs - held.atMs >= 59, `${first.atMs - held.atMs}`);
  },
);

withFault(
  "does not read for a time",
  "pause=60@update",
  async (client, server) => {
    client.send(update());
    while (!server.log().some(({ type }) => type === "session.update")) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    client.send(append(10));
    await client.settled();
    const log = server.log();
    const paused = log.find(({ type }) => type === "session.update")!;
    const next = log.find(({ type }) => type.endsWith("append"))!;
    assert.ok(next.atMs - paused.atMs >= 55, `${next.atMs - paused.atMs}`);
  },
);

withFault("destroys the connection", "drop@deltas:2", async (client) => {
  speak(client);
  assert.deepEqual(await client.closed, { code: 1006, reason: "" });
});

withFault(
  "closes with its code",
  "close=1011,overheated@appends:1",
  async (client) => {
    speak(client);
    assert.deepEqual(await client.closed, { code: 1011, reason: "overheated" });
  },
);

withFault("says done twice", "duplicate@after-done", async (client) => {
  speak(client);
  const [first] = (await client.until("transcription.done")).slice(-1);
  assert.deepEqual(await client.settled(), [first]);
});

withFault("says all at the end", "no-deltas@done", async (client) => {
  await client.until("session.created");
  speak(client);
  const [done] = await client.settled();
  assert.equal(done!.type, "transcription.done");
  assert.ok((done!.text as string).length > 0);
});

Deno.test("a fault strikes its share of the sessions, by seed", async () => {
  const dropped = async () => {
    await using server = await startServer({
      seed: 5,
      faults: [parseFault("drop@update~0.5")],
    });
    const codes: number[] = [];
    for (let i = 0; i < 20; i++) {
      await using client = await connectClient(`${server.url}/v1/realtime`);
      client.send(update());
      client.close(1000);
      codes.push((await client.closed).code);
    }
    return codes;
  };
  const codes = await dropped();
  const count = codes.filter((code) => code === 1006).length;
  assert.ok(count >= 4 && count <= 16, `${count}`);
  assert.deepEqual(await dropped(), codes);
});
