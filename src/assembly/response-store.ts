/**
 * Responses and held turns in the tenant's own storage: sealed, in `Conversation` objects whose names carry the tenant,
 * so that another tenant's id finds nothing. A held turn also carries the key it was made with, and opens for no other.
 */

import type { HeldTurn } from "../contract/gateway-call.ts";
import type { HeldState } from "../contract/held-state.ts";
import type { StoredResponse } from "../contract/response.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { ApprovalStore, OpenTurn, ResponseStore } from "../orchestration/responses/ports.ts";
import type { Json } from "../platform/canonical-json.ts";
import { conversationObject } from "../tenancy/objects.ts";
import { tenantBox, type TenantBox } from "./tenant-box.ts";

/** How long a response can be read and gone on from. */
export const RESPONSE_TTL_MS = 30 * 24 * 60 * 60 * 1000;

/** How long a turn waits for approvals. */
export const APPROVAL_TTL_MS = 24 * 60 * 60 * 1000;

/** A claimed call without a result after this long belonged to a run that was lost; no run lasts longer. */
const LOST_AFTER_MS = 10 * 60 * 1000;

/** What the model reads of a call whose run was lost. */
const LOST = JSON.stringify({
  error: {
    code: "interrupted",
    message: "The run was lost after the call had been approved; it may have happened.",
    status: "outcome_unknown",
  },
});

/** Characters of one kept response with its conversation; what is larger is not kept. */
export const MAX_KEPT_CHARACTERS = 16 * 1024 * 1024;

type StoreEnv = Pick<Env, "ROLE" | "CONVERSATION" | "MASTER_KEYS">;

/** Responses of one tenant. Rejects only on platform faults. */
export function responseStore(
  env: StoreEnv,
  snapshot: TenantSnapshot,
): ResponseStore & { erase(id: string): Promise<boolean> } {
  const { residency, tenantId } = snapshot;
  const stubOf = (id: string) => conversationObject(env, residency, tenantId, nameOf(id));
  return {
    async save(id, stored) {
      const text = JSON.stringify(stored);
      if (text.length > MAX_KEPT_CHARACTERS) return false;
      const box = await tenantBox(env, snapshot);
      await stubOf(id).save(await box.seal(nameOf(id), text), RESPONSE_TTL_MS);
      return true;
    },
    async load(id) {
      if (!isResponseId(id)) return null;
      const sealed = await stubOf(id).load();
      if (sealed === null) return null;
      const text = await (await tenantBox(env, snapshot)).open(nameOf(id), sealed);
      if (text === null) return null;
      // Sealed by `save` above under this very name: what opens is a StoredResponse.
      const stored: StoredResponse = JSON.parse(text);
      return stored;
    },
    erase: (id) => stubOf(id).erase(),
  };
}

/** The response a run makes; either id leads to the other. */
export function responseIdOf(runId: string): string {
  return `resp_${runId.slice("run_".length)}`;
}

/** The run that makes a response. */
export function runIdOfResponse(id: string): string {
  return `run_${id.slice("resp_".length)}`;
}

/** True for a text that may be a response's id: an object is not asked for anything else. */
export function isResponseId(text: string): boolean {
  return /^resp_[0-9A-Za-z]{22}$/.test(text);
}

/** What is kept of a held turn. */
interface StoredTurn {
  readonly keyId: string;
  readonly turn: HeldTurn;
}

/**
 * Held turns of one key, as one run sees them: what that run has claimed before it was lost is open to it, so that its
 * next life goes on where the first stopped.
 */
export function approvalStore(
  env: StoreEnv,
  { snapshot, keyId, runId }: { snapshot: TenantSnapshot; keyId: string; runId: string },
): ApprovalStore {
  const { residency, tenantId } = snapshot;
  const stubOf = (turnId: string) => conversationObject(env, residency, tenantId, heldName(turnId));
  return {
    async hold(turnId, turn) {
      const box = await tenantBox(env, snapshot);
      const stored: StoredTurn = { keyId, turn };
      const open = turn.calls.filter(({ content }) => content === null).map(({ id }) => id);
      const sealed = await box.seal(heldName(turnId), JSON.stringify(stored));
      await stubOf(turnId).hold(sealed, APPROVAL_TTL_MS, open);
    },
    async load(turnId) {
      const state = await stubOf(turnId).held();
      return state && openTurn(await tenantBox(env, snapshot), turnId, state, keyId, runId);
    },
    claim: (turnId, callIds) => stubOf(turnId).claim(callIds, runId),
    async settle(turnId, contents) {
      const box = await tenantBox(env, snapshot);
      const sealing = [...contents].map(async ([id, content]) => ({
        id,
        sealed: await box.seal(contentName(turnId, id), JSON.stringify(content)),
      }));
      const state = await stubOf(turnId).settle(await Promise.all(sealing));
      return state && openTurn(box, turnId, state, keyId, null);
    },
  };
}

/** The turn in the clear; null when it does not open or belongs to another key. */
async function openTurn(
  box: TenantBox,
  turnId: string,
  { sealed, calls }: HeldState,
  keyId: string,
  ownRun: string | null,
): Promise<OpenTurn | null> {
  const text = await box.open(heldName(turnId), sealed);
  if (text === null) return null;
  // Sealed by `hold` above under this very name: what opens is a StoredTurn.
  const stored: StoredTurn = JSON.parse(text);
  if (stored.keyId !== keyId) return null;
  const contents = new Map<string, Json>();
  const claimed = new Set<string>();
  for (const { id, owner, claimedAtMs, content } of calls) {
    if (owner !== null && owner === ownRun) continue;
    if (owner !== null) claimed.add(id);
    const isLost = claimedAtMs !== null && Date.now() > claimedAtMs + LOST_AFTER_MS;
    if (isLost && content === null) contents.set(id, LOST);
    const opened = content === null ? null : await box.open(contentName(turnId, id), content);
    if (opened === null) continue;
    // Sealed by `settle` above under this very name: what opens is JSON.
    const value: Json = JSON.parse(opened);
    contents.set(id, value);
  }
  const { turn } = stored;
  const filled = turn.calls.map((call) => ({
    ...call,
    content: call.content ?? contents.get(call.id) ?? null,
  }));
  return { turn: { ...turn, calls: filled }, claimed };
}

function nameOf(responseId: string): string {
  return `response/${responseId}`;
}

function heldName(turnId: string): string {
  return `held/${turnId}`;
}

function contentName(turnId: string, callId: string): string {
  return `held/${turnId}/${callId}`;
}
