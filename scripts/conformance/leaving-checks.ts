/** A client that leaves: the provider must not go on working for nobody. */

import { open } from "../../bench/http.ts";
import { becomes, golden } from "./ask.ts";
import { fails, OK, type Check, type Outcome, type Scene } from "./check.ts";

const PATH = "/v1/chat/completions";

/** Longest time until the provider must know. */
const MAX_NOTICE_MS = 3_000;

type Leaving = "closes" | "resets";

/** Leaves once the first bytes are in. */
async function leaveStream(scene: Scene, how: Leaving): Promise<Outcome> {
  const { target } = scene;
  const exchange = open(target.baseUrl + PATH, {
    method: "POST",
    headers: target.headers(PATH),
    body: golden(scene, "stalled", { stream: true }),
  });
  const response = await exchange.response;
  await new Promise((resolve) => response.once("data", resolve));
  response.on("error", () => undefined);
  return leave(scene, how === "closes" ? exchange.close : exchange.reset);
}

/** Leaves once the provider has the request and says nothing. */
async function leaveSilence(scene: Scene, stream: boolean): Promise<Outcome> {
  const { target } = scene;
  const exchange = open(target.baseUrl + PATH, {
    method: "POST",
    headers: target.headers(PATH),
    body: golden(scene, "silent", { stream }),
  });
  if (!(await becomes(() => scene.upstream.seen(scene.tag).length > 0, MAX_NOTICE_MS)))
    return fails("the request never reached the provider");
  return leave(scene, exchange.reset);
}

async function leave({ upstream, tag }: Scene, go: () => void): Promise<Outcome> {
  const hasLeft = () => upstream.seen(tag).every(({ left }) => left);
  if (hasLeft()) return fails("the gateway had left the provider before the client did");
  go();
  return (await becomes(hasLeft, MAX_NOTICE_MS))
    ? OK
    : fails(`the provider still works after ${MAX_NOTICE_MS / 1000} s`);
}

/** The checks. */
export const LEAVING_CHECKS: readonly Check[] = [
  {
    area: "leaving",
    claim: "a client that closes a stream ends the provider's",
    run: (scene) => leaveStream(scene, "closes"),
  },
  {
    area: "leaving",
    claim: "a client whose connection is reset in a stream ends the provider's",
    run: (scene) => leaveStream(scene, "resets"),
  },
  {
    area: "leaving",
    claim: "a client reset before the first byte of a stream ends the provider's request",
    run: (scene) => leaveSilence(scene, true),
  },
  {
    area: "leaving",
    claim: "a client reset while it waits for a whole answer ends the provider's request",
    run: (scene) => leaveSilence(scene, false),
  },
];
