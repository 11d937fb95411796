/**
 * The far end of the crash campaign: a server that survives every kill and remembers each request it got, as a bank would.
 *
 * `GET /read` answers; `POST /append` adds an entry whenever it is asked; `POST /put` adds one for each `Idempotency-Key`
 * it has not seen. A request counts from its arrival, whether or not anybody was left to hear the answer.
 */

import { textOf, numberOf, parseObject } from "../../dev/http/json.ts";
import { listen, pause, sendJson, type Listening } from "../../dev/http/listen.ts";

/** One call of the campaign, by its run's mark and its place. */
export interface Entry {
  readonly run: string;
  readonly n: number;
}

/** A running ledger. */
export interface Ledger {
  readonly url: string;
  /** Entries appended for this call. */
  readonly appended: (entry: Entry) => number;
  /** Entries put for this call: one for each key, and one for each request without a key. */
  readonly put: (entry: Entry) => number;
  /** Requests to put for this call. */
  readonly putRequests: (entry: Entry) => number;
  readonly close: () => Promise<void>;
}

/** Starts the ledger on a free port of loopback. */
export async function startLedger(): Promise<Ledger> {
  const appended = new Map<string, number>();
  const put = new Map<string, Set<string>>();
  const putRequests = new Map<string, number>();
  let unkeyed = 0;

  const server: Listening = await listen(0, async ({ request, response, url, body, signal }) => {
    const values = parseObject(body === "" ? "{}" : body);
    const name = nameOf({
      run: textOf(values, "run") ?? url.searchParams.get("run") ?? "",
      n: numberOf(values, "n") ?? Number(url.searchParams.get("n")),
    });
    if (url.pathname === "/append") add(appended, name);
    if (url.pathname === "/put") {
      add(putRequests, name);
      const key = request.headers["idempotency-key"];
      const keys = put.get(name) ?? new Set();
      keys.add(typeof key === "string" ? key : `unkeyed ${(unkeyed += 1)}`);
      put.set(name, keys);
    }
    const ms = numberOf(values, "ms") ?? Number(url.searchParams.get("ms"));
    if (await pause(ms, signal)) sendJson(response, 200, { done: name });
  });
  return {
    url: server.url,
    appended: (entry) => appended.get(nameOf(entry)) ?? 0,
    put: (entry) => put.get(nameOf(entry))?.size ?? 0,
    putRequests: (entry) => putRequests.get(nameOf(entry)) ?? 0,
    close: server.close,
  };
}

function nameOf({ run, n }: Entry): string {
  return `${run} ${n}`;
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
