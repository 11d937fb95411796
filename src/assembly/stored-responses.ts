/** Kept responses as the edge reads, deletes and cancels them. */

import type { GatewayError } from "../contract/error.ts";
import type { ResponseObject } from "../contract/response.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { isResponseId, responseStore } from "./response-store.ts";
import type { RunCaller } from "./run-context.ts";

type StoreEnv = Parameters<typeof responseStore>[0];

/** The response as it is now. */
export async function readResponse(
  env: StoreEnv,
  { snapshot }: RunCaller,
  id: string,
): Promise<Result<ResponseObject, GatewayError>> {
  const stored = await responseStore(env, snapshot).load(id);
  return stored === null ? fail({ code: "not_found" }) : ok(stored.response);
}

/** Forgets the response; what was made with it goes on from nothing any more. */
export async function eraseResponse(
  env: StoreEnv,
  { snapshot }: RunCaller,
  id: string,
): Promise<Result<null, GatewayError>> {
  const isErased = isResponseId(id) && (await responseStore(env, snapshot).erase(id));
  return isErased ? ok(null) : fail({ code: "not_found" });
}
