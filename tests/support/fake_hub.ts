/** A request that the hub received. */
export interface Asked {
  /** The host: the hub, or the one that it redirects to for files. */
  readonly host: "hub" | "cdn";
  readonly path: string;
  readonly authorization: string | null;
  /** Number of bytes of a file that were sent. */
  readonly bytes: number;
}

/** A dataset on the hub. */
export interface HubDataset {
  /** By revision: `main` unless asked for another. */
  readonly revisions: Readonly<Record<string, HubRevision>>;
  /** The token that may read it. @default {public} */
  readonly token?: string;
  /** Whether its files (but not its listing) need access that the owner grants. */
  readonly gatesFiles?: boolean;
  /** The error response to every request. */
  readonly refused?: { readonly status: number; readonly code?: string };
}

/** The files of a revision by path, and the data of its card. */
export interface HubRevision {
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  readonly cardData?: unknown;
}

/** A hub on this machine. */
export interface FakeHub extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request so far. */
  readonly asked: readonly Asked[];
  /** Forgets the requests so far. */
  forget(): void;
  /** Lets signed URLs expire. */
  expire(): void;
}

/** Starts a hub that answers as the real one: API, redirects to signed URLs of another host, ranges. */
export function fakeHub(
  datasets: Readonly<Record<string, HubDataset>>,
): FakeHub {
  const asked: Asked[] = [];
  let signature = 1;
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  const note = (
    host: Asked["host"],
    request: Request,
    bytes = 0,
  ) => {
    const authorization = request.headers.get("authorization");
    const { pathname } = new URL(request.url);
    asked.push({ host, path: pathname, authorization, bytes });
  };

  const cdn = Deno.serve(options, (request) => {
    const url = new URL(request.url);
    const [, name, revision, path] = decoded(url.searchParams.get("file")!);
    const file = bytesOf(datasets[name!]!.revisions[revision!]!.files[path!]!);
    if (url.searchParams.get("signature") !== String(signature)) {
      note("cdn", request);
      return new Response("expired", { status: 403 });
    }
    const part = ranged(file, request);
    note("cdn", request, part.length);
    return new Response(part, {
      status: part.length === file.length ? 200 : 206,
    });
  });

  const hub = Deno.serve(options, (request) => {
    note("hub", request);
    const url = new URL(request.url);
    const path = decodeURIComponent(url.pathname);
    if (path === "/api/datasets") {
      return Response.json(Object.keys(datasets).map((id) => ({ id })));
    }
    const [, api, name, what, rest = ""] =
      /^\/(api\/)?datasets\/([^/]+\/[^/]+)\/(revision|tree|resolve)\/(.*)$/
        .exec(path) ?? [];
    const dataset = datasets[name ?? ""];
    if (!dataset) return refused(404, "RepoNotFound");
    const { refused: no, token } = dataset;
    if (no) return refused(no.status, no.code);
    if (
      token && request.headers.get("authorization") !== `Bearer ${token}`
    ) return refused(401, "RepoNotFound");
    const revision = Object.keys(dataset.revisions).find((each) =>
      rest === each || rest.startsWith(`${shaOf(each)}`)
    );
    if (revision === undefined) return refused(404, "RevisionNotFound");
    const { files, cardData } = dataset.revisions[revision]!;
    if (api && what === "revision") {
      return Response.json({
        _id: "1",
        id: name,
        sha: shaOf(revision),
        cardData,
      });
    }
    if (api && what === "tree") return tree(files, url);
    if (dataset.gatesFiles) return refused(401, "GatedRepo");
    const file = rest.slice(shaOf(revision).length + 1);
    const to = new URL(`http://127.0.0.1:${cdn.addr.port}/blob`);
    to.searchParams.set("signature", String(signature));
    to.searchParams.set("file", ["", name, revision, file].join("|"));
    return new Response(null, { status: 302, headers: { location: to.href } });
  });

  return {
    endpoint: `http://127.0.0.1:${hub.addr.port}`,
    asked,
    forget: () => asked.splice(0),
    expire: () => signature++,
    async [Symbol.asyncDispose]() {
      await Promise.all([hub.shutdown(), cdn.shutdown()]);
    },
  };
}

/** Lists one file a page, so that a client that reads only the first page fails. */
function tree(files: HubRevision["files"], url: URL): Response {
  const at = Number(url.searchParams.get("cursor") ?? 0);
  const paths = Object.keys(files);
  const path = paths[at];
  if (path === undefined) return Response.json([]);
  const { length } = bytesOf(files[path]!);
  const entry = {
    type: "file",
    path,
    size: length,
    oid: `oid-${path}-${length}`,
  };
  const next = new URL(url);
  next.searchParams.set("cursor", String(at + 1));
  return Response.json([{ type: "directory", path: "data" }, entry], {
    headers: at + 1 < paths.length ? { link: `<${next}>; rel="next"` } : {},
  });
}

function refused(status: number, code?: string): Response {
  return Response.json({ error: "no" }, {
    status,
    headers: code === undefined ? {} : { "x-error-code": code },
  });
}

function ranged(file: Uint8Array, request: Request): Uint8Array<ArrayBuffer> {
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(
    request.headers.get("range") ?? "",
  ) ?? [];
  return start === undefined
    ? file.slice()
    : file.slice(Number(start), Number(end) + 1);
}

function bytesOf(file: Uint8Array | string): Uint8Array {
  return typeof file === "string" ? new TextEncoder().encode(file) : file;
}

function shaOf(revision: string): string {
  return `sha-of-${revision.replaceAll("/", "-")}`;
}

function decoded(file: string): string[] {
  return file.split("|");
}
